"""Batches of an array that is read box by box, without reading a stored chunk twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import ceil, prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from speccompiler.arrays.boxes import Box, whole
from speccompiler.arrays.element_types import FLOAT32
from speccompiler.arrays.npy_batches import Batches, allocated
from speccompiler.diagnostics.core import Problem
from speccompiler.system.available_memory import available_memory

BoxReader: TypeAlias = Callable[[Box], npt.NDArray[np.float32]]


def batches_of_boxes(shape: Sequence[int], read: BoxReader, batch_size: int) -> Batches:
    """Batches in order, each read on its own."""
    for first in range(0, shape[0], batch_size):
        last = min(first + batch_size, shape[0])
        yield read(((first, last), *whole(shape[1:])))


def aligned_batches(shape: Sequence[int], chunk: int, read: BoxReader, batch_size: int) -> Batches:
    """Batches in order of an array whose chunks are ``chunk`` samples high. CS115.

    Where batches begin and end with chunks, each is read on its own. Elsewhere whole rows of
    chunks are read, and the last one is held for the batch after.
    """
    samples = shape[0]
    if batch_size % chunk == 0 or chunk == 1:
        return batches_of_boxes(shape, read, batch_size)
    check_row(shape, chunk)
    if batch_size >= samples:
        return batches_of_boxes(shape, read, samples or 1)
    return _cut(shape, _rows(shape, chunk, read, batch_size), batch_size)


def check_row(shape: Sequence[int], chunk: int) -> None:
    """CS115 where the samples of a row of chunks, as float32, do not fit in memory."""
    held = min(chunk, shape[0]) * prod(shape[1:]) * FLOAT32.itemsize
    available = available_memory()
    if held > available:
        raise Problem(
            "CS115",
            f"the array is stored in chunks of {chunk} samples, and that many take "
            f"{held / 2**30:.1f} GiB; {available / 2**30:.1f} GiB are available",
            "store it in chunks of fewer samples, or give a --batch-size that is a multiple of "
            f"{chunk} where there is more memory",
        )


def check_chunk(chunks: Sequence[int], dtype: np.dtype[Any]) -> None:
    """CS115 where a single chunk, which is read as a whole, does not fit in memory."""
    size = prod(chunks) * dtype.itemsize
    available = available_memory()
    if size > available:
        raise Problem(
            "CS115",
            f"a chunk has shape {tuple(chunks)} and takes {size / 2**30:.1f} GiB; "
            f"{available / 2**30:.1f} GiB are available",
            "store the array in smaller chunks: one is read as a whole",
        )


def _rows(
    shape: Sequence[int], chunk: int, read: BoxReader, batch_size: int
) -> Iterator[npt.NDArray[np.float32]]:
    """As many whole rows of chunks at a time as a batch has, at least one."""
    step = chunk * ceil(batch_size / chunk) if batch_size > chunk else chunk
    return batches_of_boxes(shape, read, step)


def _cut(shape: Sequence[int], rows: Iterator[npt.NDArray[np.float32]], batch_size: int) -> Batches:
    """Batches of one size out of arrays of another."""
    out = allocated((batch_size, *shape[1:]), FLOAT32)
    filled = 0
    for row in rows:
        begin = 0
        while begin < len(row):
            taken = min(batch_size - filled, len(row) - begin)
            if taken == batch_size:
                yield row[begin : begin + taken]
            else:
                out[filled : filled + taken] = row[begin : begin + taken]
                filled += taken
                if filled == batch_size:
                    yield out
                    filled = 0
            begin += taken
    if filled:
        yield out[:filled]
