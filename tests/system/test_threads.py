"""Default threads: no more than the process may use, nor than its group may keep busy."""

from __future__ import annotations

import pytest

from speccompiler.system import threads
from speccompiler.system.cgroups import CpuLimit


@pytest.mark.parametrize(
    ("usable", "allowed", "wanted"),
    [
        (64, None, 64),
        (64, 1.0, 1),
        (64, 1.5, 2),
        (64, 0.1, 1),
        (64, 64.0, 64),
        (2, 8.0, 2),
        (1, 0.5, 1),
    ],
)
def test_default(
    monkeypatch: pytest.MonkeyPatch, usable: int, allowed: float | None, wanted: int
) -> None:
    limit = None if allowed is None else CpuLimit(allowed, "cpu.max")
    monkeypatch.setattr(threads, "usable_processors", lambda: usable)
    monkeypatch.setattr(threads, "cpu_limit", lambda: limit)
    assert threads.default_threads() == wanted
