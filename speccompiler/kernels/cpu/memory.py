"""Memory for buffers and scratch: on cache lines, in large pages where there are any."""

from __future__ import annotations

import mmap

import numpy as np
import numpy.typing as npt

LINE, LARGE_PAGE = 64, 2 << 20


def allocate(elements: int) -> npt.NDArray[np.float32]:
    """``elements`` float32 values that start on a cache line, all zero.

    Zero, because a tile may compute with places that nobody wrote: nothing is made of the
    result, but denormal numbers would take a hundred times as long.

    A core's table of recent pages spans some MiB of ordinary pages: kernels that walk
    through more than that at once would wait for page tables.
    """
    size = 4 * elements
    if size < LARGE_PAGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return _from(np.zeros(size + LINE, np.uint8), LINE, size)
    region = mmap.mmap(-1, size + LARGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    region.madvise(mmap.MADV_HUGEPAGE)
    return _from(np.frombuffer(region, np.uint8), LARGE_PAGE, size)


def _from(raw: npt.NDArray[np.uint8], alignment: int, size: int) -> npt.NDArray[np.float32]:
    start = -raw.ctypes.data % alignment
    return raw[start : start + size].view(np.float32)
