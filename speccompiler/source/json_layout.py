"""A JSON text of one long line brought to lines that a diagnostic can point into.

Tokens are kept as they are written, only the space between them changes, so that whatever
the reader finds wrong with the text is still there. What fits a line stays on one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field

from speccompiler.frozen import dataclass
from speccompiler.source.findings import MAX_DEPTH

WIDTH = 88
LONGEST = 1024 * 1024
"""Longer texts are left as they are: nobody reads them, and indentation would swell them."""

_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+)', re.DOTALL)
_CLOSING = {"{": "}", "[": "]"}


@dataclass(slots=True)
class _Group:
    """A list or mapping: its bracket and the items between the commas, each of pieces."""

    opening: str
    items: list[list[str | _Group]] = field(default_factory=lambda: [[]])
    width: int = 2


def laid_out(text: str) -> str:
    """The text with line breaks; unchanged where its brackets do not fit or it is too long."""
    if len(text) > LONGEST or "\n" in text.strip():
        return text
    root = _group(text)
    if root is None:
        return text
    return "".join(_lines(root, 0, 0))


def _group(text: str) -> _Group | None:
    """The bracket structure of a text, or None where it has none."""
    top = _Group("")
    stack = [top]
    at = 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            return None
        token, at = found[1], found.end()
        current = stack[-1]
        if token in _CLOSING:
            group = _Group(token)
            current.items[-1].append(group)
            stack.append(group)
            if len(stack) > MAX_DEPTH:
                return None
        elif token in {"}", "]"}:
            if len(stack) == 1 or token != _CLOSING[current.opening]:
                return None
            stack.pop()
            stack[-1].width += current.width
        elif token == ",":
            current.items.append([])
            current.width += 2
        else:
            current.items[-1].append(": " if token == ":" else token)
            current.width += len(token) + 1
    whole = len(stack) == 1 and len(top.items) == 1 and len(top.items[0]) == 1
    root = top.items[0][0] if whole else None
    return root if isinstance(root, _Group) else None


def _lines(group: _Group, indent: int, column: int) -> Iterator[str]:
    flat = group.width + column <= WIDTH
    inner = indent + 2
    yield group.opening
    if not flat and group.items != [[]]:
        yield "\n" + " " * inner
    for number, item in enumerate(group.items):
        if number:
            yield ", " if flat else ",\n" + " " * inner
        column = inner
        for piece in item:
            if isinstance(piece, str):
                column += len(piece)
                yield piece
            else:
                yield from _lines(piece, inner, 0 if flat else column)
    if not flat and group.items != [[]]:
        yield "\n" + " " * indent
    yield _CLOSING[group.opening]
