"""A finding about a user's input is data: what, where, how bad, what to do.

Stages raise :class:`Problem` (short: a code, a message, a hint) or return
:class:`Diagnostic` lists. The boundary that knows the place (a file, a layer)
turns a ``Problem`` into a ``Diagnostic`` once. Renderers live in ``cli``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from speccompiler.frozen import dataclass

if TYPE_CHECKING:
    from speccompiler.diagnostics.remedies import Remedy


class Severity(StrEnum):
    """How bad a finding is. Only ``ERROR`` makes a command fail."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Span(NamedTuple):
    """A half-open range of text; lines and columns count characters from 1.

    A tuple, because every value of a spec has one, and tuples are made fast.
    """

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Edit:
    """Text to stand where a span of the file is."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """What would mend a finding: edits of its file that are made together or not at all."""

    title: str
    """What it does, as an editor offers it: ``write 'relu'``."""
    edits: tuple[Edit, ...]
    safe: bool
    """Whether it cannot be wrong; ``validate --fix`` makes these alone."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. ``code`` is stable and listed in ``codes.CODES``."""

    code: str
    message: str
    severity: Severity = Severity.ERROR
    file: str | None = None
    span: Span | None = None
    layer: str | None = None
    hint: str | None = None
    argument: str | None = None
    """The layer's argument that is at fault, for whoever knows where it stands."""
    fix: Fix | None = None
    remedy: Remedy | None = None
    """What a ``fix`` is to be made of, until the text is known in which it stands."""

    def __str__(self) -> str:
        where = self.file or ""
        if self.span is not None:
            where += f":{self.span.line}:{self.span.column}"
        text = f"{self.severity} {self.code}: {self.message}"
        if self.layer is not None:
            text += f" (layer '{self.layer}')"
        if self.hint is not None:
            text += f"; {self.hint}"
        return f"{where}: {text}" if where else text


class Problem(Exception):
    """A user's mistake, noticed where its place is not known. Never shown as it is.

    ``source`` is what it is about where that is not what is worked on: an environment variable.
    """

    def __init__(
        self,
        code: str,
        message: str,
        hint: str | None = None,
        *,
        layer: str | None = None,
        argument: str | None = None,
        source: str | None = None,
        remedy: Remedy | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.layer = layer
        self.argument = argument
        self.source = source
        self.remedy = remedy

    def at(
        self, *, file: str | None = None, span: Span | None = None, layer: str | None = None
    ) -> Diagnostic:
        """The diagnostic of this problem at a place."""
        return Diagnostic(
            self.code,
            self.message,
            file=self.source or file,
            span=span,
            layer=layer or self.layer,
            hint=self.hint,
            argument=self.argument,
            remedy=self.remedy,
        )


class SpecError(ValueError):
    """A model, an array or a keyword cannot be used; ``diagnostics`` holds every finding.

    >>> try:
    ...     speccompiler.loads('{"convspec": 1, "layers": [{"type": "Flaten"}]}')
    ... except speccompiler.SpecError as error:
    ...     print(error.diagnostics[0].code, error.diagnostics[0].hint)
    CS027 did you mean 'Flatten'?
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(str(d) for d in self.diagnostics))

    def __reduce__(self) -> tuple[type[SpecError], tuple[tuple[Diagnostic, ...]]]:
        # A process pool sends errors back: by their findings, not by their text.
        return type(self), (self.diagnostics,)


@contextmanager
def about(file: str) -> Iterator[None]:
    """A ``Problem`` inside is about this file, and becomes a ``SpecError`` that names it."""
    try:
        yield
    except Problem as problem:
        raise SpecError([problem.at(file=file)]) from None


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """True when at least one finding is an error."""
    return any(d.severity is Severity.ERROR for d in diagnostics)


def meant(word: str, known: Iterable[str]) -> tuple[str, ...]:
    """The known words closest to ``word``: one or two, or none."""
    import difflib

    folded: dict[str, str] = {}
    for name in known:
        folded.setdefault(name.casefold(), name)
    close = difflib.get_close_matches(word.casefold(), list(folded), n=2, cutoff=0.6)
    if close and close[0] == word.casefold():
        close = close[:1]
    return tuple(folded[c] for c in close)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint that names the known words closest to ``word``, or None."""
    names = meant(word, known)
    if not names:
        return None
    return "did you mean " + " or ".join(f"'{name}'" for name in names) + "?"
