"""Which tile a product takes: by estimate, or as measured (``tuning``). It changes no bits."""

from __future__ import annotations

from collections.abc import Callable

from .gemm import Gemm
from .tiles import TILES, Tile

Pick = Callable[[Gemm, int], Tile]
"""The tile of a product for so many samples."""


def estimated(multiprocessors: int) -> Pick:
    """The tile of least estimated time on a GPU of so many multiprocessors.

    Multiprocessors work in waves of blocks. A block's time is its multiply-adds, and more
    for small register tiles, which read shared memory more often for each of them.
    """

    def pick(g: Gemm, n: int) -> Tile:
        def cost(tile: Tile) -> float:
            # A multiprocessor hides waiting only with about 256 threads.
            together = max(1, 256 // tile.threads)
            waves = -(-g.blocks(tile, n) // (multiprocessors * together))
            area = tile.rows * tile.columns * together
            return waves * area * (1 + 1.5 / tile.tall + 1.5 / tile.wide)

        return min(TILES, key=cost)

    return pick
