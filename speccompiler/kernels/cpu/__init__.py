"""The CPU target: numba kernels over channels-last float32 arrays.

Every kernel has the signature ``kernel(lo, hi, n, x, y, w, b, g)``: compute tasks
``lo`` to ``hi`` of ``n`` samples, from the flat input ``x`` to the flat output ``y``,
with weights ``w``, bias ``b`` and the geometry ``g`` (int64, laid out as each file
says). Kernels release the GIL and never allocate more than a tile, and no task
writes what another one reads or writes: the bits do not depend on who runs it.
"""
