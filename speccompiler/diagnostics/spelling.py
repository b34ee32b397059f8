"""Whether a misspelt word can mean one known word alone: a fix is safe then."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from speccompiler.diagnostics.core import meant

SURE = 0.7
"""How alike a misspelt word and the only one like it are, at least, for a safe fix."""
SURE_OF_TWO = 0.85
AHEAD = 0.15
"""How alike the nearer of two is then, and how much nearer."""


def spelt(word: str, known: Iterable[str]) -> tuple[str, bool] | None:
    """The known word that a misspelt one means, and whether it is sure.

    It is not where two are much like it, the only one is not, or numbers differ: 'conv2' is
    no slip of the pen for 'conv1'.
    """
    names = meant(word, known)
    if not names:
        return None
    first, *others = names
    if first.casefold() == word.casefold():
        return first, True
    likeness = _likeness(word, first)
    if others:
        sure = likeness >= SURE_OF_TWO and likeness - _likeness(word, others[0]) >= AHEAD
    else:
        sure = likeness >= SURE and len(word) > 2  # of a letter or two nothing can be told
    return first, sure and _digits(word) == _digits(first)


def _likeness(word: str, name: str) -> float:
    return difflib.SequenceMatcher(None, word.casefold(), name.casefold()).ratio()


def _digits(word: str) -> str:
    return "".join(filter(str.isdigit, word))
