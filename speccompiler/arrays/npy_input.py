"""Read an array batch by batch: a .npy file, a .npy stream, or an array in memory.

Files are read with plain reads into one reused buffer. A memory map would be
shorter, but its touched pages count as the process's memory, and a file that
shrinks while mapped kills the process.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from io import BufferedReader, FileIO
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt
from numpy.lib.format import MAGIC_PREFIX

from speccompiler.arrays import element_types, foreign_files, npy_batches
from speccompiler.arrays.array_input import ArrayInput
from speccompiler.arrays.boxes import Box, slices
from speccompiler.arrays.npy_batches import Batches
from speccompiler.arrays.npy_boxes import read_box
from speccompiler.arrays.npy_header import PREAMBLE_BYTES, NpyHeader, check_shape, read_header
from speccompiler.arrays.positioned import PositionedFile
from speccompiler.diagnostics.core import Problem
from speccompiler.files.ordinary_files import Kind, NotOrdinary, OrdinaryFile, open_raw
from speccompiler.system import facilities


def open_array(source: Path | BinaryIO, name: str) -> ArrayInput:
    """Open a .npy file or a stream that carries one; ``name`` is what messages call it.

    The header and, for a file, its size are checked here. A pipe given by its path is
    read as a stream, where something writes to it. CS110 to CS115.
    """
    if not isinstance(source, Path):
        return open_stream(cast(npy_batches.Reader, source), name)
    try:
        file = open_raw(source, pipes=True)
    except NotOrdinary as found:
        raise refused(found) from None
    try:
        if isinstance(file, OrdinaryFile):
            return _open_file(file, source, name)
        return open_stream(file, name, close=file.close)
    except BaseException:
        file.close()
        raise


def from_array(x: npt.NDArray[np.generic], name: str) -> ArrayInput:
    """The same interface over an array in memory, by the same rules. CS113, CS114, CS115.

    Batches of a C-contiguous float32 array are views of it; others are converted.
    """
    element_types.check_dtype(x.dtype)
    check_shape(x.shape)
    return ArrayInput(
        name,
        x.shape,
        x.dtype,
        x.flags.f_contiguous and not x.flags.c_contiguous,
        element_types.conversion_note(x.dtype),
        lambda batch_size: npy_batches.from_memory(x, batch_size),
        _box=lambda box: np.ascontiguousarray(x[slices(box)], np.float32),
    )


_GIVE_ONE = "give one .npy file, not its folder"
_REFUSED: Mapping[Kind, tuple[str, str]] = {
    "missing": ("the file does not exist", "check the path"),
    "folder": ("this is a folder, not a file", _GIVE_ONE),
    "denied": (
        "the file may not be read (permission denied)",
        "check the permissions of the file and of its folders",
    ),
    "name": ("the path is not a valid file name", "check the path"),
    "device": ("this is a device, not a file", "give a .npy file, or - for standard input"),
    "socket": ("this is a socket, not a file", "give a .npy file, or - for standard input"),
}


def refused(found: NotOrdinary) -> Problem:
    """CS110 for what is no file to read."""
    if found.kind == "pipe":
        hint = "start what writes to it first, or use - and a pipe of the shell"
        return Problem("CS110", found.reason, hint)
    text, hint = _REFUSED.get(found.kind, (f"it cannot be read: {found.reason}", "check the path"))
    return Problem("CS110", text, hint)


def _open_file(file: OrdinaryFile, path: Path, name: str) -> ArrayInput:
    size = file.size

    def tail() -> bytes:
        file.seek(max(0, size - foreign_files.TAIL_BYTES))
        return npy_batches.read_up_to(file, foreign_files.TAIL_BYTES)

    header = header_of(file, tail, name)
    check_size(header, size - header.data_offset)
    read = npy_batches.fortran_file if is_transposed(header) else npy_batches.c_order_file
    source = array_input(header, name, lambda n: read(file, header, n), file.close)
    identity = f"{file_identity(file, path)}, {header.as_text()}"
    return replace(source, _box=boxes_of(file, header), identity=identity)


def boxes_of(file: FileIO, header: NpyHeader) -> Callable[[Box], npt.NDArray[np.float32]] | None:
    """What reads boxes of an open file; None where none can be."""
    if not facilities.POSITIONED_READS.here:
        return None
    place = PositionedFile(file.fileno())
    return lambda box: read_box(place, header, box)


def file_identity(file: FileIO | BufferedReader, path: Path) -> str:
    """What tells an open file, as it is now, from any other and from itself once it is changed.

    Without its device, whose number may be another after each mount.
    """
    status = os.fstat(file.fileno())
    return (
        f"{os.path.realpath(path)}, file {status.st_ino}, {status.st_size} bytes, "
        f"changed at {status.st_mtime_ns}"
    )


def open_stream(
    stream: npy_batches.Reader,
    name: str,
    *,
    close: Callable[[], None] = lambda: None,
    size: int | None = None,
) -> ArrayInput:
    """An array that can be read once, from its first sample to its last; ``size`` is known of some.

    CS110 to CS115.
    """
    header = header_of(stream, lambda: b"", name)
    if size is not None:
        check_size(header, size - header.data_offset)
    if is_transposed(header):
        raise Problem(
            "CS110",
            "the array is in Fortran order, which cannot be read from a stream",
            "give the file by its path, or save it with numpy.ascontiguousarray(array)",
        )
    used = False

    def batches(batch_size: int) -> Iterator[npt.NDArray[np.float32]]:
        nonlocal used
        assert not used, "a stream can be read once"
        used = True
        return npy_batches.c_order_stream(stream, header, batch_size)

    return array_input(header, name, batches, close)


def array_input(
    header: NpyHeader, name: str, batches: Callable[[int], Batches], close: Callable[[], None]
) -> ArrayInput:
    """An array of this header."""
    note = element_types.conversion_note(header.dtype)
    return ArrayInput(name, header.shape, header.dtype, header.fortran_order, note, batches, close)


def header_of(reader: npy_batches.Reader, tail: Callable[[], bytes], name: str) -> NpyHeader:
    """The header at the beginning; what other file this is in its place. CS111 to CS114."""
    preamble = npy_batches.read_up_to(reader, PREAMBLE_BYTES)
    signature = preamble[: len(MAGIC_PREFIX)]
    if not preamble or not MAGIC_PREFIX.startswith(signature):
        more = npy_batches.read_up_to(reader, foreign_files.HEAD_BYTES - PREAMBLE_BYTES)
        raise foreign_files.not_npy(preamble + more, tail(), Path(name).name)
    return read_header(preamble, lambda size: npy_batches.read_up_to(reader, size))


def check_size(header: NpyHeader, held: int) -> None:
    """CS112 unless as many bytes follow the header as it announces."""
    if held < header.data_bytes:
        raise npy_batches.cut_off(header, held)
    if held > header.data_bytes:
        raise npy_batches.trailing(header, f"{held - header.data_bytes} bytes")


def is_transposed(header: NpyHeader) -> bool:
    """Whether Fortran order differs from C order: two axes longer than 1, and any data."""
    return (
        header.fortran_order
        and math.prod(header.shape) > 0
        and sum(length > 1 for length in header.shape) > 1
    )
