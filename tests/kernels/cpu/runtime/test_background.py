"""The library compiled after a command: by one process, which nobody waits for."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from speccompiler.kernels.cpu import library, mask, plain_copy, softmax
from speccompiler.kernels.cpu.runtime import background, compile_memory, kernel_cache
from speccompiler.system import facilities
from speccompiler.system.processor import host_level

TEXTS = (
    ("copy", plain_copy.source(4)),
    ("softmax", softmax.source(4)),
    ("mask", next(iter(mask.MaskKernel.texts(4)))),
)
pytestmark = pytest.mark.skipif(not facilities.BACKGROUND.here, reason="the system has no way")


@pytest.fixture
def cold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a library of three kernels."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(folder))
    monkeypatch.setenv("CONVSPEC_BACKGROUND", "1")
    monkeypatch.setattr(library, "library", lambda lanes: TEXTS)
    monkeypatch.setattr(background, "_give_way", lambda: None)
    background._begin.cache_clear()
    kernel_cache._loaded.cache_clear()
    yield folder
    background._begin.cache_clear()
    kernel_cache._loaded.cache_clear()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What would be started as a process."""
    found: list[dict[str, object]] = []

    class Child:
        def __init__(self, **options: object) -> None:
            found.append(options)

        def wait(self) -> int:
            return 0

    monkeypatch.setattr(subprocess, "Popen", Child)
    return found


def mark() -> Path:
    path = background.mark_of(host_level())
    assert path is not None
    return path


def all_kept() -> bool:
    return all(kernel_cache.is_kept(*one) for one in TEXTS)


def test_it_compiles_what_is_missing_and_says_when_all_is_there(cold) -> None:
    kernel_cache.load_kernel(*TEXTS[1])
    background.serve()
    assert all_kept()
    assert mark().read_bytes() == background.COMPLETE


def test_a_command_starts_it_once_and_away_from_the_terminal(cold, started) -> None:
    for _ in range(3):
        background.compile_the_rest()
    (options,) = started
    assert options["start_new_session"] is True
    nothing = subprocess.DEVNULL
    assert [options[name] for name in ("stdin", "stdout", "stderr")] == [nothing] * 3


def test_it_works_for_the_same_cache_from_another_folder(
    cold, started, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", "cache")
    monkeypatch.syspath_prepend("modules")
    background.compile_the_rest()
    (options,) = started
    assert options["env"]["CONVSPEC_CACHE_DIR"] == str(cold)
    assert all(map(os.path.isabs, options["env"]["PYTHONPATH"].split(os.pathsep)))


@pytest.mark.parametrize(
    "why",
    [
        "switched off",
        "complete",
        "under way",
        "a wheel",
        "no cache",
        "no memory",
        "no interpreter",
    ],
)
def test_when_no_process_is_started(cold, started, why, monkeypatch) -> None:
    if why == "switched off":
        monkeypatch.setenv("CONVSPEC_BACKGROUND", "0")
    elif why == "complete":
        mark().write_bytes(background.COMPLETE)
        os.utime(mark(), (1, 1))
    elif why == "under way":
        mark().write_bytes(background.BEGUN)
    elif why == "a wheel":
        monkeypatch.setattr(background, "brought", lambda level: object())
    elif why == "no cache":
        monkeypatch.setenv("CONVSPEC_CACHE_SIZE", "0")
    elif why == "no memory":
        monkeypatch.setattr(compile_memory, "available_memory", lambda: background.FREE_BYTES)
    else:
        monkeypatch.setattr(sys, "executable", "")
    background.compile_the_rest()
    assert started == []


def test_one_that_came_to_no_end_is_begun_again_later(cold, started) -> None:
    mark().write_bytes(background.BEGUN)
    before = time.time() - background.AGAIN_AFTER - 60
    os.utime(mark(), (before, before))
    background.compile_the_rest()
    assert len(started) == 1


def test_only_one_works_for_a_cache(cold) -> None:
    cold.mkdir(exist_ok=True)
    with open(cold / "compiling.lock", "wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        background.serve()
        assert not mark().exists()
    background.serve()
    assert all_kept()


def test_it_leaves_memory_to_others(cold, monkeypatch) -> None:
    little = background.FREE_BYTES + 1000
    monkeypatch.setattr(compile_memory, "available_memory", lambda: little)
    background.serve()
    # The mark keeps the next commands from finding the same out, each by a process.
    assert mark().read_bytes() == background.BEGUN
    assert not any(kernel_cache.is_kept(*one) for one in TEXTS)


PROGRAM = """
import os
import sys
from speccompiler.kernels.cpu import library
from speccompiler.kernels.cpu.runtime import background
from tests.kernels.cpu.runtime.test_background import TEXTS

library.library = lambda lanes: TEXTS
if sys.argv[1] == "child":
    background.serve()
else:
    background.serving = lambda module, **environment: {
        "args": [sys.executable, __file__, "child"],
        "env": {**os.environ, **environment},
    }
    background.compile_the_rest()
    print("ended")
"""


def test_it_goes_on_when_the_command_has_ended(cold, tmp_path) -> None:
    """Nobody waits for it, not even whoever reads what the command prints."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-W", "error", program, "parent"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended\n", "")
    until = time.monotonic() + 400  # it lets every other program go first
    while not mark().exists() or mark().read_bytes() != background.COMPLETE:
        assert time.monotonic() < until, "it does not end"
        time.sleep(0.05)
    assert all_kept()


def test_in_the_foreground(cold, started) -> None:
    """``convspec compile --all``; afterwards nothing is left to do."""
    kernel_cache.load_kernel(*TEXTS[0])
    assert background.compile_library(1) == (2, 1)
    assert background.compile_library(1) == (0, 3)
    assert all_kept()
    background.compile_the_rest()
    assert started == []
