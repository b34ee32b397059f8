"""A text that need not be complete, read as far as its shape goes: for completion while typing.

YAML in block and flow style, and JSON. Nothing is refused: what is not closed ends where the
indentation says, a key may lack its value, and a word its colon. Values are texts, as written
but for quotes; anchors, tags and merges mean nothing here.

    Loose      = LooseText | LooseList | LooseMap
    LooseMap   = entries: [LooseEntry], flow: bool, column
    LooseEntry = key: LooseText, has_colon: bool, value: Loose | None
"""

from __future__ import annotations

from dataclasses import field
from typing import TypeAlias

from speccompiler.frozen import dataclass


@dataclass(slots=True)
class LooseText:
    """A word; ``start`` and ``end`` are inside the quotes, if it has any."""

    text: str
    start: int
    end: int
    quote: str = ""


@dataclass(slots=True)
class LooseList:
    """Items; ``column`` is that of the dashes, -1 in flow style."""

    items: list[Loose] = field(default_factory=list)
    column: int = -1


@dataclass(slots=True)
class LooseEntry:
    """A key, and its value if there is one."""

    key: LooseText
    has_colon: bool
    value: Loose | None = None


@dataclass(slots=True)
class LooseMap:
    """Entries; ``column`` is that of the keys, -1 in flow style."""

    entries: list[LooseEntry] = field(default_factory=list)
    column: int = -1

    def said(self) -> dict[str, str]:
        """The keys, with those values that are a word, and an empty text for others."""
        return {
            entry.key.text: entry.value.text if isinstance(entry.value, LooseText) else ""
            for entry in self.entries
        }

    def get(self, key: str) -> Loose | None:
        """The value of a key."""
        return next((e.value for e in self.entries if e.key.text == key), None)


Loose: TypeAlias = LooseText | LooseList | LooseMap
