"""The limits that ``convspec doctor`` shows: what they allow, what is left, where they are set."""

from __future__ import annotations

import json
from types import SimpleNamespace

import psutil
import pytest

from speccompiler.reports import machine
from speccompiler.system import threads
from speccompiler.system.available_memory import Room
from speccompiler.system.cgroups import CpuLimit
from tests.cli.calling import Call

GROUP = "/sys/fs/cgroup/kubepods/pod7"


@pytest.fixture(autouse=True)
def _host(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 processors and 256 GiB, of which nothing is limited."""
    memory = SimpleNamespace(total=256 << 30, available=200 << 30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 64)
    monkeypatch.setattr(threads, "usable_processors", lambda: 64)
    limited(monkeypatch, None, ())


def limited(
    monkeypatch: pytest.MonkeyPatch, limit: CpuLimit | None, rooms: tuple[Room, ...]
) -> None:
    monkeypatch.setattr(threads, "cpu_limit", lambda: limit)
    monkeypatch.setattr(machine, "cpu_limit", lambda: limit)
    monkeypatch.setattr(machine, "limited_rooms", lambda: rooms)


def rows(call: Call) -> dict[str, str]:
    """The lines about threads and memory by their name; lines without one go on with the last."""
    found: dict[str, str] = {}
    name = ""
    for line in call("doctor").out.splitlines():
        name = line[:11].strip() or name
        found[name] = "\n".join(filter(None, (found.get(name), line[11:])))
    return {name: found[name] for name in ("threads", "memory")}


def test_no_limits(call: Call) -> None:
    assert rows(call) == {
        "threads": "64 of 64 processors",
        "memory": "256.0 GiB, 200.0 GiB available\nno limit is set",
    }
    data = json.loads(call("doctor", "--format", "json").out)
    assert data["processor"]["limit"] is None
    assert data["memory"] == {
        "total": 256 << 30,
        "available": 200 << 30,
        "limits": [],
        "allowed": 200 << 30,
    }


def test_a_container(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    rooms = (
        Room(400 << 20, 512 << 20, f"{GROUP}/memory.max"),
        Room(3 << 30, 4 << 30, "ulimit -v"),
    )
    limited(monkeypatch, CpuLimit(1.5, f"{GROUP}/cpu.max"), rooms)
    assert rows(call) == {
        "threads": f"2 of 64 processors: {GROUP}/cpu.max allows 1.5",
        "memory": (
            "256.0 GiB, 200.0 GiB available\n"
            f"{GROUP}/memory.max allows 512.0 MiB, 400.0 MiB are left\n"
            "ulimit -v allows 4.0 GiB, 3.0 GiB are left\n"
            "a run may take 400.0 MiB"
        ),
    }
    data = json.loads(call("doctor", "--format", "json").out)
    processor = data["processor"]
    assert (processor["processors"], processor["usable"], processor["threads"]) == (64, 64, 2)
    assert processor["limit"] == {"processors": 1.5, "source": f"{GROUP}/cpu.max"}
    assert data["memory"]["allowed"] == 400 << 20
    assert data["memory"]["limits"][1] == {
        "limit": 4 << 30,
        "left": 3 << 30,
        "source": "ulimit -v",
    }


def test_processors_that_are_not_for_this_process(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ``taskset`` or a batch system leaves them; a limit that allows more changes nothing."""
    monkeypatch.setattr(threads, "usable_processors", lambda: 8)
    limited(monkeypatch, CpuLimit(32, f"{GROUP}/cpu.max"), ())
    assert rows(call)["threads"] == "8 of 64 processors: the others are not for this process"
