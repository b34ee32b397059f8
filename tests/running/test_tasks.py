"""How a run is cut: every cell of every output belongs to one task."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.running.tasks import TaskGrid, cut_into_tasks
from tests.running.tiled_fakes import Doubling

lengths = st.integers(1, 20)


@st.composite
def cuts(draw: st.DrawFn) -> tuple[Doubling, int, tuple[tuple[int, ...], ...], TaskGrid]:
    image = draw(st.tuples(lengths, lengths))
    tile = draw(st.none() | st.tuples(*[st.sampled_from((2, 4, 6))] * 2))
    runner = Doubling(image, tile, draw(st.integers(1, 9)))
    samples = draw(st.integers(0, 20))
    cells = tuple(
        tuple(draw(st.integers(1, max(1, n + 2))) for n in shape)
        for shape in runner.output_shapes(samples)
    )
    chunks = draw(st.none() | st.tuples(st.integers(1, 9), st.just(image[0]), st.just(image[1])))
    grid = cut_into_tasks(
        runner,
        samples,
        cells,
        [chunks],
        fixed_batches=draw(st.booleans()),
        task_bytes=draw(st.sampled_from((1, 4000, 10**6))),
    )
    return runner, samples, cells, grid


@settings(deadline=None, max_examples=60)
@given(cuts())
def test_tasks_cover_every_value_once_and_no_two_share_a_cell(
    cut: tuple[Doubling, int, tuple[tuple[int, ...], ...], TaskGrid],
) -> None:
    runner, samples, cells, grid = cut
    tiles = runner.tiles
    for output, (shape, cell) in enumerate(zip(runner.output_shapes(samples), cells, strict=True)):
        owner = np.full(shape, -1)
        for task in grid:
            for number in grid.tile_numbers(task):
                box = tiles[number].outputs[output]
                place = (slice(*task.samples), *(slice(*span) for span in box))
                assert (owner[place] == -1).all()
                owner[place] = task.number
        assert (owner >= 0).all()
        for corner in np.ndindex(*(-(-n // c) for n, c in zip(shape, cell, strict=True))):
            place = tuple(slice(i * c, i * c + c) for i, c in zip(corner, cell, strict=True))
            assert owner[place].min() == owner[place].max()


@settings(deadline=None, max_examples=60)
@given(cuts())
def test_pieces_are_whole_cells_of_samples_and_batches_fill_them(
    cut: tuple[Doubling, int, tuple[tuple[int, ...], ...], TaskGrid],
) -> None:
    runner, samples, cells, grid = cut
    assert [task.number for task in grid] == list(range(len(grid)))
    for task in grid:
        pieces = grid.pieces(task)
        assert pieces[0][0] == task.samples[0]
        assert pieces[-1][1] == task.samples[1]
        for first, last in pieces:
            assert last - first <= grid.piece
            for cell in cells:
                assert first % min(cell[0], samples) == 0
            batches = grid.batches((first, last))
            assert [b for b, _ in batches] == [first, *(e for _, e in batches[:-1])]
            assert batches[-1][1] == last
            assert all(0 < e - b <= max(grid.batch, 1) for b, e in batches)
            assert all(e - b <= runner.batch_size for b, e in batches)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 20), st.sampled_from((1, 500, 10**6)))
def test_samples_that_depend_on_each_other_stay_in_their_batch(
    samples: int, batch: int, cell: int, task_bytes: int
) -> None:
    runner = Doubling((4, 4), batch_size=batch)
    cells = [(cell, 4, 4), None]
    grid = cut_into_tasks(runner, samples, cells, fixed_batches=True, task_bytes=task_bytes)
    found = [b for task in grid for piece in grid.pieces(task) for b in grid.batches(piece)]
    assert found == [(at, min(at + batch, samples)) for at in range(0, samples, batch)]


def test_small_cells_make_few_tasks_and_large_ones_decide() -> None:
    runner = Doubling((16, 16), batch_size=8)
    small = cut_into_tasks(runner, 10_000, [(1, 1, 1), (1, 1, 1)], task_bytes=1 << 20)
    # A sample is 1,024 bytes in and 1,280 out.
    assert (small.task, small.piece, small.batch) == (456, 8, 8)
    large = cut_into_tasks(runner, 10_000, [(50, 16, 16), (20, 8, 8)], task_bytes=1)
    assert (large.task, large.piece) == (100, 100)
    assert large.batch == 8


def test_a_task_reads_whole_chunks_where_they_are_small() -> None:
    runner = Doubling((16, 16), batch_size=8)
    grid = cut_into_tasks(runner, 10_000, [None, None], [(60, 16, 16)], task_bytes=1 << 18)
    assert grid.task % 60 == 0
    assert grid.task % 8 == 0


def test_tiles_are_read_once_for_all_samples_of_a_chunk() -> None:
    runner = Doubling((64, 64), (16, 16), batch_size=1)
    grid = cut_into_tasks(runner, 40, [(1, 16, 16), (1, 8, 8)], [(10, 64, 64)], task_bytes=1)
    assert (grid.piece, grid.batch) == (10, 1)
    assert grid.box == (1, 1)


def test_a_cell_of_several_tiles_is_one_task() -> None:
    runner = Doubling((64, 48), (16, 16))
    grid = cut_into_tasks(runner, 2, [(1, 32, 16), (1, 8, 24)], task_bytes=1)
    assert grid.box == (2, 3)
    assert len(grid) == 2
    assert grid.tile_numbers(grid[1]) == [6, 7, 8, 9, 10, 11]


def test_no_samples_make_no_tasks() -> None:
    grid = cut_into_tasks(Doubling((4, 4)), 0, [(1, 4, 4), None])
    assert len(grid) == 0
    assert list(grid) == []


def test_a_task_that_is_none_is_refused() -> None:
    grid = TaskGrid(10, 4, 4, 4)
    assert [task.samples for task in grid] == [(0, 4), (4, 8), (8, 10)]
    with pytest.raises(IndexError, match="task 3 of 3"):
        grid[3]
    assert prod(grid.tiles) == 1
