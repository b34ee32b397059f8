"""The loop that reads ahead and writes behind: what it gives, and how it ends."""

from __future__ import annotations

import _thread
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from speccompiler.arrays.array_input import ArrayInput
from speccompiler.arrays.boxes import Box
from speccompiler.arrays.npy_input import from_array, open_stream
from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.running.run_tasks import IN_FLIGHT, Destination, Run, run_tasks
from speccompiler.running.tasks import Task, TaskGrid, cut_into_tasks
from tests.running.tiled_fakes import Doubling, Kept

Array = npt.NDArray[np.float32]


def images(samples: int, *image: int) -> Array:
    values = np.arange(samples * int(np.prod(image)), dtype=np.float32)
    return values.reshape(samples, *image)


def in_order_only(x: Array, name: str = "x") -> ArrayInput:
    return replace(from_array(x, name), _box=None)


def with_chunks(x: Array, chunks: tuple[int, ...], read: list[Box]) -> ArrayInput:
    """An input that notes the boxes that were read of it."""
    source = from_array(x, "x")

    def box(wanted: Box) -> Array:
        read.append(wanted)
        return source.box(wanted)

    return replace(source, _box=box, chunks=chunks)


def made(
    runner: Doubling,
    source: ArrayInput,
    cells: Sequence[tuple[int, ...]],
    task_bytes: int = 1,
    **more: Any,
) -> tuple[Run, list[Kept]]:
    shapes = runner.output_shapes(source.samples)
    outputs = [Kept(shape, cell) for shape, cell in zip(shapes, cells, strict=True)]
    grid = cut_into_tasks(runner, source.samples, cells, [source.chunks], task_bytes=task_bytes)
    places = [Destination(i, f"y{i}", output) for i, output in enumerate(outputs)]
    return Run(runner, grid, [source], places, judged=2, **more), outputs


@pytest.mark.parametrize("tile", [None, (4, 6)])
@pytest.mark.parametrize("cells", [[(1, 1, 1)] * 2, [(5, 8, 12), (3, 4, 6)], [(7, 9, 13)] * 2])
@pytest.mark.parametrize("samples", [1, 23])
@pytest.mark.parametrize("chunks", [None, (6, 9, 13), (100, 2, 2)])
def test_every_way_of_cutting_gives_the_same(
    tile: tuple[int, int] | None,
    cells: list[tuple[int, ...]],
    samples: int,
    chunks: tuple[int, ...] | None,
) -> None:
    runner, x = Doubling((9, 13), tile, 4), images(samples, 9, 13)
    if tile is not None and cells[0] == (7, 9, 13):
        cells = [(7, 9, 13), (7, 5, 7)]
    source = replace(from_array(x, "x"), chunks=chunks)
    run, outputs = made(runner, source, cells)
    done = run_tasks(run, run.grid)
    for output, expected in zip(outputs, runner.expected(x), strict=True):
        np.testing.assert_array_equal(output.values, expected)
        assert len(output.synced) == len(run.grid)
    assert done.samples == samples
    assert done.written_bytes == sum(output.values.nbytes for output in outputs)


def test_an_input_that_is_read_in_order_skips_what_is_done() -> None:
    runner, x = Doubling((3, 3), None, 4), images(30, 3, 3)
    run, outputs = made(runner, in_order_only(x), [(5, 3, 3), (1, 2, 2)])
    tasks = [task for task in run.grid if task.number not in (0, 1, 3)]
    run_tasks(run, tasks)
    left = np.isnan(outputs[0].values).all(axis=(1, 2))
    assert left.tolist() == [i < 10 or 15 <= i < 20 for i in range(30)]
    np.testing.assert_array_equal(outputs[0].values[~left], (2 * x)[~left])


def test_chunks_are_read_once_though_batches_do_not_fit_them() -> None:
    read: list[Box] = []
    runner, x = Doubling((3, 3), None, 4), images(50, 3, 3)
    run, outputs = made(runner, with_chunks(x, (7, 3, 3), read), [(1, 1, 1)] * 2, 10**6)
    run_tasks(run, run.grid)
    np.testing.assert_array_equal(outputs[0].values, 2 * x)
    starts = [box[0][0] for box in read]
    assert starts == sorted(starts)
    assert [first % 7 for first in starts] == [0] * len(starts)
    assert sum(last - first for (first, last), *_ in read) == 50


def test_a_tile_reads_the_chunks_of_its_samples_once() -> None:
    read: list[Box] = []
    runner, x = Doubling((8, 8), (4, 4), 1), images(20, 8, 8)
    run, outputs = made(runner, with_chunks(x, (10, 8, 8), read), [(1, 4, 4), (1, 2, 2)])
    run_tasks(run, run.grid)
    np.testing.assert_array_equal(outputs[1].values, x[:, ::2, ::2])
    assert len(read) == 4 * 2


def test_values_that_are_not_finite_are_counted_for_each_task() -> None:
    x = images(10, 3, 3)
    x[7, 0, 0] = -np.inf
    x[8, 1, 1] = np.inf
    told: list[tuple[int, int]] = []

    def finished(task: Task, bad: int) -> None:
        told.append((task.number, bad))

    run, _ = made(Doubling((3, 3)), from_array(x, "x"), [(5, 3, 3), (5, 2, 2)], finished=finished)
    # The corner is in both outputs, the middle in one.
    assert run_tasks(run, run.grid).non_finite == 3
    assert told == [(0, 0), (1, 3)]


class Failing(Kept):
    """An output that cannot be written from some piece on."""

    def put(self, box: Box, values: Array) -> None:
        if self.puts == 2:
            raise Problem("CS121", "the disk is full")
        super().put(box, values)


