"""YAML text to the nodes as they are written: PyYAML's events, and the comments between them.

A comment belongs to what ends on its line, or else to what comes next. At the end of a block
the column tells: a comment that stands as far right as the block's own entries is still in it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import yaml

from speccompiler.editing.written_nodes import (
    INDENT,
    Child,
    Comment,
    Written,
    WrittenList,
    WrittenScalar,
)
from speccompiler.frozen import dataclass
from speccompiler.source.yaml_events import LOADER

_MARKS = re.compile(r"(?:[&!]\S*)(?:\s+[&!]\S*)?")
_GAP = re.compile(r"(?:\s+(?:#[^\r\n]*)?)*")
_COMMENT = re.compile(r"#[^\r\n]*")
_LINE_END = re.compile(r"\r\n|\n|\r")
_INDENTATION = re.compile(r"(?<=[|>])[1-9]|(?<=[|>][-+])[1-9]")
"""The number of spaces that the header of a block of lines may say."""


@dataclass(frozen=True, slots=True)
class WrittenDocument:
    """The only document of a text."""

    root: Written
    opening: str
    """What stands before it as far as ``---``; empty where nothing does."""
    closing: str
    """From ``...`` on."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A comment and where it starts; ``alone``: nothing but space is before it on its line."""

    comment: Comment
    offset: int
    alone: bool


