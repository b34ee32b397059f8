"""The values of each row less their mean, over their deviation.

w: what is added to the variance, and to its root
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.codegen.vector_math import with_functions
from speccompiler.kernels.cpu.kernel import Array, Given, Wanted, no_values
from speccompiler.kernels.cpu.row_kernel import Geometry, RowKernel, over_lanes
from speccompiler.planning.candidate import op_of

SUMS = '''

@jit
def total(x, start, whole, stop, rest, mean):
    """The values less ``mean``, added up: every 16 vectors by themselves, then in float64."""
    zero, sums, total = splat(np.float32(0)), splat(np.float32(0)), 0.0
    if whole < stop:
        value = sub(load_where(x, whole, rest), mean)
        sums = select(rest, @TERM, zero)
    for first in range(start, whole, 16 * @LANES):
        for i in range(first, min(whole, first + 16 * @LANES), @LANES):
            value = sub(load(x, i), mean)
            sums = add(sums, @TERM)
        total += lane(sum_of_lanes(sums), 0)
        sums = zero
    return total + lane(sum_of_lanes(sums), 0)
'''

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: rows."""
    @GEOMETRY
    rest = first_lanes(length % @LANES)
    for row in range(lo, hi):
        start, stop = row * length, (row + 1) * length
        whole = stop - length % @LANES
        mean = total(x, start, whole, stop, rest, splat(np.float32(0))) / length
        middle = splat(np.float32(mean))
        # What the rounded mean is off by is taken out of the squares.
        off = total(x, start, whole, stop, rest, middle) / length
        variance = squares(x, start, whole, stop, rest, middle) / length - off * off
        scale = splat(np.float32(1.0 / (math.sqrt(variance + w[0]) + w[1])))
        for i in range(start, whole, @LANES):
            store(y, i, mul(sub(load(x, i), middle), scale))
        if whole < stop:
            store_where(y, whole, rest, mul(sub(load_where(x, whole, rest), middle), scale))
'''


@cache
def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    text = (
        over_lanes("sum_of_lanes", "add", lanes)
        + "\n"
        + SUMS.replace("@TERM", "value")
        + SUMS.replace("def total", "def squares").replace("@TERM", "mul(value, value)")
        + DRIVER
    )
    return fill(HEADER + with_functions(text), Geometry._fields, LANES=lanes)


class NormalizeKernel(RowKernel):
    """Tasks are rows."""

    name = "normalize"
    ops = (ir.Normalize,)

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes)]

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes)

    def pack(self, node: ir.Node, given: Given, lanes: int) -> tuple[Array, Array]:
        import numpy as np

        op = op_of(node)
        return np.array([op.epsilon, op.added], np.float32), no_values()
