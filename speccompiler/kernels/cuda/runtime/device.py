"""What a GPU has to be able to do for the executor.

``cuda_device`` does it with a real one, ``simulator`` with none; ``devices`` opens them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

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
