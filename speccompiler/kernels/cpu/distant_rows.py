"""Rows that are copied from where they lie apart: what slices take and what is repeated."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from functools import cache
from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.axes import RowsPlan
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.kernel import CpuKernel, Wanted
from speccompiler.planning.candidate import KnownShape


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
    start: int
    """Where the first row begins in the input."""


TASK_VALUES = 4096
"""Values that a task writes, about."""

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: blocks of rows of the output."""
    @GEOMETRY
    for row in range(lo * task_rows, min(hi * task_rows, n * rows)):
        at, to, rest = row // rows * values + start, row * length, row % rows
        for axis in range(axes):
            count = g[@LISTED + 2 * axis]
            at += rest % count * g[@LISTED + 1 + 2 * axis]
            rest //= count
'''


@cache
def source(lanes: int, copied: str) -> str:
    """The module's text, for one vector width and the way a row is copied."""
    text = HEADER + DRIVER + copied
    return fill(text, Geometry._fields, LANES=lanes, LISTED=len(Geometry._fields))


class DistantRowsKernel(CpuKernel):
    """Tasks are blocks of rows of the output."""

    fields = Geometry._fields

    @abstractmethod
    def plan(self, node: ir.Node, shape: KnownShape) -> RowsPlan:
        """Where the rows lie."""

    @classmethod
    @abstractmethod
    def copied(cls) -> str:
        """A row's ``length`` values from ``at`` of ``x``, ``step`` apart, to ``to`` of ``y``."""

    def geometry(self, node: ir.Node, shape: KnownShape) -> tuple[int, ...]:
        listed = (value for axis in reversed(self.plan(node, shape).outer) for value in axis)
        return (*self._own_geometry(node, shape), *listed)

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        g = self._own_geometry(node, shape)
        return -(-n * g.rows // g.task_rows)

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes, cls.copied())]

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes, self.copied())

    def _own_geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        plan = self.plan(node, shape)
        rows = prod(count for count, _ in plan.outer)
        task_rows = max(1, TASK_VALUES // max(1, plan.length))
        return Geometry(
            prod(shape), task_rows, len(plan.outer), rows, plan.length, plan.step, plan.first
        )
