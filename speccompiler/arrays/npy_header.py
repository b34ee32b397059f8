"""Read the header of a .npy file, formats 1.0 to 3.0, and nothing more.

Stricter than ``numpy.lib.format``: the header's size is checked before it is
read, and its text is matched against the three keys that it may have instead
of being evaluated, so that no header can recurse, warn, or hold objects.
Format: the module docstring of ``numpy.lib.format`` (NEP 1).
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.format import MAGIC_PREFIX

from speccompiler.arrays import element_types
from speccompiler.diagnostics import Problem

PREAMBLE_BYTES = len(MAGIC_PREFIX) + 2
MAX_HEADER_BYTES = 10_000  # numpy.lib.format's own default
MAX_AXES = 32  # NumPy 1.x's limit; NumPy 2 allows 64

_LENGTH_FORMATS = {(1, 0): "<H", (2, 0): "<I", (3, 0): "<I"}
_RECORDS = re.compile(r"""['"]descr['"]\s*:\s*[\[(]""")
# NumPy under Python 2 wrote long dimensions as 12L.
_ITEM = re.compile(
    r"""\s*['"](descr|fortran_order|shape)['"]\s*:\s*
        (?:u?['"]([^'"]*)['"] | (True|False) | \(([0-9L,\s]*)\))
        \s*(?:,|(?=\}))""",
    re.VERBOSE,
)
_DIMENSIONS = re.compile(r"\s*(?:(?:\d{1,18}L?\s*,\s*)+(?:\d{1,18}L?\s*)?)?")


@dataclass(frozen=True, slots=True)
class NpyHeader:
    """What a .npy header says; ``data_offset`` is the first byte of the data."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    fortran_order: bool
    data_offset: int

    @property
    def data_bytes(self) -> int:
        """The number of bytes that must follow the header."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(preamble: bytes, read: Callable[[int], bytes]) -> NpyHeader:
    """The header that follows ``preamble``, the signature and version already read.

    ``read(n)`` returns n bytes, or fewer at the end. CS111, CS112, CS113, CS114.
    """
    if len(preamble) < PREAMBLE_BYTES:
        raise _cut_off()
    major, minor = preamble[-2:]
    length_format = _LENGTH_FORMATS.get((major, minor))
    if length_format is None:
        raise Problem(
            "CS111",
            f"this is a .npy file of format {major}.{minor}; formats 1.0, 2.0 and 3.0 are known",
            "save it again with numpy.save",
        )
    packed = read(struct.calcsize(length_format))
    if len(packed) < struct.calcsize(length_format):
        raise _cut_off()
    (length,) = struct.unpack(length_format, packed)
    if length > MAX_HEADER_BYTES:
        raise Problem(
            "CS111",
            f"the .npy header claims {length} bytes; at most {MAX_HEADER_BYTES} are allowed",
            "save the array again as plain float32 with numpy.save",
        )
    text = read(length)
    if len(text) < length:
        raise _cut_off()
    # Field names in format 3.0 may be UTF-8, but an array with fields is refused anyway.
    shape, dtype, fortran_order = _parse(text.decode("latin-1"))
    check_shape(shape)
    offset = PREAMBLE_BYTES + len(packed) + length
    return NpyHeader(shape, dtype, fortran_order, offset)


def check_shape(shape: tuple[int, ...]) -> None:
    """Refuse a shape that cannot be cut into samples along its first axis. CS114."""
    if not shape:
        raise Problem(
            "CS114",
            "the array is a single number (0-d) and has no axis of samples",
            "save it with the samples along the first axis, for example shape (1, 28, 28, 1)",
        )
    if len(shape) > MAX_AXES:
        raise Problem(
            "CS114",
            f"the array has {len(shape)} axes; at most {MAX_AXES} are allowed",
            "save it with one axis of samples and the axes of the model's input",
        )
    if shape[0] and not math.prod(shape[1:]):
        raise Problem(
            "CS114",
            f"the samples are empty: the array's shape is {shape}",
            "every axis after the first needs a length of at least 1",
        )


def _parse(text: str) -> tuple[tuple[int, ...], np.dtype[np.generic], bool]:
    start = re.match(r"\s*\{", text)
    if start is None:
        raise _unreadable()
    if _RECORDS.search(text):
        raise element_types.records_refused()
    descr = fortran_order = dimensions = None
    position = start.end()
    while (item := _ITEM.match(text, position)) is not None:
        position = item.end()
        key, string, boolean, numbers = item.groups()
        if key == "descr":
            descr = string
        elif key == "fortran_order":
            fortran_order = boolean
        else:
            dimensions = numbers
    closed = re.fullmatch(r"\s*\}\s*", text[position:]) is not None
    if not closed or descr is None or fortran_order is None or dimensions is None:
        raise _unreadable()
    if _DIMENSIONS.fullmatch(dimensions) is None:
        raise _unreadable()
    shape = tuple(int(number) for number in re.findall(r"\d+", dimensions))
    return shape, element_types.from_descr(descr), fortran_order == "True"


def _cut_off() -> Problem:
    return Problem(
        "CS112", "the data ends inside the .npy header", "write or copy the whole file again"
    )


def _unreadable() -> Problem:
    return Problem(
        "CS111", "the .npy header cannot be understood", "save the array again with numpy.save"
    )
