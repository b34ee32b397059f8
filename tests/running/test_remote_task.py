"""Tasks that are done one by one in other processes."""

from __future__ import annotations

import multiprocessing
import pickle
from functools import partial
from pathlib import Path

import numpy as np

from speccompiler.arrays.npy_box_output import NpyBoxOutput
from speccompiler.arrays.npy_input import open_array
from speccompiler.running.remote_task import TaskRecipe, run_one
from speccompiler.running.run_tasks import Destination
from speccompiler.running.tasks import cut_into_tasks
from tests.running.tiled_fakes import Doubling


def worked(sent: bytes, numbers: list[int], given: object) -> None:
    """What a worker does: the recipe arrives as bytes."""
    runner, recipe = pickle.loads(sent)
    told = [run_one(runner, recipe, number) for number in numbers]
    given.send([(done.number, done.non_finite) for done in told])  # type: ignore[attr-defined]


def test_workers_write_into_the_same_outputs(tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((20, 8, 8)).astype(np.float32)
    x[13, 5, 5] = np.inf
    np.save(tmp_path / "x.npy", x)
    runner = Doubling((8, 8), (4, 8), 3)
    grid = cut_into_tasks(runner, 20, [None, None], task_bytes=1)
    shapes = runner.output_shapes(20)
    outputs = [NpyBoxOutput.create(tmp_path / f"y{i}.npy", s) for i, s in enumerate(shapes)]
    recipe = TaskRecipe(
        grid,
        (partial(open_array, tmp_path / "x.npy", "x.npy"),),
        tuple(Destination(i, f"y{i}.npy", output) for i, output in enumerate(outputs)),
        judged=1,
    )
    sent = pickle.dumps((runner, recipe))
    context = multiprocessing.get_context("spawn")
    numbers = list(range(len(grid)))
    workers = []
    for part in (numbers[::2], numbers[1::2]):
        here, there = context.Pipe()
        worker = context.Process(target=worked, args=(sent, part, there))
        worker.start()
        workers.append((worker, here))
    told = [one for _, here in workers for one in here.recv()]
    for worker, _ in workers:
        worker.join()
    assert sorted(number for number, _ in told) == numbers
    assert sum(bad for _, bad in told) == 1
    for i, expected in enumerate(runner.expected(x)):
        np.testing.assert_array_equal(np.load(tmp_path / f"y{i}.npy"), expected)
        outputs[i].close()
