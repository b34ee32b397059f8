"""From offsets in a text to lines and columns."""

from __future__ import annotations

import re
from bisect import bisect_right

from speccompiler.diagnostics.core import Span

# Only these end a line. str.splitlines() would also break at U+0085, U+2028 and
# others, which editors do not count as lines.
_LINE_END = re.compile(r"\r\n|\n|\r")


def split_lines(text: str) -> list[str]:
    """The lines that spans count, without their ends."""
    return _LINE_END.split(text)


class LineIndex:
    """Where each line of a text starts."""

    __slots__ = ("_last", "_length", "_starts")

    def __init__(self, text: str) -> None:
        self._length = len(text)
        self._starts = [0]
        self._starts.extend(found.end() for found in _LINE_END.finditer(text))
        self._last = 1
        """The line of the last place: the next is most often on it too."""

    def line(self, offset: int) -> int:
        """The line, from 1, that holds an offset."""
        return bisect_right(self._starts, offset)

    def offset(self, line: int, column: int) -> int:
        """Where a line and a column stand in the text."""
        return self._starts[line - 1] + column - 1

    def span(self, start: int, end: int) -> Span:
        """The place of ``text[start:end]``."""
        starts, line = self._starts, self._last
        if start < starts[line - 1] or (line < len(starts) and start >= starts[line]):
            line = self._last = bisect_right(starts, start)
        base = starts[line - 1]
        if line == len(starts) or end < starts[line]:
            return Span(line, start - base + 1, line, end - base + 1)
        end_line = bisect_right(starts, end)
        return Span(line, start - base + 1, end_line, end - starts[end_line - 1] + 1)

    def caret(self, start: int, end: int) -> Span:
        """As ``span``, and at least one character wide where its line has one."""
        start = min(start, self._length)
        if end <= start:
            line = bisect_right(self._starts, start)
            line_end = self._starts[line] - 1 if line < len(self._starts) else self._length
            end = min(start + 1, line_end)
        return self.span(start, min(max(start, end), self._length))
