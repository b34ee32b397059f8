"""The loops that fill a batch buffer from a file, a stream, or an array in memory.

Each yields one reused float32 buffer. Memory is the batch in the stored type,
the batch in float32 when that differs, and for Fortran order one tile more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from speccompiler.arrays.element_types import FLOAT32
from speccompiler.arrays.npy_header import NpyHeader
from speccompiler.diagnostics.core import Problem
from speccompiler.files.system_errors import reading_reason

Batches: TypeAlias = Iterator[npt.NDArray[np.float32]]
AnyArray: TypeAlias = npt.NDArray[Any]

# Fortran order keeps a sample's elements far apart, so that samples are gathered
# a tile at a time: one short read an element position and tile.
TILE_BYTES = 16 << 20


class Reader(Protocol):
    """A binary file; ``readinto`` may return fewer bytes than asked for, and 0 at the end."""

    def readinto(self, buffer: memoryview, /) -> int | None: ...


class SeekableReader(Reader, Protocol):
    """A file on disk, unbuffered."""

    def seek(self, offset: int, /) -> int: ...


def c_order_file(file: SeekableReader, header: NpyHeader, batch_size: int) -> Batches:
    """Read a C-order file from its first sample to its last. CS110, CS112, CS115."""
    file.seek(header.data_offset)
    yield from _c_order(file, header, batch_size)


def c_order_stream(stream: Reader, header: NpyHeader, batch_size: int) -> Batches:
    """Read a C-order stream to its end, which must be where the header says."""
    yield from _c_order(stream, header, batch_size)
    if read_up_to(stream, 1):
        raise trailing(header, "more bytes")


def fortran_file(file: SeekableReader, header: NpyHeader, batch_size: int) -> Batches:
    """Read a Fortran-order file, whose first axis varies fastest, tile by tile."""
    samples, *sample_shape = header.shape
    positions = math.prod(sample_shape)
    itemsize = header.dtype.itemsize
    rows = min(batch_size, samples)
    # A whole number of batches a tile, so that only the last batch can be short.
    width = min(samples, rows * max(1, TILE_BYTES // (positions * itemsize * rows)))
    tile = allocated((*reversed(sample_shape), width), header.dtype)
    lines = tile.reshape(positions, width)
    out = allocated((rows, *sample_shape), FLOAT32)
    for first in range(0, samples, width):
        filled = min(width, samples - first)
        if filled == samples:  # the tile is the whole file
            _fill_from(file, header, header.data_offset, lines)
        else:
            for position in range(positions):
                offset = header.data_offset + (position * samples + first) * itemsize
                _fill_from(file, header, offset, lines[position, :filled])
        for row in range(0, filled, rows):
            yield _converted(tile.T[row : min(row + rows, filled)], out)


def from_memory(x: AnyArray, batch_size: int) -> Batches:
    """Cut an array in memory into batches: views where no conversion is needed."""
    samples = x.shape[0]
    as_is = x.dtype == FLOAT32 and x.flags.c_contiguous
    rows = min(batch_size, samples)
    out = None if as_is else allocated((rows, *x.shape[1:]), FLOAT32)
    for first in range(0, samples, max(rows, 1)):
        part = x[first : first + rows]
        yield part if out is None else _converted(part, out)


def read_up_to(reader: Reader, size: int) -> bytes:
    """The next ``size`` bytes, fewer at the end. CS110."""
    buffer = bytearray(size)
    return bytes(buffer[: _fill(reader, memoryview(buffer))])


def read_failure(error: OSError) -> Problem:
    """CS110 for a failed system call."""
    text = f"it cannot be read: {reading_reason(error)}"
    return Problem("CS110", text, "check the path and the device")


def cut_off(header: NpyHeader, held: int) -> Problem:
    """CS112 when ``held`` data bytes are fewer than the header announces."""
    return Problem(
        "CS112",
        f"the data is cut off: {_announced(header)}, but only {held} bytes follow",
        "write or copy the whole file again",
    )


def trailing(header: NpyHeader, surplus: str) -> Problem:
    """CS112 when data follows the array."""
    return Problem(
        "CS112",
        f"data follows the array: {_announced(header)}, and {surplus} come after it",
        "save the array again, one array to a file",
    )


def _announced(header: NpyHeader) -> str:
    what = f"shape {header.shape}, {header.dtype.name}"
    return f"the header announces {header.data_bytes} bytes ({what})"


def _c_order(reader: Reader, header: NpyHeader, batch_size: int) -> Batches:
    samples, *sample_shape = header.shape
    rows = min(batch_size, samples)
    stored = allocated((rows, *sample_shape), header.dtype)
    out = stored if header.dtype == FLOAT32 else allocated(stored.shape, FLOAT32)
    for first in range(0, samples, max(rows, 1)):
        part = stored[: samples - first]
        got = _fill(reader, _bytes_of(part))
        if got < part.nbytes:
            raise cut_off(header, first * stored[0].nbytes + got)
        yield part if out is stored else _converted(part, out)


def _converted(part: AnyArray, out: AnyArray) -> npt.NDArray[np.float32]:
    """``part`` in float32, in the leading rows of ``out``. Too large becomes infinite."""
    target = out[: len(part)]
    with np.errstate(over="ignore", invalid="ignore"):
        np.copyto(target, part, casting="unsafe")
    return target


def to_float32(stored: AnyArray) -> npt.NDArray[np.float32]:
    """An array as C-contiguous float32; itself where it is that. CS115."""
    if stored.dtype == FLOAT32 and stored.flags.c_contiguous:
        return stored
    return _converted(stored, allocated(stored.shape, FLOAT32))


def _fill_from(file: SeekableReader, header: NpyHeader, offset: int, part: AnyArray) -> None:
    file.seek(offset)
    got = _fill(file, _bytes_of(part))
    if got < part.nbytes:  # the size was right when the file was opened
        raise cut_off(header, offset - header.data_offset + got)


def _fill(reader: Reader, view: memoryview) -> int:
    """Read until ``view`` is full or the data ends; the number of bytes read."""
    got = 0
    while got < len(view):
        try:
            count = reader.readinto(view[got:])
        except OSError as error:
            raise read_failure(error) from None
        if count is None:
            raise Problem(
                "CS110",
                "the stream is non-blocking and has no data yet",
                "give a file, or a pipe that waits for its data",
            )
        if count == 0:
            break
        got += count
    return got


def _bytes_of(part: AnyArray) -> memoryview:
    return part.reshape(-1).view(np.uint8).data


def allocated(shape: tuple[int, ...], dtype: np.dtype[Any]) -> AnyArray:
    """An array to fill, samples first. CS115."""
    try:
        return np.empty(shape, dtype)
    except (MemoryError, ValueError):  # ValueError: more bytes than an address can count
        size = math.prod(shape) * dtype.itemsize
        raise Problem(
            "CS115",
            f"there is no memory for a batch of {shape[0]} samples ({size} bytes)",
            "choose a smaller batch size",
        ) from None
