"""A file or a stream to a ``Document``: only UTF-8 text is read, and the model in an HDF5 file."""

from __future__ import annotations

import codecs
import os
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Literal

from speccompiler.diagnostics.core import Problem, did_you_mean
from speccompiler.files.file_kinds import FileKind, kind_of
from speccompiler.files.hdf5_signature import is_hdf5
from speccompiler.files.ordinary_files import NotOrdinary, open_ordinary
from speccompiler.source.document import Document, failed
from speccompiler.source.encodings import wide_encoding
from speccompiler.source.findings import MAX_BYTES
from speccompiler.source.pickles import is_pickle, pickled
from speccompiler.source.saved_model_folders import is_saved_model, saved_model
from speccompiler.source.texts import parse_document, too_large

HDF5_SUFFIXES = {".h5", ".hdf5"}
ONNX_SUFFIX = ".onnx"
_IMAGE_HINT = "name the spec; pictures are given apart from it, as one array (--input x.npy)"
_NO_TEXT: Mapping[FileKind, tuple[str, str]] = {
    FileKind.HDF5: ("an HDF5 file", "name the file itself instead of sending it as a stream"),
    FileKind.ZIP: ("a zip archive", "name the spec; weights are given apart from it"),
    FileKind.GIT_LFS: ("a Git LFS pointer", "fetch the file with: git lfs pull"),
    FileKind.GZIP: ("a gzip file", "unpack it first, for example with gunzip"),
    FileKind.MATLAB_5: ("a MATLAB file", "name the spec; weights are given apart from it"),
    FileKind.NPY: ("a NumPy array", "name the spec; arrays are given apart from it"),
    FileKind.PNG: ("a PNG image", _IMAGE_HINT),
    FileKind.JPEG: ("a JPEG image", _IMAGE_HINT),
    FileKind.PDF: ("a PDF document", "name the spec"),
}
"""What is said of files that are no text."""

_KERAS3 = (
    "a .keras archive",
    "name the file itself instead of sending it as a stream",
)
"""For the bytes of one: its weights are read from the file."""


def _is_keras3(data: bytes) -> bool:
    """Whether the first member of a zip archive is the model's text, by its local header."""
    name = data[30 : 30 + int.from_bytes(data[26:28], "little")]
    return kind_of(data) is FileKind.ZIP and name in {b"metadata.json", b"config.json"}


def decode_document(data: bytes, file: str) -> Document:
    """Read the bytes of a spec, which are UTF-8 text."""
    if is_onnx(data):
        named = "name the file itself instead of sending it as a stream"
        return failed(file, Problem("CS002", "this is an ONNX model, not text", named))
    if len(data) > MAX_BYTES:
        return failed(file, too_large(len(data)))
    if is_pickle(data):
        return failed(file, pickled(data, file))
    no_text = _KERAS3 if _is_keras3(data) else _NO_TEXT.get(kind_of(data))
    # Only then: binary files may have zeros in the places where UTF-16 has them.
    if no_text is None and (wide := wide_encoding(data)) is not None:
        no_text = (f"{wide} text", "save the file as UTF-8")
    if no_text is not None:
        return failed(file, not_text(no_text))
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"the byte 0x{data[error.start]:02x} at offset {error.start} is not UTF-8 text"
        at = len(data[: error.start].decode("utf-8"))
        shown = data.decode("utf-8", errors="replace")
        # No text holds a zero. This is a program or an archive: its first line is no help.
        if 0 in data:
            return failed(file, Problem("CS002", f"{message}: it is binary data", "name the spec"))
        return failed(file, Problem("CS002", message, "save the file as UTF-8"), shown, at)
    return parse_document(text, file)


def not_text(found: tuple[str, str]) -> Problem:
    """CS002 for a file of another kind: what it is, and what to do."""
    what, hint = found
    return Problem("CS002", f"this is {what}, not YAML or JSON as UTF-8 text", hint)


_UNREAD: dict[str, tuple[str, str | None]] = {
    "missing": ("the file does not exist", "check the name"),
    "folder": ("this is a folder", "name a .yaml or .json file in it"),
    "denied": ("the file may not be read", "check its permissions"),
    "name": ("this is not a name a file can have", "check the name"),
}
"""What is said of what cannot be read, by its kind; a pipe or device has its own words."""


