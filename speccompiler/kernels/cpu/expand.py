"""Repeats values along axes on which they stood alone: rows that are copied, or one value spread.

Neighbouring axes are joined where all of them are repeated, or none.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.axes import expand_plan
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.kernel import CpuKernel, Wanted
from speccompiler.planning.candidate import KnownShape, known


class Geometry(NamedTuple):
    """Behind it: for each outer axis, from the last to the first, its rows and their distance."""

    values: int
    """Values of one input sample."""
    task_rows: int
    axes: int
    """How many outer axes there are."""
    rows: int
    """Rows of one output sample."""
    length: int
    """Values of a row."""
    step: int
    """The distance of these in the input: 0 where a row is one value."""


TASK_VALUES = 4096
"""Values that a task writes, about."""

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: blocks of rows of the output."""
    @GEOMETRY
    some = first_lanes(length % @LANES)
    for row in range(lo * task_rows, min(hi * task_rows, n * rows)):
        at, to, rest = row // rows * values, row * length, row % rows
        for axis in range(axes):
            count = g[@LISTED + 2 * axis]
            at += rest % count * g[@LISTED + 1 + 2 * axis]
            rest //= count
        whole = length - length % @LANES
        if step == 0:
            value = broadcast(x, at)
            for i in range(0, whole, @LANES):
                store(y, to + i, value)
            if whole < length:
                store_where(y, to + whole, some, value)
        else:
            for i in range(0, whole, @LANES):
                store(y, to + i, load(x, at + i))
            if whole < length:
                store_where(y, to + whole, some, load_where(x, at + whole, some))
'''


@cache
def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    return fill(HEADER + DRIVER, Geometry._fields, LANES=lanes, LISTED=len(Geometry._fields))


class ExpandKernel(CpuKernel):
    """Tasks are blocks of rows of the output."""

    name = "expand"
    ops = (ir.Expand,)
    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> tuple[int, ...]:
        listed = (value for axis in reversed(expand_plan(node, shape).outer) for value in axis)
        return (*_geometry(node, shape), *listed)

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        g = _geometry(node, shape)
        return -(-n * g.rows // g.task_rows)

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """The written values decide; short rows are written one by one."""
        return prod(known(node)) / (4 if _geometry(node, shape).length >= 4 else 1)

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes)]

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes)


def _geometry(node: ir.Node, shape: KnownShape) -> Geometry:
    plan = expand_plan(node, shape)
    rows = prod(count for count, _ in plan.outer)
    task_rows = max(1, TASK_VALUES // max(1, plan.length))
    return Geometry(prod(shape), task_rows, len(plan.outer), rows, plan.length, plan.step)
