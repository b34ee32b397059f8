"""The GPUs of this machine, and what keeps a run from using them: extra, driver, age."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import c_size_t
from functools import cache
from importlib import util
from typing import Protocol, TypeVar

from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass
from speccompiler.kernels.cuda.runtime.cubins import version
from speccompiler.kernels.cuda.runtime.driver import (
    NO_DEVICE,
    Driver,
    driver_version,
    found_driver,
)

OLDEST = (7, 5)
"""Compute capability that kernels are made and checked for."""
MULTIPROCESSORS, MAJOR, MINOR = 16, 75, 76
"""Numbers of the device attributes."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """What the driver says of a GPU."""

    number: int
    name: str
    capability: tuple[int, int]
    multiprocessors: int
    memory: int


def toolkit_major() -> int | None:
    """CUDA's major version of the installed extra; None without one."""
    # find_spec and not an import: numba-cuda takes half a second.
    if util.find_spec("numba_cuda") is None:
        return None
    found = version("cuda-bindings")
    return None if found is None else int(found.split(".")[0])


@cache
def open_driver() -> Driver:
    """The initialised driver. Raises ``Problem`` CS133: extra, driver or GPU is missing or old."""
    major = toolkit_major()
    if major is None:
        raise Problem(
            "CS133",
            "--target cuda needs numba-cuda, which is not installed",
            "install convspec[cuda13], or convspec[cuda12] for a driver older than 580",
        )
    driver = found_driver()
    newest = driver_version(driver)
    if newest[0] < major:
        raise Problem(
            "CS133",
            f"the NVIDIA driver is too old: it runs CUDA {newest[0]}.{newest[1]}, and "
            f"convspec[cuda{major}] needs {major}.0",
            "update the driver" + (", or install convspec[cuda12]" if newest[0] == 12 else ""),
        )
    status = driver.status("cuInit", 0)
    if status == NO_DEVICE:
        raise _no_gpu()
    if status:
        raise Problem(
            "CS133",
            f"the NVIDIA driver does not start: {driver.error(status)}",
            "nvidia-smi has to work first; restart after a driver update",
        )
    return driver


def gpus(driver: Driver) -> tuple[Gpu, ...]:
    """Every GPU of an initialised driver. Raises ``Problem`` CS133 where there is none."""
    found = []
    count = driver.number("cuDeviceGetCount")
    if not count:
        raise _no_gpu()
    for number in range(count):
        device = driver.number("cuDeviceGet", number)
        name = ctypes.create_string_buffer(256)
        driver.call("cuDeviceGetName", name, len(name), device)
        total = c_size_t()
        driver.call("cuDeviceTotalMem_v2", ctypes.byref(total), device)
        major, minor, multiprocessors = (
            driver.number("cuDeviceGetAttribute", attribute, device)
            for attribute in (MAJOR, MINOR, MULTIPROCESSORS)
        )
        text = name.value.decode(errors="replace")
        found.append(Gpu(number, text, (major, minor), multiprocessors, total.value))
    return tuple(found)


def _no_gpu() -> Problem:
    return Problem(
        "CS133",
        "the NVIDIA driver sees no GPU",
        "check nvidia-smi, and CUDA_VISIBLE_DEVICES if it is set",
    )


class Aged(Protocol):
    """What is known of a GPU before it is used."""

    @property
    def name(self) -> str:
        """The maker's name for it."""

    @property
    def capability(self) -> tuple[int, int]:
        """Compute capability."""


A = TypeVar("A", bound=Aged)


def first_usable(found: Sequence[A]) -> A:
    """The first GPU that is new enough; the first of all where none is."""
    return next((gpu for gpu in found if gpu.capability >= OLDEST), found[0])


def check_age(gpu: Aged) -> None:
    """Raises ``Problem`` CS133 for a GPU that kernels are not made for."""
    if gpu.capability < OLDEST:
        (major, minor), (least, point) = gpu.capability, OLDEST
        raise Problem(
            "CS133",
            f"{gpu.name} has compute capability {major}.{minor}; {least}.{point} or later is "
            "needed",
            "use --target cpu, or another GPU if there is one",
        )
