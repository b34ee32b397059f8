"""A text that was changed as a whole, as small edits of what an editor has."""

from __future__ import annotations

from itertools import takewhile

from speccompiler.frozen import dataclass


@dataclass(frozen=True, slots=True)
class TextEdit:
    """``text[start:end]`` of a text replaced."""

    start: int
    end: int
    new: str


def line_edits(old: str, new: str) -> list[TextEdit]:
    """Edits of whole lines that make one text of another; none where they are equal."""
    from difflib import SequenceMatcher

    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    front = sum(1 for _ in takewhile(lambda p: p[0] == p[1], zip(before, after, strict=False)))
    before_rest, after_rest = before[front:], after[front:]
    starts = [sum(map(len, before[:front]))]
    for line in before_rest:
        starts.append(starts[-1] + len(line))
    matcher = SequenceMatcher(None, before_rest, after_rest, autojunk=False)
    return [
        TextEdit(starts[i], starts[j], "".join(after_rest[m:n]))
        for kind, i, j, m, n in matcher.get_opcodes()
        if kind != "equal"
    ]
