"""How messages word what a user's file holds: short, on one line, a few of many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

LONGEST_NAME = 80


def shown(text: str, limit: int = 60) -> str:
    """A text as a message may show it: cut to ``limit`` characters, and on one line."""
    if len(text) > limit:
        text = text[: limit - 3] + "..."
    return on_one_line(text)


def quoted(name: str) -> str:
    """The name of a tensor, a layer or a file in quotes."""
    return f"'{shown(name, LONGEST_NAME)}'"


def on_one_line(text: str) -> str:
    """A text from a file with its control characters escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def and_more(count: int, most: int) -> str:
    """``' and 3 more'`` where only ``most`` of ``count`` are named; empty where all are."""
    return f" and {count - most} more" if count > most else ""


def first_few(texts: Sequence[str], most: int) -> str:
    """The first of several texts, and how many more there are."""
    return ", ".join(texts[:most]) + and_more(len(texts), most)


def quoted_names(names: Iterable[str], most: int = 5) -> str:
    """Names of layers, quoted, each once; the first few where they are many."""
    return first_few([f"'{shown(name)}'" for name in dict.fromkeys(names)], most)


def shape_as_written(shape: Sequence[int | None]) -> str:
    """A shape as a spec writes it: ``[224, 224, 3]``, open lengths as null."""
    return "[" + ", ".join("null" if d is None else str(d) for d in shape) + "]"


def described(value: object) -> str:
    """A short, calm description of a value that a spec gave."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{shown(value, 40)}'"
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a huge number"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    return "something else"
