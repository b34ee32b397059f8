"""What a system may lack: it is asked for in one place, and everything works without it."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import speccompiler
from speccompiler.arrays.npy_input import open_array
from speccompiler.arrays.npy_output import create_array
from speccompiler.arrays.output_place import hold_place
from speccompiler.diagnostics.core import Problem
from speccompiler.files.atomic_output import FileGroup, atomic_file
from speccompiler.files.ordinary_files import NotOrdinary, open_raw
from speccompiler.system import cache, facilities, memory
from speccompiler.system.facilities import Facility
from speccompiler.system.unfinished_files import create_unfinished, sweep
from tests.arrays.place_writer import write
from tests.arrays.test_output_place import check_complete, old_outputs
from tests.test_imports import modules

FACILITIES = {name: f for name, f in vars(facilities).items() if isinstance(f, Facility)}


def take_away(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Make Python look as on a system without these facilities."""
    paths = []
    for need in {need for name in names for need in FACILITIES[name].needs}:
        module, _, attribute = need.rpartition(".")
        if need.startswith("/"):
            paths.append(need)
        elif module in {"fcntl", "resource", "posix"}:
            monkeypatch.setitem(sys.modules, module, None)
        else:
            monkeypatch.delattr(importlib.import_module(module), attribute)
    exists = facilities._exists
    monkeypatch.setattr(facilities, "_exists", lambda need: need not in paths and exists(need))
    assert not any(FACILITIES[name].here for name in names)


def refuse_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Windows: a file that is open is neither removed nor renamed, nor is its name taken."""

    def check(*paths: Any) -> None:
        for number in os.listdir("/proc/self/fd"):
            try:
                held = os.readlink(f"/proc/self/fd/{number}")
            except OSError:
                continue
            if held in map(os.path.abspath, paths):
                raise PermissionError(13, "the file is in use")

    unlink, replace = os.unlink, os.replace
    monkeypatch.setattr(os, "unlink", lambda path, **o: (check(path), unlink(path, **o)))
    monkeypatch.setattr(os, "replace", lambda a, b: (check(a, b), replace(a, b)))


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has all of it")
def test_linux_has_all_of_it() -> None:
    assert [name for name, facility in FACILITIES.items() if not facility.here] == []


def test_every_facility_is_asked_for() -> None:
    text = "".join(file.read_text(encoding="utf-8") for _, _, file in modules())
    assert [name for name in FACILITIES if f"facilities.{name}.here" not in text] == []


LIBRARIES = {"speccompiler.kernels.cuda.runtime.driver", "speccompiler.kernels.cpu.runtime.team"}
"""Modules that load another library on each system."""


def test_nobody_else_asks_what_a_system_has() -> None:
    system = {"os", "signal", "mmap", "select", "stat", "errno"}
    for name, _, file in modules():
        if name == "speccompiler.system.facilities":
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            match node:
                case ast.Call(ast.Name("hasattr" | "getattr"), [ast.Name(asked), *_]):
                    assert asked not in system, name
                case ast.Attribute(ast.Name("os"), "name"):
                    raise AssertionError(name)
                case ast.Attribute(ast.Name("sys"), "platform"):
                    assert name in LIBRARIES
        for node in tree.body:
            if isinstance(node, ast.Import):
                assert not {a.name for a in node.names} & {"fcntl", "resource", "pwd"}, name


ON_FILES = [
    "FILE_LOCKS", "PERMISSIONS", "RESERVED_SPACE",
    "OPENS_WITHOUT_WAITING", "OWNERS",
]  # fmt: skip


@pytest.mark.parametrize("missing", [[name] for name in ON_FILES] + [ON_FILES])
def test_files_are_written_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: list[str]
) -> None:
    take_away(monkeypatch, *missing)
    if not facilities.FILE_LOCKS.here:
        refuse_open_files(monkeypatch)
    target = tmp_path / "y.npy"
    for value in (1, 2):  # a new file, and one that is replaced
        with create_array(target, (3, 2)) as out:
            out.write(np.full((3, 2), value, np.float32))
        assert np.array_equal(np.load(target), np.full((3, 2), value, np.float32))
    with pytest.raises(KeyboardInterrupt), create_array(target, (3, 2)) as out:
        raise KeyboardInterrupt
    with FileGroup() as group:
        for name in ("a", "b"):
            with atomic_file(tmp_path / name, 1, group) as file:
                file.write(b"1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "y.npy"]
    with open_array(target, "y.npy") as opened:
        assert [len(batch) for batch in opened.batches(2)] == [2, 1]


ON_PLACES = [
    "FILE_LOCKS", "PERMISSIONS", "RESERVED_SPACE", "POSITIONED_WRITES", "SYNCED_FOLDERS",
]  # fmt: skip


@pytest.mark.parametrize("missing", [[name] for name in ON_PLACES] + [ON_PLACES])
def test_outputs_are_built_and_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: list[str]
) -> None:
    take_away(monkeypatch, *missing)
    if not facilities.FILE_LOCKS.here:
        refuse_open_files(monkeypatch)
    old_outputs(tmp_path)
    with pytest.raises(RuntimeError):
        write(tmp_path, stop=4)
    with hold_place(str(tmp_path / "y.zarr")) as place:
        assert len(place.records) == 4
        with pytest.raises(Problem, match="another run is writing it now"):
            hold_place(str(tmp_path / "y.zarr"))
    write(tmp_path)
    check_complete(tmp_path)


def test_without_locks_what_is_open_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_away(monkeypatch, "FILE_LOCKS")
    refuse_open_files(monkeypatch)
    with create_unfinished(tmp_path, "a"):
        sweep(tmp_path)
        assert len(list(tmp_path.iterdir())) == 1
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_cache_without_owners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path))
    take_away(monkeypatch, "OWNERS", "FILE_LOCKS")
    folder = cache.cache_folder("tuning")
    assert folder is not None
    assert cache.write_entry(folder / f"{cache.PREFIX}a.x", [b"1", b"2"])
    assert cache.read_entry(folder / f"{cache.PREFIX}a.x") == b"12"
    assert cache.clear() == (1, 2)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_no_file_where_opening_it_would_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "p")
    take_away(monkeypatch, "OPENS_WITHOUT_WAITING")
    with pytest.raises(NotOrdinary, match="a pipe, not an ordinary file"):
        open_raw(tmp_path / "p", pipes=True)


@pytest.mark.parametrize("missing", [[], ["LARGE_PAGES"], ["MAPPED_MEMORY", "LARGE_PAGES"]])
def test_buffers(monkeypatch: pytest.MonkeyPatch, missing: list[str]) -> None:
    take_away(monkeypatch, *missing)
    for elements in (1, 1 << 20):
        buffer = memory.allocate(elements)
        assert buffer.shape == (elements,)
        assert buffer.ctypes.data % memory.LINE == 0
        assert not buffer.any()


ELSEWHERE = """
import concurrent.futures.thread, os, sys
import h5py, mmap, numba, numpy, psutil, select, signal
from importlib import import_module
for need in sys.argv.pop(1).split():
    module, _, attribute = need.rpartition(".")
    if module in ("fcntl", "resource", "posix"):
        sys.modules[module] = None
    elif hasattr(import_module(module), attribute):
        delattr(import_module(module), attribute)
