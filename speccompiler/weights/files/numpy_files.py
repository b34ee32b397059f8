"""Tensors of .npy and .npz files, header first, without pickle.

The header is not parsed by NumPy, so that no dtype text of a file reaches ``numpy.dtype``
unless it is known, and nothing is allocated before the declared size is known to be true.
"""

from __future__ import annotations

import zipfile
from io import BufferedIOBase
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.lib.format import MAGIC_PREFIX
from numpy.typing import NDArray

from speccompiler.diagnostics.wording import quoted
from speccompiler.files import npy_format
from speccompiler.files.npz_format import METHODS, ZIP_ERRORS, ArchiveError, open_archive
from speccompiler.files.ordinary_files import open_ordinary
from speccompiler.files.tensor_info import (
    Opened,
    TensorInfo,
    changed_meanwhile,
    check_size,
    ends_early,
    invalid,
    wrong_stored_size,
)
from speccompiler.frozen import dataclass

_UNUSABLE_KINDS = {
    "O": "object",
    "U": "text",
    "S": "text",
    "a": "text",
    "c": "complex",
    "V": "structured",
    "M": "date",
    "m": "time",
    "f": "extended float",
}


@dataclass(frozen=True, slots=True)
class _Header:
    info: TensorInfo
    dtype: np.dtype[Any] | None
    """As stored; None if it cannot be used, and then the tensor is listed but never read."""
    fortran_order: bool
    data_offset: int


def open_npy(path: Path) -> Opened:
    """The one tensor of a .npy file, named by the file's stem."""
    with open_ordinary(path) as stream:
        header = _read_header(stream, path.stem)
        stream.seek(0, 2)
        _check_stored_size(header, stream.tell())

    def load(info: TensorInfo) -> NDArray[Any]:
        with open_ordinary(path) as stream:
            return _read_data(stream, info)

    return Opened({header.info.name: header.info}, load)


def open_npz(path: Path) -> Opened:
    """The tensors of a .npz archive, named by its members without ``.npy``."""
    tensors: dict[str, TensorInfo] = {}
    try:
        with open_archive(path) as archive:
            for member in archive.infolist():
                if not member.is_dir():
                    info = _member_info(archive, member)
                    tensors[info.name] = info
    except ArchiveError as error:
        raise invalid(str(error)) from error
    except ZIP_ERRORS as error:
        raise invalid(f"it is not a sound zip archive ({error})") from error

    kept: list[zipfile.ZipFile] = []

    def load(info: TensorInfo) -> NDArray[Any]:
        try:
            # Kept open between tensors: opening lists the whole archive. Its own finaliser
            # closes it.
            if not kept:
                kept.append(open_archive(path))
            with kept[0].open(info.name + ".npy") as stream:
                return _read_data(cast(BufferedIOBase, stream), info)
        except (ArchiveError, *ZIP_ERRORS) as error:
            text = f"tensor {quoted(info.name)} cannot be unpacked ({error})"
            raise invalid(text) from error

    return Opened(tensors, load)


def _member_info(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> TensorInfo:
    shown = quoted(member.filename)
    if not member.filename.endswith(".npy"):
        raise invalid(f"member {shown} is not a .npy array")
    if member.flag_bits & 1:
        raise invalid(f"member {shown} is encrypted")
    if member.compress_type not in METHODS:
        raise invalid(f"member {shown} is packed by a method .npz files do not use")
    with archive.open(member) as stream:
        header = _read_header(cast(BufferedIOBase, stream), member.filename.removesuffix(".npy"))
    _check_stored_size(header, member.file_size)
    return header.info


def _read_header(stream: BufferedIOBase, name: str) -> _Header:
    """The header of a .npy stream, whatever its dtype; leaves the stream at the data."""
    start = stream.read(npy_format.PREAMBLE_BYTES)
    if not start.startswith(MAGIC_PREFIX):
        raise invalid(f"tensor {quoted(name)} does not begin as a .npy array does")
    try:
        header = npy_format.read_header(start, stream.read)
    except npy_format.HeaderError as error:
        raise invalid(f"tensor {quoted(name)} {_fault(error)}") from error
    dtype = None if header.descr is None else npy_format.real_dtype(header.descr)
    word = _unusable_kind(header.descr) if dtype is None else dtype.name
    info = TensorInfo(name, header.shape, word)
    check_size(info)
    return _Header(info, dtype, header.fortran_order, header.data_offset)


def _fault(error: npy_format.HeaderError) -> str:
    match error:
        case npy_format.UnknownVersion():
            return "has an unknown .npy format version"
        case npy_format.TooLong(length):
            return f"has a header of {length} bytes; allowed {npy_format.MAX_HEADER_BYTES}"
        case npy_format.CutOff():
            return "ends inside its header"
        case npy_format.Malformed(str(key)):
            return f"has a header without a proper {key}"
        case _:
            return "has a header that cannot be parsed"


def _unusable_kind(descr: str | None) -> str:
    if descr is None:
        return "structured"
    spelling = npy_format.numpys_spelling(descr)
    if spelling is not None:
        return f"{descr}, where NumPy writes '{spelling}'"
    kind, _ = npy_format.kind_and_size(descr) or ("", 0)
    return _UNUSABLE_KINDS.get(kind, "unknown")


def _check_stored_size(header: _Header, stored_bytes: int) -> None:
    """Refuse a header that promises more or less than is there."""
    info = header.info
    if header.dtype is None:
        return
    found = stored_bytes - header.data_offset
    if found != info.data_bytes:
        raise wrong_stored_size(info, found)


def _read_data(stream: BufferedIOBase, info: TensorInfo) -> NDArray[Any]:
    header = _read_header(stream, info.name)
    if header.info != info:
        raise changed_meanwhile(info)
    assert header.dtype is not None, "check_dtype comes before"
    data = bytearray(info.data_bytes)
    view = memoryview(data)
    filled = 0
    while filled < len(data):
        got = stream.readinto(view[filled:])
        if not got:
            raise ends_early(info)
        filled += got
    stream.read(1)  # at its end a zip member compares its checksum
    order: Literal["C", "F"] = "F" if header.fortran_order else "C"
    return np.ndarray(info.shape, header.dtype, data, order=order)
