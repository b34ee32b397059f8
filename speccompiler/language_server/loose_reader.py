"""Reads a text that need not be complete into a loose tree; nothing is refused."""

from __future__ import annotations

import re

from speccompiler.frozen import dataclass
from speccompiler.language_server.loose_tree import (
    Loose,
    LooseEntry,
    LooseList,
    LooseMap,
    LooseText,
)

MAX_DEPTH = 64
_LINE = re.compile(r"([ \t]*)([^\r\n]*)(\r\n|\n|\r|\Z)")
_QUOTED = re.compile(
    r"\"((?:[^\"\\\r\n]|\\.)*)(\"|(?=[\r\n])|\Z)|'((?:[^'\r\n]|'')*)('|(?=[\r\n])|\Z)"
)
_BLOCK_KEY = re.compile(
    r"([^\s#\[\]{}\"'&*!|>%@`,-][^:#\r\n]*?|-[^\s:#][^:#\r\n]*?)[ \t]*:(?=\s|\Z)"
)
_PLAIN_LINE = re.compile(r"[^\r\n#]*(?:(?<=\S)#[^\r\n#]*)*")
_FLOW_WORD = re.compile(
    r"(?:[^\s,\[\]{}:#\"']|:(?=[^\s,\[\]{}\"'])|(?<=[^\s,\[{])[ \t]+(?=[^\s,\[\]{}:#\"']))+"
)
_COLON = re.compile(r"[ \t]*:(?=\s|\Z)")
_SPACE = re.compile(r"[ \t]*(?:#[^\r\n]*)?")
_MARKS = re.compile(r"(?:[&!][^\s,\[\]{}]*[ \t]*)+")


def read_loosely(text: str) -> Loose | None:
    """The tree of a text; None for an empty one."""
    return _Reader(text).document()