def written_yaml(text: str) -> WrittenDocument:
    """The document of a text that is valid YAML."""
    return _Reader(text).document()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.events: list[Any] = list(yaml.parse(text, Loader=LOADER))
        self.tokens: list[Any] = list(yaml.scan(text, Loader=LOADER))
        self.dashes: list[int] = [
            token.start_mark.index
            for token in self.tokens
            if isinstance(token, yaml.BlockEntryToken)
        ]
        self.at = 0
        """The next event."""
        self.floor = 0
        """Where the last block of lines ends: blank lines before belong to it."""
        self.pending: list[_Placed] = []
        self.taken = 0

    def document(self) -> WrittenDocument:
        opening, closing = 0, len(self.text)
        for event in self.events:
            kind = type(event)
            if kind is yaml.DocumentStartEvent and event.explicit:
                opening = event.end_mark.index
            if kind is yaml.DocumentEndEvent and event.explicit:
                closing = event.start_mark.index
        self.pending = [c for c in self.find_comments() if opening <= c.offset < closing]
        self.at = 2  # the start of the stream and of the document
        root, _ = self.node(-1)
        left = self.take(closing)
        if isinstance(root, WrittenList):
            root = _with_tail(root, left)
        return WrittenDocument(root, self.text[:opening].rstrip(), self.text[closing:].rstrip())

    def find_comments(self) -> list[_Placed]:
        """What stands between two tokens and is no space."""
        found = []
        end = 0
        for token in self.tokens:
            start = token.start_mark.index
            for match in _COMMENT.finditer(self.text, end, max(start, end)):
                found.append(self.placed(match.start(), match.group().rstrip()))
            end = max(end, token.end_mark.index)
        return found

    def placed(self, offset: int, said: str) -> _Placed:
        line = self.line_start(offset)
        alone = not self.text[line:offset].strip()
        comment = Comment(said, offset - line, alone and self.is_blank_before(offset))
        return _Placed(comment, offset, alone)

    def line_start(self, offset: int) -> int:
        return max(self.text.rfind("\n", 0, offset), self.text.rfind("\r", 0, offset)) + 1

    def is_blank_before(self, offset: int) -> bool:
        """Whether a place is the first of its line and the line before is empty."""
        line = self.line_start(offset)
        if line == 0 or self.text[line:offset].strip():
            return False
        end = line - 2 if self.text[line - 2 : line] == "\r\n" else line - 1
        before = self.line_start(end)
        return before >= self.floor and not self.text[before:end].strip()

    def take(self, until: int) -> tuple[Comment, ...]:
        """The comments that stand before a place and are nobody's yet."""
        found = []
        while self.taken < len(self.pending) and self.pending[self.taken].offset < until:
            found.append(self.pending[self.taken].comment)
            self.taken += 1
        return tuple(found)

    def take_beside(self, end: int, until: int | None = None) -> Comment | None:
        """The comment on the line where something ends, with at most a comma between."""
        if self.taken == len(self.pending):
            return None
        placed = self.pending[self.taken]
        beside = placed.offset >= end and not self.text[end : placed.offset].strip(" \t,")
        if placed.alone or not beside or (until is not None and placed.offset >= until):
            return None
        self.taken += 1
        return placed.comment

    def next_event(self) -> Any:
        event = self.events[self.at]
        self.at += 1
        return event

    def node(self, parent_column: int) -> tuple[Written, int]:
        """The next value, and where it ends."""
        event = self.next_event()
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, yaml.AliasEvent):
            return WrittenScalar(self.text[start:end], "", True, alias=True), end
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, start, end, parent_column)
        mapping = isinstance(event, yaml.MappingStartEvent)
        marks, _ = self.marks(event)
        return self.collection(mapping, bool(event.flow_style), marks, parent_column, end)

    @staticmethod
    def begin(event: Any) -> int:
        """Where an event begins, with its marks."""
        start: int = event.start_mark.index
        return start

    def marks(self, event: Any) -> tuple[str, int]:
        """The anchor and the tag of a value, and where the value begins behind them."""
        start = event.start_mark.index
        if isinstance(event, yaml.AliasEvent) or (event.anchor is None and event.tag is None):
            return "", start
        found = _MARKS.match(self.text, start)
        assert found is not None, "an anchor or a tag comes first"
        gap = _GAP.match(self.text, found.end())
        assert gap is not None, "no gap is a match too"
        return " ".join(found.group().split()), gap.end()

    def scalar(self, event: Any, start: int, end: int, column: int) -> tuple[WrittenScalar, int]:
        marks, start = self.marks(event)
        said = self.text[start:end]
        block = event.style in {"|", ">"}
        if block:
            header, *lines = _LINE_END.split(said)
            if "+" not in header:
                end = start + len(said.rstrip())
                header, *lines = _LINE_END.split(said.rstrip())
            elif not lines[-1]:  # what comes after the last line end is none
                lines.pop()
            self.floor = end
            lines = _cut(header, lines, column)
            header = _INDENTATION.sub(str(INDENT), header)
            if not event.value.endswith("\n") and "-" not in header:
                # The text ended with the block's last line, and gets a line end now.
                header = f"{header[0]}-{header[1:]}"
            said = "\n".join([header, *lines])
        said = f"{marks} {said}".strip(" ") if marks else said
        return WrittenScalar(said, event.value, not event.style, block, marks=marks), end

    def collection(
        self, mapping: bool, flow: bool, marks: str, parent_column: int, end: int
    ) -> tuple[WrittenList, int]:
        children: list[Child] = []
        column = None
        while not isinstance(self.events[self.at], yaml.MappingEndEvent | yaml.SequenceEndEvent):
            begins = self.events[self.at].start_mark.index
            if not mapping and not flow:
                begins = self.dash_before(begins)
            if column is None:
                column = begins - self.line_start(begins)
            child, end = self.child(mapping, begins, -1 if flow else column)
            children.append(child)
        closing = self.next_event()
        if flow:
            end = closing.end_mark.index
            tail = self.take(end)
        else:
            column = parent_column + 1 if column is None else column
            limit = column if column > parent_column else column + 1
            tail = self.take_inner(closing.start_mark.index, limit)
        return WrittenList(mapping, flow, marks, tuple(children), tail), end

    def dash_before(self, begins: int) -> int:
        """The dash of an item; a value that is not there begins behind it."""
        number = bisect_left(self.dashes, begins)
        return self.dashes[number - 1]

    def take_inner(self, until: int, column: int) -> tuple[Comment, ...]:
        found = []
        while self.taken < len(self.pending):
            placed = self.pending[self.taken]
            if placed.offset >= until or not placed.alone or placed.comment.column < column:
                break
            found.append(placed.comment)
            self.taken += 1
        return tuple(found)

    def child(self, mapping: bool, begins: int, column: int) -> tuple[Child, int]:
        before = list(self.take(begins))
        blank = self.is_blank_before(begins)
        key, end = None, begins + 1
        if mapping:
            written, end = self.node(column)
            assert isinstance(written, WrittenScalar), "keys are text"
            key = written
        event = self.events[self.at]
        is_list = isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent)
        is_block = is_list and not event.flow_style
        # Comments between the marks of a single value and the value go before both.
        value_start = self.begin(event) if is_list else self.marks(event)[1]
        head = None
        if mapping or is_block:
            colon = self.text.find(":", end) + 1 if mapping else end
            head = self.take_beside(max(end, colon), value_start)
            if head is None and is_block and (event.anchor or event.tag):
                marks = _MARKS.match(self.text, value_start)
                head = None if marks is None else self.take_beside(marks.end())
        gap = () if is_block else self.take(value_start)
        value, end = self.node(column)
        after = self.take_beside(end)
        # A comment between a key and a value that can stand beside it moves before the key.
        if isinstance(value, WrittenList) and not value.children:
            gap, value = (*gap, *value.tail), replace(value, tail=())
        if head is not None and (gap or (after is not None and not is_block)):
            before, head = [*before, head], None
        return Child(value, key, (*before, *gap), head, after, blank), end


def _cut(header: str, lines: Sequence[str], column: int) -> list[str]:
    """The lines of a block without its indentation: as its header says, or as its first line."""
    said = _INDENTATION.search(header)
    if said is not None:
        base = max(column, 0) + int(said.group())
    else:
        base = next((len(li) - len(li.lstrip(" ")) for li in lines if li.strip(" ")), 0)
    return [line[base:] for line in lines]


def _with_tail(root: WrittenList, left: Sequence[Comment]) -> WrittenList:
    return WrittenList(root.mapping, root.flow, root.marks, root.children, (*root.tail, *left))
