"""Runs tasks one after another; reading ahead and writing behind overlap with computing.

    reading ---- batches ----> computing ---- pieces ----> writing
    a thread                   the caller's                a thread
        <---------------------   empty buffers   <------------

One batch waits in front of computing and one piece behind it, so that memory is known
beforehand: ``IN_FLIGHT`` of each. A thread that fails wakes the others, and what it raised is
raised by ``run_tasks``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import prod
from typing import Any, Protocol, TypeVar

import numpy as np

from speccompiler.arrays.array_input import ArrayInput
from speccompiler.arrays.boxes import Box, shape_of, size_of
from speccompiler.diagnostics.core import about
from speccompiler.frozen import dataclass
from speccompiler.kernels.executor import Array
from speccompiler.planning.run_bytes import IN_FLIGHT as IN_FLIGHT
from speccompiler.running.handover import Abandoned, Handover
from speccompiler.running.input_reader import InputReader, reader_of
from speccompiler.running.tasks import Task, TaskGrid
from speccompiler.running.tiles import TileRunner

T = TypeVar("T")
FAREWELL = {"reading": 0.1, "writing": 1.0}
"""Seconds that each thread is given to end when the run is broken off.

One that waits for a pipe may never end; it is left behind, and ends with the process.
"""
Compute = Callable[[int, Sequence[Array], Sequence[Array]], None]
"""As ``TileRunner.run_tile``."""


class Written(Protocol):
    """Where an output goes: every piece in order, then each task's end."""

    def put(self, box: Box, values: Array, /) -> Any:
        """Write a box of whole cells."""

    def sync(self, box: Box, /) -> None:
        """Return when what was written to a box would outlast a crash of the machine."""


@dataclass(frozen=True, slots=True)
class Destination:
    """One place that an output is written to."""

    output: int
    """Which of the runner's outputs."""
    name: str
    """What messages call it."""
    written: Written
    stored: bool = True
    """Whether it is kept outside of this process."""


@dataclass(slots=True)
class Progress:
    """What a run has done; the seconds are those inside kernels."""

    samples: int = 0
    tiles: int = 0
    """Tiles of a batch each; as many as batches where there are none."""
    seconds: float = 0.0
    whole_seconds: float = 0.0
    """With waiting for what is read and written."""
    read_bytes: int = 0
    written_bytes: int = 0
    non_finite: int = 0
    """Values of the first outputs that are NaN or infinite."""


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that a run is made of."""

    runner: TileRunner
    grid: TaskGrid
    sources: Sequence[ArrayInput]
    destinations: Sequence[Destination]
    judged: int = 0
    """Of this many outputs, from the first, values that are not finite are counted."""
    compute: Compute | None = None
    """Instead of the runner's ``run_tile``."""
    progressed: Callable[[int], object] = lambda done: None
    """Told how many samples were computed, or tiles of one where there are tiles."""
    finished: Callable[[Task, int], None] = lambda task, non_finite: None
    """Told of each task when all of it is safe on the disk."""


@dataclass(slots=True)
class _Piece:
    """Outputs that are complete, and wait to be written."""

    task: Task
    boxes: tuple[Box, ...]
    """Of each output, samples first."""
    values: list[Array]
    buffers: list[Array]
    """That ``values`` are views of, for the next piece."""
    last: bool
    """Whether the task ends with it."""


