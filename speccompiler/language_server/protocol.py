"""Data of the features as the messages of the protocol."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lsprotocol import types

from speccompiler.diagnostics.core import Diagnostic, Edit, Severity, Span
from speccompiler.language_server.findings import WITHOUT_EFFECT, message_text
from speccompiler.language_server.positions import PlacedText, Range

SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.NOTE: types.DiagnosticSeverity.Information,
}


def as_range(place: Range) -> types.Range:
    """A range of the protocol."""
    start, end = place
    return types.Range(types.Position(*start), types.Position(*end))


def from_range(given: types.Range) -> Range:
    """A range as the features count."""
    return (
        (given.start.line, given.start.character),
        (given.end.line, given.end.character),
    )


def span_range(placed: PlacedText, span: Span) -> types.Range:
    """The range of a span."""
    return as_range(placed.range(span))


def as_diagnostic(placed: PlacedText, diagnostic: Diagnostic) -> types.Diagnostic:
    """A finding with its range."""
    assert diagnostic.span is not None, "shown findings have a span"
    fades = diagnostic.code in WITHOUT_EFFECT
    return types.Diagnostic(
        span_range(placed, diagnostic.span),
        message_text(diagnostic),
        SEVERITIES[diagnostic.severity],
        diagnostic.code,
        source="convspec",
        tags=[types.DiagnosticTag.Unnecessary] if fades else None,
    )


def text_edits(placed: PlacedText, edits: Iterable[Edit]) -> list[types.TextEdit]:
    """Edits of one file."""
    return [types.TextEdit(span_range(placed, edit.span), edit.text) for edit in edits]


def workspace_edit(uri: str, edits: Sequence[types.TextEdit]) -> types.WorkspaceEdit:
    """Edits of the file of a URI."""
    return types.WorkspaceEdit(changes={uri: list(edits)})


def markdown(text: str) -> types.MarkupContent:
    """A text in Markdown."""
    return types.MarkupContent(types.MarkupKind.Markdown, text)
