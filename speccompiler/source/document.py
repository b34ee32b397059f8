"""A file, standard input or a text to a ``Document``: its tree and what is wrong with it.

Nothing here raises for what a user's file holds; every finding is in the document.
"""

from __future__ import annotations

import codecs
import math
import os
import re
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Diagnostic, Problem, did_you_mean
from speccompiler.files.hdf5_signature import is_hdf5
from speccompiler.files.ordinary_files import NotOrdinary, open_ordinary
from speccompiler.source.encodings import wide_encoding
from speccompiler.source.findings import MAX_BYTES, Findings, Stop
from speccompiler.source.pickles import is_pickle, pickled
from speccompiler.source.positions import LineIndex, split_lines
from speccompiler.source.saved_models import stands_alone
from speccompiler.source.tree import TreeNode

if TYPE_CHECKING:
    from speccompiler.source.inner_text import Syntax

# Neither YAML nor JSON text may hold these as they are.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
# YAML 1.2, production c-printable, forbids these too.
_YAML_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]"
)
_FLOW_START = re.compile(r"\s*[\[{]")
_JSON_START = re.compile(r"\s*[\[{](?:\s*[\[{])*\s*(?:[\"\]}]|\Z)")

HDF5_SUFFIXES = {".h5", ".hdf5"}
_IMAGE_HINT = "name the spec; pictures are given apart from it, as one array (--input x.npy)"
_SIGNATURES = (
    (b"\x89HDF", "an HDF5 file", "name the file itself instead of sending it as a stream"),
    (b"PK\x03\x04", "a zip archive", "name the spec; weights are given apart from it"),
    (b"version https://git-lfs", "a Git LFS pointer", "fetch the file with: git lfs pull"),
    (b"\x1f\x8b", "a gzip file", "unpack it first, for example with gunzip"),
    (b"MATLAB 5.0 MAT-file", "a MATLAB file", "name the spec; weights are given apart from it"),
    (b"\x93NUMPY", "a NumPy array", "name the spec; arrays are given apart from it"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", _IMAGE_HINT),
    (b"\xff\xd8\xff", "a JPEG image", _IMAGE_HINT),
    (b"%PDF-", "a PDF document", "name the spec"),
)


@dataclass(frozen=True, slots=True)
class Document:
    """What a text says. ``root`` is None where it could not be read as a whole.

    ``file`` is the name to show; ``text`` is without a byte order mark, and is what
    the spans of ``root`` and ``diagnostics`` count. Duplicate keys (``CS004``) leave
    a root that holds the first of each; every other finding leaves none. ``holder`` is the
    HDF5 file that the text is a part of, ``keras_version`` what that file says wrote it, or what
    stands beside a model that was packed into something else. ``syntax`` is what it was read as.
    """

    file: str
    text: str
    root: TreeNode | None
    diagnostics: tuple[Diagnostic, ...]
    holder: Path | None = None
    keras_version: str | None = None
    wrapper: Document | None = None
    """The spec that names this document as its model."""
    syntax: Syntax = "json"

    @property
    def shown_file(self) -> str:
        """The file that a person knows, without the place inside it."""
        if self.wrapper is not None:
            return self.wrapper.shown_file
        return self.file if self.holder is None else str(self.holder)

    @property
    def read_files(self) -> tuple[str, ...]:
        """Every file that was read for it."""
        own = self.file if self.holder is None else str(self.holder)
        return (own,) if self.wrapper is None else (own, *self.wrapper.read_files)

    def source(self) -> DocumentSource:
        """What the document can be read from again, in another process too."""
        if self.wrapper is not None:
            return self.wrapper.source()
        return DocumentSource(
            os.path.abspath(self.file) if os.path.exists(self.file) else self.file,
            self.text,
            None if self.holder is None else self.holder.absolute(),
            self.keras_version,
        )


@dataclass(frozen=True, slots=True)
class DocumentSource:
    """The text of a document, and what goes with it; small enough to be sent around."""

    file: str
    text: str
    holder: Path | None
    keras_version: str | None

    def document(self) -> Document:
        """The document, read from its text."""
        if self.holder is None:
            return parse_document(self.text, self.file)
        document = parse_json(self.text, self.file)
        return replace(document, holder=self.holder, keras_version=self.keras_version)


def _failed(file: str, problem: Problem, text: str = "", at: int | None = None) -> Document:
    """A document that could not be read, because of ``text[at]`` where that is known."""
    if at is None:
        return Document(file, text, None, (problem.at(file=file),))
    span = Findings(file, text).lines.caret(at, at + 1)
    return Document(file, text, None, (problem.at(file=file, span=span),))


def _too_large(size: int) -> Problem:
    mebibytes = math.ceil(size / 2**20 * 10) / 10  # 16.0 is not more than 16
    return Problem(
        "CS005",
        f"the text is {mebibytes:.1f} MiB; at most {MAX_BYTES // 2**20} MiB are read",
        "keep arrays in .npy, .npz or .safetensors files",
    )


def parse_as(text: str, file: str, syntax: Syntax, lines: LineIndex | None = None) -> Document:
    """Read a text in one of the formats; ``lines`` say where the text stands in another."""
    findings = Findings(file, text, lines)
    control = (_YAML_CONTROL if syntax == "yaml" else _CONTROL).search(text)
    if control is not None:
        message = f"the control character U+{ord(control.group()):04X} stands in the text"
        span = findings.lines.caret(control.start(), control.start() + 1)
        found = Problem("CS002", message, "remove it").at(file=file, span=span)
        return Document(file, text, None, (found,), syntax=syntax)
    root: TreeNode | None = None
    try:
        if syntax == "python":
            from speccompiler.source.python_reader import read_python

            root = read_python(findings)
        elif syntax == "json":
            from speccompiler.source.json_reader import read_json

            root = read_json(findings)
        else:
            # PyYAML takes longer to import than most specs take to read.
            from speccompiler.source.yaml_reader import read_yaml

            root = read_yaml(findings)
    except Stop:
        pass
    # After other findings values are missing, and later stages would only complain of that.
    if not findings.only("CS004"):
        root = None
    return Document(file, text, root, findings.in_text_order(), syntax=syntax)


def _stopped_at_comment(document: Document) -> bool:
    """True when reading ended at a comment as JavaScript has them."""
    span = document.diagnostics[-1].span
    if span is None:
        return False
    line = split_lines(document.text)[span.line - 1]
    return line.startswith(("//", "/*"), span.column - 1)


def parse_document(text: str, file: str) -> Document:
    """Read a text; ``file`` is shown, and its extension (.json, .yaml, .yml) names the format.

    Without one of these, a text that starts with '{' or '[' is read as JSON, and as a
    YAML flow collection where its syntax is not JSON's.
    """
    text = text.removeprefix("\ufeff")
    # A character takes at least one byte, so the bytes are only counted where it matters.
    if len(text) > MAX_BYTES:
        return _failed(file, _too_large(len(text)))
    return _opened(_parsed(text, file))


def _parsed(text: str, file: str) -> Document:
    """By the extension, else by how the text begins."""
    suffix = PurePath(file).suffix.lower()
    if suffix in (".yaml", ".yml"):
        return parse_as(text, file, "yaml")
    if suffix == ".json":
        return parse_as(text, file, "json")
    if not _FLOW_START.match(text):
        return parse_as(text, file, "yaml")
    as_json = parse_as(text, file, "json")
    # YAML would take '// a comment' as text, and give keys that nobody wrote.
    if all(d.code != "CS003" for d in as_json.diagnostics) or _stopped_at_comment(as_json):
        return as_json
    as_yaml = parse_as(text, file, "yaml")
    return as_json if as_yaml.root is None and _JSON_START.match(text) else as_yaml


def parse_json(text: str, file: str) -> Document:
    """Read a text that is JSON whatever its name."""
    if len(text) > MAX_BYTES:
        return _failed(file, _too_large(len(text)))
    return _opened(parse_as(text, file, "json"))


def _opened(document: Document) -> Document:
    """The document with the model that it holds as its root: nearly always it is that already."""
    if document.root is not None and stands_alone(document.root, json=document.syntax == "json"):
        return document
    from speccompiler.source.opened import opened

    return opened(document)


_KERAS3 = Problem(
    "CS040",
    "this is a .keras archive, which Keras 3 or TensorFlow's Keras wrote; convspec reads what "
    "Keras 0.1 to 1.2.2 wrote",
    "write the model as a native spec, with the arguments of Keras 1.x",
)


def _is_keras3(data: bytes) -> bool:
    """Whether the first member of a zip archive is the model's text, by its local header."""
    name = data[30 : 30 + int.from_bytes(data[26:28], "little")]
    return data.startswith(b"PK\x03\x04") and name in {b"metadata.json", b"config.json"}


def decode_document(data: bytes, file: str) -> Document:
    """Read the bytes of a spec, which are UTF-8 text."""
    if len(data) > MAX_BYTES:
        return _failed(file, _too_large(len(data)))
    if is_pickle(data):
        return _failed(file, pickled(data, file))
    # What begins as a file of another kind may have zeros as UTF-16 has.
    kinds = [(what, hint) for signature, what, hint in _SIGNATURES if data.startswith(signature)]
    if not kinds and (wide := wide_encoding(data)) is not None:
        kinds = [(f"{wide} text", "save the file as UTF-8")]
    if _is_keras3(data):
        return _failed(file, _KERAS3)
    for what, hint in kinds[:1]:
        message = f"this is {what}, not YAML or JSON as UTF-8 text"
        return _failed(file, Problem("CS002", message, hint))
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"the byte 0x{data[error.start]:02x} at offset {error.start} is not UTF-8 text"
        at = len(data[: error.start].decode("utf-8"))
        shown = data.decode("utf-8", errors="replace")
        # A zero stands in no text: a program, say, or an archive. Its first line says nothing.
        if 0 in data:
            return _failed(file, Problem("CS002", f"{message}: it is binary data", "name the spec"))
        return _failed(file, Problem("CS002", message, "save the file as UTF-8"), shown, at)
    return parse_document(text, file)


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


def _read_bytes(path: Path) -> bytes | None:
    """The bytes of an ordinary file; None for one that is HDF5 or is named so.

    Raises ``CS001`` or ``CS005``.
    """
    try:
        with open_ordinary(path) as file:
            if is_hdf5(file):
                return None
            file.seek(0)
            data = file.read(MAX_BYTES + 1)
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
        return None
    if size > MAX_BYTES:
        raise _too_large(size)
    return data


def read_document(path: Path) -> Document:
    """Read a file; at most 16 MiB of text, and only a regular file.

    Of an HDF5 file the model that Keras 1.x saved in it is read.
    """
    try:
        data = _read_bytes(path)
    except Problem as problem:
        return _failed(str(path), problem)
    if data is None:
        # It takes h5py, and what that needs, to import.
        from speccompiler.source.hdf5_document import read_hdf5_document

        return read_hdf5_document(path)
    return decode_document(data, str(path))
