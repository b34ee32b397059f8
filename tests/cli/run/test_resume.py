"""Runs that are broken off: what is kept, what is said, and when another goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

import speccompiler
from speccompiler.cli import main, run_work
from speccompiler.running import tasks
from speccompiler.running.tasks import Task
from speccompiler.running.unfinished_run import ResumableRun
from tests.cli.run.calling import REPEAT, npy, start

RUN = ("run", "repeat.yaml", "--input", "steps.npy", "--target", "reference", "--batch-size", "1")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the six samples is a task."""
    monkeypatch.setattr(tasks, "TASK_BYTES", 1)
    monkeypatch.setattr(run_work, "NPY_TASK_BYTES", 1)


class Ended:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


class Runs:
    """Runs in this process, which can be broken off after so many tasks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *more: str, run: tuple[str, ...] = RUN) -> Ended:
        status = main.run([*run, *more])
        out, err = self._capsys.readouterr()
        return Ended(status, out, err)

    def broken(self, after: int, *more: str, run: tuple[str, ...] = RUN) -> Ended:
        finished = ResumableRun.finished
        noted = 0

        def then_interrupted(kept: ResumableRun, task: Task, bad: int) -> None:
            nonlocal noted
            finished(kept, task, bad)
            noted += 1
            if noted == after:
                raise KeyboardInterrupt

        with self._monkeypatch.context() as patch:
            patch.setattr(ResumableRun, "finished", then_interrupted)
            return self(*more, run=run)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Runs:
    return Runs(monkeypatch, capsys)


def expected(x: str = "steps.npy") -> np.ndarray:
    return np.repeat(np.load(x), 2, axis=1)


@pytest.mark.parametrize("output", ["y.npy", "y.zarr"])
def test_a_run_that_is_broken_off_is_kept_and_gone_on_with(runs: Runs, output: str) -> None:
    chunks = ("--chunks", "1") if output == "y.zarr" else ()
    first = runs.broken(2, "-o", output, *chunks)
    assert first.status == 130
    assert first.err == (
        "2 of 6 tasks are done and kept: the same command with --resume goes on\n"
        "convspec: interrupted\n"
    )
    assert not Path(output).exists()
    again = runs.broken(1, "-o", output, *chunks, "--resume")
    assert again.err.startswith(f"going on with {output}: 2 of 6 tasks are done\n")
    assert "3 of 6 tasks are done and kept" in again.err
    last = runs("-o", output, *chunks, "--resume")
    assert last.status == 0, last.err
    assert last.err.startswith(f"going on with {output}: 3 of 6 tasks are done\n3 samples in ")
    assert last.out == f"wrote {output}: (6, 8, 8) float32, output of 'up'\n"
    assert not list(Path().glob("*.unfinished"))
    if output == "y.npy":
        np.testing.assert_array_equal(np.load(output), expected())


def test_an_unfinished_run_is_neither_used_nor_wiped_silently(runs: Runs) -> None:
    np.save("y.npy", np.zeros(3))
    runs.broken(1, "-o", "y.npy")
    refused = runs("-o", "y.npy")
    assert refused.status == 2
    assert refused.err == (
        "y.npy: error CS195: an earlier run has left this output unfinished: 1 of 6 tasks is done\n"
        "  hint: --resume goes on with it, --restart throws it away and begins anew\n"
        "\nfound 1 error\n"
    )
    assert np.load("y.npy").shape == (3,)
    anew = runs("-o", "y.npy", "--restart")
    assert anew.status == 0
    assert anew.err.startswith("6 samples in ")
    np.testing.assert_array_equal(np.load("y.npy"), expected())


def test_resume_begins_where_there_is_nothing_to_go_on_with(runs: Runs) -> None:
    begun = runs("-o", "y.npy", "--resume")
    assert begun.status == 0
    assert begun.err.startswith("no unfinished run of y.npy: this one begins with the first task\n")


CHANGED = {
    "the input": ("the input 'up' (", ()),
    "the model": ("the model (", ()),
    "the math": ("--math (fast then, precise now)", ("--math", "precise")),
}


@pytest.mark.parametrize("what", CHANGED)
def test_a_run_that_was_another_one_is_not_gone_on_with(runs: Runs, what: str) -> None:
    runs.broken(2, "-o", "y.npy")
    if what == "the input":
        np.save("steps.npy", 2 * np.load("steps.npy"))
    if what == "the model":
        Path("repeat.yaml").write_text(f"{REPEAT}  - {{type: Activation, activation: relu}}\n")
    words, more = CHANGED[what]
    refused = runs("-o", "y.npy", "--resume", *more)
    assert refused.status == 2, refused.err
    told = (
        "y.npy: error CS196: the unfinished run (2 of 6 tasks are done) was another one; changed: "
    )
    assert refused.err.startswith(told)
    assert words in refused.err
    assert "  hint: give what it was begun with, or begin anew with --restart\n" in refused.err
    # What is kept stays.
    assert len(Path("y.npy.unfinished/journal").read_text().splitlines()) == 3
    assert runs("-o", "y.npy", "--restart", *more).status == 0


def test_weights_that_changed_are_told_apart_by_their_content(runs: Runs) -> None:
    run = ("run", "model.yaml", "--weights", "w.npz", "--input", "x.npy", "--batch-size", "1")
    run += ("--target", "reference")
    runs.broken(2, "-o", "y.npy", run=run)
    weights = dict(np.load("w.npz"))
    os.utime("w.npz", (1, 1))
    assert "7 samples" not in runs.broken(1, "-o", "y.npy", "--resume", run=run).err
    weights["dense/b"] = weights["dense/b"] + 1
    np.savez("w.npz", **weights)
    refused = runs("-o", "y.npy", "--resume", run=run)
    assert refused.status == 2
    assert "was another one; changed: the weights (" in refused.err


def test_another_batch_goes_on_with_the_same_tasks(runs: Runs) -> None:
    runs.broken(1, "-o", "z.npy", run=(*RUN[:-1], "4"))
    for size in ("1", "6"):
        runs.broken(1, "-o", "z.npy", "--resume", run=(*RUN[:-1], size))
    assert runs("-o", "z.npy", "--resume").status == 0
    np.testing.assert_array_equal(np.load("z.npy"), expected())


def test_values_that_are_not_finite_are_counted_over_all_runs(runs: Runs) -> None:
    x = np.load("steps.npy")
    x[0, 0, 0] = x[5, 0, 0] = np.nan
    np.save("steps.npy", x)
    runs.broken(3, "-o", "y.npy")
    last = runs("-o", "y.npy", "--resume")
    assert "warning CS098: the output holds 4 values that are not finite" in last.err


def test_notes_that_cannot_be_understood_are_told(runs: Runs) -> None:
    runs.broken(2, "-o", "y.npy")
    journal = Path("y.npy.unfinished/journal")
    text = journal.read_text().replace('"format": 1', '"format": 9')
    lines = [line.partition(" ")[2] for line in text.splitlines()]
    journal.write_text("".join(f"{zlib.crc32(x.encode()):08x} {x}\n" for x in lines))
    for option in ((), ("--resume",)):
        refused = runs("-o", "y.npy", *option)
        assert refused.status == 2
        assert refused.err == (
            "y.npy: error CS197: what an earlier run left unfinished cannot be understood: another "
            "version of convspec wrote it, or it is damaged\n"
            "  hint: begin anew with --restart\n\nfound 1 error\n"
        )
    assert runs("-o", "y.npy", "--restart").status == 0


def test_a_torn_line_is_a_task_that_is_done_again(runs: Runs) -> None:
    runs.broken(3, "-o", "y.npy")
    journal = Path("y.npy.unfinished/journal")
    journal.write_bytes(journal.read_bytes()[:-5])
    last = runs("-o", "y.npy", "--resume")
    assert last.err.startswith("going on with y.npy: 2 of 6 tasks are done\n4 samples in ")
    np.testing.assert_array_equal(np.load("y.npy"), expected())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--resume", "--restart", "-o", "y.npy"),
         "--resume goes on with an unfinished run, --restart throws it away"),
        (("--resume",), "--resume is about an unfinished output: give --output"),
        (("--restart", "-o", "y.npz"),
         "--restart is for Zarr and .npy outputs; 'y.npz' is written from its start to its end, "
         "and nothing of it is kept"),
        (("--resume", "-o", "y.npy", "--penalties"),
         "--penalties needs every sample, and --resume does not compute those again that are done; "
         "give one of them"),
        (("--tile", "2", "--profile", "--target", "cpu"),
         "--profile shows the steps of one plan, and tiles of several kinds have several plans"),
    ],
)  # fmt: skip
def test_options_that_contradict_each_other(
    runs: Runs, more: tuple[str, ...], message: str
) -> None:
    refused = runs(*more)
    assert refused.status == 2
    assert refused.err.splitlines()[-1] == f"Error: {message}"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--resume", "-o", "y.npy"),
         "--resume reads the input again, and standard input cannot be"),
        (("--tile", "2"),
         "--tile reads parts of the input in any order, and standard input has only one"),
    ],
)  # fmt: skip
def test_standard_input_has_one_order(runs: Runs, more: tuple[str, ...], message: str) -> None:
    refused = runs(*more, run=("run", "repeat.yaml", "--input", "-"))
    assert refused.status == 2
    assert refused.err.splitlines()[-1] == f"Error: {message}"


def test_an_input_that_nothing_tells_from_another_cannot_be_gone_on_with(runs: Runs) -> None:
    os.mkfifo("pipe.npy")
    data = Path("steps.npy").read_bytes()
    writer = threading.Thread(target=lambda: Path("pipe.npy").write_bytes(data))
    writer.start()
    run = ("run", "repeat.yaml", "--input", "pipe.npy", "--target", "reference")
    refused = runs("-o", "y.npy", "--resume", run=run)
    writer.join()
    assert refused.status == 2
    assert refused.err == (
        "pipe.npy: error CS198: nothing says whether this input still is what it was, so that no "
        "run can go on with another\n"
        "  hint: save it to a file, or leave --resume out\n\nfound 1 error\n"
    )


def test_tiles_of_auto_are_those_of_the_unfinished_run(runs: Runs) -> None:
    """What fits into memory may be another number by then."""
    run = (*RUN[:-2], "--batch-size", "6")
    runs.broken(1, "-o", "y.npy", "--tile", "2", run=run)
    last = runs("-o", "y.npy", "--tile", "auto", "--resume", run=run)
    assert last.status == 0, last.err
    assert "2 tiles (2) of 2" in last.err
    np.testing.assert_array_equal(np.load("y.npy"), expected())


@pytest.mark.parametrize(("before", "now"), [((), ("--tile", "2")), (("--tile", "2"), ())])
def test_tiles_that_were_others_are_told_before_their_tasks_are_used(
    runs: Runs, before: tuple[str, ...], now: tuple[str, ...]
) -> None:
    run = (*RUN[:5], "cpu", *RUN[6:])
    runs.broken(1, "-o", "y.npy", *before, run=run)
    ended = runs("-o", "y.npy", "--resume", *now, run=run)
    assert ended.status == 2
    then, is_now = (before or ("", "none"))[1], (now or ("", "none"))[1]
    changed = f"tasks is done) was another one; changed: --tile ({then} then, {is_now} now)\n"
    assert changed in ended.err


def test_a_run_that_was_killed_before_a_task_was_done_is_no_obstacle(runs: Runs) -> None:
    runs.broken(1, "-o", "y.npy")
    journal = Path("y.npy.unfinished", "journal")
    header = journal.read_bytes().splitlines(keepends=True)[0]
    journal.write_bytes(header)
    assert runs("-o", "y.npy").status == 0
    np.testing.assert_array_equal(np.load("y.npy"), expected())


def test_a_folder_is_the_same_from_wherever_it_is_named(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    zarr = pytest.importorskip("zarr")
    zarr.create_array("x.zarr", data=np.load("steps.npy"), chunks=(1, 4, 8))
    given = [*RUN]
    given[3] = "x.zarr"
    runs.broken(1, "-o", "y.npy", run=tuple(given))
    given[3] = str(Path("x.zarr").absolute())
    ended = runs("-o", "y.npy", "--resume", run=tuple(given))
    assert ended.status == 0, ended.err
    assert ended.err.splitlines()[0].startswith("going on with y.npy: 1 of 6 tasks is done")


def test_a_stream_that_gives_nothing_more_does_not_hold_up_an_interrupt() -> None:
    x = np.load("steps.npy")
    process = start("run", "repeat.yaml", "--input", "-", "--batch-size", "1", "-o", "-",
                    stdin=subprocess.PIPE)  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(npy(x)[: -x[0].nbytes])
    process.stdin.flush()
    process.stdout.read(100)
    started = time.perf_counter()
    process.send_signal(signal.SIGINT)
    status = process.wait(timeout=60)
    assert time.perf_counter() - started < 10
    assert process.stderr is not None
    assert (status, process.stderr.read()) == (130, b"convspec: interrupted\n")
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()


def test_the_version_that_may_round_otherwise_is_part_of_a_run(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.broken(1, "-o", "y.npy")
    monkeypatch.setattr(speccompiler, "__version__", "99.1.5")
    assert "changed: convspec (" in runs("-o", "y.npy", "--resume").err
