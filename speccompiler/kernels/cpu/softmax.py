"""Softmax over the last axis; the largest value is subtracted first."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.codegen.vector_math import with_functions
from speccompiler.kernels.cpu.kernel import Wanted
from speccompiler.kernels.cpu.row_kernel import Geometry, RowKernel, over_lanes

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: rows. The sum of every 16 vectors is carried on in float64: rows can be long."""
    @GEOMETRY
    rest = first_lanes(length % @LANES)
    lowest, zero = splat(np.float32(-np.inf)), splat(np.float32(0))
    for row in range(lo, hi):
        start, stop = row * length, (row + 1) * length
        whole = stop - length % @LANES
        top = lowest
        if whole < stop:
            top = select(rest, load_where(x, whole, rest), lowest)
        for i in range(start, whole, @LANES):
            top = largest(top, load(x, i))
        top = largest_lane(top)
        total, sums = 0.0, zero
        if whole < stop:
            value = exp(sub(load_where(x, whole, rest), top))
            store_where(y, whole, rest, value)
            sums = select(rest, value, zero)
        for first in range(start, whole, 16 * @LANES):
            for i in range(first, min(whole, first + 16 * @LANES), @LANES):
                value = exp(sub(load(x, i), top))
                store(y, i, value)
                sums = add(sums, value)
            total += lane(sum_of_lanes(sums), 0)
            sums = zero
        total += lane(sum_of_lanes(sums), 0)
        share = splat(np.float32(1.0 / total))
        for i in range(start, whole, @LANES):
            store(y, i, mul(load(y, i), share))
        if whole < stop:
            store_where(y, whole, rest, mul(load_where(y, whole, rest), share))
'''


@cache
def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    text = (
        over_lanes("largest_lane", "largest", lanes)
        + over_lanes("sum_of_lanes", "add", lanes)
        + "\n"
        + DRIVER
    )
    return fill(HEADER + with_functions(text), Geometry._fields, LANES=lanes)


class SoftmaxKernel(RowKernel):
    """Tasks are rows."""

    name = "softmax"
    ops = (ir.Softmax,)

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes)]

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes)
