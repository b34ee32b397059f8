"""1 for each row of which any value differs from one number, else 0: the mask of Masking.

w: the number
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

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: rows."""
    @GEOMETRY
    value = splat(w[0])
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
        y[row] = lane(largest_lane(other), 0)
'''


@cache
def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    text = over_lanes("largest_lane", "largest", lanes) + "\n" + DRIVER
    return fill(HEADER + with_functions(text), Geometry._fields, LANES=lanes)


class KeptKernel(RowKernel):
    """Tasks are rows."""

    name = "kept"
    ops = (ir.Kept,)

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes)]

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes)

    def pack(self, node: ir.Node, given: Given, lanes: int) -> tuple[Array, Array]:
        import numpy as np

        op = op_of(node)
        return np.array([op.value], np.float32), no_values()
