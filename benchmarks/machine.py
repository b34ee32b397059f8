"""Where and with what a run was made."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

import psutil

from speccompiler.system.processor import host_lanes

from .results import Machine

DISTRIBUTIONS = ("convspec", "numba", "numpy", "onnx", "onnxruntime", "openvino", "torch")


def machine() -> Machine:
    """Processor, cores this process may use, memory, vector width, system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Machine(
        cpu=_cpu_name(),
        cores=cores or 1,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        lanes=host_lanes(),
        system=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    )


def _cpu_name() -> str:
    """The model's name; on Linux ``platform`` does not know it."""
    file = Path("/proc/cpuinfo")
    if file.exists():
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """The versions of everything that was compared, as far as it is there."""
    found = {}
    for name in DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
