"""Rows of which every value is one number become zeros; all others are copied.

g: rows of one sample, length of a row
w: the number
"""

from __future__ import annotations

from speccompiler.kernels.cpu.codegen.register_tile import HEADER, fill
from speccompiler.kernels.cpu.codegen.vector_math import with_functions
from speccompiler.kernels.cpu.softmax import over_lanes

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: rows."""
    length, value = g[1], splat(w[0])
    rest = first_lanes(length % @LANES)
    zero, one = splat(np.float32(0)), splat(np.float32(1))
    for row in range(lo, hi):
        start, stop = row * length, (row + 1) * length
        whole = stop - length % @LANES
        other = zero
        if whole < stop:
            found = both(rest, not_equal(load_where(x, whole, rest), value))
            other = select(found, one, zero)
        for i in range(start, whole, @LANES):
            other = select(not_equal(load(x, i), value), one, other)
        kept = less(zero, largest_lane(other))
        for i in range(start, whole, @LANES):
            store(y, i, select(kept, load(x, i), zero))
        if whole < stop:
            store_where(y, whole, rest, select(kept, load_where(x, whole, rest), zero))
'''


def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    text = over_lanes("largest_lane", "largest", lanes) + "\n" + DRIVER
    return fill(HEADER + with_functions(text), LANES=lanes)
