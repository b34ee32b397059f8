"""The tiles in which blocks and threads compute a matrix product.

A tile changes no bits: every output is one sum in one thread, in the order of its terms.
"""

from __future__ import annotations

from speccompiler.frozen import dataclass

SLAB = 16
"""The parts of a cut sum are multiples of this, which every tile's depth divides."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A block computes ``rows`` positions by ``columns`` filters, ``depth`` terms at a time.

    A thread computes ``tall`` by ``wide`` of them in registers.
    """

    rows: int
    columns: int
    depth: int
    tall: int
    wide: int

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.rows * self.columns // (self.tall * self.wide)

    @property
    def pitch(self) -> int:
        """Distance of two terms of the input's slab in shared memory, so that banks differ."""
        return self.rows + 4

    @property
    def slab(self) -> int:
        """float32 values of shared memory that one slab takes."""
        return self.depth * (self.pitch + self.columns)

    def __str__(self) -> str:
        return f"{self.rows}x{self.columns}x{self.depth}/{self.tall}x{self.wide}"


TILES = (
    Tile(128, 128, 8, 8, 8),
    Tile(128, 64, 8, 8, 8),
    Tile(64, 128, 8, 8, 8),
    Tile(64, 64, 16, 8, 4),
    Tile(64, 32, 16, 4, 4),
    Tile(32, 32, 16, 4, 4),
    Tile(16, 64, 16, 4, 4),
    Tile(128, 16, 16, 4, 4),
)
"""From large to small; the last two are for few positions and for few filters."""
