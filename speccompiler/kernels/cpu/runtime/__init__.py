"""What compiles kernels, keeps them, packs their weights and runs them."""
