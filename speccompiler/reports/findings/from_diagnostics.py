"""Diagnostics as findings for CI: files named from the project's root, texts made safe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from speccompiler.diagnostics.codes import CODES
from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.diagnostics.wording import on_one_line
from speccompiler.policy.fingerprints import fingerprints
from speccompiler.policy.project import shared_name
from speccompiler.reports.findings.finding import Finding, Rule
from speccompiler.source.hdf5_document import INSIDE


def findings_of(
    diagnostics: Sequence[Diagnostic], root: Path, marks: Sequence[str] | None = None
) -> tuple[Finding, ...]:
    """One for each diagnostic, in their order; ``marks`` are their fingerprints, if known.

    Equal findings are numbered among all, those of a baseline too: so they are made before.
    """
    marks = fingerprints(diagnostics, root) if marks is None else marks
    return tuple(
        _finding(found, mark, root) for found, mark in zip(diagnostics, marks, strict=True)
    )


def _finding(found: Diagnostic, mark: str, root: Path) -> Finding:
    file, inside, _ = (found.file or "").partition(INSIDE)
    return Finding(
        code=found.code,
        level=found.severity,
        message=on_one_line(found.message),
        file=shared_name(file, root),
        # Lines of the text in an HDF5 file are none of the file's.
        span=None if inside else found.span,
        fingerprint=mark,
        layer=None if found.layer is None else on_one_line(found.layer),
        hint=None if found.hint is None else on_one_line(found.hint),
        fix=None if inside else found.fix,
    )


def rules_of(findings: Iterable[Finding]) -> tuple[Rule, ...]:
    """What each code means that occurs; its level is the worst that it has here."""
    levels: dict[str, Severity] = {}
    order = list(Severity)
    for finding in findings:
        level = levels.setdefault(finding.code, finding.level)
        levels[finding.code] = min(level, finding.level, key=order.index)
    return tuple(_rule(code, levels[code]) for code in sorted(levels))


def _rule(code: str, level: Severity) -> Rule:
    known = CODES[code]
    return Rule(code, known.title, f"{known.why}\n\n**What to do:** {known.fix}", level)
