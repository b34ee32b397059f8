"""Lines of a text that could be read, found again in what it has become since."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from speccompiler.diagnostics.core import Span
from speccompiler.source.positions import split_lines

MOST = 2000
"""Lines between the first change and the last in which lines that are equal are looked for."""


class MovedLines:
    """What is equal in two texts; lines count from 1."""

    def __init__(self, old: str, new: str) -> None:
        self._new_of = dict(_pairs(split_lines(old), split_lines(new)))
        self._old_of = {new: old for old, new in self._new_of.items()}

    def to_new(self, line: int) -> int | None:
        """Where an old line is now; None for one that has changed or is gone."""
        return self._new_of.get(line)

    def to_old(self, line: int) -> int | None:
        """Where a new line was."""
        return self._old_of.get(line)

    def span(self, span: Span) -> Span | None:
        """An old span where it is now; None where one of its ends has changed."""
        start, end = self.to_new(span.line), self.to_new(span.end_line)
        if start is None or end is None:
            return None
        return Span(start, span.column, end, span.end_column)


def _pairs(old: list[str], new: list[str]) -> Iterator[tuple[int, int]]:
    """The numbers of equal lines, in order."""
    same = zip(old, new, strict=False)
    front = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], same))
    most = min(len(old), len(new)) - front
    ends = zip(reversed(old[front:]), reversed(new[front:]), strict=False)
    back = min(most, sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], ends)))
    yield from ((line, line) for line in range(1, front + 1))
    middle = old[front : len(old) - back], new[front : len(new) - back]
    if middle[0] and middle[1] and max(map(len, middle)) <= MOST:
        from difflib import SequenceMatcher

        for i, j, count in SequenceMatcher(None, *middle, autojunk=False).get_matching_blocks():
            yield from ((front + i + n, front + j + n) for n in range(1, count + 1))
    yield from ((len(old) - n, len(new) - n) for n in reversed(range(back)))