def run_tasks(run: Run, tasks: Iterable[Task]) -> Progress:
    """Run these tasks in order. ``SpecError``, and ``Problem`` from computing."""
    tasks, started = list(tasks), time.perf_counter()
    done = Progress()
    readers = [
        reader_of(source, run.grid.batch, tiled=bool(run.grid.tiles)) for source in run.sources
    ]
    batches = _batches(run, readers, tasks, done)
    if len(tasks) < 2 and sum(_steps(run.grid, task) for task in tasks) < 2:
        for piece in _computed(run, batches, tasks, done, lambda: _buffers(run)):
            _write(run, piece, done)
        done.whole_seconds = time.perf_counter() - started
        return done
    with _Stages() as stages:
        free: Handover[list[Array]] = stages.handover(IN_FLIGHT)
        for _ in range(IN_FLIGHT):
            free.put(_buffers(run))
        read = stages.read_ahead(batches, IN_FLIGHT - 2)
        pieces: Handover[_Piece | None] = stages.handover(IN_FLIGHT - 2)

        def write() -> None:
            while (piece := pieces.get()) is not None:
                _write(run, piece, done)
                free.put(piece.buffers)

        writer = stages.start(write, "writing")
        for piece in _computed(run, read, tasks, done, free.get):
            pieces.put(piece)
        pieces.put(None)
        writer.join()
    done.whole_seconds = time.perf_counter() - started
    return done


def _steps(grid: TaskGrid, task: Task) -> int:
    """Batches of a task, over all tiles."""
    batches = sum(len(grid.batches(piece)) for piece in grid.pieces(task))
    return batches * len(grid.tile_numbers(task))


def _batches(
    run: Run, readers: Sequence[InputReader], tasks: Sequence[Task], done: Progress
) -> Iterator[list[Array]]:
    """The inputs of each batch of each tile, in the order in which they are computed."""
    grid, tiles = run.grid, run.runner.tiles
    for task in tasks:
        numbers = grid.tile_numbers(task)
        for piece in grid.pieces(task):
            for number in numbers:
                for batch in grid.batches(piece):
                    arrays = [
                        reader.read(batch, box)
                        for reader, box in zip(readers, tiles[number].inputs, strict=True)
                    ]
                    done.read_bytes += sum(array.nbytes for array in arrays)
                    yield arrays


def _computed(
    run: Run,
    batches: Iterator[list[Array]],
    tasks: Sequence[Task],
    done: Progress,
    buffers: Callable[[], list[Array]],
) -> Iterator[_Piece]:
    """Each piece, once all of it is computed."""
    grid, tiles = run.grid, run.runner.tiles
    compute = run.compute or run.runner.run_tile
    for task in tasks:
        numbers = grid.tile_numbers(task)
        boxes = [_around(tiles, numbers, output) for output in range(len(tiles[0].outputs))]
        pieces = grid.pieces(task)
        for piece in pieces:
            held = buffers()
            whole = [
                _shaped(buffer, (piece[1] - piece[0], *shape_of(box)))
                for buffer, box in zip(held, boxes, strict=True)
            ]
            for number in numbers:
                inner = [
                    _within(box, around)
                    for box, around in zip(tiles[number].outputs, boxes, strict=True)
                ]
                for batch in grid.batches(piece):
                    arrays = next(batches)
                    rows = slice(batch[0] - piece[0], batch[1] - piece[0])
                    places = [values[rows, *box] for values, box in zip(whole, inner, strict=True)]
                    done.seconds += _compute(compute, number, arrays, places)
                    done.tiles += 1
                    run.progressed(batch[1] - batch[0])
            done.samples += piece[1] - piece[0] if task.tiles == () or _ends(grid, task) else 0
            put = tuple([(piece, *box) for box in boxes])
            yield _Piece(task, put, whole, held, piece is pieces[-1])


def _ends(grid: TaskGrid, task: Task) -> bool:
    """Whether a task has the last tiles of its samples."""
    return all(last == n for (_, last), n in zip(task.tiles, grid.tiles, strict=True))


def _compute(
    compute: Compute, number: int, arrays: Sequence[Array], places: Sequence[Array]
) -> float:
    """Fill the places; the seconds that it took. A kernel writes what lies in one piece."""
    outputs = [
        place if place.flags.c_contiguous else np.empty(place.shape, np.float32) for place in places
    ]
    started = time.perf_counter()
    compute(number, arrays, outputs)
    seconds = time.perf_counter() - started
    for place, output in zip(places, outputs, strict=True):
        if output is not place:
            place[...] = output
    return seconds


