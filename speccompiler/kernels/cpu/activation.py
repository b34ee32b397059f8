"""An activation on its own, where no convolution before it could take it in.

g: values of one sample
"""

from __future__ import annotations

from speccompiler.kernels.cpu.codegen.register_tile import HEADER, fill
from speccompiler.kernels.cpu.codegen.vector_math import with_functions

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: chunks of 4096 values."""
    last = min(hi * 4096, n * g[0])
    whole = last - (last - lo * 4096) % @LANES
    for i in range(lo * 4096, whole, @LANES):
        store(y, i, activate(load(x, i)))
    if whole < last:
        rest = first_lanes(last - whole)
        store_where(y, whole, rest, activate(load_where(x, whole, rest)))
'''


def source(lanes: int, activation: str) -> str:
    """The module's text, for one vector width and activation."""
    return fill(HEADER + activation + with_functions(DRIVER), LANES=lanes)
