"""Unfinished places: what appears, what is kept, what is refused, and what a kill leaves."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from speccompiler.arrays import output_place
from speccompiler.arrays.boxes import slices
from speccompiler.arrays.npy_box_output import NpyBoxOutput
from speccompiler.arrays.output_place import LocalPlace, hold_place, place_folder
from speccompiler.arrays.planned_output import PlannedOutput
from speccompiler.diagnostics.core import Problem, SpecError
from tests.arrays import place_writer
from tests.arrays.place_writer import HEADER, SHAPE, VALUES, box_of, planned, write

TASKS = list(range(SHAPE[0] // 2))


def check_complete(folder: Path) -> None:
    """Both outputs, and nothing beside them."""
    assert sorted(os.listdir(folder)) == ["y.a.npy", "y.zarr"]
    assert zarr.open_array(folder / "y.zarr", mode="r")[...].tobytes() == VALUES.tobytes()
    assert np.load(folder / "y.a.npy").tobytes() == VALUES.tobytes()


def refused(action: Callable[[], Any]) -> tuple[str, str, str | None]:
    """Code, message and hint; of a finding with the name of its file in front."""
    with pytest.raises((Problem, SpecError)) as raised:
        action()
    error = raised.value
    if isinstance(error, SpecError):
        found = error.diagnostics[0]
        return found.code, f"{Path(str(found.file)).name}: {found.message}", found.hint
    return error.code, error.message, error.hint


def test_outputs_appear_together_when_all_is_done(tmp_path: Path) -> None:
    with hold_place(str(tmp_path / "y.zarr")) as place:
        assert (place.header, place.records) == (None, ())
        outputs = place.open(planned(tmp_path))
        place.begin(HEADER)
        for task in TASKS:
            for output in outputs:
                output.put(box_of(task), VALUES[slices(box_of(task))])
                output.sync(box_of(task))
            assert os.listdir(tmp_path) == ["y.zarr.unfinished"]
            place.record(str(task))
        place.complete()
    check_complete(tmp_path)


def test_an_error_keeps_what_was_done(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        write(tmp_path, stop=0)
    assert os.listdir(tmp_path) == []
    with pytest.raises(RuntimeError):
        write(tmp_path, stop=5)
    assert os.listdir(tmp_path) == ["y.zarr.unfinished"]
    with hold_place(str(tmp_path / "y.zarr")) as place:
        assert (place.header, place.records) == (HEADER, ("0", "1", "2", "3", "4"))
    with pytest.raises(RuntimeError):
        write(tmp_path, stop=7)
    assert write(tmp_path) == TASKS[7:]
    check_complete(tmp_path)


def test_clearing_begins_anew(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        write(tmp_path, stop=5)
    with hold_place(str(tmp_path / "y.zarr")) as place:
        place.clear()
        assert (place.header, place.records) == (None, ())
        assert sorted(os.listdir(tmp_path / "y.zarr.unfinished")) == ["journal", "lock"]
    assert os.listdir(tmp_path) == []
    assert write(tmp_path) == TASKS
    check_complete(tmp_path)


def old_outputs(folder: Path) -> None:
    zarr.create_array(folder / "y.zarr", data=np.ones((3, 2)), chunks=(1, 2))
    np.save(folder / "y.a.npy", np.ones(3))
    (folder / "y.a.npy").chmod(0o600)


def test_what_is_there_is_replaced_at_the_end(tmp_path: Path) -> None:
    old_outputs(tmp_path)
    with pytest.raises(RuntimeError):
        write(tmp_path, stop=5)
    assert zarr.open_array(tmp_path / "y.zarr", mode="r").shape == (3, 2)
    assert np.load(tmp_path / "y.a.npy").shape == (3,)
    write(tmp_path)
    check_complete(tmp_path)
    assert stat.S_IMODE((tmp_path / "y.a.npy").stat().st_mode) == 0o600


def test_symbolic_links_stay(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "links").mkdir()
    old_outputs(tmp_path / "real")
    for name in ("y.zarr", "y.a.npy"):
        (tmp_path / "links" / name).symlink_to(tmp_path / "real" / name)
    write(tmp_path / "links")
    assert (tmp_path / "links/y.zarr").is_symlink()
    check_complete(tmp_path / "real")


def test_relative_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("."))
    check_complete(tmp_path)
    assert place_folder("y.zarr/") == tmp_path / "y.zarr.unfinished"


# --- kills


def killed(folder: Path, after: float) -> None:
    with subprocess.Popen([sys.executable, place_writer.__file__, str(folder)]) as process:
        time.sleep(after)
        process.send_signal(signal.SIGKILL)


@pytest.mark.slow
def test_kills_at_random_moments(tmp_path: Path) -> None:
    """Nothing under the names until all is done, and then all of it."""
    started = time.monotonic()
    subprocess.run([sys.executable, place_writer.__file__, str(tmp_path)], check=True)
    whole = time.monotonic() - started
    check_complete(tmp_path)
    moments = random.Random(1)
    for _ in range(8):
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()
        killed(tmp_path, moments.uniform(0.5, 1.0) * whole)
        found = set(os.listdir(tmp_path)) - {"y.zarr.unfinished"}
        if not (tmp_path / "y.zarr.unfinished/complete").exists():
            assert found in (set(), {"y.a.npy", "y.zarr"})
        with hold_place(str(tmp_path / "y.zarr")) as place:
            left = place.header is not None
        if left or not found:
            write(tmp_path)
        check_complete(tmp_path)


def test_a_kill_at_every_step_of_the_end(tmp_path: Path) -> None:
    """Whichever name was taken last, the run that goes on gives the others theirs."""
    folders = [tmp_path / str(step) for step in range(60)]
    for folder in folders:
        folder.mkdir()
        old_outputs(folder)
    subprocess.run([sys.executable, place_writer.__file__, str(tmp_path), "every-step"], check=True)
    naming = complete = 0
    for folder in folders:
        naming += (folder / "y.zarr.unfinished/complete").exists()
        with hold_place(str(folder / "y.zarr")) as place:
            left = place.header is not None
            assert len(place.records) in {0, len(TASKS)}
        new = not left and zarr.open_array(folder / "y.zarr", mode="r").shape == SHAPE
        complete += new
        if left:
            assert write(folder) == []
        elif not new:
            assert write(folder) == TASKS
        check_complete(folder)
    assert naming >= 4
    assert 0 < complete < len(folders) - naming // 2


def test_ctrl_c_waits_for_the_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old_outputs(tmp_path)
    calls = []
    real = os.rename

    def rename(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(output_place.os, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path)
    check_complete(tmp_path)


# --- refusals


def test_two_at_once(tmp_path: Path) -> None:
    with hold_place(str(tmp_path / "y.zarr")):
        code, message, hint = refused(lambda: hold_place(str(tmp_path / "y.zarr")))
        assert code == "CS191"
        assert message.startswith(f"another run is writing it now (process {os.getpid()} on ")
        assert hint == "wait until it is done, or choose another name"
        # An output beside it is another one.
        with hold_place(str(tmp_path / "z.zarr")):
            pass
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("make", ["file", "folder", "link"])
def test_what_is_in_the_way_is_never_touched(tmp_path: Path, make: str) -> None:
    place = tmp_path / "y.zarr.unfinished"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes").write_text("mine")
    if make == "file":
        place.write_text("mine")
    elif make == "folder":
        shutil.copytree(tmp_path / "other", place)
    else:
        place.symlink_to(tmp_path / "other")
    assert refused(lambda: write(tmp_path)) == (
        "CS192",
        "'y.zarr.unfinished' beside it is where the output would be built, and is not of "
        "convspec's making",
        "move it away, or choose another name",
    )
    assert (tmp_path / "other/notes").read_text() == "mine"
    assert place.exists()


def test_parts_that_were_changed(tmp_path: Path) -> None:
    place = tmp_path / "y.zarr.unfinished"
    for name, damage in (
        ("0.y.zarr", lambda: shutil.rmtree(place / "0.y.zarr")),
        ("0.y.zarr", lambda: (place / "0.y.zarr/zarr.json").write_text("{}")),
        ("1.y.a.npy", lambda: (place / "1.y.a.npy").unlink()),
        ("1.y.a.npy", lambda: (place / "1.y.a.npy").write_bytes(b"short")),
    ):
        with pytest.raises(RuntimeError):
            write(tmp_path, stop=5)
        damage()
        shown = "y.zarr" if name.startswith("0") else "y.a.npy"
        assert refused(lambda: write(tmp_path)) == (
            "CS192",
            f"{shown}: the unfinished output 'y.zarr.unfinished/{name}' is missing or damaged",
            "begin anew with --restart",
        )
        with hold_place(str(tmp_path / "y.zarr")) as held:
            held.clear()


def test_a_name_that_was_taken_meanwhile(tmp_path: Path) -> None:
    """The result is not lost, and what took its name is left alone."""
    with hold_place(str(tmp_path / "y.zarr")) as place:
        outputs = place.open(planned(tmp_path))
        place.begin(HEADER)
        for task in TASKS:
            for output in outputs:
                output.put(box_of(task), VALUES[slices(box_of(task))])
            place.record(str(task))
        (tmp_path / "y.zarr").mkdir()
        (tmp_path / "y.zarr/notes").write_text("mine")
        part = tmp_path / "y.zarr.unfinished/0.y.zarr"
        assert refused(place.complete) == (
            "CS120",
            "y.zarr: it is complete, but could not take its name: the output cannot be created: "
            "this folder is no Zarr array, and is never replaced",
            f"it lies in '{part}': give --resume when the name is free",
        )
    assert (tmp_path / "y.zarr/notes").read_text() == "mine"
    shutil.rmtree(tmp_path / "y.zarr")
    assert write(tmp_path) == []
    check_complete(tmp_path)


def test_a_place_never_says_where_outputs_go(tmp_path: Path) -> None:
    """Whatever lies in it came from somebody: only names of the run that goes on count."""
    (tmp_path / "theirs").write_text("mine")
    with pytest.raises(RuntimeError):
        write(tmp_path, stop=5)
    place = tmp_path / "y.zarr.unfinished"
    (place / "complete").write_text('[["0.y.zarr", "theirs", "y.zarr"]]')
    with hold_place(str(tmp_path / "y.zarr")):
        pass
    assert (tmp_path / "theirs").read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["theirs", "y.zarr.unfinished"]


def test_a_folder_that_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def mkdir(path: Path, mode: int = 0o777) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "mkdir", mkdir)
    assert refused(lambda: LocalPlace(str(tmp_path / "y.zarr"))) == (
        "CS120",
        f"the output cannot be created: no folder can be made in '{tmp_path}' (permission denied)",
        "choose a folder that you may write to",
    )


def test_names_that_are_none(tmp_path: Path) -> None:
    long = str(tmp_path / ("y" * 250 + ".zarr"))
    assert refused(lambda: LocalPlace(long))[:2] == (
        "CS120",
        "the output cannot be created: "
        f"'{'y' * 250}.zarr.unfinished', where it is built, cannot be used (the name is too long)",
    )


def full_disk() -> Path | None:
    """A small disk of its own, where this machine lets us have one."""
    folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"convspec-small-{os.getpid()}"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        folder.rmdir()
        return None
    return folder


def test_a_disk_that_fills_up() -> None:
    folder = full_disk() if sys.platform == "linux" and os.geteuid() == 0 else None
    if folder is None:
        pytest.skip("no small disk can be mounted")
    try:
        big = (64, 32, 32)
        with hold_place(str(folder / "y.npy")) as place:
            npy = PlannedOutput(str(folder / "y.npy"), big)
            code, message, _ = refused(lambda: place.open([npy]))
        assert code == "CS121"
        assert message.startswith("there is no room for the output: the disk is full (")
        layout = planned(folder)[0].zarr
        assert layout is not None
        values = np.random.default_rng(0).standard_normal(big).astype(np.float32)
        array = replace(layout, shape=big, layout=replace(layout.layout, chunks=(1, 32, 32),
                                                          shards=None))  # fmt: skip
        zarr_output = PlannedOutput(str(folder / "y.zarr"), big, array)

        def run() -> None:
            with hold_place(str(folder / "y.zarr")) as place:
                (output,) = place.open([zarr_output])
                place.begin(HEADER)
                for at in range(64):
                    box = ((at, at + 1), (0, 32), (0, 32))
                    output.put(box, values[at : at + 1])
                    output.sync(box)
                    place.record(str(at))

        assert refused(run)[:2] == (
            "CS121",
            "writing stopped after some samples: the disk is full",
        )
        # What was done is kept, and more room is all that is needed.
        assert os.listdir(folder) == ["y.zarr.unfinished"]
        subprocess.run(["mount", "-o", "remount,size=1m", str(folder)], check=True)
        with hold_place(str(folder / "y.zarr")) as place:
            done = set(map(int, place.records))
            assert 0 < len(done) < 64
            (output,) = place.open([zarr_output])
            for at in sorted(set(range(64)) - done):
                output.put(((at, at + 1), (0, 32), (0, 32)), values[at : at + 1])
            place.complete()
        assert zarr.open_array(folder / "y.zarr", mode="r")[...].tobytes() == values.tobytes()
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


def test_no_journal_entry_before_its_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that cannot be written stops the run."""

    def fails(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with hold_place(str(tmp_path / "y.npy")) as place:
        (output,) = place.open([PlannedOutput(str(tmp_path / "y.npy"), (4, 2))])
        assert isinstance(output, NpyBoxOutput)
        place.begin(HEADER)
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", fails)
            assert refused(lambda: place.record("0")) == (
                "CS121",
                "writing stopped after some samples: the device reports an error",
                "free some space, or write to another disk",
            )
    assert os.listdir(tmp_path) == []
