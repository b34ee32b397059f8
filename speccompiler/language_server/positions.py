"""From places in a text to those that an editor counts, and edits that an editor made.

An editor counts lines from 0, and in a line code units of UTF-16, or of another encoding that
both sides agreed on; spans count lines and characters from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from speccompiler.diagnostics.core import Span
from speccompiler.source.positions import LineIndex, split_lines

Place = tuple[int, int]
"""Line and column as an editor counts them."""
Range = tuple[Place, Place]

_WIDTHS: Mapping[str, Callable[[str], int]] = {
    "utf-8": lambda char: 1 + (char > "\x7f") + (char > "\u07ff") + (char > "\uffff"),
    "utf-16": lambda char: 1 + (char > "\uffff"),
    "utf-32": lambda char: 1,
}


class PlacedText:
    """A text whose places are known in both ways of counting."""

    def __init__(self, text: str, encoding: str = "utf-16") -> None:
        self.text = text
        self.encoding = encoding
        self._plain = text.isascii() or encoding == "utf-32"

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their ends."""
        return split_lines(self.text)

    @cached_property
    def _index(self) -> LineIndex:
        return LineIndex(self.text)

    def offset(self, place: Place) -> int:
        """Where a place stands in the text; behind the end of a line it is that end."""
        line, column = place
        if line >= len(self.lines):
            return len(self.text)
        text = self.lines[line]
        return self._index.offset(line + 1, self._characters(text, column) + 1)

    def counted_from_1(self, place: Place) -> tuple[int, int]:
        """Line and character of a place, as spans count them."""
        line, column = place
        if line >= len(self.lines):
            return len(self.lines), len(self.lines[-1]) + 1
        return line + 1, self._characters(self.lines[line], column) + 1

    def place(self, offset: int) -> Place:
        """The place of an offset in the text."""
        span = self._index.span(offset, offset)
        return self._place(span.line, span.column)

    def range(self, span: Span) -> Range:
        """The two ends of a span."""
        return self._place(span.line, span.column), self._place(span.end_line, span.end_column)

    def between(self, start: int, end: int) -> Range:
        """The range of ``text[start:end]``."""
        return self.place(start), self.place(end)

    def span_offsets(self, span: Span) -> tuple[int, int]:
        """Where the two ends of a span stand in the text."""
        return (
            self._index.offset(span.line, span.column),
            self._index.offset(span.end_line, span.end_column),
        )

    def end_of_line(self, line: int) -> Place:
        """The end of a line that is counted from 1."""
        return self._place(line, len(self.lines[line - 1]) + 1)

    def _place(self, line: int, column: int) -> Place:
        if self._plain or line > len(self.lines):
            return line - 1, column - 1
        width = _WIDTHS[self.encoding]
        return line - 1, sum(map(width, self.lines[line - 1][: column - 1]))

    def _characters(self, text: str, units: int) -> int:
        """How many characters of a line so many units are."""
        if self._plain or text.isascii():
            return min(units, len(text))
        width, count = _WIDTHS[self.encoding], 0
        for number, char in enumerate(text):
            if count >= units:
                return number
            count += width(char)
        return len(text)


def changed(text: str, encoding: str, change: Range, new: str) -> str:
    """The text with a range of it replaced, as an editor says it."""
    placed = PlacedText(text, encoding)
    start, end = map(placed.offset, change)
    return text[:start] + new + text[end:]
