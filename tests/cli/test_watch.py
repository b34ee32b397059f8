"""``--watch``: it runs again when a file changes, and ends with Ctrl-C."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.calling import BAD, GOOD, Call

WAIT = 30.0


class Watched:
    """A command that runs on; its lines come one after the other, of both streams."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "speccompiler", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                self.lines.put(line.rstrip("\n"))

    def until(self, line: str) -> list[str]:
        """Every line up to this one, in any order of the two streams."""
        found: list[str] = []
        while line not in found:
            found.append(self.lines.get(timeout=WAIT))
        return found


@contextmanager
def watched(folder: Path, *arguments: str) -> Iterator[Watched]:
    command = Watched(folder, *arguments)
    try:
        yield command
        time.sleep(0.5)  # not in the middle of writing its last line
        command.process.send_signal(signal.SIGINT)
        assert command.process.wait(WAIT) == 130
        command.reader.join(WAIT)
        left = [command.lines.get() for _ in range(command.lines.qsize())]
        assert left == []
    finally:
        command.process.kill()
        command.process.wait()
        command.reader.join(WAIT)


def test_it_runs_again_when_a_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(GOOD)
    with watched(tmp_path, "validate", "--watch", "a.yaml") as command:
        assert "a.yaml: ok, 1 layer" in command.until("watching 1 file; Ctrl-C ends")
        file.write_text(BAD)
        assert "found 2 errors in 1 file" in command.until("watching 1 file; Ctrl-C ends")
        # As many editors write: another file takes the place of the old one.
        fresh = tmp_path / "a.yaml.tmp"
        fresh.write_text(GOOD)
        fresh.replace(file)
        assert "a.yaml: ok, 1 layer" in command.until("watching 1 file; Ctrl-C ends")


def test_a_file_that_is_deleted_is_said_and_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(GOOD)
    with watched(tmp_path, "shapes", "--watch", "a.yaml") as command:
        assert any(
            "Convolution2D" in line for line in command.until("watching 1 file; Ctrl-C ends")
        )
        file.rename(tmp_path / "b.yaml")
        assert command.until("a.yaml: deleted") == ["a.yaml: deleted"]
        (tmp_path / "b.yaml").rename(file)
        assert any(
            "Convolution2D" in line for line in command.until("watching 1 file; Ctrl-C ends")
        )


def test_a_folder_is_watched_with_what_comes_into_it(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    with watched(tmp_path, "validate", "--watch", ".") as command:
        command.until("watching 1 file; Ctrl-C ends")
        (tmp_path / "b.yaml").write_text(GOOD)
        assert "b.yaml: ok, 1 layer" in command.until("watching 2 files; Ctrl-C ends")
        (tmp_path / "a.yaml").unlink()
        found = command.until("watching 1 file; Ctrl-C ends")
        assert "a.yaml: deleted" in found
        assert "a.yaml: ok, 1 layer" not in found


def test_what_ends_a_run_does_not_end_the_watching(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(BAD)
    with watched(tmp_path, "shapes", "--watch", "a.yaml") as command:
        assert "found 2 errors" in command.until("watching 1 file; Ctrl-C ends")
        file.write_text(GOOD)
        command.until("watching 1 file; Ctrl-C ends")


def test_standard_input_comes_once(call: Call) -> None:
    result = call("validate", "--watch", "-")
    assert result.status == 2
    assert "--watch is for files; standard input comes once" in result.err


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no terminals of its own")
def test_only_a_terminal_is_cleared(tmp_path: Path) -> None:
    import pty

    file = tmp_path / "a.yaml"
    file.write_text(GOOD)
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "speccompiler", "validate", "--watch", "a.yaml"],
        cwd=tmp_path,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=os.environ | {"TERM": "xterm"},
    )
    os.close(terminal)
    try:
        shown = b""
        while b"Ctrl-C ends" not in shown:
            shown += os.read(main, 1000)
        assert b"\x1b[2J" not in shown
        file.write_text(BAD)
        while b"\x1b[2J" not in shown:
            shown += os.read(main, 1000)
    finally:
        process.kill()
        process.wait()
        os.close(main)
