"""Where tensors come from: sources, files, matching, initialisers, constraints, penalties."""
