"""Tensors of .npy and .npz files, header first, without pickle.

The header is parsed here and not by NumPy, so that no dtype text of a file reaches
``numpy.dtype`` and nothing is allocated before the declared size is known to be true.
Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import ast
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from speccompiler.tensors.tensor_info import (
    ITEM_SIZES,
    Opened,
    TensorInfo,
    check_size,
    invalid,
    quoted,
)

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 10_000  # NumPy's own limit; it also bounds what literal_eval is given

_KINDS = {
    **{f"f{n}": f"float{8 * n}" for n in (2, 4, 8)},
    **{f"i{n}": f"int{8 * n}" for n in (1, 2, 4, 8)},
    **{f"u{n}": f"uint{8 * n}" for n in (1, 2, 4, 8)},
    "b1": "bool",
    "?": "bool",
}
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
    stored: str
    fortran_order: bool
    length: int
    """Bytes before the data."""


def open_npy(path: Path) -> Opened:
    """The one tensor of a .npy file, named by the file's stem."""
    with path.open("rb") as stream:
        header = _read_header(stream, path.stem)
        stream.seek(0, 2)
        _check_stored_size(header, stream.tell())

    def load(info: TensorInfo) -> NDArray[Any]:
        with path.open("rb") as stream:
            return _read_data(stream, info)

    return {header.info.name: header.info}, load


def open_npz(path: Path) -> Opened:
    """The tensors of a .npz archive, named by its members without ``.npy``."""
    tensors: dict[str, TensorInfo] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.is_dir():
                    continue
                info = _member_info(archive, member)
                if info.name in tensors:
                    raise invalid(f"the archive holds two members {quoted(member.filename)}")
                tensors[info.name] = info
    except _ZIP_ERRORS as error:
        raise invalid(f"it is not a sound zip archive ({error})") from error

    def load(info: TensorInfo) -> NDArray[Any]:
        try:
            with zipfile.ZipFile(path) as archive, archive.open(info.name + ".npy") as stream:
                return _read_data(cast(BufferedIOBase, stream), info)
        except _ZIP_ERRORS as error:
            text = f"tensor {quoted(info.name)} cannot be unpacked ({error})"
            raise invalid(text) from error

    return tensors, load


# What zipfile raises on damaged archives, found by feeding it some.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    LookupError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def _member_info(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> TensorInfo:
    shown = quoted(member.filename)
    if not member.filename.endswith(".npy"):
        raise invalid(f"member {shown} is not a .npy array")
    if member.flag_bits & 1:
        raise invalid(f"member {shown} is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise invalid(f"member {shown} is packed by a method .npz files do not use")
    with archive.open(member) as stream:
        header = _read_header(cast(BufferedIOBase, stream), member.filename.removesuffix(".npy"))
    _check_stored_size(header, member.file_size)
    return header.info


def _read_header(stream: BufferedIOBase, name: str) -> _Header:
    """The header of a .npy stream, versions 1 to 3; leaves the stream at the data."""
    shown = quoted(name)
    start = stream.read(8)
    if start[:6] != _MAGIC:
        raise invalid(f"tensor {shown} does not begin as a .npy array does")
    if len(start) < 8 or start[6] not in (1, 2, 3):
        raise invalid(f"tensor {shown} has an unknown .npy format version")
    length_bytes = stream.read(2 if start[6] == 1 else 4)
    length = int.from_bytes(length_bytes, "little")
    if length > _LONGEST_HEADER:
        raise invalid(f"tensor {shown} has a header of {length} bytes; allowed {_LONGEST_HEADER}")
    text = stream.read(length)
    if len(text) < length:
        raise invalid(f"tensor {shown} ends inside its header")
    try:
        fields = ast.literal_eval(text.decode("utf-8" if start[6] == 3 else "latin-1").strip())
        descr, fortran, shape = fields["descr"], fields["fortran_order"], fields["shape"]
    except (SyntaxError, ValueError, TypeError, KeyError, RecursionError, MemoryError) as error:
        raise invalid(f"tensor {shown} has a header that cannot be parsed") from error
    if not isinstance(shape, tuple) or not all(type(d) is int and d >= 0 for d in shape):
        raise invalid(f"tensor {shown} has a header without a proper shape")
    if not isinstance(fortran, bool):
        raise invalid(f"tensor {shown} has a header without a proper fortran_order")
    info = TensorInfo(name, shape, _dtype_name(descr))
    check_size(info)
    return _Header(info, str(descr), fortran, 8 + len(length_bytes) + length)


def _dtype_name(descr: object) -> str:
    if not isinstance(descr, str):
        return "structured"
    kind = re.fullmatch(r"[<>|=]?([A-Za-z?]\d*)(\[.*\])?", descr)
    if kind is None:
        return "unknown"
    return _KINDS.get(kind[1], _UNUSABLE_KINDS.get(kind[1][0], "unknown"))


def _check_stored_size(header: _Header, stored_bytes: int) -> None:
    """Refuse a header that promises more or less than is there."""
    info = header.info
    if info.dtype not in ITEM_SIZES:
        return  # never read
    found = stored_bytes - header.length
    if found != info.data_bytes:
        raise invalid(
            f"tensor {quoted(info.name)} of shape {info.shape} needs {info.data_bytes} bytes of "
            f"{info.dtype}, but {found} are stored"
        )


def _read_data(stream: BufferedIOBase, info: TensorInfo) -> NDArray[Any]:
    header = _read_header(stream, info.name)
    if header.info != info:
        raise invalid(f"tensor {quoted(info.name)} changed while the file was in use")
    data = bytearray(info.data_bytes)
    view = memoryview(data)
    filled = 0
    while filled < len(data):
        got = stream.readinto(view[filled:])
        if not got:
            raise invalid(f"tensor {quoted(info.name)} ends early")
        filled += got
    stream.read(1)  # at its end a zip member compares its checksum
    order: Literal["C", "F"] = "F" if header.fortran_order else "C"
    return np.ndarray(info.shape, np.dtype(header.stored), data, order=order)
