"""The comments of a YAML text, which its parser passes over.

A ``#`` begins one at the start of a line or after a blank, unless it stands in a scalar: in
quotes, or in the lines of a ``|`` or ``>`` block.
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

_MARK = re.compile(r"(?<![^ \t\r\n])#")
_PROPERTIES = re.compile(r"(?:[&!]\S*(?:\s|(?<=\s)#[^\r\n]*)*)*")
"""Anchor and tag, which a scalar begins with; comments may stand behind them."""
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
    last = 0
    for found in _MARK.finditer(text):
        at = found.start()
        while end <= at and start < len(text):
            start, end = next(inside, (len(text), len(text)))
        if at < last or start <= at < end:
            continue
        line_end = _LINE_END.search(text, at)
        assert line_end is not None, "a text has an end"
        last = line_end.start()
        line = text[max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1 : at]
        span = findings.lines.span(at, last)
        yield Comment(text[at:last], span, at, not line.strip())
    for _ in inside:  # what follows the last comment has to be YAML too
        pass


def _scalars(findings: Findings) -> Iterator[tuple[int, int]]:
    """Where the texts of scalars stand."""
    for event in events(findings):
        kind = type(event)
        if kind is yaml.ScalarEvent:
            yield _text_start(findings.text, event), event.end_mark.index


def _text_start(text: str, event: Any) -> int:
    """Behind anchor and tag; of a block scalar its second line, as the first may end in one."""
    first = _PROPERTIES.match(text, event.start_mark.index)
    assert first is not None, "there may be none"
    if event.style not in ("|", ">"):
        return first.end()
    end = _LINE_END.search(text, first.end())
    assert end is not None, "a text has an end"
    return end.end()
