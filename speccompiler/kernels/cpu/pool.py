"""Max and average pooling of any rank (as 3-D).

Padding is never counted. The zeros of a folded ZeroPadding are: they lie between
the data and the padding, count for the mean and take part in the maximum.

Means add up shares: every value times the largest power of two that is no more than
1 / count, which rounds nothing and cannot overflow, then divided by what is left of the count.
Of windows of more than 256 values the rows are added up by themselves (``long_sums``).
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from speccompiler.graph import ir
from speccompiler.kernels.cpu.kernel import WIDTHS, CpuKernel, Wanted, fitting_lanes
from speccompiler.kernels.cpu.pool_text import Geometry, source
from speccompiler.kernels.cpu.pool_windows import Kind
from speccompiler.kernels.long_sums import is_long
from speccompiler.planning.candidate import KnownShape, known, op_of, three

KINDS: tuple[tuple[Kind, bool], ...] = (
    ("max", False), ("max", True), ("mean", False), ("mean", True), ("long mean", False),
)  # fmt: skip
"""What is made of windows, and whether vectors are of positions: long ones are too rare."""


class PoolKernel(CpuKernel):
    """Tasks are rows of the output."""

    name = "pool"
    ops = (ir.Pool,)
    fields = Geometry._fields
    narrows = True

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        op, out = op_of(node), known(node)
        lengths = three(shape[:-1], 1)
        zeros = ((0, 0),) * (4 - len(shape)) + op.zeros
        depth, height, width = ((-b, n + a) for n, (b, a) in zip(lengths, zeros, strict=True))
        # Positions of the text count from the data, so that the folded zeros shift them too.
        before = [b + z for (b, _), (z, _) in zip(op.padding, op.zeros, strict=True)]
        return Geometry(
            *lengths, shape[-1], *three(out[:-1], 1),
            *three(op.kernel, 1), *three(op.stride, 1), *three(before, 0), *three(op.dilation, 1),
            *depth, *height, *width, out[-1],
        )  # fmt: skip

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return n * prod(three(node.shape[:-1], 1)[:2])

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """About 20 GB/s to and from memory; two or three channels waste most of a vector."""
        looked_at: int = prod(known(node)) * prod(map(min, op_of(node).kernel, shape[:-1]))
        return (prod(shape) + prod(known(node))) / 5 + looked_at / (
            5 if shape[-1] in (2, 3) else 30
        )

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes, *kind) for kind in KINDS]

    @classmethod
    def texts_for(cls, node: ir.Node, lanes: int) -> Iterable[str]:
        kind, channels = _kind(node), node.shape[-1]
        planes = channels == 1 and (kind, True) in KINDS
        least = fitting_lanes(max(4, channels), lanes) if isinstance(channels, int) else 0
        # Vectors of positions are as wide as these are many.
        many = planes or op_of(node).stride[-1] == 1
        widths = [width for width in WIDTHS if least <= width <= (lanes if many else least)]
        return [source(width, kind, planes) for width in widths]

    def text(self, wanted: Wanted) -> str:
        op, out, kind = op_of(wanted.node), known(wanted.node), _kind(wanted.node)
        filled, planes = max(4, wanted.shape[-1]), False
        if wanted.shape[-1] == 1 and (kind, True) in KINDS:
            filled, planes = max(4, out[-2]), True
            if prod(out[-3:]) == 1:
                filled = wanted.lanes
        elif op.stride[-1] == 1:
            # The channels of neighbouring positions make one run.
            filled = max(filled, prod(out[-2:]))
        return source(fitting_lanes(filled, wanted.lanes), kind, planes)


def _kind(node: ir.Node) -> Kind:
    """What is made of a window."""
    op = op_of(node)
    if op.mode == "max":
        return "max"
    return "long mean" if is_long(prod(op.kernel)) else "mean"
