"""The fixture that calls a command."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from speccompiler.cli import main
from tests.cli.calling import Call, Result


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Call:
    """Runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, stdin: bytes = b"") -> Result:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        status = main.run(list(arguments))
        out, err = capsys.readouterr()
        return Result(status, out, err)

    return run
