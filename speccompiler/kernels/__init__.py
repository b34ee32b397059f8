"""What computes: the float64 reference that judges, and the kernels of each target."""
