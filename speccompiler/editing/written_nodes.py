"""A text as it is written: its values with their comments and blank lines.

    Written  = WrittenScalar | WrittenList
    WrittenList = children: (Child, ...), the comments after the last of them
    Child    = its key, its value, and the comments before, beside and behind it

A child's comments move with it: a list is put in another order, and each keeps its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from speccompiler.frozen import dataclass

INDENT = 2
"""How many spaces an entry stands further right than what holds it."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment, from its ``#`` to the end of its line."""

    text: str
    column: int
    """How many characters stand before it on its line."""
    blank: bool
    """Whether a blank line comes before it."""


@dataclass(frozen=True, slots=True)
class WrittenScalar:
    """A value that holds no others, or an alias, as it is written."""

    text: str
    """With its anchor and its tag."""
    value: str
    """What it says, without quotes."""
    plain: bool
    """Whether it stands without quotes; then the text may be empty, for null."""
    block: bool = False
    """Whether it is a block of lines: ``|`` or ``>``."""
    alias: bool = False
    marks: str = ""
    """The anchor and the tag before it."""


@dataclass(frozen=True, slots=True)
class WrittenList:
    """A list or a mapping: of a mapping every child has a key."""

    mapping: bool
    flow: bool
    """Whether it is written in brackets."""
    marks: str
    """The anchor and the tag before it."""
    children: tuple[Child, ...]
    tail: tuple[Comment, ...] = ()
    """Comments after the last child."""


Written: TypeAlias = WrittenScalar | WrittenList


@dataclass(frozen=True, slots=True)
class Child:
    """An item of a list, or a key and its value."""

    value: Written
    key: WrittenScalar | None = None
    before: tuple[Comment, ...] = ()
    """Comments on the lines before it."""
    head: Comment | None = None
    """The comment behind the key, where the value starts on another line."""
    after: Comment | None = None
    """The comment on the line where the value ends."""
    blank: bool = False
    """Whether a blank line comes right before it."""


def comments(node: Written) -> Iterator[Comment]:
    """Every comment inside, in order."""
    if isinstance(node, WrittenScalar):
        return
    for child in node.children:
        yield from child.before
        if child.head is not None:
            yield child.head
        yield from comments(child.value)
        if child.after is not None:
            yield child.after
    yield from node.tail


def defines_anchor(node: Written) -> bool:
    """Whether an anchor stands in it: what comes after may be an alias of it."""
    if isinstance(node, WrittenScalar):
        return "&" in node.marks
    return "&" in node.marks or any(defines_anchor(child.value) for child in node.children)
