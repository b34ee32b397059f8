"""What a run may take: what psutil says, on Linux without psutil, and what limits leave of it."""

from __future__ import annotations

import types
from pathlib import Path

import psutil
import pytest

from speccompiler.system import available_memory as module
from speccompiler.system.available_memory import Room, machine_memory, tightest_room
from speccompiler.system.cgroups import memory_limits
from speccompiler.system.resource_limits import ProcessLimit
from tests.system.fake_groups import V2, tree, v2_group

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
    assert machine_memory() == wanted


@pytest.mark.skipif(not Path(module.MEMINFO).exists(), reason="only Linux has the file")
def test_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    wanted = psutil.virtual_memory().available
    assert machine_memory() == pytest.approx(wanted, rel=0.2)


def test_the_tightest_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = "sys/fs/cgroup"
    files = {
        **v2_group(base, memory_max="1000", memory_current="100"),
        **v2_group(f"{base}/job", memory_max="5000", memory_current="4900"),
    }
    root = tree(tmp_path, "0::/job\n", {("/", f"/{base}"): V2}, files)
    groups = memory_limits(root)
    monkeypatch.setattr(module, "MEMINFO", str(tmp_path / "none"))
    monkeypatch.setattr(module, "memory_limits", lambda: groups)
    monkeypatch.setattr(module, "process_limits", lambda: ())
    assert tightest_room() == Room(100, 5000, f"{root}/{base}/job/memory.max")
    own = ProcessLimit(2000, 50, "ulimit -v")
    monkeypatch.setattr(module, "process_limits", lambda: (own,))
    assert tightest_room() == Room(50, 2000, "ulimit -v")
    # The machine itself has less than all limits together say.
    (tmp_path / "none").write_text("MemTotal: 2 kB\nMemAvailable: 0 kB\n")
    assert tightest_room() == Room(0)
    assert module.available_memory() == 0
