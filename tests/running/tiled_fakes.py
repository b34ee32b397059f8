"""A runner whose arithmetic is plain, so that a test knows what a run has to give."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt

from speccompiler.arrays.boxes import Box
from speccompiler.frozen import dataclass
from speccompiler.tiling.tile import Tile

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Doubling:
    """Two outputs of images (height, width): twice the image, and every second row and column.

    Tiles are of ``tile`` pixels, and read one row and column more on each side.
    """

    image: tuple[int, int]
    tile: tuple[int, int] | None = None
    batch_size: int = 4

    @property
    def grid(self) -> tuple[int, ...]:
        if self.tile is None:
            return ()
        return tuple(-(-n // t) for n, t in zip(self.image, self.tile, strict=True))

    @property
    def tiles(self) -> Sequence[Tile]:
        tile = self.tile or self.image
        found = []
        for place in product(*(range(0, n, t) for n, t in zip(self.image, tile, strict=True))):
            box = tuple(
                (at, min(at + t, n)) for at, t, n in zip(place, tile, self.image, strict=True)
            )
            halo = tuple(
                (max(0, first - 1), min(n, last + 1))
                for (first, last), n in zip(box, self.image, strict=True)
            )
            half = tuple((first // 2, -(-last // 2)) for first, last in box)
            found.append(Tile((halo if self.tile else box,), (box, half)))
        return found

    @property
    def steps(self) -> Sequence[tuple[int, ...]]:
        tile = self.tile or self.image
        return [tile, tuple(-(-t // 2) for t in tile)]

    @property
    def output_axes(self) -> Sequence[tuple[int, ...]]:
        return [(), ()] if self.tile is None else [(0, 1), (0, 1)]

    @property
    def output_names(self) -> tuple[str, ...]:
        return ("twice", "half")

    def output_shapes(self, samples: int) -> tuple[tuple[int, ...], ...]:
        return (samples, *self.image), (samples, *(-(-n // 2) for n in self.image))

    def run_tile(self, tile: int, batches: Sequence[Array], outputs: Sequence[Array]) -> None:
        (halo,), (box, _) = self.tiles[tile].inputs, self.tiles[tile].outputs
        inner = tuple(
            slice(first - start, last - start)
            for (first, last), (start, _) in zip(box, halo, strict=True)
        )
        image = batches[0][:, *inner]
        assert all(output.flags.c_contiguous for output in outputs)
        outputs[0][...] = 2 * image
        outputs[1][...] = image[:, ::2, ::2]

    def expected(self, x: Array) -> tuple[Array, Array]:
        return 2 * x, x[:, ::2, ::2]


class Kept:
    """An output in memory that holds its writer to whole cells, each written once."""

    def __init__(self, shape: tuple[int, ...], grid: tuple[int, ...]) -> None:
        self.shape, self.grid = shape, grid
        self.values = np.full(shape, np.nan, np.float32)
        self.puts = 0
        self.synced: list[Box] = []

    def put(self, box: Box, values: Array) -> None:
        for (first, last), cell, length in zip(box, self.grid, self.shape, strict=True):
            assert first % cell == 0, "a box begins with a cell"
            assert last % cell == 0 or last == length, "and ends with one"
        place = tuple(slice(first, last) for first, last in box)
        assert np.isnan(self.values[place]).all(), "a cell is written once"
        self.values[place] = values
        self.puts += 1

    def sync(self, box: Box) -> None:
        place = tuple(slice(first, last) for first, last in box)
        assert (
            prod(last - first for first, last in box) == 0 or not np.isnan(self.values[place]).any()
        )
        self.synced.append(box)
