"""The beginning of a text that cannot be read as a whole."""

from __future__ import annotations

import re

from speccompiler.source.document import Document
from speccompiler.source.positions import LineIndex

_ITEM = re.compile(r"^[ \t]*- ", re.MULTILINE)
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|[{}\[\]]')
_CLOSERS = {"{": "}", "[": "]"}
TRIES = 3


def readable_parts(document: Document) -> list[str]:
    """Texts that may be readable: what is before the finding, the longest first."""
    found = document.diagnostics[-1:] if document.root is None else ()
    if not found or found[0].span is None:
        return []
    text, span = document.text, found[0].span
    lines = LineIndex(text)
    at = lines.offset(span.line, span.column)
    if document.syntax == "json":
        return [closed] if (closed := _closed(text[:at])) is not None else []
    starts = [item.start() for item in _ITEM.finditer(text, 0, lines.offset(span.line, 1))]
    cuts = [lines.offset(span.line, 1), *reversed(starts[-TRIES:])]
    return [text[:cut] for cut in cuts if cut]


def _closed(text: str) -> str | None:
    """A JSON text cut after the last collection that is complete in it, and closed."""
    opened: list[str] = []
    best: str | None = None
    for token in _TOKEN.finditer(text):
        sign = token.group()
        if sign in _CLOSERS:
            opened.append(sign)
        elif opened and sign == _CLOSERS[opened[-1]]:
            opened.pop()
            rest = "".join(_CLOSERS[one] for one in reversed(opened))
            best = text[: token.end()] + rest
    return best
