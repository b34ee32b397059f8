"""A run cut into tasks: each is a range of samples and a box of tiles, and fills whole cells.

A task can be run alone, on any machine, and again after a crash: nothing that it writes lies in
a cell that another task writes too. It goes in pieces, which are written at once, and a piece in
batches, which are computed at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from math import lcm, prod
from typing import Protocol, TypeAlias

from speccompiler.arrays.boxes import Box
from speccompiler.frozen import dataclass
from speccompiler.tiling.tile import Tile

Span: TypeAlias = tuple[int, int]
"""First and past last of a range of samples."""
TASK_BYTES = 32 << 20
"""What a task reads and writes, where cells are smaller: less is not worth a line on the disk."""
PIECE_BYTES = 256 << 20
"""The most that a piece takes up for the sake of the input's chunks."""


class Tiling(Protocol):
    """What of a ``TileRunner`` decides how its work can be cut."""

    @property
    def grid(self) -> tuple[int, ...]: ...
    @property
    def tiles(self) -> Sequence[Tile]: ...
    @property
    def steps(self) -> Sequence[tuple[int, ...]]: ...
    @property
    def output_axes(self) -> Sequence[tuple[int, ...]]: ...
    @property
    def batch_size(self) -> int: ...
    def output_shapes(self, samples: int) -> tuple[tuple[int, ...], ...]: ...


@dataclass(frozen=True, slots=True)
class Task:
    """A part of a run."""

    number: int
    samples: Span
    tiles: Box
    """Along each axis of the grid of tiles; empty for whole samples."""


@dataclass(frozen=True, slots=True)
class TaskGrid:
    """How a run is cut. Tasks are numbered by their samples, then by their tiles, row by row."""

    samples: int
    task: int
    """Samples of a task; the last may have fewer, as every last one here."""
    piece: int
    """Samples that are written at once: they fill whole cells of every output."""
    batch: int
    """Samples that are computed at once."""
    tiles: tuple[int, ...] = ()
    """How many tiles lie along each tiled axis."""
    box: tuple[int, ...] = ()
    """How many of them a task has along each; fewer at the end of an axis."""

    def __len__(self) -> int:
        return -(-self.samples // self.task) * self._boxes

    @property
    def _boxes(self) -> int:
        return prod(self._boxes_along)

    @property
    def _boxes_along(self) -> tuple[int, ...]:
        return tuple([-(-n // each) for n, each in zip(self.tiles, self.box, strict=True)])

    def __getitem__(self, number: int) -> Task:
        if not 0 <= number < len(self):
            raise IndexError(f"task {number} of {len(self)}")
        first, place = divmod(number, self._boxes)
        box = []
        for n, each, along in reversed(
            list(zip(self.tiles, self.box, self._boxes_along, strict=True))
        ):
            place, at = divmod(place, along)
            box.append((at * each, min(at * each + each, n)))
        start = first * self.task
        return Task(number, (start, min(start + self.task, self.samples)), tuple(reversed(box)))

    def __iter__(self) -> Iterator[Task]:
        return map(self.__getitem__, range(len(self)))

    def in_batches_of(self, most: int) -> TaskGrid:
        """The same tasks and pieces, for a runner that computes this many samples at once."""
        return replace(self, batch=-(-self.piece // -(-self.piece // most)))

    def pieces(self, task: Task) -> list[Span]:
        """The samples of each piece of a task."""
        return _cut(task.samples, self.piece)

    def batches(self, piece: Span) -> list[Span]:
        """The samples of each batch of a piece."""
        return _cut(piece, self.batch)

    def tile_numbers(self, task: Task) -> list[int]:
        """The numbers of a task's tiles, row by row."""
        found = []
        for place in product(*(range(first, last) for first, last in task.tiles)):
            number = 0
            for at, length in zip(place, self.tiles, strict=True):
                number = number * length + at
            found.append(number)
        return found


def _cut(span: Span, length: int) -> list[Span]:
    first, last = span
    return [(at, min(at + length, last)) for at in range(first, last, length)]


def cut_into_tasks(
    tiling: Tiling,
    samples: int,
    cells: Sequence[Sequence[int] | None],
    chunks: Sequence[Sequence[int] | None] = (),
    *,
    fixed_batches: bool = False,
    task_bytes: int = TASK_BYTES,
) -> TaskGrid:
    """Cut a run for what its outputs are written in and its inputs are stored in.

    ``cells`` has a grid for each output, samples first; None for one that is not written.
    ``chunks`` has the stored grid of each input; None for one that has none. With
    ``fixed_batches`` samples of a batch change each other's numbers: batches are cut as if the
    run were one task.
    """
    shapes = tiling.output_shapes(samples)
    box = tuple([_tiles_of_a_task(tiling, axis, cells) for axis in range(len(tiling.grid))])
    tiled = [row for row in (each[0] for each in chunks if each) if 1 < row <= samples]
    cell = min(samples, lcm(*(min(each[0], samples) or 1 for each in cells if each))) or 1
    batch = tiling.batch_size
    in_bytes, out_bytes = bytes_of_a_sample(tiling, shapes, box)
    if fixed_batches:
        piece = lcm(cell, batch)
    else:
        if box and tiled:
            # A tile is read for a whole piece at once: a chunk that holds several samples then
            # is read once a tile, and not once a sample.
            aligned = lcm(cell, *tiled)
            if aligned * (in_bytes + out_bytes) <= PIECE_BYTES:
                cell = aligned
        piece = cell * max(1, batch // cell)
        batch = -(-piece // -(-piece // batch))
    whole = lcm(piece, *tiled)
    each = max(1, in_bytes + out_bytes)
    unit = whole if whole * each <= 4 * task_bytes else piece
    task = unit * max(1, -(-task_bytes // (unit * each)))
    # No longer than there are samples, so that a buffer for a piece is not either.
    if task >= samples:
        task = samples or 1
    return TaskGrid(samples, task, min(piece, task), min(batch, task), tiling.grid, box)


def _tiles_of_a_task(tiling: Tiling, axis: int, cells: Sequence[Sequence[int] | None]) -> int:
    """How many tiles along an axis of the grid it takes until every output ends at a cell."""
    count = tiling.grid[axis]
    shapes = tiling.output_shapes(1)
    needed = 1
    for cell, steps, axes, shape in zip(
        cells, tiling.steps, tiling.output_axes, shapes, strict=True
    ):
        if cell is None:
            continue
        along, step = axes[axis], steps[axes[axis]]
        length, edge = shape[1 + along], cell[1 + along]
        needed = lcm(needed, count if edge >= length else lcm(step, edge) // step)
    return min(needed, count)


def bytes_of_a_sample(
    tiling: Tiling, shapes: Sequence[tuple[int, ...]], box: tuple[int, ...]
) -> tuple[int, int]:
    """The most that a sample takes in the largest tile that goes in, and in a box of tiles out."""
    first = tiling.tiles[0]
    if not box:
        outputs = sum(prod(shape[1:]) for shape in shapes)
        return 4 * sum(_size(each) for each in first.inputs), 4 * outputs
    read = max(sum(_size(each) for each in tile.inputs) for tile in tiling.tiles)
    written = 0
    for steps, axes, shape in zip(tiling.steps, tiling.output_axes, shapes, strict=True):
        lengths = list(shape[1:])
        for along, tiles in zip(axes, box, strict=True):
            lengths[along] = min(lengths[along], tiles * steps[along])
        written += prod(lengths)
    return 4 * read, 4 * written


def _size(box: Box) -> int:
    return prod(last - first for first, last in box)
