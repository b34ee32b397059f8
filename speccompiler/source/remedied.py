"""The fix of a finding whose place in a document is known."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from speccompiler.diagnostics.core import Diagnostic
from speccompiler.source.document import Document
from speccompiler.source.positions import LineIndex
from speccompiler.source.text_edits import EditedText, fix_of
from speccompiler.source.tree import Path, TreeNode


def remedied(
    diagnostic: Diagnostic, document: Document, holder: TreeNode | None, path: Path = ()
) -> Diagnostic:
    """The finding with the fix that its remedy means; ``path`` leads from ``holder`` to it."""
    remedy = diagnostic.remedy
    if remedy is None:
        return diagnostic
    fix = None
    if document.wrapper is None and document.holder is None:
        if remedy.path is not None:
            path = remedy.path
        if remedy.of_spec:
            holder = document.root
        text = EditedText(document.text, lines_of(document.text), document.syntax == "yaml")
        fix = fix_of(text, remedy, holder, path, diagnostic.span)
    return replace(diagnostic, remedy=None, fix=fix)


@lru_cache(maxsize=1)
def lines_of(text: str) -> LineIndex:
    """Where the lines of a text start; many findings are about one text."""
    return LineIndex(text)
