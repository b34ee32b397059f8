"""Which instruction set machine code is made for."""

from __future__ import annotations

import pytest

from speccompiler.diagnostics.core import Problem
from speccompiler.system import processor
from speccompiler.system.processor import LEVELS, Level, host_lanes, host_level

V4, V3 = LEVELS["x86_64"]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Pretend that the machine has an architecture and just these features."""

    def pretend(name: str, *features: str) -> None:
        monkeypatch.setattr(processor.platform, "machine", lambda: name)
        monkeypatch.setattr(processor, "host_features", lambda: dict.fromkeys(features, True))
        processor._level.cache_clear()

    monkeypatch.delenv(processor.CHOICE, raising=False)
    yield pretend
    processor._level.cache_clear()


@pytest.mark.parametrize(
    ("name", "features", "level"),
    [
        ("x86_64", (*V4.needs, "avx512vnni"), "x86-64-v4"),
        ("AMD64", V4.needs, "x86-64-v4"),
        ("x86_64", V3.needs, "x86-64-v3"),
        # One feature short: as the first processors with AVX-512, which had no more of it.
        ("x86_64", (*V3.needs, "avx512f", "avx512cd"), "x86-64-v3"),
        ("aarch64", (), "armv8-a"),
        ("arm64", ("neon",), "armv8-a"),
    ],
)
def test_the_highest_level_that_a_machine_has(machine, name, features, level) -> None:
    machine(name, *features)
    assert host_level().name == level


def test_a_machine_below_every_level_compiles_for_itself(machine) -> None:
    machine("x86_64", "sse4.2", "avx")
    assert host_lanes() == 4
    assert host_level().name not in {V3.name, V4.name}
    assert host_level().features
    machine("x86_64", "avx2", "fma")
    assert host_lanes() == 8


def test_the_environment_chooses_a_lower_level(machine, monkeypatch) -> None:
    machine("x86_64", *V4.needs)
    assert host_level() is V4
    monkeypatch.setenv("CONVSPEC_ISA", "x86-64-v3")
    assert (host_level(), host_lanes()) == (V3, 8)
    monkeypatch.setenv("CONVSPEC_ISA", "")
    assert host_level() is V4


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ("x86-64-v5", "'x86-64-v5' is no level of this architecture"),
        ("armv8-a", "'armv8-a' is no level of this architecture"),
        (
            "x86-64-v4",
            "'x86-64-v4' is no level of this machine, which lacks "
            "avx512f, avx512bw, avx512cd, avx512dq, avx512vl",
        ),
    ],
)
def test_a_level_that_cannot_be_had(machine, monkeypatch, chosen: str, message: str) -> None:
    machine("x86_64", *V3.needs)
    monkeypatch.setenv("CONVSPEC_ISA", chosen)
    with pytest.raises(Problem) as found:
        host_level()
    assert (found.value.code, found.value.message) == ("CS136", message)
    assert found.value.hint == "$CONVSPEC_ISA may name one of this machine's levels: x86-64-v3"


@pytest.mark.parametrize("level", [level for levels in LEVELS.values() for level in levels])
def test_levels_are_told_apart(level: Level) -> None:
    keys = {one.key for levels in LEVELS.values() for one in levels}
    assert len(keys) == sum(map(len, LEVELS.values()))
    assert level.lanes in (4, 8, 16)
