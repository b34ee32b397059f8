"""What a worker finds about the files of a run, and a run that is broken off."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import speccompiler
from speccompiler.arrays.npy_box_output import NpyBoxOutput
from speccompiler.arrays.open_input import open_input
from speccompiler.dask import remote_run
from speccompiler.dask.recipe import Recipe
from speccompiler.dask.remote_run import RemoteRun, SharedInput, do_task, end_here
from speccompiler.options import CompileOptions
from speccompiler.running.remote_task import TaskRecipe
from speccompiler.running.run_tasks import Destination
from speccompiler.running.tasks import TaskGrid
from tests.models import FIXED, only_refusal


@pytest.fixture
def sent(tmp_path, rng):
    """A run of four tasks, as it is sent to workers."""
    x = rng.normal(size=(8, 6, 2)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    model = speccompiler.loads(FIXED)
    output = NpyBoxOutput.create(tmp_path / "y.npy", (8, 12))
    opener = partial(open_input, str(tmp_path / "x.npy"))
    tasks = TaskRecipe(
        TaskGrid(8, 2, 2, 2),
        (SharedInput.of(opener, "x.npy"),),
        (Destination(0, "y.npy", output),),
        1,
    )
    run = RemoteRun(Recipe.of(model, CompileOptions(batch_size=2, threads=1)), tasks)
    output.close()
    yield run.sent(), tmp_path, model.run(x)
    for token in [*remote_run._read]:
        end_here(token)


def test_tasks_fill_the_output(sent):
    data, folder, expected = sent
    done = [do_task("a", data, number) for number in (2, 0, 3, 1)]
    assert [one.number for one in done] == [2, 0, 3, 1]
    assert sum(one.samples for one in done) == 8
    np.testing.assert_array_equal(np.load(folder / "y.npy"), expected)


def elsewhere(monkeypatch):
    monkeypatch.setattr("platform.node", lambda: "node7")


HINT = "keep it on storage that every worker sees under the same path"


def test_another_machine_has_not_the_input(sent, monkeypatch):
    data, folder, _ = sent
    (folder / "x.npy").unlink()
    elsewhere(monkeypatch)
    assert str(only_refusal(lambda: do_task("b", data, 0))) == (
        f"x.npy: error CS203: a worker on node7 cannot use it: the file does not exist; {HINT}"
    )


def test_another_machine_has_another_input(sent, monkeypatch):
    data, folder, _ = sent
    np.save(folder / "x.npy", np.zeros((9, 6, 2), np.float32))
    elsewhere(monkeypatch)
    assert str(only_refusal(lambda: do_task("c", data, 0))) == (
        "x.npy: error CS203: a worker on node7 has another file under this path, or one that has "
        f"changed; {HINT}"
    )


def test_an_input_that_has_changed(sent):
    data, folder, _ = sent
    np.save(folder / "x.npy", np.zeros((8, 6, 2), np.float32))
    assert only_refusal(lambda: do_task("d", data, 0)).code == "CS203"


def test_another_machine_has_not_the_output(sent, monkeypatch):
    data, folder, _ = sent
    (folder / "y.npy").unlink()
    elsewhere(monkeypatch)
    assert str(only_refusal(lambda: do_task("e", data, 0))) == (
        f"{folder / 'y.npy'}: error CS203: a worker on node7 cannot write to it; {HINT}"
    )


def test_another_version(sent, monkeypatch):
    data, _, _ = sent
    elsewhere(monkeypatch)
    mine = speccompiler.__version__
    monkeypatch.setattr("speccompiler.__version__", "0.0.1")
    assert str(only_refusal(lambda: do_task("f", data, 0))) == (
        f"--scheduler: error CS203: a worker on node7 has convspec 0.0.1, and this is {mine}; "
        "install the same version everywhere"
    )


def test_another_instruction_set(sent, monkeypatch):
    data, _, _ = sent
    elsewhere(monkeypatch)
    mine = remote_run._level("cpu")
    monkeypatch.setattr(remote_run, "_level", lambda target: "x86-64-v9")
    assert str(only_refusal(lambda: do_task("g", data, 0))) == (
        f"--scheduler: error CS203: a worker on node7 computes with x86-64-v9, and this machine "
        f"with {mine}: bits would differ; set CONVSPEC_ISA to the lower of the two everywhere"
    )


def test_a_run_that_was_broken_off_does_nothing_more(sent):
    data, _, _ = sent
    do_task("h", data, 0)
    assert end_here("h") == 0
    with pytest.raises(remote_run.Ended):
        do_task("h", data, 1)
