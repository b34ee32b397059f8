"""Repeats values along axes on which they stood alone: rows that are copied, or one value spread.

Neighbouring axes are joined where all of them are repeated, or none.
"""

from __future__ import annotations

from math import prod

from speccompiler.graph import ir
from speccompiler.kernels.axes import RowsPlan, expand_plan
from speccompiler.kernels.cpu.distant_rows import DistantRowsKernel
from speccompiler.planning.candidate import KnownShape, known

COPIED = """\
        some = first_lanes(length % @LANES)
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
"""


class ExpandKernel(DistantRowsKernel):
    """Tasks are blocks of rows of the output."""

    name = "expand"
    ops = (ir.Expand,)

    def plan(self, node: ir.Node, shape: KnownShape) -> RowsPlan:
        return expand_plan(node, shape)

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """The written values decide; short rows are written one by one."""
        return prod(known(node)) / (4 if self.plan(node, shape).length >= 4 else 1)

    @classmethod
    def copied(cls) -> str:
        return COPIED
