"""Joins values along one axis: copies of runs, each to its place in a longer row.

For values that could not be written to their places in the joined one in the first place
(``speccompiler.planning.placement``).

w: the address of each value
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.kernel import CpuKernel, Wanted
from speccompiler.planning.candidate import KnownShape, known, op_of


class Geometry(NamedTuple):
    """How joined rows are cut into tasks. Behind it: the length of each value's run in a row."""

    rows: int
    """Joined rows of one sample."""
    width: int
    """Values of a joined row."""
    task_rows: int
    task_columns: int
    runs: int
    """How many values are joined."""


TASK_VALUES = 16384
"""Values that a task joins, about."""

DRIVER = '''
from speccompiler.kernels.cpu.codegen.simd import values_at


@jit
def copy(x, run, at, y, width, to, first, last, length):
    """``length`` values of each row, from column ``at`` of ``run`` to column ``to`` of ``width``.

    The last vector of a row overlaps the one before it.
    """
    if length >= @LANES:
        for row in range(first, last):
            read, write = row * run + at, row * width + to
            for i in range(0, length - @LANES + 1, @LANES):
                store(y, write + i, load(x, read + i))
            end = length - @LANES
            store(y, write + end, load(x, read + end))
    else:
        rest = first_lanes(length)
        for row in range(first, last):
            store_where(y, row * width + to, rest, load_where(x, row * run + at, rest))


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: blocks of rows by blocks of columns, the columns of a place one after another."""
    @GEOMETRY
    blocks = (width + task_columns - 1) // task_columns
    for task in range(lo, hi):
        first = task // blocks * task_rows
        last = min(first + task_rows, n * rows)
        left = task % blocks * task_columns
        right = min(left + task_columns, width)
        start = 0
        for k in range(runs):
            run = g[@LISTED + k]
            begin, end = max(left, start), min(right, start + run)
            if begin < end:
                copy(values_at(w, k), run, begin - start, y, width, begin, first, last, end - begin)
            start += run
'''


@cache
def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    return fill(
        HEADER + DRIVER,
        Geometry._fields,
        LANES=lanes,
        LISTED=len(Geometry._fields),
    )


class ConcatKernel(CpuKernel):
    """Tasks are blocks of rows by blocks of columns."""

    name = "concat"
    ops = (ir.Concat,)
    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> tuple[int, ...]:
        return (*_geometry(node), *_runs(node))

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        g = _geometry(node)
        return -(-n * g.rows // g.task_rows) * -(-g.width // g.task_columns)

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """About 20 GB/s to and from memory; a short run takes as long as a vector."""
        return _geometry(node).rows * sum(2 + run / 2.5 for run in _runs(node))

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes)]

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes)


def _geometry(node: ir.Node) -> Geometry:
    runs, axis = _runs(node), op_of(node).axis
    width = sum(runs)
    rows, columns = max(1, TASK_VALUES // width), min(width, TASK_VALUES)
    return Geometry(prod(known(node)[:axis]), width, rows, columns, len(runs))


def _runs(node: ir.Node) -> list[int]:
    """The length of each value's run in a joined row."""
    inner = prod(known(node)[op_of(node).axis + 1 :])
    return [length * inner for length in op_of(node).lengths]