def test_a_writer_that_fails_ends_the_run_while_the_reader_waits() -> None:
    """The reader waits for a pipe to which nothing more is written."""
    reader, writer = os.pipe()
    x = images(100, 4, 4)
    header = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little")
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (100, 4, 4), }"
    os.write(writer, header + text.ljust(117) + b"\n" + x.tobytes()[: 4 * 16 * 40])
    with os.fdopen(reader, "rb", buffering=0) as stream:
        runner = Doubling((4, 4), None, 2)
        run, outputs = made(runner, open_stream(stream, "pipe"), [(1, 1, 1)] * 2, 10**6)
        failing = Failing(outputs[0].shape, outputs[0].grid)
        destinations = [Destination(0, "full.npy", failing), *run.destinations[1:]]
        started = time.perf_counter()
        with pytest.raises(SpecError, match=r"^full\.npy: error CS121: the disk is full$"):
            run_tasks(replace_run(run, destinations=destinations), run.grid)
        assert time.perf_counter() - started < 10
        os.close(writer)
    gone()


def test_a_reader_that_fails_is_told_about_its_input() -> None:
    x = images(30, 3, 3)
    source = from_array(x, "x.npy")

    def box(wanted: Box) -> Array:
        if wanted[0][0] >= 12:
            raise Problem("CS112", "the data is cut off")
        return source.box(wanted)

    run, outputs = made(Doubling((3, 3), None, 4), replace(source, _box=box), [(1, 1, 1)] * 2)
    with pytest.raises(SpecError, match=r"^x\.npy: error CS112: the data is cut off$"):
        run_tasks(run, run.grid)
    assert not np.isnan(outputs[0].values[:4]).any()
    gone()


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_computing_that_fails_ends_both_threads(kind: type[BaseException]) -> None:
    def compute(tile: int, batches: Sequence[Array], outputs: Sequence[Array]) -> None:
        raise kind("here")

    run, _ = made(Doubling((3, 3)), from_array(images(30, 3, 3), "x"), [(1, 1, 1)] * 2)
    with pytest.raises(kind, match="here"):
        run_tasks(replace_run(run, compute=compute), run.grid)
    gone()


@pytest.mark.parametrize("started", [0, 1])
def test_an_interrupt_before_a_thread_has_begun(
    monkeypatch: pytest.MonkeyPatch, started: int
) -> None:
    """``Thread.start`` waits for it, and cannot be joined then."""
    start, calls = threading.Thread.start, []

    def interrupted(thread: threading.Thread) -> None:
        calls.append(thread)
        if len(calls) > started:
            raise KeyboardInterrupt
        start(thread)

    run, _ = made(Doubling((3, 3)), from_array(images(30, 3, 3), "x"), [(1, 1, 1)] * 2)
    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_tasks(run, run.grid)
    gone()


@pytest.mark.parametrize("stage", ["reading", "writing"])
def test_an_interrupt_is_heard_while_a_thread_waits_for_ever(stage: str) -> None:
    blocked, never = threading.Event(), threading.Event()

    def wait() -> None:
        if not blocked.is_set():
            threading.Timer(0.1, _thread.interrupt_main).start()
        blocked.set()
        never.wait(20)

    source = from_array(images(30, 3, 3), "x")
    run, outputs = made(Doubling((3, 3)), source, [(1, 1, 1)] * 2)
    if stage == "reading":
        run = replace_run(run, sources=[replace(source, _box=lambda box: wait())])  # type: ignore
    else:
        outputs[0].put = lambda box, values: wait()  # type: ignore[method-assign]
    started = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        run_tasks(run, run.grid)
    assert time.perf_counter() - started < 5
    never.set()
    gone()


def test_reading_and_writing_stay_a_few_batches_from_computing() -> None:
    """So that memory is known beforehand, however slow a part is."""
    lock, now, most = threading.Lock(), {"in": 0, "out": 0}, {"in": 0, "out": 0}

    def count(what: str, change: int) -> None:
        with lock:
            now[what] += change
            most[what] = max(most[what], now[what])

    source = from_array(images(200, 3, 3), "x")

    def box(wanted: Box) -> Array:
        count("in", 1)
        return source.box(wanted)

    def compute(tile: int, batches: Sequence[Array], outputs: Sequence[Array]) -> None:
        time.sleep(0.002)
        for output in outputs:
            output[...] = 0
        count("in", -1)
        count("out", 1)

    run, outputs = made(Doubling((3, 3), None, 4), replace(source, _box=box), [(1, 1, 1)] * 2)
    put: Callable[[Box, Array], None] = outputs[1].put

    def slow(box: Box, values: Array) -> None:
        time.sleep(0.003)
        put(box, values)
        count("out", -1)

    outputs[1].put = slow  # type: ignore[method-assign]
    run_tasks(replace_run(run, compute=compute), run.grid)
    assert most["in"] <= IN_FLIGHT
    assert most["out"] <= IN_FLIGHT
    assert now == {"in": 0, "out": 0}


def test_one_batch_starts_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    run, outputs = made(Doubling((3, 3)), from_array(images(3, 3, 3), "x"), [(1, 1, 1)] * 2)
    monkeypatch.setattr(threading.Thread, "start", None)
    run_tasks(run, run.grid)
    assert not np.isnan(outputs[0].values).any()


def replace_run(run: Run, **changes: Any) -> Run:
    return replace(run, **changes)


def gone() -> None:
    """No thread of a run is left."""
    until = time.perf_counter() + 5
    while named := [t for t in threading.enumerate() if t.name.startswith("convspec ")]:
        assert time.perf_counter() < until, named
        time.sleep(0.01)


def test_a_grid_is_no_more_than_its_numbers() -> None:
    assert TaskGrid(10, 4, 2, 1) == TaskGrid(10, 4, 2, 1)
