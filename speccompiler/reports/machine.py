"""What this machine offers a run: processor, threads, caches, GPUs, memory."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass
from speccompiler.kernels.cuda.runtime.cubins import version
from speccompiler.kernels.cuda.runtime.driver import driver_version, found_driver
from speccompiler.kernels.cuda.runtime.gpus import (
    Gpu,
    check_age,
    first_usable,
    gpus,
    open_driver,
    toolkit_major,
)
from speccompiler.system.available_memory import Room, limited_rooms
from speccompiler.system.cgroups import CpuLimit, cpu_limit

TELLING = ("avx512f", "avx2", "avx", "fma", "sse4.2", "neon", "sve")
"""Features that decide which kernels are made."""


@dataclass(frozen=True, slots=True)
class Processor:
    """The CPU as kernels are made for it."""

    name: str
    features: tuple[str, ...]
    level: str
    """The instruction set that machine code is made for."""
    lanes: int
    """float32 values of a vector."""
    cores: int
    usable: int
    """Processors that this process may run on."""
    limit: CpuLimit | None
    """What its control group may keep busy."""
    threads: int
    """The default number of threads."""
    caches: tuple[tuple[str, int], ...]
    """Name and bytes of each of a core's caches, where the system tells."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The machine's memory, and what a run may take of it; bytes."""

    total: int
    available: int
    limits: tuple[Room, ...]
    """What each limit of this process leaves."""

    @property
    def allowed(self) -> int:
        """The least of all."""
        return min((self.available, *(room.left for room in self.limits)))


@dataclass(frozen=True, slots=True)
class Cuda:
    """What stands between a run and a GPU; ``problem`` is the first thing that is missing."""

    extra: str | None
    """Version of numba-cuda."""
    toolkit: int | None
    """CUDA's major version that the extra is for."""
    driver: tuple[int, int] | None
    """The newest CUDA version that the driver runs."""
    gpus: tuple[Gpu, ...]
    problem: Problem | None


def processor() -> Processor:
    """The CPU. Loads llvmlite. Raises ``Problem``: CS136."""
    from llvmlite import binding

    from speccompiler.system.processor import host_level
    from speccompiler.system.threads import default_threads, usable_processors

    features = binding.get_host_cpu_features()
    return Processor(
        f"{binding.get_host_cpu_name()} ({platform.machine()})",
        tuple(name for name in TELLING if features.get(name)),
        host_level().name,
        host_level().lanes,
        os.cpu_count() or 1,
        usable_processors(),
        cpu_limit(),
        default_threads(),
        tuple(_caches(Path("/sys/devices/system/cpu/cpu0/cache"))),
    )


def memory() -> Memory:
    """The machine's memory and this process's limits. Loads psutil."""
    import psutil

    machine = psutil.virtual_memory()
    return Memory(machine.total, machine.available, limited_rooms())


def _caches(folder: Path) -> list[tuple[str, int]]:
    """As Linux lists them; none elsewhere."""
    found: list[tuple[str, int]] = []
    for index in sorted(folder.glob("index*")):
        try:
            level, kind, size = (
                (index / name).read_text().strip() for name in ("level", "type", "size")
            )
            bytes_ = int(size.rstrip("K")) << 10
        except (OSError, ValueError):
            continue
        if kind != "Instruction":
            found.append((f"L{level}", bytes_))
    return found


def cuda() -> Cuda:
    """Extra, driver and GPUs, as far as they can be found."""
    toolkit, extra = toolkit_major(), version("numba-cuda")
    newest: tuple[int, int] | None = None
    found: tuple[Gpu, ...] = ()
    problem: Problem | None = None
    try:
        driver = found_driver()
        newest = driver_version(driver)
        if driver.status("cuInit", 0) == 0:
            found = gpus(driver)
    except Problem as error:
        problem = error
    try:
        # What is said first is what a run would say.
        open_driver()
        if found:
            check_age(first_usable(found))
    except Problem as error:
        problem = error
    return Cuda(extra, toolkit, newest, found, problem)
