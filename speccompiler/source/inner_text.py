"""Maps a text that is the value of a scalar to its places in the text around it.

``json.dump(model.to_json(), f)`` writes a JSON text as a JSON string: each quote of the inner
text is two characters of the file. The inner text is read as any other, with an index of lines
that answers in lines and columns of the outer one.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from typing import Literal

from speccompiler.diagnostics.core import Span
from speccompiler.source.document import Syntax
from speccompiler.source.positions import LineIndex

_ESCAPE = (
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]{1,100}\}|(?:\r\n|\n|\r)[ \t]*|.)"
)
_FOLD = r"[ \t]*(?:(?:\r\n|\n|\r)[ \t]*)+"
_Style = Literal["escaped", "bytes", "double", "single", "plain"]
# White space is tried as a fold once, and then taken whole: a long run is not gone over again.
_PIECES: dict[_Style, re.Pattern[str]] = {
    "escaped": re.compile(rf"(?P<escape>{_ESCAPE})|(?P<run>[^\\]+)", re.DOTALL),
    "bytes": re.compile(rf"(?P<escape>{_ESCAPE})|(?P<run>[^\\]+)", re.DOTALL),
    "double": re.compile(
        rf"(?P<escape>{_ESCAPE})|(?P<fold>{_FOLD})|(?P<run>[^\\\r\n \t]+|[ \t]+)", re.DOTALL
    ),
    "single": re.compile(rf"(?P<escape>'')|(?P<fold>{_FOLD})|(?P<run>[^'\r\n \t]+|[ \t]+)"),
    "plain": re.compile(rf"(?P<fold>{_FOLD})|(?P<run>[^\r\n \t]+|[ \t]+)"),
}
_LITERAL = re.compile(r"\s*(?P<prefix>[uUbB]?)(?P<quote>['\"])")
_LINE_END = re.compile(r"\\[\r\n]")
_IN_BYTES = re.compile(r"\\x[89abAB][0-9a-fA-F]|\\[\r\n]")
"""Escapes without a character of their own: a line's end, and of bytes the rest of a character."""
_SINGLE = re.compile(r"[^']*(?:''[^']*)*")
_ESCAPED_BODY = {q: re.compile(rf"[^\\{q}]*(?:\\.[^\\{q}]*)*", re.DOTALL) for q in "'\""}
_PROPERTIES = re.compile(r"(?:[!&]\S*\s+)*")
_BLOCK_HEADER = re.compile(r"[|>][^\n]*\n[ \t\n]*")
_NEWLINE = re.compile(r"\r\n|\n|\r")
_SPACE = re.compile(r"\s*")


class TextMap:
    """Offsets of an inner text in the outer one: pieces that run alongside, by their starts.

    Without pieces the places inside are not known, and all are that of the whole.
    """

    def __init__(self, start: int) -> None:
        self._start = start
        self._inner = array("L")
        self._outer = array("L")

    def add(self, inner: int, outer: int) -> None:
        """From these offsets on, the two run alongside."""
        self._inner.append(inner)
        self._outer.append(outer)

    def outer(self, offset: int) -> int:
        """Where a character of the inner text stands."""
        piece = bisect_right(self._inner, offset) - 1
        if piece < 0:
            return self._start
        return self._outer[piece] + offset - self._inner[piece]

    def inner(self, offset: int) -> int:
        """Which character of the inner text stands at an offset where one begins."""
        piece = bisect_right(self._outer, offset) - 1
        return 0 if piece < 0 else self._inner[piece] + offset - self._outer[piece]


class InnerLines(LineIndex):
    """The lines of the outermost text, asked by offsets of an inner one."""

    __slots__ = ("_map", "_parent")

    def __init__(self, text: str, parent: LineIndex, places: TextMap) -> None:
        super().__init__("")
        self._length = len(text)
        self._parent = parent
        self._map = places

    def line(self, offset: int) -> int:
        """The outer line that holds an inner offset."""
        return self._parent.line(self._map.outer(offset))

    def offset(self, line: int, column: int) -> int:
        """The inner offset of an outer place."""
        return self._map.inner(self._parent.offset(line, column))

    def span(self, start: int, end: int) -> Span:
        """The outer place of ``text[start:end]``."""
        return self._parent.span(self._map.outer(start), self._map.outer(end))

    def caret(self, start: int, end: int) -> Span:
        """As ``span``, and at least one character wide where its line has one."""
        start = min(start, self._length)
        end = min(max(end, start), self._length)
        return self._parent.caret(self._map.outer(start), self._map.outer(end))


def inner_lines(text: str, lines: LineIndex, span: Span, value: str, syntax: Syntax) -> LineIndex:
    """The lines for ``value``, a scalar at ``span`` of a text with ``lines``.

    The pieces are checked against the value: where they do not fit, every place is the scalar's.
    """
    start = lines.offset(span.line, span.column)
    places = _aligned(text, start, value, syntax) or TextMap(start)
    return InnerLines(value, lines, places)


def _aligned(text: str, start: int, value: str, syntax: Syntax) -> TextMap | None:
    places = TextMap(start)
    at: int | None = 0
    end: int | None = start
    if syntax == "python":
        while at is not None and (found := _LITERAL.match(text, end or 0)) is not None:
            begin = found.end()
            end = begin + len(literal_body(text, begin, found["quote"])) + 1
            style: _Style = "bytes" if found["prefix"] in {"b", "B"} else "escaped"
            at = _run(text, (begin, end - 1), value, at, style, places)
    else:
        start += len(_matched(_PROPERTIES, text, start)) if syntax == "yaml" else 0
        at, end = _one_scalar(text, start, value, syntax, places)
    if at is None or at != len(value):
        return None
    if end is not None:
        places.add(at, end)
    return places


def _one_scalar(
    text: str, start: int, value: str, syntax: Syntax, places: TextMap
) -> tuple[int | None, int | None]:
    """Where the value of a scalar begins in JSON or YAML text, and its closing quote."""
    quote = text[start : start + 1]
    if quote in {'"', "'"}:
        start += 1
        single = quote == "'"
        body = _matched(_SINGLE, text, start) if single else literal_body(text, start, quote)
        end = start + len(body)
        style: _Style = "single" if single else "escaped" if syntax == "json" else "double"
        return _run(text, (start, end), value, 0, style, places), end
    if quote in {"|", ">"}:
        start += len(_matched(_BLOCK_HEADER, text, start))
    return _run(text, (start, len(text)), value, 0, "plain", places), None


def _run(
    text: str, part: tuple[int, int], value: str, at: int, style: _Style, places: TextMap
) -> int | None:
    """Walk the pieces of a scalar's text beside its value from ``at``; None where they differ."""
    for piece in _PIECES[style].finditer(text, *part):
        if at == len(value):
            break
        if (_IN_BYTES if style == "bytes" else _LINE_END).match(piece.group()):
            continue
        places.add(at, piece.start())
        match piece.lastgroup:
            case "run":
                run = piece.group()
                if not value.startswith(run, at):
                    return None
                at += len(run)
            case "fold":
                white = _matched(_SPACE, value, at)
                breaks = len(_NEWLINE.findall(piece.group()))
                folded = min(len(white), max(1, breaks - 1))
                at += len(white) if style == "plain" else folded
            case _:
                at += 1
    return at


def literal_body(text: str, start: int, quote: str) -> str:
    """What stands up to the closing quote, or to the end; backslashes escape."""
    return _matched(_ESCAPED_BODY[quote], text, start)


def _matched(pattern: re.Pattern[str], text: str, at: int) -> str:
    found = pattern.match(text, at)
    return "" if found is None else found.group()
