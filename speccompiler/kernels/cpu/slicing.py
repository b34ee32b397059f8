"""Takes values at even distances along every axis: a part, every n-th, or backwards.

Axes that are taken whole are joined with the one before them where that has its values side by
side, so that most slices copy long runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.axes import slice_plan
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
    """The distance of these in the input."""
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
        if step != 1 or length < @LANES:
            for i in range(length):
                y[to + i] = x[at + i * step]
        else:
            for i in range(0, length, @LANES):
                j = min(i, length - @LANES)
                store(y, to + j, load(x, at + j))
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


class SliceKernel(CpuKernel):
    """Tasks are blocks of rows of the output."""

    name = "slice"
    ops = (ir.Slice,)
    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> tuple[int, ...]:
        listed = (value for axis in reversed(slice_plan(node, shape).outer) for value in axis)
        return (*_geometry(node, shape), *listed)

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        g = _geometry(node, shape)
        return -(-n * g.rows // g.task_rows)

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """The written values decide; few channels are copied one value at a time."""
        return prod(known(node)) / (4 if shape[-1] >= 4 else 2)

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes)]

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes)


def _geometry(node: ir.Node, shape: KnownShape) -> Geometry:
    plan = slice_plan(node, shape)
    rows, task_rows = prod(count for count, _ in plan.outer), max(1, TASK_VALUES // plan.length)
    return Geometry(
        prod(shape), task_rows, len(plan.outer), rows, plan.length, plan.step, plan.first
    )
