"""What would mend a finding, said of the data: a reader of the text makes it a ``Fix``.

A schema knows that ``border_mode`` was meant, and not where the word stands or how it is quoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from speccompiler.frozen import dataclass

Value: TypeAlias = object
"""Plain data: text, numbers, booleans, None, and lists and mappings of them."""


@dataclass(frozen=True, slots=True)
class Write:
    """Write this value in the place of the one that is there."""

    value: Value
    text: str | None = None
    """How a number is written, so that its digits stay the user's."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Put what is written in quotes."""


@dataclass(frozen=True, slots=True)
class Word:
    """In a text, write another word or sign for one of its own."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Rename:
    """Give the value this key."""

    name: str


@dataclass(frozen=True, slots=True)
class Instead:
    """Write these keys and values in the place of the one that is there."""

    entries: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Remove:
    """Take the key and its value out."""


@dataclass(frozen=True, slots=True)
class Add:
    """Write a key and a value in front of the first of several keys, or of all."""

    key: str
    value: Value
    before: tuple[str, ...] = ()


Change: TypeAlias = Write | Quote | Word | Rename | Instead | Remove | Add


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change, and where: at the value that the finding is about, unless ``path`` says it."""

    change: Change
    safe: bool = True
    """Whether it cannot be wrong."""
    path: tuple[str | int, ...] | None = None
    """From the layer's arguments, or from the top of the spec."""
    of_spec: bool = False
    """Whether ``path`` starts at the top of the spec, though the finding is about a layer."""
