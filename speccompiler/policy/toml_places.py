"""Where the keys and values of a TOML text stand; ``tomllib`` tells what they are, not where.

The text is one that ``tomllib`` has read, so that nothing here looks for mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from speccompiler.diagnostics.core import Span
from speccompiler.frozen import dataclass
from speccompiler.source.positions import LineIndex

Path = tuple[str | int, ...]
"""Keys from the top of the document; a number is a place in an array."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}|\'\'\'(?:[^\']|\'(?!\'\'))*\'{3,5}'
    r"|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]*")


@dataclass(frozen=True, slots=True)
class Places:
    """Spans by path: of keys as they are written, and of values."""

    keys: Mapping[Path, Span]
    values: Mapping[Path, Span]


def toml_places(text: str) -> Places:
    """The places of every key and value of a valid TOML text."""
    scanner = _Scanner(text)
    scanner.document()
    return Places(scanner.keys, scanner.values)


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines = LineIndex(text)
        self.keys: dict[Path, Span] = {}
        self.values: dict[Path, Span] = {}
        self.arrays: dict[Path, int] = {}
        """How many tables each array of tables has so far."""

    def document(self) -> None:
        table: Path = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.text.startswith("[", self.at):
                table = self.header()
            else:
                self.pair(table)
            self.skip(_BLANK)

    def header(self) -> Path:
        start = self.at
        many = self.text.startswith("[[", start)
        self.at += 2 if many else 1
        path: Path = ()
        through: list[Path] = []
        for part, _ in self.dotted():
            path = (*self.last_table(path), part)
            through.append(path)
        self.at += 2 if many else 1
        span = self.lines.span(start, self.at)
        for each in through:
            self.keys.setdefault(each, span)
        if many:
            self.arrays[path] = self.arrays.get(path, 0) + 1
            self.keys[self.last_table(path)] = span
        return self.last_table(path)

    def last_table(self, path: Path) -> Path:
        """The last table of an array of tables; any other path is itself."""
        return (*path, self.arrays[path] - 1) if path in self.arrays else path

    def dotted(self) -> list[tuple[str, Span]]:
        """The parts of a key, each with its place."""
        parts = []
        while True:
            self.skip(_SPACE)
            start = self.at
            quoted = self.text[start] in "\"'"
            self.skip(_STRING if quoted else _BARE_KEY)
            written = self.text[start : self.at]
            parts.append(
                (_unquoted(written) if quoted else written, self.lines.span(start, self.at))
            )
            self.skip(_SPACE)
            if not self.text.startswith(".", self.at):
                return parts
            self.at += 1

    def pair(self, table: Path) -> None:
        path = table
        for part, span in self.dotted():
            path = (*path, part)
            self.keys.setdefault(path, span)
        self.at += 1  # the equals sign
        self.skip(_SPACE)
        self.value(path)

    def value(self, path: Path) -> None:
        start = self.at
        first = self.text[start]
        if first in "\"'":
            self.skip(_STRING)
        elif first == "[":
            self.items(path)
        elif first == "{":
            self.inline_table(path)
        else:
            self.skip(_BARE_VALUE)
            self.at = start + len(self.text[start : self.at].rstrip())
        self.values[path] = self.lines.span(start, self.at)

    def items(self, path: Path) -> None:
        self.at += 1
        number = 0
        self.skip(_BLANK)
        while not self.text.startswith("]", self.at):
            self.value((*path, number))
            number += 1
            self.separator()
        self.at += 1

    def inline_table(self, path: Path) -> None:
        self.at += 1
        self.skip(_BLANK)
        while not self.text.startswith("}", self.at):
            self.pair(path)
            self.separator()
        self.at += 1

    def separator(self) -> None:
        self.skip(_BLANK)
        if self.text.startswith(",", self.at):
            self.at += 1
            self.skip(_BLANK)

    def skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        assert found is not None, "tomllib has read this text"
        self.at = found.end()


def _unquoted(written: str) -> str:
    """The text of a quoted key, which TOML writes as a value."""
    import tomllib

    text = tomllib.loads(f"key = {written}")["key"]
    assert isinstance(text, str), "a quoted key is a string"
    return text
