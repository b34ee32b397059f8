"""The cache of compiled kernels, and places that are refused before anything is compiled."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.cli.run.calling import REPEAT, REPEAT_TO_FILE, call, good, start


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("none/y.npy", "none/y.npy: error CS120: the output cannot be created: "
         "the folder 'none' does not exist\n  hint: create the folder first\n"),
        ("none/y.npz", "none/y.npz: error CS120: the output cannot be created: "
         "the folder 'none' does not exist\n  hint: create the folder first\n"),
        (".", ".: error CS120: the output cannot be created: this is a folder\n"
         "  hint: name a file in it, for example 'output.npy'\n"),
        ("y.csv", "y.csv: error CS120: the output cannot be created: the result is a .npy file, "
         "but the name ends in '.csv'\n  hint: name it 'y.npy'\n"),
    ],
)  # fmt: skip
def test_a_place_that_cannot_be_is_refused_before_anything_is_compiled(
    output: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path / "kept"))
    ended = call("run", "repeat.yaml", "--input", "steps.npy", "--output", output)
    assert (ended.status, ended.err) == (2, f"{message}\nfound 1 error\n")
    assert not list((tmp_path / "kept").rglob("*.o"))


def cached(folder: Path) -> dict[str, int]:
    """Every file of a cache and when it was written."""
    return {
        str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()
    }


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that two processes have filled at the same time."""
    folder = tmp_path_factory.mktemp("warm")
    (folder / "repeat.yaml").write_text(REPEAT)
    np.save(folder / "steps.npy", np.ones((6, 4, 8), np.float32))
    environment = {**os.environ, "CONVSPEC_CACHE_DIR": str(folder / "cache")}
    command = (*REPEAT_TO_FILE[:-1], "-")
    processes = [start(*command, env=environment, cwd=folder) for _ in range(2)]
    results = [(p.communicate(timeout=120), p.returncode) for p in processes]
    assert [status for _, status in results] == [0, 0], results
    assert len({out for (out, _), _ in results}) == 1
    assert not list(folder.rglob("*.part"))
    assert any(name.endswith(".o") for name in cached(folder / "cache"))
    return folder / "cache"


def using(cache: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "CONVSPEC_CACHE_DIR": str(cache), **more}


def test_a_later_process_compiles_nothing(warm: Path) -> None:
    files = cached(warm)
    result = good(*REPEAT_TO_FILE, env=using(warm, PYTHONPROFILEIMPORTTIME="1"))
    assert " llvmlite" in result.err
    assert " numba" not in result.err
    assert cached(warm) == files


def test_a_cache_that_cannot_be_written() -> None:
    Path("file").write_text("in the way")
    Path("tmp").mkdir()
    before = sorted(os.listdir())
    cache = Path("file").absolute() / "cache"
    good(*REPEAT_TO_FILE, env=using(cache, TMPDIR=str(Path("tmp").absolute())))
    assert (np.load("y.npy") == np.repeat(np.load("steps.npy"), 2, axis=1)).all()
    # Nothing is left behind.
    assert list(Path("tmp").iterdir()) == []
    assert sorted(os.listdir()) == sorted([*before, "y.npy"])


def test_a_changed_kernel_in_the_cache_is_not_run(warm: Path, tmp_path: Path) -> None:
    cache = shutil.copytree(warm, tmp_path / "cache")
    for file in cache.rglob("*.py"):
        file.write_text("raise RuntimeError('changed')\n")
    good(*REPEAT_TO_FILE, env=using(cache))
    assert np.load("y.npy").shape == (6, 8, 8)
