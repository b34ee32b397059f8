"""Which depthwise convolutions slide down strips, and how their tasks are cut."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.kernel import MOST_LANES, WIDTHS
from speccompiler.planning.candidate import KnownShape, known, op_of, three

SIZE = 3
"""Rows and columns of the windows that slide."""
STRIDES = (1, 2)
STRIP, NARROW = 7, 4
"""Positions of a strip, and of one at the end of a row or in a narrow image. Three rows of sums and
the weights are in 32 registers; with 16, strips of 3 or 2 were slower than single rows."""
_FEWEST_COLUMNS, _FEWEST_ROWS = 4, 3
_TALL = 14
"""Rows of a task: each one more loads some rows of the input once more."""
_FEWEST_TASKS = 8
_CROWDED = 512
"""Where positions are a multiple of so many values apart, 2 KiB, a strip's columns have two sets of
L1 between them, and sliding gains nothing."""


class Blocks(NamedTuple):
    """Into how many parts the rows and the channels of the output are cut."""

    slides: int
    """1 where windows slide; else tasks are rows."""
    row_blocks: int
    parts: int


def blocks(node: ir.Node, shape: KnownShape) -> Blocks:
    """How the tasks of a step are cut: few rows load the more once more."""
    out = known(node)
    depth, height, _ = three(out[:-1], 1)
    if not _slides(node, shape):
        return Blocks(0, height, 1)
    tall = -(-height // _TALL)
    parts = -(-_FEWEST_TASKS // (depth * tall))
    return Blocks(1, tall, max(1, min(parts, shape[-1] // MOST_LANES)))


def _slides(node: ir.Node, shape: KnownShape) -> bool:
    """Windows of 3 x 3 with at most a row or column beside the data, where a strip fits."""
    op, out = op_of(node), known(node)
    kernel, stride = three(op.kernel, 1), three(op.stride, 1)
    _, rows, columns = three(out[:-1], 1)
    edges = [
        max(before, (count - 1) * s + k - before - length) <= k // 2
        for k, s, length, count, (before, _) in zip(
            op.kernel, op.stride, shape, out, op.padding, strict=False
        )
    ]
    return (
        kernel == (1, SIZE, SIZE)
        and stride[1] == stride[2]
        and stride[2] in STRIDES
        and prod(op.dilation) == 1
        and (stride[2] > 1 or shape[-1] % _CROWDED > 0)
        and rows >= _FEWEST_ROWS
        and columns >= _FEWEST_COLUMNS
        and all(edges)
        and shape[-1] >= min(WIDTHS)
    )
