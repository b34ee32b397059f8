"""Which tile a Winograd convolution takes, and what it is made of. Imports no numba."""

from __future__ import annotations

from speccompiler.kernels.toom_cook import ShortConvolution, short_convolution
from speccompiler.planning.schedule import Tile

PLANE_OUTPUTS = {1: 1, 3: 4, 5: 2}
"""Outputs of a tile along an axis by the kernel's length there, where both axes are transformed."""
LINE_OUTPUTS = {3: 6, 5: 4, 7: 2}
"""The same where only one axis is: the error is that of one transform, which leaves room for
more outputs."""


def find_tile(kernel: tuple[int, ...]) -> Tile | None:
    """The tile for a kernel's height and width; None where there is none."""
    if 1 in kernel:
        length = max(kernel)
        if length not in LINE_OUTPUTS:
            return None
        outputs = LINE_OUTPUTS[length]
        return Tile(kernel, *((1, outputs) if kernel[0] == 1 else (outputs, 1)))
    if any(length not in PLANE_OUTPUTS for length in kernel):
        return None
    return Tile(kernel, PLANE_OUTPUTS[kernel[0]], PLANE_OUTPUTS[kernel[1]])


def short_convolutions(tile: Tile) -> tuple[ShortConvolution, ShortConvolution]:
    """The short convolutions along height and width that a tile nests."""
    return (
        short_convolution(tile.rows, tile.kernel[0]),
        short_convolution(tile.columns, tile.kernel[1]),
    )
