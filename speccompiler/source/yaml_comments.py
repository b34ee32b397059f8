"""The comments of a YAML text, which its parser passes over.

A ``#`` begins one at the start of a line or after a blank, unless it stands in a scalar: in
quotes, in the lines of a ``|`` or ``>`` block, or in text like ``a#b``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from speccompiler.diagnostics.core import Span
from speccompiler.frozen import dataclass
from speccompiler.source.findings import Findings
from speccompiler.source.yaml_events import events

_MARK = re.compile(r"(?:^|(?<=[ \t\r\n]))#[^\r\n]*", re.MULTILINE)
_LINE_END = re.compile(r"\r\n|\n|\r|\Z")


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment, from its ``#`` to the end of the line."""

    text: str
    span: Span
    start: int
    """Its offset in the text."""
    alone: bool
    """Whether nothing but blanks stands before it in its line."""


def comments(text: str, file: str = "") -> Iterator[Comment]:
    """The comments of a text that can be parsed, in order; raises ``Stop`` for any other."""
    findings = Findings(file, text)
    inside = _scalars(findings)
    start, end = next(inside, (len(text), len(text)))
    for found in list(_MARK.finditer(text)):
        at = found.start()
        while end <= at and start < len(text):
            start, end = next(inside, (len(text), len(text)))
        if not start <= at < end:
            line = text[max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1 : at]
            span = findings.lines.span(at, found.end())
            yield Comment(found.group(), span, at, not line.strip())
    for _ in inside:  # what follows the last comment has to be YAML too
        pass


def _scalars(findings: Findings) -> Iterator[tuple[int, int]]:
    """Where scalars stand; of a block scalar its lines, not its first, which may end in one."""
    event: Any
    for event in events(findings):
        if type(event) is yaml.ScalarEvent:
            start, end = event.start_mark.index, event.end_mark.index
            yield _lines_of_block(findings.text, event, start), end


def _lines_of_block(text: str, event: Any, start: int) -> int:
    if event.style not in ("|", ">"):
        return start
    found = _LINE_END.search(text, start)
    assert found is not None, "a text has an end"
    return found.end()
