"""What all readers share: the limits, and the list of what they found."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from speccompiler.diagnostics.core import Diagnostic, Fix, Problem, Severity
from speccompiler.diagnostics.wording import shown
from speccompiler.source.positions import LineIndex

if TYPE_CHECKING:
    from speccompiler.diagnostics.remedies import Remedy

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 64
MAX_VALUES = 1_000_000
MAX_FINDINGS = 100


class Stop(Exception):
    """Reading cannot go on; the reason is already among the findings."""


def too_deep() -> Problem:
    """The problem of collections nested more than ``MAX_DEPTH`` deep."""
    message = f"lists and mappings are nested more than {MAX_DEPTH} deep"
    return Problem("CS006", message, "flatten the structure")


class Findings:
    """The findings about one text, in the order they were noticed.

    ``lines`` gives the places in the outer text, where this one is a part of another.
    """

    def __init__(self, file: str, text: str, lines: LineIndex | None = None) -> None:
        self.file = file
        self.text = text
        self.lines = LineIndex(text) if lines is None else lines
        self.is_whole = lines is None
        self._diagnostics: list[Diagnostic] = []

    def add(self, problem: Problem, start: int, end: int) -> None:
        """Note a problem with ``text[start:end]``; raises ``Stop`` when there are too many."""
        span = self.lines.caret(start, end)
        found = problem.at(file=self.file, span=span)
        if problem.remedy is not None:
            found = replace(found, remedy=None, fix=self._fix(problem.remedy, start, end))
        self._diagnostics.append(found)
        if len(self._diagnostics) >= MAX_FINDINGS:
            message = f"reading stopped after {MAX_FINDINGS} findings; more may follow"
            note = Diagnostic("CS014", message, Severity.NOTE, self.file, span)
            self._diagnostics.append(note)
            raise Stop

    def _fix(self, remedy: Remedy, start: int, end: int) -> Fix | None:
        """What mends a text that is no part of another one."""
        if not self.is_whole:
            return None
        from speccompiler.source.text_edits import EditedText, fix_of

        text = EditedText(self.text, self.lines, yaml=True)
        return fix_of(text, remedy, None, (), self.lines.span(start, end))

    def apart(self) -> Findings:
        """An empty list of findings for another reading of the same text."""
        other = copy(self)
        other._diagnostics = []
        return other

    def take(self, other: Findings) -> None:
        """Add what was found in another reading of the same text."""
        self._diagnostics += other._diagnostics

    def stop(self, problem: Problem, start: int, end: int) -> NoReturn:
        """Note a problem after which nothing can be read."""
        self.add(problem, start, end)
        raise Stop

    def check_depth(self, depth: int, start: int, end: int) -> None:
        """Refuse collections nested more than ``MAX_DEPTH`` deep."""
        if depth > MAX_DEPTH:
            self.stop(too_deep(), start, end)

    def in_text_order(self) -> tuple[Diagnostic, ...]:
        """The findings, sorted by where they stand."""
        return tuple(
            sorted(
                self._diagnostics,
                key=lambda d: (d.span.line, d.span.column) if d.span is not None else (0, 0),
            )
        )

    def only(self, code: str) -> bool:
        """True when no finding has another code."""
        return all(d.code == code for d in self._diagnostics)


def duplicate_key(key: str, first_line: int) -> Problem:
    """The problem of a key that a mapping already has."""
    return Problem(
        "CS004",
        f"the key '{shown(key)}' is already used on line {first_line}",
        "keep one of the two",
    )


def too_many_values(*, by_aliases: bool) -> Problem:
    """The problem of a document whose values, aliases expanded, pass ``MAX_VALUES``."""
    if by_aliases:
        message = f"aliases expand the document to more than {MAX_VALUES:,} values"
        return Problem("CS007", message, "write the repeated parts once, or use fewer aliases")
    message = f"the document holds more than {MAX_VALUES:,} values"
    return Problem("CS007", message, "keep arrays in .npy, .npz or .safetensors files")
