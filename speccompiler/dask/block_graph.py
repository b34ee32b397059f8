"""The graph of a model over dask arrays: a task for each tile of each range of samples."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from operator import getitem
from typing import TYPE_CHECKING, Any

import numpy as np

from speccompiler.arrays.boxes import Box, size_of
from speccompiler.dask.blocks import Block, Chunks, Part, ends_of, pieces, run_block, run_only
from speccompiler.dask.recipe import Recipe
from speccompiler.frozen import dataclass
from speccompiler.tiling.tile import Tile

if TYPE_CHECKING:
    import dask.array


@dataclass(frozen=True, slots=True)
class Layout:
    """Which box of which output each tile gives."""

    tiles: Sequence[Tile]
    grid: tuple[int, ...]
    """How many tiles lie along each axis that is cut."""
    output_axes: Sequence[tuple[int, ...]]
    """For each output and each axis of ``grid``, the axis of a sample that it cuts."""

    def index(self, tile: int, output: int) -> tuple[int, ...]:
        """The place of a tile's box in the grid of an output's chunks."""
        places = np.unravel_index(tile, self.grid) if self.grid else ()
        found = [0] * len(self.tiles[0].outputs[output])
        for axis, place in zip(self.output_axes[output], places, strict=True):
            found[axis] = int(place)
        return tuple(found)

    def chunks(self, output: int) -> Chunks:
        """The lengths of an output's chunks along each axis of a sample."""
        lengths: list[dict[int, int]] = [{} for _ in self.tiles[0].outputs[output]]
        for number, tile in enumerate(self.tiles):
            box, place = tile.outputs[output], self.index(number, output)
            # The last tiles may have nothing of an output.
            for known, at, (first, last) in zip(lengths, place, box, strict=True):
                if size_of(box):
                    known[at] = last - first
        return tuple([tuple([known[at] for at in sorted(known)]) for known in lengths])


@dataclass(frozen=True, slots=True)
class BlockGraph:
    """A model over arrays that were checked."""

    name: str
    """The model's, for the names of tasks."""
    arrays: tuple[dask.array.Array, ...]
    """One for each input."""
    outputs: tuple[str, ...]
    layout: Layout

    @property
    def samples(self) -> tuple[int, ...]:
        """The chunks along the samples' axis, which the outputs have too."""
        return tuple(self.arrays[0].chunks[0])

    def blocks(self) -> Iterator[tuple[int, Tile, Block, list[list[tuple[Any, ...]]]]]:
        """Number of the range of samples, tile, block, and the keys of chunks of each input."""
        ends = [ends_of(array.chunks) for array in self.arrays]
        for row, (count, end) in enumerate(
            zip(self.samples, accumulate(self.samples), strict=True)
        ):
            for number, tile in enumerate(self.layout.tiles):
                if not any(map(size_of, tile.outputs)):
                    continue
                parts, keys = [], []
                for array, axes, inner in zip(self.arrays, ends, tile.inputs, strict=True):
                    box: Box = ((end - count, end), *inner)
                    found = pieces(box, axes)
                    parts.append(Part.of(box, found))
                    keys.append([(array.name, *piece.chunk) for piece in found])
                yield row, tile, Block(end - count, count, number, tuple(parts)), keys

    def made(self, recipe: Recipe, annotations: Mapping[str, Any]) -> dict[str, dask.array.Array]:
        """Every output as a dask array."""
        import dask.array
        from dask.base import tokenize
        from dask.highlevelgraph import HighLevelGraph, MaterializedLayer

        token = tokenize(recipe.fingerprint, *(array.name for array in self.arrays))
        said = re.sub(r"\W+", "_", self.name) or "model"
        blocks, held = f"convspec_{said}-{token}", f"convspec_recipe-{recipe.fingerprint}"
        only = len(self.outputs) == 1
        run = run_only if only else run_block
        tasks: dict[Any, Any] = {}
        picked: list[dict[Any, Any]] = [{} for _ in self.outputs]
        names = [blocks] if only else [f"{blocks}-{number}" for number in range(len(picked))]
        for row, tile, block, keys in self.blocks():
            if only:
                tasks[(blocks, row, *self.layout.index(block.tile, 0))] = (run, held, block, keys)
                continue
            whole = (blocks, row, block.tile)
            tasks[whole] = (run, held, block, keys)
            for number, (mine, box) in enumerate(zip(picked, tile.outputs, strict=True)):
                if not size_of(box):
                    continue
                place = self.layout.index(block.tile, number)
                mine[(names[number], row, *place)] = (getitem, whole, number)
        layers: dict[str, Any] = {}
        needs: dict[str, set[str]] = {}
        for array in self.arrays:
            layers |= array.dask.layers
            needs |= array.dask.dependencies
        layers |= {
            held: MaterializedLayer({held: recipe}),
            blocks: MaterializedLayer(tasks, annotations=dict(annotations) or None),
        }
        needs |= {held: set(), blocks: {held, *(array.name for array in self.arrays)}}
        if not only:
            for name, mine in zip(names, picked, strict=True):
                layers[name], needs[name] = MaterializedLayer(mine), {blocks}
        return {
            output: dask.array.Array(
                HighLevelGraph(layers, needs),
                name,  # pyright: ignore[reportCallIssue]
                (self.samples, *self.layout.chunks(number)),
                # Says what the chunks are, so that nothing has to be called to find out.
                meta=np.empty((0,) * (len(self.layout.tiles[0].outputs[number]) + 1), np.float32),
            )
            for number, (output, name) in enumerate(zip(self.outputs, names, strict=True))
        }

    def most_bytes(self) -> int:
        """The most bytes that chunks, what is made of them, and outputs take in one task."""
        most = 0
        for tile in self.layout.tiles:
            needed = 0
            for array, inner in zip(self.arrays, tile.inputs, strict=True):
                box: Box = ((0, max(self.samples)), *inner)
                read = _largest_chunks(box, array)
                joined = 4 * size_of(box)
                needed += read + joined
            needed += sum(4 * max(self.samples) * size_of(box) for box in tile.outputs)
            most = max(most, needed)
        return most


def _largest_chunks(box: Box, array: dask.array.Array) -> int:
    """Bytes of the chunks that a box of a range of samples touches, at most."""
    _, *inner = box
    touched = 1
    for (first, last), lengths in zip(inner, array.chunks[1:], strict=True):
        ends = list(accumulate(lengths))
        touched *= sum(
            length
            for length, end in zip(lengths, ends, strict=True)
            if first < end and end - length < last
        )
    return int(max(array.chunks[0], default=0) * touched * array.dtype.itemsize)
