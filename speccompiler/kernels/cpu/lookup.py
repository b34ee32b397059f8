"""Rows of a table by their numbers; NaN for what is the number of none.

w: the table
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.kernel import Array, CpuKernel, Given, Wanted, no_values
from speccompiler.planning.candidate import KnownShape, known, op_of


class Geometry(NamedTuple):
    """Numbers of one sample; rows of the table, and the values of each."""

    numbers: int
    rows: int
    length: int


TASK_NUMBERS = 32
"""Numbers of a task."""

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: @TASK numbers each."""
    @GEOMETRY
    missing = splat(np.float32(np.nan))
    for i in range(lo * @TASK, min(hi * @TASK, n * numbers)):
        number, to = x[i], i * length
        # Cut off to a whole number: all between -1 and 1 is row 0. NaN fails as well.
        inside = number > np.float32(-1) and number < np.float32(rows)
        at = np.int64(number) * length if inside else 0
        for j in range(0, length, @LANES):
            if j + @LANES <= length:
                store(y, to + j, load(w, at + j) if inside else missing)
            else:
                rest = first_lanes(length - j)
                value = load_where(w, at + j, rest) if inside else missing
                store_where(y, to + j, rest, value)
'''


@cache
def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    return fill(HEADER + DRIVER, Geometry._fields, LANES=lanes, TASK=TASK_NUMBERS)


class LookupKernel(CpuKernel):
    """Tasks are numbers that follow one another."""

    name = "lookup"
    ops = (ir.Lookup,)
    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        return Geometry(prod(shape), *op_of(node).weight.shape)

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return -(-n * prod(shape) // TASK_NUMBERS)

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        return 5 * prod(shape) + prod(known(node)) / 5

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes)]

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes)

    def pack(self, node: ir.Node, given: Given, lanes: int) -> tuple[Array, Array]:
        import numpy as np

        return np.ascontiguousarray(given[0], np.float32).reshape(-1), no_values()
