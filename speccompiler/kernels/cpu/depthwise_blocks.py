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
_FEWEST_COLUMNS, _FEWEST_ROWS = 4, 3
_TALL = 14
"""Rows of a task: each one more loads some rows of the input once more."""
_FEWEST_TASKS = 8
_CROWDED = 512
"""Where positions are a multiple of so many values apart, 2 KiB, a strip's columns have two sets of
L1 between them, and sliding gains nothing."""


def strips_of(lanes: int) -> tuple[int, int]:
    """Positions of a strip, and of a narrow one at the end of a row.

    Three rows of sums and the weights are in registers, of which there are 32 or 16.
    """
    return (7, 4) if lanes == 16 else (3, 2)


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
    outside = [
        side
        for k, s, length, count, (before, _) in zip(
            op.kernel, op.stride, shape, out, op.padding, strict=False
        )
        for side in (before, (count - 1) * s + k - before - length)
    ]
    return (
        kernel == (1, SIZE, SIZE)
        and stride[1] == stride[2]
        and stride[2] in STRIDES
        and prod(op.dilation) == 1
        and (stride[2] > 1 or shape[-1] % _CROWDED > 0)
        and rows >= _FEWEST_ROWS
        and columns >= _FEWEST_COLUMNS
        and max(outside) <= SIZE // 2
        and shape[-1] >= min(WIDTHS)
    )
