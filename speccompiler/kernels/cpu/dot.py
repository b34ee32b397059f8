"""Sums of products over the last axis: every row of one value with every row of another.

g: rows of the first value and of the second in a sample, length of a row
w: the address of each value
scratch: a vector
"""

from __future__ import annotations

from speccompiler.kernels.cpu.codegen.register_tile import HEADER, fill

DRIVER = '''
from speccompiler.kernels.cpu.codegen.simd import values_at


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: rows of the first value. The sum of every 16 vectors is carried on in float64."""
    rows, columns, length = g[0], g[1], g[2]
    other = values_at(w, 1)
    whole = length // @LANES * @LANES
    rest = first_lanes(length - whole)
    for row in range(lo, hi):
        one = row * length
        for column in range(columns):
            two = (row // rows * columns + column) * length
            total = 0.0
            for start in range(0, whole, 16 * @LANES):
                s = splat(np.float32(0))
                for p in range(start, min(whole, start + 16 * @LANES), @LANES):
                    s = fma(load(x, one + p), load(other, two + p), s)
                store(scratch, 0, s)
                for i in range(@LANES):
                    total += scratch[i]
            if whole < length:
                s = mul(load_where(x, one + whole, rest), load_where(other, two + whole, rest))
                store(scratch, 0, s)
                for i in range(@LANES):
                    total += scratch[i]
            y[row * columns + column] = total
'''


def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    return fill(HEADER + DRIVER, LANES=lanes)
