"""How messages show texts and names that come from a user's files: short, and on one line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

LONGEST_NAME = 80


def shown(text: str, limit: int = 60) -> str:
    """A text as a message may show it: cut to ``limit`` characters, and on one line."""
    if len(text) > limit:
        text = text[: limit - 3] + "..."
    return on_one_line(text)


def on_one_line(text: str) -> str:
    """A text from a file with its control characters escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def quoted(name: str) -> str:
    """The name of a tensor, a layer or a file in quotes."""
    return f"'{shown(name, LONGEST_NAME)}'"


def first_few(texts: Sequence[str], most: int) -> str:
    """The first ``most`` of several texts, and how many more there are."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names of layers, quoted; the first few where they are many."""
    return first_few([f"'{shown(name)}'" for name in dict.fromkeys(names)], most)
