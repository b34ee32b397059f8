"""What is being written at a place of a text that need not be complete."""

from __future__ import annotations

import re
from typing import Literal

from speccompiler.frozen import dataclass
from speccompiler.language_server.loose_reader import read_loosely
from speccompiler.language_server.loose_tree import Loose, LooseList, LooseMap, LooseText

MARK = "\ue000"
"""Stands at the cursor while the text is read: a private character, which no spec holds."""
_REST = re.compile(r"[\w@.+-]*")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A word that is being written: a key, a value, or an item of a list."""

    kind: Literal["key", "value", "item"]
    steps: tuple[str | int, ...]
    """From the root to the collection that the word is in; a value's key is the last of them."""
    around: tuple[Loose, ...]
    """The collections from the root to the innermost."""
    prefix: str
    start: int
    end: int
    """The word is ``text[start:end]``, as far as it goes on behind the cursor."""
    quoted: bool
    has_colon: bool
    """Whether a key has its colon already."""
    flow: bool
    json: bool
    column: int
    """Of the keys of the innermost mapping in block style, or of the word."""
    own_line: bool
    """Whether it is in block style, and nothing stands before it on its line, a dash neither."""

    @property
    def root(self) -> Loose:
        """The whole tree."""
        return self.around[0]

    @property
    def siblings(self) -> dict[str, str]:
        """What the innermost mapping says, without the word itself."""
        inner = self.around[-1]
        said = inner.said() if isinstance(inner, LooseMap) else {}
        return {key: value for key, value in said.items() if MARK not in key + value}


def cursor_at(text: str, offset: int) -> Cursor | None:
    """What is written at an offset; None in a comment, and where nothing can be told."""
    end = offset + len(_match(_REST, text, offset))
    marked = text[:offset] + MARK + text[offset:]
    root = read_loosely(marked)
    if root is None:
        return None
    json = marked.lstrip().startswith(("{", "["))
    return _find(root, (), (root,), _Written(text, offset, end, json))


@dataclass(frozen=True, slots=True)
class _Written:
    text: str
    offset: int
    end: int
    json: bool

    def cursor(
        self,
        kind: Literal["key", "value", "item"],
        word: LooseText,
        steps: tuple[str | int, ...],
        around: tuple[Loose, ...],
        has_colon: bool = False,
    ) -> Cursor:
        prefix = word.text[: word.text.index(MARK)]
        start = self.offset - len(prefix)
        column = self.column(start)
        inner = around[-1]
        flow = isinstance(inner, LooseMap | LooseList) and inner.column < 0
        if isinstance(inner, LooseMap) and not flow:
            column = inner.column
        return Cursor(
            kind, steps, around, prefix, start, self.end, bool(word.quote), has_colon,
            flow, self.json, column, not flow and self.is_first(start),
        )  # fmt: skip

    def column(self, at: int) -> int:
        return at - max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at)) - 1

    def is_first(self, at: int) -> bool:
        """Whether nothing stands before a place on its line."""
        return not self.text[at - self.column(at) : at].strip()


def _find(
    node: Loose, steps: tuple[str | int, ...], around: tuple[Loose, ...], written: _Written
) -> Cursor | None:
    if isinstance(node, LooseText):
        return written.cursor("key", node, steps, around) if MARK in node.text else None
    if isinstance(node, LooseList):
        for number, item in enumerate(node.items):
            if isinstance(item, LooseText):
                if MARK in item.text:
                    stray = node.column >= 0 and written.is_first(item.start)
                    if stray and written.column(item.start) != node.column:
                        return None  # it would belong to nothing
                    return written.cursor("item", item, (*steps, number), around)
            elif found := _find(item, (*steps, number), (*around, item), written):
                return found
        return None
    for entry in node.entries:
        if MARK in entry.key.text:
            return written.cursor("key", entry.key, steps, around, entry.has_colon)
        if isinstance(entry.value, LooseText):
            if MARK in entry.value.text:
                return written.cursor("value", entry.value, (*steps, entry.key.text), around)
        elif entry.value is not None:
            inner = (*around, entry.value)
            if found := _find(entry.value, (*steps, entry.key.text), inner, written):
                return found
    return None


def _match(pattern: re.Pattern[str], text: str, at: int) -> str:
    found = pattern.match(text, at)
    return "" if found is None else found.group()
