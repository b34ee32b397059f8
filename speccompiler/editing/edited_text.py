"""Edits of a text, made together."""

from __future__ import annotations

from collections.abc import Iterable

from speccompiler.diagnostics.core import Edit, Fix
from speccompiler.source.positions import LineIndex

Range = tuple[int, int]


def with_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with edits that do not overlap."""
    lines = LineIndex(text)
    parts: list[str] = []
    at = 0
    for (start, end), new in sorted((_range(lines, e), e.text) for e in edits):
        assert start >= at, "edits do not overlap"
        parts += [text[at:start], new]
        at = end
    return "".join([*parts, text[at:]])


def compatible(text: str, fixes: Iterable[Fix]) -> list[Fix]:
    """Those that can be made together: each whole, and none where an earlier one edits.

    The same fix twice, of two findings about one mistake, is made once and counts for both.
    """
    lines = LineIndex(text)
    taken: set[tuple[Range, str]] = set()
    ranges: list[Range] = []
    chosen = []
    for fix in fixes:
        mine = [(_range(lines, edit), edit.text) for edit in fix.edits]
        new = [place for place in mine if place not in taken]
        if any(_meets(place, other) for place, _ in new for other in ranges):
            continue
        chosen.append(fix)
        taken.update(new)
        ranges += [place for place, _ in new]
    return chosen


def _meets(one: Range, other: Range) -> bool:
    """Whether two ranges share a character, or one of them is where something is put in."""
    if one[0] == one[1] or other[0] == other[1]:
        return one[0] <= other[1] and other[0] <= one[1]
    return one[0] < other[1] and other[0] < one[1]


def _range(lines: LineIndex, edit: Edit) -> Range:
    span = edit.span
    return (
        lines.offset(span.line, span.column),
        lines.offset(span.end_line, span.end_column),
    )
