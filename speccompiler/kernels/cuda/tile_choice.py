"""Which tile a product takes, by estimate; ``tuning`` measures it. It changes no bits."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

from speccompiler.kernels.cuda.gemm_geometry import Gemm
from speccompiler.kernels.cuda.tiles import TILES, Tile

ChooseTile = Callable[[Gemm, int], Tile]
"""The tile of a product for so many samples."""


def estimated(multiprocessors: int) -> ChooseTile:
    """The tile of least estimated time on a GPU of so many multiprocessors.

    A block's time is its multiply-adds, and more for small register tiles, which read shared
    memory more often for each of them. A multiprocessor with few threads waits for memory.
    """

    def choose_tile(g: Gemm, n: int) -> Tile:
        def cost(tile: Tile) -> float:
            blocks = -(-g.blocks(tile, n) // multiprocessors)
            waiting = sqrt(max(1.0, 256 / (blocks * tile.threads)))
            area = blocks * tile.rows * tile.columns
            return area * waiting * (1 + 1.5 / tile.tall + 1.5 / tile.wide)

        return min(TILES, key=cost)

    return choose_tile
