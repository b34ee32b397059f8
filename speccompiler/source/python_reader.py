"""What Python's ``str()`` and ``repr()`` of plain data wrote, read as data: nothing is evaluated.

``str(model.get_config())`` is a text of dicts, lists, tuples, texts and numbers, under Python 2
with ``u''`` and ``96L``, and with NumPy's numbers as ``array(..)`` or ``np.float32(0.01)``. A call
of a name that only wraps a value stands for the value; any other is refused.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import field
from typing import NoReturn

from speccompiler.diagnostics.core import Problem, Span
from speccompiler.frozen import dataclass
from speccompiler.source.findings import MAX_VALUES, Findings, duplicate_key, too_many_values
from speccompiler.source.inner_text import literal_body
from speccompiler.source.numerals import finite_float, integer
from speccompiler.source.tree import Entry, Mapping, Scalar, Sequence, TreeNode

_SPACE = re.compile(r"[ \t\r\n\\]*")
_TEXT = re.compile(r"(?P<prefix>[uUbB]?)(?P<quote>['\"])")
_NUMBER = re.compile(
    r"(?P<sign>[-+]?)(?:(?P<whole>\d+)[lL]?(?![\d.eE])|(?P<real>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?))"
    r"(?!\w)"
)
_WORD = re.compile(r"-?[A-Za-z_][\w.]*")
_OBJECT = re.compile(r"<[^<>\n]{1,200}>")
_KEYWORD = re.compile(r"[A-Za-z_]\w*\s*=\s*")
_WORDS: dict[str, bool | float | None] = {
    "True": True,
    "False": False,
    "None": None,
    "nan": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
}
_WRAPPERS = {
    "array", "bool", "bytes", "dict", "dtype", "float", "int", "list", "long", "str", "string",
    "tuple", "unicode", "OrderedDict",
    *(f"{kind}{bits}" for kind in ("int", "uint", "float") for bits in (8, 16, 32, 64)),
}  # fmt: skip
_CLOSING = {"{": "}", "[": "]", "(": ")"}
_ESCAPE = re.compile(
    r"\\(?:(?P<octal>[0-7]{1,3})|x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})"
    r"|U(?P<U>[0-9a-fA-F]{8})|N\{(?P<N>[^}]{1,100})\}|(?P<newline>\r\n|\n|\r)|(?P<one>.))",
    re.DOTALL,
)
_ONE = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v",
        "\\": "\\", "'": "'", '"': '"'}  # fmt: skip
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class _Open:
    """A collection that is being read; ``call`` is the name before its bracket."""

    closer: str
    start: int
    call: str = ""
    items: list[TreeNode] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    key: str | None = None
    key_span: Span | None = None
    comma: bool = False

    def add(self, node: TreeNode) -> None:
        if self.closer != "}":
            self.items.append(node)
        elif self.key is not None and self.key_span is not None:
            self.entries[self.key] = Entry(self.key_span, node)


class _Reader:
    """Reads the tokens of one text."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.text = findings.text
        self.values = 0

    def fail(self, message: str, at: int, hint: str | None = None) -> NoReturn:
        """Stop the reading."""
        self.findings.stop(Problem("CS003", message, hint), at, at + 1)

    def skip(self, at: int) -> int:
        """The offset of the next token."""
        found = _SPACE.match(self.text, at)
        return at if found is None else found.end()

    def count(self, at: int) -> None:
        """One value more."""
        self.values += 1
        if self.values > MAX_VALUES:
            self.findings.stop(too_many_values(by_aliases=False), at, at + 1)

    def quoted(self, at: int) -> tuple[str, int] | None:
        """The text at an offset, of one literal or of several side by side; None for no text."""
        parts: list[str] = []
        end = at
        while (found := _TEXT.match(self.text, end if not parts else self.skip(end))) is not None:
            body = literal_body(self.text, found.end(), found["quote"])
            after = found.end() + len(body) + 1
            if after > len(self.text):
                self.fail("the text is never closed", found.start())
            if "\n" in body and "\n" in _ESCAPE.sub("", body):
                self.fail("the text is not closed on its line", found.start())
            parts.append(
                self._unescaped(body, found.start(), raw_bytes=found["prefix"] in {"b", "B"})
            )
            end = after
        return ("".join(parts), end) if parts else None

    def _unescaped(self, body: str, at: int, *, raw_bytes: bool) -> str:
        value = body
        if "\\" in body:
            value = _ESCAPE.sub(_character, body)
        if raw_bytes and not value.isascii():
            try:
                value = value.encode("latin-1").decode("utf-8")
            except UnicodeError:
                self.fail("the bytes are not UTF-8 text", at)
        if not value.isascii() and _SURROGATE.search(value):
            value = _PAIR.sub(
                lambda m: m[0].encode("utf-16", "surrogatepass").decode("utf-16"), value
            )
            if _SURROGATE.search(value):
                self.fail("half of a surrogate pair is not text", at)
        return value

    def scalar(self, at: int) -> tuple[Scalar, int]:
        """The scalar at an offset and the offset after it."""
        text = self.quoted(at)
        if text is not None:
            return Scalar(text[0], self.findings.lines.span(at, text[1])), text[1]
        value: bool | int | float | str | None = None
        if (found := _NUMBER.match(self.text, at)) is not None:
            try:
                whole = found["whole"]
                value = integer(found["sign"] + whole) if whole else finite_float(found[0])
            except Problem as problem:
                self.findings.stop(problem, at, found.end())
        elif (found := _OBJECT.match(self.text, at)) is not None:
            value = found[0]
        elif (found := _WORD.match(self.text, at)) is not None and _last(found[0]) in _WORDS:
            value = _WORDS[_last(found[0])]
        elif found is not None and _last(found[0]) in _WRAPPERS:
            value = found[0]  # dtype=float32
        else:
            self.fail("a value of Python's is expected here", at)
        return Scalar(value, self.findings.lines.span(at, found.end())), found.end()

    def opened(self, at: int) -> _Open | None:
        """The collection that opens at an offset, after the name of a wrapper or without."""
        start, name = at, _WORD.match(self.text, at)
        call = ""
        if name is not None and self.text.startswith("(", name.end()):
            call, at = _last(name[0]), name.end()
            if call not in _WRAPPERS:
                self.fail(f"'{call}(..)' is a call, and nothing of a file is called", start)
        closer = _CLOSING.get(self.text[at : at + 1])
        return None if closer is None else _Open(closer, at if call == "" else start, call)

    def closed(self, done: _Open, end: int) -> TreeNode:
        """A whole collection; of a call the value that it wraps."""
        span = self.findings.lines.span(done.start, end)
        if done.closer == "}":
            return Mapping(done.entries, span)
        if done.call == "OrderedDict":
            return self._pairs(done, span)
        single = done.closer == ")" and len(done.items) == 1 and not done.comma
        if done.call or single:
            return done.items[0] if done.items else Sequence((), span)
        return Sequence(tuple(done.items), span)

    def _pairs(self, done: _Open, span: Span) -> TreeNode:
        """``OrderedDict([(key, value), ..])``."""
        entries: dict[str, Entry] = {}
        first = done.items[0] if done.items else Sequence((), span)
        if isinstance(first, Mapping):
            return first
        for pair in first.items if isinstance(first, Sequence) else ():
            match pair:
                case Sequence((Scalar(str() as key, key_span), value)):
                    entries[key] = Entry(key_span, value)
                case _:
                    self.fail("an OrderedDict is a list of pairs", done.start)
        return Mapping(entries, span)

    def key(self, top: _Open, at: int) -> int:
        """Read a key and its ':' into ``top``; the offset of the value."""
        found = self.quoted(at)
        if found is None:
            self.fail("a key in quotes is expected here", at)
        key, end = found
        span = self.findings.lines.span(at, end)
        top.key, top.key_span = key, span
        if key in top.entries:
            self.findings.add(duplicate_key(key, top.entries[key].key_span.line), at, end)
            top.key = None
        colon = self.skip(end)
        if not self.text.startswith(":", colon):
            self.fail("':' is expected here", colon)
        return self.skip(colon + 1)

    def next_item(self, top: _Open, at: int) -> int | None:
        """The offset of the next value of a collection; None where the collection ends."""
        if self.text.startswith(top.closer, at):
            return None
        if top.closer == "}":
            return self.key(top, at)
        keyword = _KEYWORD.match(self.text, at) if top.call else None
        return at if keyword is None else keyword.end()


