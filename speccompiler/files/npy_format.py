"""Read the headers of .npy files, formats 1.0 to 3.0; what the array is good for is not judged.

Stricter than ``numpy.lib.format``: the header's size is checked before it is
read, and its text is matched against the three keys that it must have instead
of being evaluated, so that no header can recurse, warn, or hold objects.
Failures are a :class:`HeaderError`; callers say it in their own words.
Format: the module docstring of ``numpy.lib.format`` (NEP 1).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

import numpy as np
from numpy.lib.format import MAGIC_PREFIX

from speccompiler.frozen import dataclass

PREAMBLE_BYTES = len(MAGIC_PREFIX) + 2
MAX_HEADER_BYTES = 10_000  # numpy.lib.format's own default
_MAX_LENGTH = 2**63 - 1  # of an axis: NumPy's npy_intp

_LENGTH_FORMATS = {(1, 0): "<H", (2, 0): "<I", (3, 0): "<I"}
# No two neighbouring parts of a pattern match the same character, so that matching takes
# linear time whatever the text.
_OPEN = re.compile(r"\s*\{", re.ASCII)
_KEY = re.compile(r"""\s*(['"])(descr|fortran_order|shape)\1\s*:\s*""", re.ASCII)
_COMMA = re.compile(r"\s*(?:,|(?=\}))", re.ASCII)
_CLOSE = re.compile(r"\s*\}\s*", re.ASCII)
_LENGTH = r"(?:0|[1-9][0-9]{0,18})L?\s*"  # NumPy under Python 2 wrote long ones as 12L
_VALUES = {
    "descr": re.compile(r"""u?(['"])(?P<value>[^'"\\\n]*)\1""", re.ASCII),
    "fortran_order": re.compile(r"(?P<value>True|False)"),
    "shape": re.compile(rf"\((?P<value>\s*(?:(?:{_LENGTH},\s*)+(?:{_LENGTH})?)?)\)", re.ASCII),
}

# In the place of a type's text: brackets around names, types and numbers. What they say is not
# looked at, for no caller can use them. Few files have any.
_FIELDS = r"""[\[(]
    (?: [ub]?'(?:[^'\\]|\\.)*' | [ub]?"(?:[^"\\]|\\.)*" | [\s0-9L,()\[\]] )*
    [\])]"""

_TYPE = re.compile(r"[<>|=]?([A-Za-z?])([0-9]{0,9})(?:(?<=[mM]8)\[[^\]]*\])?")
_REAL = re.compile(r"[<>|=]?(?:\?|b1|[iu][1248]|f[248])")


@dataclass(frozen=True, slots=True)
class Header:
    """What a .npy header says; ``data_offset`` is the first byte of the data.

    ``descr`` is the element type's text such as '<f4', of any kind, or None for
    elements with fields. ``shape`` may have any number of axes, also none.
    """

    shape: tuple[int, ...]
    descr: str | None
    fortran_order: bool
    data_offset: int


class HeaderError(Exception):
    """A header that cannot be read; raised as one of the classes below."""


@dataclass(eq=False)
class UnknownVersion(HeaderError):
    """The format is not 1.0, 2.0 or 3.0."""

    major: int
    minor: int


@dataclass(eq=False)
class TooLong(HeaderError):
    """The header claims more than ``MAX_HEADER_BYTES``."""

    length: int


class CutOff(HeaderError):
    """The data ends inside the header."""


@dataclass(eq=False)
class Malformed(HeaderError):
    """The text breaks the grammar: in the value of ``key``, or as a whole if that is None."""

    key: str | None


def read_header(preamble: bytes, read: Callable[[int], bytes]) -> Header:
    """The header that follows ``preamble``, the signature and version already read.

    ``read(n)`` returns n bytes, or fewer at the end. A :class:`HeaderError` otherwise.
    """
    assert preamble[: len(MAGIC_PREFIX)] == MAGIC_PREFIX[: len(preamble)], "not a .npy signature"
    if len(preamble) < PREAMBLE_BYTES:
        raise CutOff
    major, minor = preamble[len(MAGIC_PREFIX) :]
    length_format = _LENGTH_FORMATS.get((major, minor))
    if length_format is None:
        raise UnknownVersion(major, minor)
    packed = _read_all(read, struct.calcsize(length_format))
    (length,) = struct.unpack(length_format, packed)
    if length > MAX_HEADER_BYTES:
        raise TooLong(length)
    # Format 3.0 may use UTF-8, but only in the names of fields, which are passed over.
    text = _read_all(read, length).decode("latin-1")
    shape, descr, fortran_order = _parse(text)
    return Header(shape, descr, fortran_order, PREAMBLE_BYTES + len(packed) + length)


def real_dtype(descr: str) -> np.dtype[np.generic] | None:
    """The dtype of ``descr`` if it is a real number that NumPy has on every platform."""
    return np.dtype(descr) if _REAL.fullmatch(descr) else None


_SPELLED = {
    name: np.dtype(name).newbyteorder("<").str
    for name in (
        "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
        "float16", "float32", "float64", "half", "single", "double", "float",
    )
}  # fmt: skip


def numpys_spelling(descr: str) -> str | None:
    """What NumPy writes for a type that another program wrote by its name: '<f4' for 'float32'."""
    return _SPELLED.get(descr.lower())


def kind_and_size(descr: str) -> tuple[str, int] | None:
    """The type letter of ``descr`` and the number after it (0 if none); None if it has neither.

    The letters are those of NumPy's array interface protocol; the size is in
    bytes except for 'U', where it counts characters.
    """
    match = _TYPE.fullmatch(descr)
    return None if match is None else (match[1], int(match[2] or 0))


def _read_all(read: Callable[[int], bytes], size: int) -> bytes:
    data = read(size)
    if len(data) < size:
        raise CutOff
    return data


def _parse(text: str) -> tuple[tuple[int, ...], str | None, bool]:
    values: dict[str, str | None] = {}
    start = _OPEN.match(text)
    position = start.end() if start is not None else 0
    while (found := _KEY.match(text, position)) is not None:
        key = found[2]
        value = _VALUES[key].match(text, found.end())
        if value is None and key == "descr":
            fields = re.compile(_FIELDS, re.VERBOSE | re.ASCII | re.DOTALL)
            value = fields.match(text, found.end())
        comma = value and _COMMA.match(text, value.end())
        if value is None or comma is None:
            raise Malformed(key)
        values[key] = value.groupdict().get("value")
        position = comma.end()
    closed = _CLOSE.fullmatch(text, position) is not None
    if start is None or not closed or len(values) < len(_VALUES):
        raise Malformed(None)
    shape = tuple(int(length) for length in re.findall("[0-9]+", values["shape"] or ""))
    if max(shape, default=0) > _MAX_LENGTH:
        raise Malformed("shape")
    return shape, values["descr"], values["fortran_order"] == "True"
