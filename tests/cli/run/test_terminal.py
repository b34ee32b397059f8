"""What only a terminal is shown."""

from __future__ import annotations

import contextlib
import os
import pty
from pathlib import Path

import pytest

from tests.cli.run.calling import REFERENCE, REPEAT_TO_FILE, good, start


def on_terminal(*arguments: str) -> str:
    """What a command writes to standard error when that is a terminal."""
    parent, child = pty.openpty()
    process = start(*arguments, stderr=child)
    os.close(child)
    seen = b""
    # Linux reports the end of a terminal as an error.
    with contextlib.suppress(OSError):
        while piece := os.read(parent, 4096):
            seen += piece
    os.close(parent)
    process.communicate(timeout=60)
    assert process.returncode == 0
    return seen.decode()


def test_a_bar_on_a_terminal_only() -> None:
    run = ("run", "repeat.yaml", "--input", "steps.npy", "--output", "y.npy", *REFERENCE)
    shown = on_terminal(*run, "--batch-size", "1")
    assert "samples  [" in shown
    assert "100%" in shown
    # One batch needs no bar, and a pipe gets none.
    assert "samples  [" not in on_terminal(*run)
    assert "[" not in good(*run, "--batch-size", "1").err


def test_a_terminal_says_what_it_waits_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path / "kept"))
    shown = on_terminal(*REPEAT_TO_FILE)
    assert "compiling 2 kernels  [" in shown
    assert "2/2" in shown
    assert "compiling" not in on_terminal(*REPEAT_TO_FILE)
    # A pipe is told the time that it took, if it was long.
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path / "piped"))
    assert "compiling" not in good(*REPEAT_TO_FILE).err
