"""Memory for buffers and scratch: on cache lines, in large pages where there are any."""

from __future__ import annotations

import mmap
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from speccompiler.system import facilities

LINE, LARGE_PAGE = 64, 2 << 20


def allocate(elements: int) -> npt.NDArray[np.float32]:
    """``elements`` float32 values that start on a cache line, all zero. Raises ``MemoryError``.

    They are zero because a tile may compute with values that nobody wrote. The results are not
    used, but denormal numbers would take a hundred times as long.

    Large pages, because a processor core remembers where some MiB of ordinary pages lie, and
    a kernel that walks through more than that at once would wait for page tables.
    """
    size = 4 * elements
    if size < LARGE_PAGE or not facilities.MAPPED_MEMORY.here:
        return _aligned(np.zeros(size + LINE, np.uint8), LINE, size)
    try:
        region = mmap.mmap(-1, size + LARGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, OverflowError) as error:
        raise MemoryError from error
    ask_for_large_pages(region)
    return _aligned(np.frombuffer(region, np.uint8), LARGE_PAGE, size)


def ask_for_large_pages(region: mmap.mmap) -> None:
    """Ask for large pages in memory or a mapped file; on Linux 6.18, ext4 was seen to give them."""
    if facilities.LARGE_PAGES.here:
        # Kernels without large pages refuse.
        with suppress(OSError):
            region.madvise(mmap.MADV_HUGEPAGE)


def _aligned(raw: npt.NDArray[np.uint8], alignment: int, size: int) -> npt.NDArray[np.float32]:
    start = -raw.ctypes.data % alignment
    return raw[start : start + size].view(np.float32)
