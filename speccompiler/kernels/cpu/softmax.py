"""Softmax over the last axis; the largest value is subtracted first.

g: rows of one sample, length of a row
scratch: one vector
"""

from __future__ import annotations

from .register_tile import HEADER, fill
from .vector_math import with_functions

DRIVER = '''

@JIT
def larger(a, b):
    """NaN when either is."""
    return select(not_equal(a, a), a, maximum(a, b))


@JIT
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: rows. What fills no vector goes through one that is filled with -infinity.

    The sum of every 16 vectors is carried on in float64: rows can be long.
    """
    length = g[1]
    for row in range(lo, hi):
        start, stop = row * length, (row + 1) * length
        whole = stop - length % @LANES
        store(scratch, 0, splat(np.float32(-np.inf)))
        for i in range(whole, stop):
            scratch[i - whole] = x[i]
        top = load(scratch, 0)
        for i in range(start, whole, @LANES):
            top = larger(top, load(x, i))
        largest = lane(top, 0)
        for i in range(1, @LANES):
            value = lane(top, i)
            largest = value if value > largest or value != value else largest
        shift = splat(largest)
        sums = splat(np.float32(0))
        if whole < stop:
            sums = exp(sub(load(scratch, 0), shift))
            store(scratch, 0, sums)
        total = 0.0
        for first in range(start, whole, 16 * @LANES):
            for i in range(first, min(whole, first + 16 * @LANES), @LANES):
                value = exp(sub(load(x, i), shift))
                store(y, i, value)
                sums = add(sums, value)
            for i in range(@LANES):
                total += lane(sums, i)
            sums = splat(np.float32(0))
        for i in range(@LANES):
            total += lane(sums, i)
        share = splat(np.float32(1.0 / total))
        for i in range(start, whole, @LANES):
            store(y, i, mul(load(y, i), share))
        if whole < stop:
            store(scratch, 0, mul(load(scratch, 0), share))
            for i in range(whole, stop):
                y[i] = scratch[i - whole]
'''


def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    return fill(HEADER + with_functions(DRIVER), LANES=lanes)
