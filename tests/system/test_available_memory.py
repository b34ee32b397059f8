"""What a run may take is what psutil says, on Linux without psutil."""

from __future__ import annotations

import types
from pathlib import Path

import psutil
import pytest

from speccompiler.system import available_memory as module
from speccompiler.system.available_memory import available_memory

OF_PSUTIL = 12345


@pytest.fixture(autouse=True)
def _psutil(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = types.SimpleNamespace(available=OF_PSUTIL)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("MemTotal: 2048 kB\nMemFree: 1 kB\nMemAvailable:    1024 kB\n", 1 << 20),
        ("MemTotal: 2048 kB\nMemAvailable: 0 kB\nHugePages_Total:       0\n", 0),
        ("MemTotal: 2048 kB\nMemAvailable: 4096 kB\n", OF_PSUTIL),
        ("MemTotal: 2048 kB\nMemAvailable: 1024 MB\n", OF_PSUTIL),
        ("MemTotal: 2048 kB\nMemAvailable: some kB\n", OF_PSUTIL),
        ("MemTotal: 2048 kB\n", OF_PSUTIL),
        ("a line without a colon\n", OF_PSUTIL),
        ("", OF_PSUTIL),
        (None, OF_PSUTIL),
    ],
)
def test_what_the_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, wanted: int
) -> None:
    file = tmp_path / "meminfo"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(module, "MEMINFO", str(file))
    assert available_memory() == wanted


@pytest.mark.skipif(not Path(module.MEMINFO).exists(), reason="only Linux has the file")
def test_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    wanted = psutil.virtual_memory().available
    assert available_memory() == pytest.approx(wanted, rel=0.2)