def _last(name: str) -> str:
    """The last part of ``np.float32``; the sign of ``-inf`` stays."""
    return ("-" if name.startswith("-") else "") + name.lstrip("-").rpartition(".")[2].rstrip("_")


def _character(found: re.Match[str]) -> str:
    """What one escape stands for; an unknown one is itself, as in Python."""
    if found["octal"] is not None:
        return chr(int(found["octal"], 8))
    number = found["x"] or found["u"] or found["U"]
    if number is not None:
        code = int(number, 16)
        return chr(code) if code < 0x110000 else found[0]
    if found["N"] is not None:
        try:
            return unicodedata.lookup(found["N"])
        except KeyError:
            return found[0]
    return "" if found["newline"] else _ONE.get(found["one"], found[0])


def read_python(findings: Findings) -> TreeNode:
    """The tree of a Python literal; raises ``Stop`` where there is none."""
    reader = _Reader(findings)
    stack: list[_Open] = []
    at = reader.skip(0)
    while True:
        reader.count(at)
        node: TreeNode
        top = reader.opened(at)
        if top is not None:
            findings.check_depth(len(stack) + 1, at, at + 1)
            begin = reader.skip(findings.text.index(_opener(top), at) + 1)
            value = reader.next_item(top, begin)
            if value is not None:
                stack.append(top)
                at = value
                continue
            at = begin + 1
            node = reader.closed(top, at)
        else:
            node, at = reader.scalar(at)
        # A value is complete: it is given to its collection, which may be complete too.
        while True:
            after = reader.skip(at)
            if not stack:
                if after < len(findings.text):
                    reader.fail("text follows after the end of the value", after, "remove it")
                return node
            top = stack[-1]
            top.add(node)
            if findings.text.startswith(",", after):
                top.comma = True
                value = reader.next_item(top, reader.skip(after + 1))
                if value is not None:
                    at = value
                    break
                after = reader.skip(after + 1)
            elif not findings.text.startswith(top.closer, after):
                reader.fail(f"',' or '{top.closer}' is expected here", after)
            stack.pop()
            at = after + 1
            node = reader.closed(top, at)


def _opener(top: _Open) -> str:
    return next(opener for opener, closer in _CLOSING.items() if closer == top.closer)
