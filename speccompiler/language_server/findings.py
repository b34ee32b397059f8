"""The findings of a text as an editor shows them."""

from __future__ import annotations

from dataclasses import replace

from speccompiler.diagnostics.core import Diagnostic, Span
from speccompiler.language_server.spec_file import SpecFile
from speccompiler.source.tree import find

WITHOUT_EFFECT = frozenset({"CS004", "CS049", "CS065"})
"""Codes of what has no effect, which an editor shows faded."""
_START = Span(1, 1, 1, 1)


def shown_findings(file: SpecFile) -> list[Diagnostic]:
    """Every finding with a span in this text.

    What is about another file stands where the text names that file, or at its beginning, and
    says the place.
    """
    analysis = file.current
    return [
        diagnostic
        if diagnostic.file in {None, analysis.document.file} and diagnostic.span is not None
        else _from_elsewhere(file, diagnostic)
        for diagnostic in (analysis.diagnostics if analysis.is_spec else ())
    ]


def _from_elsewhere(file: SpecFile, diagnostic: Diagnostic) -> Diagnostic:
    root = file.current.document.root
    named = None if root is None else find(root, ("model",))
    where = "" if diagnostic.file in {None, file.current.file} else f"{diagnostic.file}"
    if where and diagnostic.span is not None:
        where += f":{diagnostic.span.line}:{diagnostic.span.column}"
    message = f"{where}: {diagnostic.message}" if where else diagnostic.message
    span = _START if named is None else named.span
    return replace(diagnostic, message=message, span=span, fix=None)


def message_text(diagnostic: Diagnostic) -> str:
    """The message, and the hint on a line of its own."""
    return diagnostic.message + ("" if diagnostic.hint is None else f"\n{diagnostic.hint}")
