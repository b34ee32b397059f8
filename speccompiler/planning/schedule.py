"""How Winograd's convolution is cut into tasks: a tile of outputs, and how many a task does."""

from __future__ import annotations

from speccompiler.frozen import dataclass


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