from speccompiler.cli import main
sys.exit(main.run(sys.argv[1:]))
"""
SPEC = """\
convspec: 1
dim_ordering: tf
input_shape: [6, 6, 2]
layers:
  - {type: Convolution2D, name: c, nb_filter: 3, nb_row: 3, nb_col: 3, activation: relu}
  - {type: Flatten}
  - {type: Dense, name: d, output_dim: 4}
"""


RUN = ["run", "m.yaml", "--weights", "w.h5", "--input", "x.npy", "--output", "y.npy"]


def test_a_run_on_a_system_that_has_none_of_it(tmp_path: Path) -> None:
    """Another process, in which Python never had these, gives the same bits."""
    h5py = pytest.importorskip("h5py")
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.standard_normal((5, 6, 6, 2)).astype("f4"))
    (tmp_path / "m.yaml").write_text(SPEC)
    shapes = {"c/W": (3, 3, 2, 3), "c/b": (3,), "d/W": (48, 4), "d/b": (4,)}
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for name, shape in shapes.items():
            file[name] = rng.standard_normal(shape).astype("f4")
    needs = {need for facility in FACILITIES.values() for need in facility.needs}
    needs.remove("signal.SIGKILL")  # Python's own subprocesses need it
    gone = " ".join(need for need in needs if not need.startswith("/"))
    subprocess.run(
        [sys.executable, "-c", ELSEWHERE, gone, *RUN], cwd=tmp_path, check=True, timeout=300
    )
    model = speccompiler.load(tmp_path / "m.yaml", weights=tmp_path / "w.h5")
    expected = model.run(np.load(tmp_path / "x.npy"))
    assert np.array_equal(np.load(tmp_path / "y.npy"), expected)
