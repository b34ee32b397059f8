"""The CPU target: kernels over channels-last float32 arrays, compiled by numba.

Each kernel is a file, which ``table`` lists. ``codegen`` has what their texts are made of,
``runtime`` compiles, packs and runs.

Every kernel has the signature ``kernel(lo, hi, n, x, y, w, b, g, scratch, f)``. It computes the
tasks ``lo`` to ``hi`` of ``n`` samples, from the flat input ``x`` to the flat output ``y``,
with weights ``w``, bias ``b``, the geometry ``g`` (int64, the fields of ``Geometry`` in the
kernel's file) and this thread's own ``scratch``. Arrays are plain pointers: indexed, never
sliced, and without a length that could be checked. Kernels release the GIL and allocate
nothing, and no task writes what another one reads or writes: the bits do not depend on who
runs it.
"""
