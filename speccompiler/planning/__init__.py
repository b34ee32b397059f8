"""Graph to plan: which kernel does each step, in which order, and where its values lie."""
