"""The CUDA target: kernel texts, what compiles them, and what drives a GPU.

    choices    which kernel does a step (no numba)
    steps      a step as launches: text, blocks, threads, what it reads and writes
    gemm ...   the texts
    compiler   text -> PTX -> cubin: the only user of numba.cuda
    device     what a GPU has to be able to do; driver (a real one), simulator (none)
    executor   plan -> devices: weights, buffers, streams, batches

docs/cuda.md has the design.
"""
