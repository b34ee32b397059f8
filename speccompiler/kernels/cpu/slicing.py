"""Takes values at even distances along every axis: a part, every n-th, or backwards.

Axes that are taken whole are joined with the one before them where that has its values side by
side, so that most slices copy long runs.
"""

from __future__ import annotations

from math import prod

from speccompiler.graph import ir
from speccompiler.kernels.axes import RowsPlan, slice_plan
from speccompiler.kernels.cpu.distant_rows import DistantRowsKernel
from speccompiler.planning.candidate import KnownShape, known

COPIED = """\
        if step != 1 or length < @LANES:
            for i in range(length):
                y[to + i] = x[at + i * step]
        else:
            for i in range(0, length, @LANES):
                j = min(i, length - @LANES)
                store(y, to + j, load(x, at + j))
"""


class SliceKernel(DistantRowsKernel):
    """Tasks are blocks of rows of the output."""

    name = "slice"
    ops = (ir.Slice,)

    def plan(self, node: ir.Node, shape: KnownShape) -> RowsPlan:
        return slice_plan(node, shape)

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """The written values decide; few channels are copied one value at a time."""
        return prod(known(node)) / (4 if shape[-1] >= 4 else 2)

    @classmethod
    def copied(cls) -> str:
        return COPIED
