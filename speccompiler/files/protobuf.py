"""Protocol-buffer messages, read field by field from a file of which little is held.

The wire format: a message is fields one after another, each a key ``number << 3 | type`` and a
value. Types are 0 (varint), 1 (8 bytes), 2 (a length and so many bytes), 5 (4 bytes); groups, 3
and 4, are read nowhere (protobuf.dev/programming-guides/encoding). Nothing here recurses, and a
value of type 2 is a place in the file until something reads it.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speccompiler.files.tensor_info import invalid

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_WINDOW = 1 << 15
_LONGEST_VARINT = 10
LONGEST_TEXT = 1 << 16
"""Bytes of a name; the text of documentation is never read."""


class Region(NamedTuple):
    """A part of the file: from ``start`` up to ``end``."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """Its bytes."""
        return self.end - self.start


class Field(NamedTuple):
    """One field of a message. ``number`` holds a varint's bits, ``region`` what others hold."""

    key: int
    wire: int
    number: int
    region: Region


class Wire:
    """The bytes of an open file. Raises CS101 for what is no sound message."""

    def __init__(self, stream: io.BufferedReader, size: int) -> None:
        self._stream = stream
        self._base = 0
        self._buffer = b""
        self.size = size

    def read(self, region: Region) -> bytes:
        """The bytes of a region."""
        first = region.start - self._base
        if first >= 0 and region.end <= self._base + len(self._buffer):
            return self._buffer[first : first + region.length]
        self._stream.seek(region.start)
        data = self._stream.read(region.length)
        if len(data) != region.length:
            raise invalid("it ends early")
        return data

    def varint(self, at: int, end: int) -> tuple[int, int]:
        """The varint at a place, and the place behind it."""
        index = at - self._base
        if index < 0 or index + _LONGEST_VARINT > len(self._buffer):
            self._stream.seek(at)
            self._base, self._buffer, index = at, self._stream.read(_WINDOW), 0
        buffer = self._buffer
        limit = min(len(buffer), index + end - at, index + _LONGEST_VARINT)
        value = shift = 0
        for place in range(index, limit):
            byte = buffer[place]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF, at + place - index + 1
            shift += 7
        raise invalid(f"a number at byte {at} does not end")

    def fields(self, region: Region) -> Iterator[Field]:
        """The fields of the message in a region, in the order of the file."""
        at, end = region
        while at < end:
            key, at = self.varint(at, end)
            number, wire = key >> 3, key & 7
            if number == 0:
                raise invalid(f"a field at byte {at} has no number")
            value = 0
            start = at
            if wire == VARINT:
                value, at = self.varint(at, end)
            elif wire == BYTES:
                length, start = self.varint(at, end)
                at = start + length
            elif wire in {FIXED64, FIXED32}:
                at += 8 if wire == FIXED64 else 4
            else:
                raise invalid(f"a field before byte {at} has the unknown form {wire}")
            if at > end:
                raise invalid(f"a field at byte {start} reaches beyond its message")
            yield Field(number, wire, value, Region(start, at))

    def text(self, field: Field) -> str:
        """A text, which is UTF-8."""
        _is(field, BYTES)
        if field.region.length > LONGEST_TEXT:
            raise invalid(f"a name at byte {field.region.start} is too long")
        try:
            return self.read(field.region).decode("utf-8")
        except UnicodeDecodeError:
            raise invalid(f"a name at byte {field.region.start} is not UTF-8 text") from None

    def raw(self, field: Field) -> bytes:
        """Bytes, of a text whose form the message does not say."""
        _is(field, BYTES)
        if field.region.length > LONGEST_TEXT:
            raise invalid(f"a text at byte {field.region.start} is too long")
        return self.read(field.region)

    def float32(self, field: Field) -> float:
        """A single float."""
        _is(field, FIXED32)
        (value,) = struct.unpack("<f", self.read(field.region))
        return float(value)

    def floats(self, field: Field) -> list[float]:
        """One of a list of floats, or many that are packed."""
        if field.wire == FIXED32:
            return [self.float32(field)]
        _is(field, BYTES)
        if field.region.length % 4:
            raise invalid(f"floats at byte {field.region.start} end early")
        values: list[float] = np.frombuffer(self.read(field.region), "<f4").tolist()
        return values

    def integers(self, field: Field) -> list[int]:
        """One of a list of whole numbers, or many that are packed."""
        if field.wire == VARINT:
            return [signed(field.number)]
        _is(field, BYTES)
        values: list[int] = unpacked(self.read(field.region)).view(np.int64).tolist()
        return values


def integer(field: Field) -> int:
    """A whole number with a sign."""
    _is(field, VARINT)
    return signed(field.number)


def message(field: Field) -> Region:
    """Where the message in a field lies."""
    _is(field, BYTES)
    return field.region


def signed(bits: int) -> int:
    """64 bits as a number in two's complement."""
    return bits - (1 << 64) if bits >> 63 else bits


def unpacked(data: bytes) -> NDArray[np.uint64]:
    """The 64 bits of each of the varints that stand one after another; CS101."""
    octets = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(octets < 0x80)
    if octets.size and (not ends.size or ends[-1] != octets.size - 1):
        raise invalid("packed numbers end early")
    starts = np.concatenate([[0], ends[:-1] + 1]) if ends.size else ends
    lengths = ends - starts + 1
    if lengths.size and lengths.max() > _LONGEST_VARINT:
        raise invalid("a packed number does not end")
    values = np.zeros(ends.size, np.uint64)
    for place in range(int(lengths.max()) if lengths.size else 0):
        here = lengths > place
        bits = (octets[starts[here] + place] & 0x7F).astype(np.uint64)
        values[here] |= bits << np.uint64(7 * place)
    return values


def _is(field: Field, wire: int) -> None:
    if field.wire != wire:
        raise invalid(f"a field at byte {field.region.start} has another form than its message's")
