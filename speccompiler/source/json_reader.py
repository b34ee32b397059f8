"""JSON text (RFC 8259, strictly) to a positioned tree, without recursion."""

from __future__ import annotations

import re
from dataclasses import field
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]  # missing from typeshed
from typing import NoReturn

from speccompiler.diagnostics.core import Problem, Span
from speccompiler.frozen import dataclass
from speccompiler.source.findings import MAX_VALUES, Findings, duplicate_key, too_many_values
from speccompiler.source.json_syntax import bad_key, bad_separator, bad_text, bad_value
from speccompiler.source.numerals import finite_float, integer
from speccompiler.source.tree import Entry, Mapping, Scalar, Sequence, TreeNode

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)?(?![\w.+-])")
_CONSTANT = re.compile(r"(?:true|false|null|NaN|-?Infinity)(?![\w.+-])")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONSTANTS = {"true": True, "false": False, "null": None}


@dataclass(slots=True)
class _Open:
    """An array or object that is being read."""

    closer: str
    start: int
    items: list[TreeNode] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    # None drops the value that follows: its key is a duplicate.
    key: str | None = None
    key_span: Span = field(default_factory=lambda: Span(1, 1, 1, 1))

    def add(self, node: TreeNode) -> None:
        if self.closer == "]":
            self.items.append(node)
        elif self.key is not None:
            self.entries[self.key] = Entry(self.key_span, node)


class _Reader:
    """Reads the tokens of one text."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.text = findings.text
        self.span = findings.lines.span

    def fail(self, found: tuple[Problem, int, int]) -> NoReturn:
        self.findings.stop(*found)

    def skip(self, at: int) -> int:
        """The offset of the next token."""
        if self.text[at : at + 1] > " ":  # no space is
            return at
        found = _SPACE.match(self.text, at)
        return at if found is None else found.end()

    def quoted(self, at: int) -> tuple[str, int]:
        """The text whose opening quote stands at ``at``, and the offset after it."""
        try:
            value, end = scanstring(self.text, at + 1, True)
        except JSONDecodeError as error:
            self.fail(bad_text(self.findings, error, at))
        if not value.isascii() and _SURROGATE.search(value):
            message = "half of a surrogate pair is not text"
            self.fail((Problem("CS003", message, "write both halves, or neither"), at, end))
        return value, end

    def scalar(self, at: int) -> tuple[Scalar, int]:
        """The scalar at ``at`` and the offset after it."""
        if self.text[at : at + 1] == '"':
            value, end = self.quoted(at)
            return Scalar(value, self.span(at, end)), end
        found = _NUMBER.match(self.text, at)
        if found is not None:
            whole, fraction, exponent = found.groups()
            end = found.end()
            number: int | float = 0
            try:
                if fraction is None and exponent is None:
                    number = integer(whole)
                else:
                    number = finite_float(found.group())
            except Problem as problem:
                self.findings.add(problem, at, end)
            return Scalar(number, self.span(at, end)), end
        found = _CONSTANT.match(self.text, at)
        if found is None:
            self.fail(bad_value(self.findings, at))
        word, end = found.group(), found.end()
        if word not in _CONSTANTS:
            message = f"{word} is not a finite number"
            self.findings.add(Problem("CS013", message, "write a finite number"), at, end)
        return Scalar(_CONSTANTS.get(word), self.span(at, end)), end

    def key(self, top: _Open, at: int) -> int:
        """Read a key and its ':' into ``top``; the offset of the value."""
        if self.text[at : at + 1] != '"':
            self.fail(bad_key(self.findings, at))
        key, end = self.quoted(at)
        first = top.entries.get(key)
        if first is None:
            top.key, top.key_span = key, self.span(at, end)
        else:
            top.key = None
            self.findings.add(duplicate_key(key, first.key_span.line), at, end)
        colon = self.skip(end)
        if self.text[colon : colon + 1] != ":":
            self.fail(bad_separator(self.findings, colon, "':'"))
        return self.skip(colon + 1)

    def next_item(self, top: _Open, comma: int) -> int:
        """The offset of the value after a ','."""
        at = self.skip(comma + 1)
        if self.text[at : at + 1] == top.closer:
            message = f"a ',' stands before the closing '{top.closer}'"
            from speccompiler.diagnostics.remedies import Remedy, Word

            problem = Problem("CS003", message, "remove the ','", remedy=Remedy(Word(",", "")))
            self.fail((problem, comma, comma + 1))
        return self.key(top, at) if top.closer == "}" else at

    def closed(self, done: _Open, end: int) -> TreeNode:
        span = self.span(done.start, end)
        if done.closer == "}":
            return Mapping(done.entries, span)
        return Sequence(tuple(done.items), span)


def read_json(findings: Findings) -> TreeNode:
    """The tree of a JSON text; raises ``Stop`` where there is none."""
    text = findings.text
    reader = _Reader(findings)
    stack: list[_Open] = []
    values = 0
    at = reader.skip(0)
    if at == len(text):
        findings.stop(Problem("CS012", "the document is empty", "write a spec in it"), 0, 0)
    while True:
        values += 1
        if values > MAX_VALUES:
            findings.stop(too_many_values(by_aliases=False), at, at + 1)
        # A value starts here: a collection is opened, or the value is complete.
        node: TreeNode
        opener = text[at : at + 1]
        if opener == "{" or opener == "[":
            top = _Open("}" if opener == "{" else "]", at)
            findings.check_depth(len(stack) + 1, at, at + 1)
            at = reader.skip(at + 1)
            if text[at : at + 1] != top.closer:
                stack.append(top)
                if opener == "{":
                    at = reader.key(top, at)
                continue
            at += 1
            node = reader.closed(top, at)
        else:
            node, at = reader.scalar(at)
        # A value is complete: it is given to its collection, which may be complete too.
        while True:
            after = reader.skip(at)
            char = text[after : after + 1]
            if not stack:
                if char:
                    message = "text follows after the end of the document"
                    findings.stop(Problem("CS003", message, "remove it"), after, after + 1)
                return node
            top = stack[-1]
            top.add(node)
            if char == ",":
                at = reader.next_item(top, after)
                break
            if char != top.closer:
                reader.fail(bad_separator(findings, after, f"',' or '{top.closer}'"))
            stack.pop()
            at = after + 1
            node = reader.closed(top, at)
