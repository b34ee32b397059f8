"""The CUDA target: kernels as texts, what compiles them, and what drives a GPU.

    pool, softmax ...  one kernel a file: which steps it fits, its text and launches, its packing
    kernel             what such a file says of its kernel, as one object
    table              the list of kernels, and which of them does a step
    steps              a plan's step as launches
    flat_kernels, row_kernels, channel_kernels, windows, long_sums   what kernels share
    gemm_text, winograd_text   the texts that are too long for their kernel's file
    device_functions   what a text may call
    runtime            compiler, devices (a GPU or the simulator), and the executor of a plan

No numba is imported but by ``device_functions``. docs/cuda.md has the design.
"""
