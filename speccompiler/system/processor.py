"""The machine that kernels are made for, as LLVM describes it. Loads llvmlite, not numba."""

from __future__ import annotations

from functools import cache

from llvmlite import binding


@cache
def host_lanes() -> int:
    """float32 lanes of this machine's vector registers."""
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 16
    return 8 if features.get("avx2") and features.get("fma") else 4


@cache
def host_description() -> str:
    """Platform, processor and its features: machine code is for just these."""
    return "\n".join((binding.get_default_triple(), binding.get_host_cpu_name(), _features()))


@cache
def _features() -> str:
    features: str = binding.get_host_cpu_features().flatten()
    return features


def target_machine() -> binding.TargetMachine:
    """A code generator for this processor, set as numba sets its own."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    triple = binding.get_default_triple()
    return binding.Target.from_triple(triple).create_target_machine(
        cpu=binding.get_host_cpu_name(),
        features=_features(),
        opt=3,
        reloc="static" if triple.startswith(("x86", "i386", "i686")) else "default",
        codemodel="jitdefault",
    )
