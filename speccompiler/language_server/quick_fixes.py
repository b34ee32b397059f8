"""What would mend a finding, as an editor offers it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from speccompiler.diagnostics.core import Diagnostic, Edit, Fix
from speccompiler.language_server.findings import shown_findings
from speccompiler.language_server.ignore_comments import ignoring
from speccompiler.language_server.spec_file import SpecFile


def fixes_between(file: SpecFile, first: int, last: int) -> list[tuple[Diagnostic, Fix]]:
    """The findings with a fix that touch lines ``first`` to ``last``, counted from 1."""
    found = findings_between(file, first, last)
    return [(diagnostic, diagnostic.fix) for diagnostic in found if diagnostic.fix is not None]


def ignores_between(file: SpecFile, first: int, last: int) -> list[tuple[Diagnostic, Fix]]:
    """The findings on these lines, each with the comment that ignores it."""
    pairs = ((found, ignoring(file, found)) for found in findings_between(file, first, last))
    return [(found, fix) for found, fix in pairs if fix is not None]


def findings_between(file: SpecFile, first: int, last: int) -> list[Diagnostic]:
    """The findings that touch lines ``first`` to ``last``, counted from 1."""
    return [
        found
        for found in shown_findings(file)
        if found.span is not None and found.span.line <= last and found.span.end_line >= first
    ]


def safe_edits(file: SpecFile) -> tuple[Edit, ...]:
    """The edits of all safe fixes that do not overlap: those that come first win."""
    fixes = (d.fix for d in shown_findings(file) if d.fix is not None and d.fix.safe)
    return without_overlaps(fixes)


def without_overlaps(fixes: Iterable[Fix]) -> tuple[Edit, ...]:
    """The edits of fixes, each whole or not at all, so that no two change the same place."""
    taken: list[Edit] = []
    for fix in fixes:
        new = [edit for edit in fix.edits if edit not in taken]
        if not any(_overlap(edit, other) for edit in new for other in taken):
            taken += new
    return tuple(sorted(taken, key=_start))


def _start(edit: Edit) -> tuple[int, int]:
    return edit.span.line, edit.span.column


def _end(edit: Edit) -> tuple[int, int]:
    return edit.span.end_line, edit.span.end_column


def _overlap(one: Edit, other: Edit) -> bool:
    if _start(one) == _start(other):
        return True
    return _start(one) < _end(other) and _start(other) < _end(one)


def is_asked_for(kind: str, only: Sequence[str] | None) -> bool:
    """Whether an editor asks for actions of a kind, or for all."""
    return only is None or any(f"{kind}.".startswith(f"{asked}.") for asked in only)