_MOST_NAMES = 1000
"""Names in a folder that are compared with one that is not there."""


def _near_name(path: Path) -> str | None:
    """A hint that names a file of the same folder, where one is called much alike."""
    try:
        with os.scandir(path.parent) as entries:
            names = [entry.name for entry in islice(entries, _MOST_NAMES)]
    except OSError:
        return None
    return did_you_mean(path.name, sorted(names))


def is_onnx(data: bytes) -> bool:
    """Whether a file begins as ONNX models do: the version of the format, and a known field.

    No text begins with the key of the first, which is a control character.
    """
    return len(data) > 2 and data[0] == 8 and data[1] < 32 and data[2] in _ONNX_KEYS


_ONNX_KEYS = {0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42}
"""The producer, its version, the domain, the model's version, documentation, graph, operations."""
_HEAD_BYTES = 4096


def _read_bytes(path: Path) -> bytes | Literal["HDF5", "ONNX", "zip"]:
    """The bytes of an ordinary file, or that it is another format's, or is named so.

    Raises ``CS001`` or ``CS005``.
    """
    try:
        with open_ordinary(path) as file:
            if is_hdf5(file):
                return "HDF5"
            file.seek(0)
            head = file.read(_HEAD_BYTES)
            if is_onnx(head) or (path.suffix.lower() == ONNX_SUFFIX and _may_be_onnx(head)):
                return "ONNX"
            file.seek(0)
            data = file.read(MAX_BYTES + 1)
            if kind_of(data) in {FileKind.ZIP, FileKind.EMPTY_ZIP}:
                return "zip"
            size = max(len(data), os.fstat(file.fileno()).st_size)
    except NotOrdinary as refused:
        if refused.kind in {"pipe", "device", "socket"}:
            stream = "send it to standard input, and name it '-'"
            raise Problem("CS001", "this is not a regular file", stream) from None
        message, hint = _UNREAD.get(
            refused.kind, (f"the file cannot be read: {refused.reason}", None)
        )
        hint = (refused.kind == "missing" and _near_name(path)) or hint
        raise Problem("CS001", message, hint) from None
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise Problem("CS001", f"the file cannot be read: {reason}") from None
    text = data.lstrip()[:1] in (b"{", b"[", b'"')
    if path.suffix.lower() in HDF5_SUFFIXES and not text:
        return "HDF5"
    if size > MAX_BYTES:
        raise too_large(size)
    return data


def read_document(path: Path) -> Document:
    """Read a file; at most 16 MiB of text, and only a regular file.

    Of an HDF5 file or a .keras archive the model that Keras saved in it is read, and of an ONNX
    file its graph.
    """
    try:
        data = _read_bytes(path)
    except Problem as problem:
        folder = is_saved_model(path) and path.is_dir()
        return failed(str(path), saved_model() if folder else problem)
    if data == "ONNX" and is_saved_model(path):  # both are protobufs, and begin alike
        return failed(str(path), saved_model())
    if data == "ONNX":
        from speccompiler.source.onnx_document import read_onnx_document

        return read_onnx_document(path)
    if data == "HDF5":
        # h5py takes long to import.
        from speccompiler.source.hdf5_document import read_hdf5_document

        return read_hdf5_document(path)
    if data == "zip":
        return _read_zip(path)
    assert isinstance(data, bytes), "what has no reader of its own is text"
    return decode_document(data, str(path))


def _read_zip(path: Path) -> Document:
    """The model of a .keras archive; CS002 for any other zip archive."""
    from speccompiler.files.keras_archives import holds_model
    from speccompiler.source.keras_document import read_keras_document

    try:
        if holds_model(path):
            return read_keras_document(path)
    except NotOrdinary:
        pass
    return failed(str(path), not_text(_NO_TEXT[FileKind.ZIP]))


def _may_be_onnx(head: bytes) -> bool:
    """Whether a file that is named so is no other known format, and no text."""
    known = kind_of(head) in _NO_TEXT or is_pickle(head)
    return not known and (not head or any(byte < 9 or byte > 126 for byte in head))
