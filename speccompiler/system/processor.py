"""The machine that kernels are made for, as LLVM describes it. Loads llvmlite, not numba.

Machine code is made for a *level*, an instruction set that many processors have, so that code
from one machine runs on the next. A machine takes the highest level of which it has every
feature. ``$CONVSPEC_ISA`` chooses a lower one.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from functools import cache

from llvmlite import binding

from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass

CHOICE = "CONVSPEC_ISA"
"""The environment variable that names a level."""


@dataclass(frozen=True, slots=True)
class Level:
    """An instruction set, by the name that compilers have for it."""

    name: str
    lanes: int
    """float32 values of its vectors."""
    processor: str
    """What LLVM calls a processor that has just this."""
    needs: tuple[str, ...] = ()
    """The features that a machine must have, by LLVM's names."""
    features: str = ""
    """Features for LLVM beside those of the processor."""

    @property
    def key(self) -> str:
        """What tells machine code of this level from all other."""
        return f"{platform.system()} {self.name}"


_V3 = (
    "cx16", "popcnt", "sahf", "sse3", "ssse3", "sse4.1", "sse4.2", "xsave",
    "avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe",
)  # fmt: skip
_V4 = (*_V3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")
LEVELS: Mapping[str, tuple[Level, ...]] = {
    "x86_64": (
        # LLVM would rather have 256 bits at this level; our vectors of 512 bits are meant.
        Level("x86-64-v4", 16, "x86-64-v4", _V4, "-prefer-256-bit"),
        Level("x86-64-v3", 8, "x86-64-v3", _V3),
    ),
    # Every 64-bit ARM that runs an operating system has NEON.
    "aarch64": (Level("armv8-a", 4, "generic", (), "+neon"),),
}
"""The levels of each architecture, the highest first."""
_OTHER_NAMES = {"amd64": "x86_64", "arm64": "aarch64"}


def host_level() -> Level:
    """The level that this process makes and loads machine code for. Raises ``Problem``: CS136."""
    return _level(os.environ.get(CHOICE, ""))


def host_lanes() -> int:
    """float32 lanes of the vectors that this process computes with."""
    return host_level().lanes


def host_description() -> str:
    """This very processor, and the level: what is measured here holds for just these."""
    return f"{binding.get_host_cpu_name()} {host_level().key}"


def architecture() -> str:
    """The processor's family: ``x86_64``, ``aarch64``, or as the system calls another."""
    name = platform.machine().lower()
    return _OTHER_NAMES.get(name, name)


@cache
def host_features() -> Mapping[str, bool]:
    """Which features this machine has, by LLVM's names."""
    return dict(binding.get_host_cpu_features())


@cache
def _level(chosen: str) -> Level:
    known = LEVELS.get(architecture(), ())
    here = [level for level in known if _has(level.needs)]
    if not chosen:
        return here[0] if here else _this_machine()
    for level in here:
        if level.name == chosen:
            return level
    names = ", ".join(level.name for level in here) or "none"
    hint = f"${CHOICE} may name one of this machine's levels: {names}"
    if any(level.name == chosen for level in known):
        lacking = [name for name in _needs(known, chosen) if not host_features().get(name)]
        message = f"'{chosen}' is no level of this machine, which lacks {', '.join(lacking)}"
    else:
        message = f"'{chosen}' is no level of this architecture"
    raise Problem("CS136", message, hint, source=CHOICE)


def _has(needs: tuple[str, ...]) -> bool:
    return all(host_features().get(name) for name in needs)


def _needs(known: tuple[Level, ...], name: str) -> tuple[str, ...]:
    return next(level.needs for level in known if level.name == name)


def _this_machine() -> Level:
    """What is below every level: machine code for this processor and no other."""
    name, features = binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()
    has = host_features()
    lanes = 8 if has.get("avx2") and has.get("fma") else 4
    return Level(f"{name} {features}", lanes, name, (), features)


def target_machine(level: Level) -> binding.TargetMachine:
    """A code generator for a level, otherwise set as numba sets its own."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    triple = binding.get_default_triple()
    return binding.Target.from_triple(triple).create_target_machine(
        cpu=level.processor,
        features=level.features,
        opt=3,
        reloc="static" if triple.startswith(("x86", "i386", "i686")) else "default",
        codemodel="jitdefault",
    )