def _write(run: Run, piece: _Piece, done: Progress) -> None:
    """Write a piece everywhere, and with the last of a task wait until it is safe."""
    bad = 0
    for values in piece.values[: run.judged]:
        bad += values.size - int(np.count_nonzero(np.isfinite(values)))
    done.non_finite += bad
    task = piece.task
    for each in run.destinations:
        values = piece.values[each.output]
        if not values.size and run.runner.grid:
            continue  # these tiles hold nothing of it
        with about(each.name):
            each.written.put(piece.boxes[each.output], values)
        done.written_bytes += values.nbytes if each.stored else 0
    if piece.last:
        for each in run.destinations:
            with about(each.name):
                if piece.values[each.output].size:
                    each.written.sync((task.samples, *piece.boxes[each.output][1:]))
        run.finished(task, bad)


def _around(tiles: Sequence[Any], numbers: Sequence[int], output: int) -> Box:
    """The box that some tiles' boxes of an output fill together; a tile may have none of it."""
    boxes = [tiles[number].outputs[output] for number in numbers]
    boxes = [box for box in boxes if size_of(box)] or boxes[:1]
    return tuple(
        [
            (min(box[axis][0] for box in boxes), max(box[axis][1] for box in boxes))
            for axis in range(len(boxes[0]))
        ]
    )


def _within(box: Box, around: Box) -> tuple[slice, ...]:
    return tuple(
        [
            slice(first - start, last - start)
            for (first, last), (start, _) in zip(box, around, strict=True)
        ]
    )


def _shaped(buffer: Array, shape: tuple[int, ...]) -> Array:
    return buffer[: prod(shape)].reshape(shape)


def _buffers(run: Run) -> list[Array]:
    """Room for the largest piece of each output."""
    return [np.empty(size, np.float32) for size in piece_sizes(run.runner, run.grid)]


def piece_sizes(runner: TileRunner, grid: TaskGrid) -> list[int]:
    """Values of the largest piece of each output."""
    shapes = runner.output_shapes(grid.piece)
    found = []
    for shape, steps, axes in zip(shapes, runner.steps, runner.output_axes, strict=True):
        lengths = list(shape)
        for along, tiles in zip(axes, grid.box, strict=True):
            lengths[1 + along] = min(lengths[1 + along], tiles * steps[along])
        found.append(prod(lengths))
    return found


class _Stages:
    """Threads that end together: when all is done, or when one of them fails."""

    def __init__(self) -> None:
        self._threads: dict[str, threading.Thread] = {}
        self._handovers: list[Handover[Any]] = []
        self._failed: BaseException | None = None

    def __enter__(self) -> _Stages:
        return self

    def __exit__(self, kind: object, raised: BaseException | None, trace: object) -> None:
        self._abandon()
        for name, thread in self._threads.items():
            if thread.is_alive():  # Ctrl-C may have come before it had begun
                thread.join(None if raised is None else FAREWELL[name])
        if self._failed is not None and (raised is None or isinstance(raised, Abandoned)):
            raise self._failed from None

    def handover(self, room: int) -> Handover[Any]:
        """A queue that is abandoned with the rest."""
        self._handovers.append(Handover(room))
        return self._handovers[-1]

    def start(self, work: Callable[[], None], name: str) -> threading.Thread:
        """Do this beside the rest; what it raises ends all."""

        def guarded() -> None:
            try:
                work()
            except Abandoned:
                pass
            except BaseException as error:
                self._failed = self._failed or error
                self._abandon()

        thread = threading.Thread(target=guarded, name=f"convspec {name}", daemon=True)
        self._threads[name] = thread
        thread.start()
        return thread

    def read_ahead(self, things: Iterator[T], room: int) -> Iterator[T]:
        """The same things, each made before it is asked for."""
        handover: Handover[T] = self.handover(room)

        def read() -> None:
            for thing in things:
                handover.put(thing)

        self.start(read, "reading")
        return iter(handover.get, None)

    def _abandon(self) -> None:
        for each in self._handovers:
            each.abandon()
