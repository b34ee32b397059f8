"""What a GPU has to be able to do for the executor.

``cuda_device`` does it with a real one, ``simulator`` with none; ``devices`` opens them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from speccompiler.frozen import dataclass

Array = npt.NDArray[np.float32]
Stream = Any
Event = Any
Kernel = Any
Call = Any


@dataclass(frozen=True, slots=True)
class Region:
    """``size`` float32 values from ``start`` on, of a piece of memory that a device allocated."""

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
        """The maker's name for it."""

    @property
    def capability(self) -> tuple[int, int]:
        """Compute capability: what kernels are compiled for."""

    @property
    def multiprocessors(self) -> int:
        """At least so many blocks run at once."""

    def use(self) -> None:
        """Make what follows in this thread happen on this device."""

    def free_bytes(self) -> int:
        """Memory that is free."""

    def allocate(self, size: int) -> Region:
        """Memory for ``size`` float32 values, for as long as a region of it is held.

        Raises ``Problem`` CS134.
        """

    def pinned(self, size: int) -> Array:
        """Memory of the host, for copies that nobody has to wait for."""

    def stream(self) -> Stream:
        """A new queue of work."""

    def load(self, text: str, threads: int, resident: int) -> Kernel:
        """The kernel of a text, compiled now where the cache does not hold it.

        It is started with blocks of ``threads``, ``resident`` of them on a multiprocessor.
        """

    def bind(
        self, kernel: Kernel, blocks: int, threads: int, regions: Sequence[Region], n: int
    ) -> Call:
        """A launch with all its arguments: x, y, w and b, and the number of samples."""

    def launch(self, call: Call, stream: Stream) -> None:
        """Queue a kernel."""

    def upload(self, source: Array, target: Region, stream: Stream) -> None:
        """Queue a copy to the device."""

    def download(self, source: Region, target: Array, stream: Stream) -> None:
        """Queue a copy from the device."""

    def record(self, stream: Stream) -> Event:
        """A mark in the queue."""

    def wait(self, event: Event) -> None:
        """Return when everything in front of a mark is done."""

    def seconds(self, first: Event, last: Event) -> float:
        """Time between two marks that have been reached."""
