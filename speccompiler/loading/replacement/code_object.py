"""The parts of a stored code object that matter, read from marshal's format by hand.

Only the types that a small function is made of are known (CPython Python/marshal.c, versions 2
to 4); every size is checked against what is there, and nothing may be left over. Which Python
wrote it is not said: both layouts are tried, that of 2.7 and that of 3.3 to 3.7, which counts
arguments that are given by name.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from speccompiler.frozen import dataclass

MOST_NESTED = 8
REFERENCE = 0x80
"""The bit in a type byte that says: a later object may refer to this one (version 3)."""
CO_VARARGS, CO_VARKEYWORDS = 4, 8


class Unreadable(Exception):
    """The bytes are no code object of the kind that is read."""


@dataclass(frozen=True, slots=True)
class CodeObject:
    """A function: how many arguments and variables it has, its constants and operations."""

    python2: bool
    arguments: int
    locals: int
    collects: bool
    """Whether it takes any number of arguments, or some by name alone."""
    enclosed: bool
    """Whether it reads variables of other functions, or they read its own."""
    code: bytes
    constants: tuple[object, ...]


def code_objects(data: bytes) -> Iterator[CodeObject]:
    """Every way to read the bytes as one code object, and nothing else."""
    for python2 in (True, False):
        try:
            reader = _Reader(data, python2)
            found = reader.value(0)
        except Unreadable:
            continue
        if isinstance(found, CodeObject) and reader.at == len(data):
            yield found


class _Reader:
    """Reads one value after another; raises ``Unreadable``."""

    def __init__(self, data: bytes, python2: bool) -> None:
        self.data = data
        self.python2 = python2
        self.at = 0
        self.references: list[object] = []
        self.interned: list[object] = []

    def take(self, count: int) -> bytes:
        if not 0 <= count <= len(self.data) - self.at:
            raise Unreadable
        self.at += count
        return self.data[self.at - count : self.at]

    def long(self) -> int:
        return int.from_bytes(self.take(4), "little", signed=True)

    def value(self, level: int) -> object:
        if level > MOST_NESTED:
            raise Unreadable
        kind = self.take(1)[0]
        noted, letter = bool(kind & REFERENCE), chr(kind & ~REFERENCE)
        if noted and self.python2:
            raise Unreadable
        place = len(self.references)
        if noted:
            self.references.append(Unreadable)  # an object does not hold itself
        found = self.plain(letter, level)
        if noted:
            self.references[place] = found
        return found

    def plain(self, letter: str, level: int) -> object:
        match letter:
            case "N":
                return None
            case "T" | "F":
                return letter == "T"
            case "i":
                return self.long()
            case "I":
                return int.from_bytes(self.take(8), "little", signed=True)
            case "l":
                return self.big()
            case "g":
                return float(struct.unpack("<d", self.take(8))[0])
            case "f":
                return self.written_float()
            case "s" | "t" | "u" | "a" | "A":
                return self.text(letter, self.long())
            case "z" | "Z":
                return self.text(letter, self.take(1)[0])
            case "R":
                return self.known(self.interned)
            case "r":
                return self.known(self.references)
            case "(":
                return self.items(self.long(), level)
            case ")":
                return self.items(self.take(1)[0], level)
            case "c":
                return self.code(level)
        raise Unreadable

    def known(self, among: list[object]) -> object:
        number = self.long()
        if not 0 <= number < len(among) or among[number] is Unreadable:
            raise Unreadable
        return among[number]

    def items(self, count: int, level: int) -> tuple[object, ...]:
        if not 0 <= count <= len(self.data) - self.at:
            raise Unreadable
        return tuple(self.value(level + 1) for _ in range(count))

    def text(self, letter: str, size: int) -> object:
        data = self.take(size)
        if letter == "t" and self.python2:
            self.interned.append(data)
        return data

    def big(self) -> int:
        """Digits of 15 bits; their number is negative for a negative value."""
        count = self.long()
        digits = self.take(2 * abs(count))
        value = sum(
            int.from_bytes(digits[2 * i : 2 * i + 2], "little") << (15 * i)
            for i in range(abs(count))
        )
        return -value if count < 0 else value

    def written_float(self) -> float:
        try:
            return float(self.take(self.take(1)[0]))
        except ValueError:
            raise Unreadable from None

    def code(self, level: int) -> CodeObject:
        arguments = self.long()
        by_name = 0 if self.python2 else self.long()
        variables, _stack, flags = self.long(), self.long(), self.long()
        code, constants = self.value(level + 1), self.value(level + 1)
        _names, own, free, cells, _file, _name = (self.value(level + 1) for _ in range(6))
        self.long()  # the first line
        lines = self.value(level + 1)
        tuples = (constants, own, free, cells)
        if not isinstance(code, bytes) or not isinstance(lines, bytes):
            raise Unreadable
        if not all(isinstance(one, tuple) for one in tuples) or not isinstance(constants, tuple):
            raise Unreadable
        return CodeObject(
            self.python2,
            arguments,
            variables,
            by_name != 0 or bool(flags & (CO_VARARGS | CO_VARKEYWORDS)),
            bool(free) or bool(cells),
            code,
            constants,
        )
