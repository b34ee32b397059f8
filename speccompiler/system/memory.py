"""Memory for buffers and scratch: on cache lines, in large pages where there are any."""

from __future__ import annotations

import mmap
from contextlib import suppress

import numpy as np
import numpy.typing as npt

LINE, LARGE_PAGE = 64, 2 << 20


def allocate(elements: int) -> npt.NDArray[np.float32]:
    """``elements`` float32 values that start on a cache line, all zero. Raises ``MemoryError``.

    Zero, because a tile may compute with places that nobody wrote: nothing is made of the
    result, but denormal numbers would take a hundred times as long.

    A core's table of recent pages spans some MiB of ordinary pages: kernels that walk
    through more than that at once would wait for page tables.
    """
    size = 4 * elements
    if size < LARGE_PAGE or not hasattr(mmap, "MAP_ANONYMOUS"):
        return _from(np.zeros(size + LINE, np.uint8), LINE, size)
    try:
        region = mmap.mmap(-1, size + LARGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, OverflowError) as error:
        raise MemoryError from error
    in_large_pages(region)
    return _from(np.frombuffer(region, np.uint8), LARGE_PAGE, size)


def in_large_pages(region: mmap.mmap) -> None:
    """Ask for it. A file's pages may be large too: ext4 was seen to have them, on Linux 6.18."""
    if hasattr(mmap, "MADV_HUGEPAGE"):
        # Kernels without large pages refuse.
        with suppress(OSError):
            region.madvise(mmap.MADV_HUGEPAGE)


def _from(raw: npt.NDArray[np.uint8], alignment: int, size: int) -> npt.NDArray[np.float32]:
    start = -raw.ctypes.data % alignment
    return raw[start : start + size].view(np.float32)
