"""Sums of products over the last axis: every row of one value with every row of another.

w: the address of each value
scratch: a vector
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.kernel import MOST_LANES, CpuKernel, Wanted
from speccompiler.planning.candidate import KnownShape, known


class Geometry(NamedTuple):
    """Rows of the first value and of the second in a sample, and the values of a row."""

    rows: int
    columns: int
    length: int


DRIVER = '''
from speccompiler.kernels.cpu.codegen.simd import values_at


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: rows of the first value. The sum of every 16 vectors is carried on in float64."""
    @GEOMETRY
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


@cache
def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    return fill(HEADER + DRIVER, Geometry._fields, LANES=lanes)


class DotKernel(CpuKernel):
    """Tasks are rows of the first value."""

    name = "dot"
    ops = (ir.Dot,)
    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        rows = prod(shape[:-1])
        return Geometry(rows, prod(known(node)) // rows, shape[-1])

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return n * prod(shape[:-1])

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """Each product loads two vectors and uses neither again; then lanes are added up."""
        return prod(known(node)) * (10 + shape[-1] / 16)

    def scratch(self, node: ir.Node, shape: KnownShape) -> int:
        return MOST_LANES

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes)]

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes)