@dataclass(slots=True)
class _Line:
    start: int
    column: int
    end: int


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.lines: list[_Line] = []
        self.depth = 0
        self.at = 0
        begin = 0
        while begin < len(text):
            found = _LINE.match(text, begin)
            assert found is not None, "every text has a line"
            content = found.group(2)
            if content and not content.startswith(("#", "---", "%")):
                start = found.start(2)
                self.lines.append(_Line(start, start - begin, found.end(2)))
            begin = found.end()

    def document(self) -> Loose | None:
        root: Loose | None = None
        while self.at < len(self.lines):
            before = self.at
            found = self.block(-1)
            if isinstance(root, LooseMap) and isinstance(found, LooseMap):
                root.entries += found.entries
            root = found if root is None else root
            if self.at == before:
                self.at += 1
        return root

    # Block style: a line at a time.

    def block(self, owner: int) -> Loose | None:
        """What begins at the current line; ``owner`` is the column of what it belongs to."""
        line = self.lines[self.at]
        self.depth += 1
        try:
            if self.depth > MAX_DEPTH:
                self.at += 1
                return None
            if self.is_item(line):
                return self.items(line.column)
            if self.text[line.start] in "[{":
                return self.flow_value(line.start, owner)
            return self.entries(line.column)
        finally:
            self.depth -= 1

    def is_item(self, line: _Line) -> bool:
        rest = self.text[line.start : line.start + 2]
        return rest[:1] == "-" and (len(rest) == 1 or rest[1] in " \t\r\n")

    def items(self, column: int) -> LooseList:
        found = LooseList([], column)
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.column < column or (line.column == column and not self.is_item(line)):
                break
            if line.column > column:  # indented like nothing here
                self.stray(found.items)
                continue
            start = line.start + 1
            while self.text[start : start + 1] in (" ", "\t") and start < line.end:
                start += 1
            if start >= line.end or self.text[start] == "#":
                self.at += 1
                below = self.lines[self.at] if self.at < len(self.lines) else None
                if below is not None and below.column > column:
                    found.items.append(self.block(column) or LooseText("", start, start))
                else:
                    found.items.append(LooseText("", start, start))
                continue
            self.lines[self.at] = _Line(start, column + start - line.start, line.end)
            found.items.append(self.block(column) or LooseText("", start, start))
        return found

    def stray(self, items: list[Loose]) -> None:
        line = self.lines[self.at]
        items.append(self.word(line.start, line.end))
        self.at += 1

    def entries(self, column: int) -> Loose:
        found = LooseMap([], column)
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.column < column or (line.column == column and self.is_item(line)):
                break
            key, after = self.block_key(line)
            if key is None or line.column > column:
                last = found.entries[-1].value if found.entries else None
                in_list = isinstance(last, LooseList) and last.column == line.column > column
                if key is None and isinstance(last, LooseList) and in_list:
                    self.stray(last.items)  # an item that has no dash yet
                    continue
                word = self.word(line.start, line.end)
                self.at += 1
                if not found.entries and self.stands_alone(line, column):
                    return word
                found.entries.append(LooseEntry(word, False))
                continue
            found.entries.append(LooseEntry(key, True, self.block_value(after, line, column)))
        return found

    def stands_alone(self, line: _Line, column: int) -> bool:
        """Whether no key follows a word, so that it is a text and not a key without a colon."""
        if self.at >= len(self.lines):
            return column > 0
        return self.lines[self.at].column != column

    def block_key(self, line: _Line) -> tuple[LooseText | None, int]:
        if self.text[line.start] in "\"'":
            word, end = self.quoted(line.start)
            rest = _COLON.match(self.text, end)
            return (None, end) if rest is None else (word, rest.end())
        found = _BLOCK_KEY.match(self.text, line.start, line.end)
        if found is None:
            return None, line.start
        return LooseText(found.group(1), found.start(1), found.end(1)), found.end()

    def block_value(self, at: int, line: _Line, column: int) -> Loose | None:
        """The value behind a key: on its line, or on those below that are indented more."""
        start = _SPACE.match(self.text, at, line.end)
        assert start is not None, "no space is a match too"
        at = start.end()
        marks = _MARKS.match(self.text, at, line.end)
        at = at if marks is None else marks.end()
        self.at += 1
        if at >= line.end:
            below = self.lines[self.at] if self.at < len(self.lines) else None
            if below is not None and (
                below.column > column or (below.column == column and self.is_item(below))
            ):
                return self.block(column)
            return LooseText("", at, at)
        if self.text[at] in "[{":
            return self.flow_value(at, column)
        word = self.word(at, line.end)
        if self.text[at] in "|>":
            while self.at < len(self.lines) and self.lines[self.at].column > column:
                self.at += 1
        return word

    def word(self, start: int, end: int) -> LooseText:
        if self.text[start : start + 1] in ("'", '"'):
            return self.quoted(start)[0]
        found = _PLAIN_LINE.match(self.text, start, end)
        text = "" if found is None else found.group().rstrip()
        return LooseText(text, start, start + len(text))

    def quoted(self, start: int) -> tuple[LooseText, int]:
        found = _QUOTED.match(self.text, start)
        assert found is not None, "a quote begins one"
        group = 1 if self.text[start] == '"' else 3
        word = LooseText(found.group(group), found.start(group), found.end(group), self.text[start])
        return word, found.end()

    # Flow style and JSON: a sign at a time.

    def flow_value(self, start: int, owner: int) -> Loose:
        """A collection in brackets; it ends at the latest where a line is indented no more."""
        value, end = self.flow(start, self.limit(start, owner), 0)
        while self.at < len(self.lines) and self.lines[self.at].start < end:
            self.at += 1
        return value

    def limit(self, start: int, owner: int) -> int:
        """Where a line is indented no more than ``owner``, and closes nothing."""
        for number in range(self.at, len(self.lines) if owner >= 0 else self.at):
            line = self.lines[number]
            if line.start > start and line.column <= owner and self.text[line.start] not in "]}":
                return line.start
        return len(self.text)

    def skip(self, at: int, limit: int) -> int:
        while at < limit:
            if self.text[at].isspace():
                at += 1
            elif self.text[at] == "#" and (at == 0 or self.text[at - 1].isspace()):
                while at < limit and self.text[at] not in "\r\n":
                    at += 1
            else:
                break
        return at

    def flow(self, at: int, limit: int, depth: int) -> tuple[Loose, int]:
        opener = self.text[at]
        if opener == "{" and depth < MAX_DEPTH:
            return self.flow_map(at + 1, limit, depth + 1)
        if opener == "[" and depth < MAX_DEPTH:
            return self.flow_list(at + 1, limit, depth + 1)
        if opener in "\"'":
            return self.quoted(at)
        marks = _MARKS.match(self.text, at, limit)
        at = at if marks is None else marks.end()
        found = _FLOW_WORD.match(self.text, at, limit)
        if found is None:
            return LooseText("", at, at), at if marks is not None else at + 1
        return LooseText(found.group(), at, found.end()), found.end()

    def flow_list(self, at: int, limit: int, depth: int) -> tuple[Loose, int]:
        found = LooseList()
        while (at := self.skip(at, limit)) < limit:
            sign = self.text[at]
            if sign == "]":
                return found, at + 1
            if sign == "}":
                return found, at
            if sign in ",:":
                at += 1
                continue
            item, at = self.flow(at, limit, depth)
            found.items.append(item)
        return found, limit

    def flow_map(self, at: int, limit: int, depth: int) -> tuple[Loose, int]:
        found = LooseMap()
        while (at := self.skip(at, limit)) < limit:
            sign = self.text[at]
            if sign == "}":
                return found, at + 1
            if sign in "]{[":  # this one was never closed
                return found, at
            if sign in ",:":
                at += 1
                continue
            key, at = self.flow(at, limit, depth)
            assert isinstance(key, LooseText), "a key is no collection"
            at = self.skip(at, limit)
            if self.text[at : at + 1] != ":" or at >= limit:
                found.entries.append(LooseEntry(key, False))
                continue
            at = self.skip(at + 1, limit)
            if at >= limit or self.text[at] in ",}]":
                found.entries.append(LooseEntry(key, True, LooseText("", at, at)))
                continue
            value, at = self.flow(at, limit, depth)
            found.entries.append(LooseEntry(key, True, value))
        return found, limit
