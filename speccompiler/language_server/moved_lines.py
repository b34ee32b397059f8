"""Lines of a text that could be read, found again in what it has become since."""

from __future__ import annotations

from itertools import takewhile

from speccompiler.diagnostics.core import Span
from speccompiler.source.positions import split_lines


class MovedLines:
    """What is equal at the beginning and at the end of two texts; lines count from 1."""

    def __init__(self, old: str, new: str) -> None:
        before, after = split_lines(old), split_lines(new)
        same = zip(before, after, strict=False)
        self._front = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], same))
        most = min(len(before), len(after)) - self._front
        back = zip(reversed(before[-most:]), reversed(after[-most:]), strict=False) if most else ()
        self._back = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], back))
        self._old, self._new = len(before), len(after)

    def to_new(self, line: int) -> int | None:
        """Where an old line is now; None for one that has changed or is gone."""
        return self._moved(line, self._old, self._new)

    def to_old(self, line: int) -> int | None:
        """Where a new line was."""
        return self._moved(line, self._new, self._old)

    def span(self, span: Span) -> Span | None:
        """An old span where it is now; None where one of its ends has changed."""
        start, end = self.to_new(span.line), self.to_new(span.end_line)
        if start is None or end is None:
            return None
        return Span(start, span.column, end, span.end_column)

    def _moved(self, line: int, here: int, there: int) -> int | None:
        if line <= self._front:
            return line
        return line - here + there if line > here - self._back else None
