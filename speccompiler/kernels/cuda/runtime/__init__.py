"""What compiles CUDA kernels and drives a GPU or its simulator."""
