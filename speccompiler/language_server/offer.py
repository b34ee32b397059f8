"""A completion before it is known how it is written at the cursor."""

from __future__ import annotations

from typing import Literal

from speccompiler.frozen import dataclass

KindName = Literal["type", "argument", "value", "layer", "file"]


@dataclass(frozen=True, slots=True)
class Offer:
    """A word to offer, and what belongs to it."""

    label: str
    kind: KindName
    detail: str = ""
    documentation: str = ""
    quoted: bool = True
    """Whether JSON writes it in quotes."""
    after: str = ""
    """What follows the word: the value's place of a key, as a snippet; or the required keys."""
    whole: bool = False
    """Whether it is a whole layer for the list, and not only its type."""
