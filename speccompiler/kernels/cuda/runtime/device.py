"""What a GPU has to be able to do for the executor, and which GPUs a target names.

``driver`` does it with a real one, ``simulator`` with numba's simulator.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from speccompiler.diagnostics.core import Problem

Array = npt.NDArray[np.float32]
Stream = Any
Event = Any
Kernel = Any
Call = Any


@dataclass(frozen=True, slots=True)
class Region:
    """``size`` float32 values of a device's memory from ``start``; ``memory`` is the device's."""

    memory: Any
    start: int
    size: int

    def part(self, start: int, size: int) -> Region:
        """Some of it."""
        assert 0 <= start <= self.size - size, "a part beyond its region"
        return Region(self.memory, self.start + start, size)


class Device(Protocol):
    """A GPU. Copies and launches on one stream follow each other; streams run side by side."""

    @property
    def name(self) -> str:
        """As its maker calls it."""

    @property
    def capability(self) -> tuple[int, int]:
        """Compute capability: what kernels are compiled for."""

    @property
    def multiprocessors(self) -> int:
        """How many blocks run at once, at least."""

    def use(self) -> None:
        """What follows in this thread is for this device."""

    def free_bytes(self) -> int:
        """Memory that can be had."""

    def allocate(self, size: int) -> Region:
        """Memory for ``size`` float32 values, for as long as a region of it is held.

        Raises ``Problem`` CS134.
        """

    def pinned(self, size: int) -> Array:
        """Memory of the host that is copied from and to without waiting."""

    def stream(self) -> Stream:
        """A new queue of work."""

    def load(self, text: str, threads: int, resident: int) -> Kernel:
        """The kernel of a text, compiled now where the cache does not hold it.

        It is started with blocks of ``threads``, ``resident`` of them on a multiprocessor.
        """

    def bind(
        self, kernel: Kernel, blocks: int, threads: int, regions: Sequence[Region], n: int
    ) -> Call:
        """A launch with all its arguments: x, y, w, b and the samples."""

    def launch(self, call: Call, stream: Stream) -> None:
        """Queue a kernel."""

    def upload(self, source: Array, target: Region, stream: Stream) -> None:
        """Queue a copy to the device."""

    def download(self, source: Region, target: Array, stream: Stream) -> None:
        """Queue a copy from the device."""

    def record(self, stream: Stream) -> Event:
        """A mark in the queue."""

    def wait(self, event: Event) -> None:
        """Return when everything before a mark is done."""

    def seconds(self, first: Event, last: Event) -> float:
        """Time between two marks that have been reached."""


OLDEST = (7, 5)
"""Compute capability that kernels are made and checked for."""
CUDA = re.compile(r"cuda(?::(\d{1,3}))?", re.ASCII)
SIMULATED = "NUMBA_ENABLE_CUDASIM"


def is_cuda(target: str) -> bool:
    """Whether a target's name is ``cuda`` or ``cuda:N``."""
    return CUDA.fullmatch(target) is not None


def open_devices(target: str) -> tuple[Device, ...]:
    """The GPU that ``cuda:N`` names; for ``cuda`` the first, and all others that equal it.

    What is too old is passed over, unless it is named. Raises ``Problem`` CS133: the extra, the
    driver or the GPU is missing.
    """
    named = CUDA.fullmatch(target)
    assert named is not None, f"{target} is no CUDA target"
    number = None if named[1] is None else int(named[1])
    if os.environ.get(SIMULATED) == "1":
        from speccompiler.kernels.cuda.runtime.simulator import SimulatedDevice

        _check_number(number, 1)
        return (SimulatedDevice(),)
    from speccompiler.kernels.cuda.runtime.driver import devices

    found = devices()
    _check_number(number, len(found))
    chosen = first_usable(found) if number is None else found[number]
    check_age(chosen)
    if number is not None:
        return (chosen,)
    # Another kind of GPU could round an activation in another way.
    kind = (chosen.name, chosen.capability)
    return tuple(d for d in found if (d.name, d.capability) == kind)


class Aged(Protocol):
    """What is known of a GPU before it is used."""

    @property
    def name(self) -> str:
        """As its maker calls it."""

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


def _check_number(number: int | None, count: int) -> None:
    if number is not None and number >= count:
        there = "one GPU, cuda:0" if count == 1 else f"{count} GPUs, cuda:0 to cuda:{count - 1}"
        raise Problem("CS133", f"there is no GPU number {number}", f"this machine has {there}")
