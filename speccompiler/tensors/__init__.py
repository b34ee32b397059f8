"""Weight tensors: initialised, read from files, matched to a model, penalised, constrained."""
