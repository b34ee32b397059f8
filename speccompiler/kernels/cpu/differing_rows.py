"""Rows in which any value differs from one number: what the kernels of Masking look for.

w: the number
"""

from __future__ import annotations

from abc import abstractmethod
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
'''


@cache
def source(lanes: int, written: str) -> str:
    """The module's text, for one vector width and what is written of a row."""
    text = over_lanes("largest_lane", "largest", lanes) + "\n" + DRIVER + written
    return fill(HEADER + with_functions(text), Geometry._fields, LANES=lanes)


class DifferingRowKernel(RowKernel):
    """Tasks are rows."""

    @classmethod
    @abstractmethod
    def written(cls) -> str:
        """What is done with a row: ``other`` has a 1 in some lane if any of its values differs."""

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes, cls.written())]

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes, self.written())

    def pack(self, node: ir.Node, given: Given, lanes: int) -> tuple[Array, Array]:
        import numpy as np

        op = op_of(node)
        return np.array([op.value], np.float32), no_values()
