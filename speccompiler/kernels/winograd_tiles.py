"""Which tile a Winograd convolution takes, and how its tasks are cut. Numba-free."""

from __future__ import annotations

from dataclasses import dataclass

PLANE_OUTPUTS = {1: 1, 3: 4, 5: 2}
"""Outputs of a tile along an axis by the kernel's length there, where both axes are transformed."""
LINE_OUTPUTS = {3: 6, 5: 4, 7: 2}
"""The same where only one is: the error is that of one transform, which leaves room for more."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile of ``rows`` x ``columns`` outputs of a kernel of this height and width."""

    kernel: tuple[int, ...]
    rows: int
    columns: int

    @property
    def points(self) -> int:
        """Multiplications for each channel and filter."""
        return self.tall * self.wide

    @property
    def tall(self) -> int:
        """Inputs of a tile along the height."""
        return self.rows + self.kernel[0] - 1

    @property
    def wide(self) -> int:
        """Inputs of a tile along the width."""
        return self.columns + self.kernel[1] - 1


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


def pass_columns(tiles: int, most: int) -> int:
    """Tiles of a product's smaller passes: ``tiles`` are cut evenly, at most ``most`` a pass."""
    passes = -(-tiles // most)
    return tiles // passes


@dataclass(frozen=True, slots=True)
class Schedule:
    """A task's share: a batch of ``tiles`` by a range of ``filters``, pooled by ``pool``.

    ``chunk`` is how many channels' weights a task transforms at a time; 0 where they are
    transformed when they are packed.
    """

    tile: Tile
    tiles: int
    filters: int
    pool: tuple[int, int] = (1, 1)
    chunk: int = 0
