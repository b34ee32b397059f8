"""Completion in real shells, set up by the lines of docs/how-to/shell.md."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.places import ROOT

pytestmark = pytest.mark.skipif(not hasattr(os, "openpty"), reason="shells need a terminal")
PAGE = ROOT / "docs/how-to/shell.md"
WAIT = 30.0


def set_up(shell: str) -> str:
    """The line of the page that sets completion up."""
    text = PAGE.read_text(encoding="utf-8")
    (found,) = re.findall(rf"^.*_CONVSPEC_COMPLETE={shell}_source convspec.*$", text, re.MULTILINE)
    return found


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the command on the path."""
    command = tmp_path / "bin" / "convspec"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m speccompiler "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def typed(command: list[str], before: list[str], line: str, until: str) -> str:
    """What an interactive shell shows after a line, as far as ``until``."""
    import pty

    main, terminal = pty.openpty()
    process = subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
    )
    os.close(terminal)
    shown = ""
    try:
        for number, text in enumerate(before):
            # The shell says when it is done; what is typed earlier would be lost.
            os.write(main, f"{text}; printf 'do%sne{number}\\n' ''\n".encode())
            shown = _read(main, shown, f"done{number}")
        mark = len(shown)
        os.write(main, line.encode())
        shown = _read(main, shown, until, mark)
        return shown[mark:]
    finally:
        process.kill()
        process.wait()
        os.close(main)


def _read(main: int, shown: str, until: str, start: int = 0) -> str:
    end = time.monotonic() + WAIT
    while until not in shown[start:]:
        ready, _, _ = select.select([main], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"no {until!r} in {shown!r}"
        shown += os.read(main, 4096).decode(errors="replace")
    return shown


def needs(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    return found


def test_bash(home: Path) -> None:
    bash = [needs("bash"), "--norc", "--noprofile", "-i"]
    assert "convspec validate" in typed(bash, [set_up("bash")], "convspec valid\t", "validate")
    assert "markdown" in typed(
        bash, [set_up("bash")], "convspec shapes --format mark\t", "markdown"
    )


def test_zsh(home: Path) -> None:
    zsh = [needs("zsh"), "-f", "-i"]
    # An empty home has no completion of zsh's own, which the page says to start first.
    start = ["autoload -Uz compinit && compinit -u", set_up("zsh")]
    assert "validate" in typed(zsh, start, "convspec valid\t", "validate")


def test_fish(home: Path) -> None:
    code = f"{set_up('fish')}; complete -C 'convspec valid'"
    done = subprocess.run([needs("fish"), "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\t")[0].strip() == "validate"
