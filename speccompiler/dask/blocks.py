"""One block of the outputs: which parts of which chunks it is computed from, and how."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, product
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.arrays.boxes import Box, shape_of, slices
from speccompiler.arrays.npy_input import from_array
from speccompiler.dask.findings import travelling
from speccompiler.dask.recipe import Recipe
from speccompiler.dask.worker_models import TURN, runner_here
from speccompiler.diagnostics.core import Problem, about
from speccompiler.frozen import dataclass

Chunks = tuple[tuple[int, ...], ...]
"""The lengths of an array's chunks along each axis, as Dask has them."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What a block takes of a chunk."""

    chunk: tuple[int, ...]
    """The chunk's place in the grid of chunks."""
    shape: tuple[int, ...]
    """What the chunk's shape has to be."""
    source: Box
    """The part of the chunk."""
    target: Box
    """Where it lies in what the block reads."""


def ends_of(chunks: Chunks) -> Chunks:
    """Where each chunk ends along each axis."""
    return tuple([tuple(accumulate(lengths)) for lengths in chunks])


def pieces(box: Box, ends: Chunks) -> list[Piece]:
    """The chunks that a box touches, which together fill it; ``ends`` are where chunks end."""
    along = [list(_overlaps(span, axis)) for span, axis in zip(box, ends, strict=True)]
    return [
        Piece(
            tuple([number for number, _, _, _ in each]),
            tuple([length for _, length, _, _ in each]),
            tuple([source for _, _, source, _ in each]),
            tuple([target for _, _, _, target in each]),
        )
        for each in product(*along)
    ]


def _overlaps(
    span: tuple[int, int], ends: Sequence[int]
) -> Iterator[tuple[int, int, tuple[int, int], tuple[int, int]]]:
    """Chunks along one axis: number, length, what is taken of it, and where that goes."""
    first, last = span
    number = bisect_right(ends, first)
    while first < last:
        start = ends[number - 1] if number else 0
        past = min(last, ends[number])
        if first < past:
            length = ends[number] - start
            yield number, length, (first - start, past - start), (first - span[0], past - span[0])
        first, number = past, number + 1


@dataclass(frozen=True, slots=True)
class Part:
    """An input of a block: its shape, and what each chunk gives to it."""

    shape: tuple[int, ...]
    taken: tuple[tuple[tuple[int, ...], Box, Box], ...]
    """For each chunk its shape, what is taken of it, and where that goes."""

    @staticmethod
    def of(box: Box, found: Sequence[Piece]) -> Part:
        """The part that these pieces of a box make."""
        taken = [(piece.shape, piece.source, piece.target) for piece in found]
        return Part(shape_of(box), tuple(taken))

    def joined(self, chunks: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """The values; a view where one chunk has them all. CS200."""
        for chunk, (shape, _, _) in zip(chunks, self.taken, strict=True):
            if np.shape(chunk) != shape:
                raise Problem(
                    "CS200",
                    f"a chunk has shape {np.shape(chunk)}, and the array says {shape}",
                    "tell map_blocks the shape that it gives: chunks=.. or drop_axis=..",
                )
        if len(chunks) == 1:
            return np.asarray(chunks[0])[slices(self.taken[0][1])]
        whole = np.empty(self.shape, np.result_type(*chunks) if chunks else np.float32)
        for chunk, (_, source, target) in zip(chunks, self.taken, strict=True):
            whole[slices(target)] = chunk[slices(source)]
        return whole


@dataclass(frozen=True, slots=True)
class Block:
    """A tile of a range of samples. All that a task holds beside the names of chunks."""

    first: int
    samples: int
    tile: int
    parts: tuple[Part, ...]


def run_block(
    recipe: Recipe, block: Block, chunks: Sequence[Sequence[npt.NDArray[Any]]]
) -> list[npt.NDArray[np.float32]]:
    """Every output of a block. ``chunks`` are those of each input. ``SpecError``."""
    with (
        travelling(),
        about(f"the block of samples {block.first} to {block.first + block.samples - 1}"),
    ):
        runner = runner_here(recipe)
        outputs = [
            np.empty((block.samples, *shape_of(box)), np.float32)
            for box in runner.tiles[block.tile].outputs
        ]
        sources = [
            from_array(part.joined(given), "the array")
            for part, given in zip(block.parts, chunks, strict=True)
        ]
        start = 0
        read = [source.batches(runner.batch_size) for source in sources]
        for batches in zip(*read, strict=True):
            stop = start + len(batches[0])
            with TURN:
                runner.run_tile(block.tile, batches, [y[start:stop] for y in outputs])
            start = stop
    return outputs


def run_only(
    recipe: Recipe, block: Block, chunks: Sequence[Sequence[npt.NDArray[Any]]]
) -> npt.NDArray[np.float32]:
    """The output of a block of a model that has one."""
    return run_block(recipe, block, chunks)[0]
