"""Files that are written whole or not at all, whatever fails and wherever a process dies."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import numpy as np
import pytest

from speccompiler.arrays.npy_output import create_array
from tests.arrays.npy_files import enter, linux, posix, refused, run_python, saved


def test_the_final_name_appears_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "y.npy"
    with create_array(path, (2, 3)) as out:
        out.write(np.ones((1, 3), np.float32))
        (partial,) = os.listdir(tmp_path)
        assert partial.startswith(".y.npy.")
        assert partial.endswith(".part")
        assert out.written == 1
        out.write(np.ones((1, 3), np.float32))
    assert os.listdir(tmp_path) == ["y.npy"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
@pytest.mark.parametrize("existing", [False, True])
def test_an_exception_leaves_things_as_they_were(
    tmp_path: Path, error: type[BaseException], existing: bool
) -> None:
    path = tmp_path / "y.npy"
    if existing:
        path.write_bytes(b"before")

    def write() -> None:
        with create_array(path, (2, 3)) as out:
            out.write(np.ones((2, 3), np.float32))
            raise error

    with pytest.raises(error):
        write()
    assert os.listdir(tmp_path) == (["y.npy"] if existing else [])
    assert not existing or path.read_bytes() == b"before"


@posix
def test_permissions(tmp_path: Path) -> None:
    path = tmp_path / "y.npy"
    before = os.umask(0o027)
    try:
        for mode in (0o640, 0o604):  # the umask's, then the existing file's
            if mode == 0o604:
                path.chmod(mode)
            with create_array(path, (0,)):
                pass
            assert stat.S_IMODE(path.stat().st_mode) == mode
    finally:
        os.umask(before)


@posix
def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "y.npy"
    link.symlink_to(tmp_path / "real" / "z.npy")
    for _ in range(2):  # dangling, then not
        with create_array(link, (1,)) as out:
            out.write(np.ones(1, np.float32))
        assert link.is_symlink()
        assert os.listdir(tmp_path / "real") == ["z.npy"]


def test_a_name_of_any_length_and_suffix(tmp_path: Path) -> None:
    for name in ("y", "y.data", "y" * 250 + ".npy", "\N{SNOWMAN}" * 80):
        with create_array(tmp_path / name, (0, 2)):
            pass
        assert np.load(tmp_path / name).shape == (0, 2)


def test_outputs_that_cannot_be_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cannot = "the output cannot be created: "
    assert refused(enter(Path("no/y.npy"))) == (
        "CS120",
        cannot + "the folder 'no' does not exist",
        "create the folder first",
    )
    assert refused(enter(tmp_path)) == (
        "CS120",
        cannot + "this is a folder",
        "name a file in it, for example 'output.npy'",
    )
    for name, suffix, better in (
        ("y.npz", ".npz", "y.npy"),
        ("y.PNG", ".png", "y.npy"),
        ("a.b.csv", ".csv", "a.b.npy"),
    ):
        assert refused(enter(Path(name))) == (
            "CS120",
            f"{cannot}the result is a .npy file, but the name ends in '{suffix}'",
            f"name it '{better}'",
        )
    assert refused(enter(Path("a\0b"))) == (
        "CS120",
        cannot + "the path is not a valid file name",
        "check the path",
    )
    assert refused(enter(Path("y" * 300))) == (
        "CS120",
        cannot + "the name is too long",
        "check the path",
    )
    assert os.listdir(tmp_path) == []


@linux
def test_a_folder_that_takes_no_files() -> None:
    code, message, _ = refused(enter(Path("/proc/self/y.npy")))
    assert code == "CS120"
    assert message.startswith(
        "the output cannot be created: no file can be made in the folder '/proc/self' ("
    )


def test_a_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("speccompiler.files.atomic_output.create_unfinished", deny)
    assert refused(enter(Path("y.npy"))) == (
        "CS120",
        "the output cannot be created: no file can be made in the folder '.' (permission denied)",
        "choose a folder that you may write to",
    )


def test_a_write_protected_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, b"keep", "y.npy")
    monkeypatch.setattr("os.access", lambda *_: False)
    assert refused(enter(path)) == (
        "CS120",
        "the output cannot be created: a file of this name exists and is write-protected",
        "choose another name, or allow writing to it",
    )
    assert path.read_bytes() == b"keep"


LIMITED = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from speccompiler.arrays.npy_output import create_array
from speccompiler.files import atomic_output
from speccompiler.diagnostics.core import Problem
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
if sys.argv[2] == "late":
    atomic_output.reserve = lambda *_: None
try:
    with create_array(Path(sys.argv[1]), (10, 100)) as out:
        print("entered")
        for _ in range(10):
            out.write(np.ones((1, 100), np.float32))
except Problem as problem:
    print(problem.code, problem.message, problem.hint, sep="|")
"""


@linux
def test_a_file_too_large_is_known_before_the_work(tmp_path: Path) -> None:
    run = run_python(LIMITED, tmp_path / "y.npy", "early")
    code, message, hint = run.stdout.strip().split("|")
    assert (code, hint) == ("CS121", "free some space, or write to another disk")
    assert message.startswith(
        "there is no room for the output: the file would be larger than is allowed here "
        "(4128 bytes needed, "
    )
    assert message.endswith(" free)")
    assert os.listdir(tmp_path) == []


@linux
def test_a_write_that_fails_later(tmp_path: Path) -> None:
    saved(tmp_path, b"before", "y.npy")
    run = run_python(LIMITED, tmp_path / "y.npy", "late")
    assert run.stdout.splitlines() == [
        "entered",
        "CS121|writing stopped after 2 of 10 samples: the file would be larger than is allowed "
        "here|free some space, or write to another disk",
    ]
    assert os.listdir(tmp_path) == ["y.npy"]
    assert (tmp_path / "y.npy").read_bytes() == b"before"


def test_an_output_beyond_any_disk(tmp_path: Path) -> None:
    for samples in (1 << 50, 1 << 64):
        code, message, _ = refused(enter(tmp_path / "y.npy", (samples,)))
        assert code == "CS121"
        assert f"({4 * samples + 128} bytes needed, " in message
    assert os.listdir(tmp_path) == []


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from speccompiler.arrays.npy_output import create_array
with create_array(Path(sys.argv[1]), (10, 100)) as out:
    out.write(np.ones((9, 100), np.float32))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@posix
@pytest.mark.parametrize("existing", [False, True])
def test_a_killed_process_leaves_no_file_under_the_final_name(
    tmp_path: Path, existing: bool
) -> None:
    path = tmp_path / "y.npy"
    if existing:
        path.write_bytes(b"before")
    assert run_python(KILLED, path).returncode == -signal.SIGKILL
    assert path.exists() == existing
    assert not existing or path.read_bytes() == b"before"
