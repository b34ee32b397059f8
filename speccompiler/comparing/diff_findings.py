"""A comparison as findings, for the formats of CI systems: GitHub, SARIF, JUnit, GitLab."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from speccompiler.comparing.amounts import AMOUNT_CODES
from speccompiler.comparing.codes import CODES
from speccompiler.comparing.comparison import Comparison
from speccompiler.comparing.fail_on import QUANTITIES, AtLeast
from speccompiler.comparing.file_diff import FileDiff
from speccompiler.comparing.model_diff import Change, Impact
from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.diagnostics.wording import on_one_line
from speccompiler.policy.fingerprints import numbered
from speccompiler.policy.project import shared_name
from speccompiler.reports.findings.finding import Finding, Rule

LEVELS: Mapping[Impact, Severity] = {
    Impact.BREAKING: Severity.ERROR,
    Impact.COST: Severity.WARNING,
    Impact.NOTE: Severity.NOTE,
}


def findings_of(comparison: Comparison, root: Path) -> list[Finding]:
    """Every change and every error, each at its place in the new file, named from ``root``.

    A quantity that breaks a condition is an error, and says which condition.
    """
    found = [finding for file in comparison.files for finding in _of_file(file, comparison, root)]
    # The same change may be there twice: of two files, of two layers that were renamed alike.
    prints = numbered((finding.file, finding.code, finding.fingerprint) for finding in found)
    return [
        Finding(f.code, f.level, f.message, f.file, f.span, fingerprint, f.layer, f.hint)
        for f, fingerprint in zip(found, prints, strict=True)
    ]


def rules_of(findings: Iterable[Finding]) -> list[Rule]:
    """What the codes mean that were found."""
    from speccompiler.diagnostics.codes import CODES as DIAGNOSTICS

    rules = []
    for code in sorted({finding.code for finding in findings}):
        if code in CODES:
            known = CODES[code]
            rules.append(Rule(code, known.name, known.explanation, LEVELS[known.impact]))
        else:
            of = DIAGNOSTICS[code]
            help = f"{of.why}\n\n**What to do:** {of.fix}"
            rules.append(Rule(code, of.title, help, Severity.ERROR))
    return rules


def files_of(comparison: Comparison, root: Path) -> list[str]:
    """All files that were compared, named as in the findings."""
    return [shared_name(file.path, root) for file in comparison.files]


def _of_file(file: FileDiff, comparison: Comparison, root: Path) -> Iterator[Finding]:
    name = shared_name(file.path, root)
    broken = {
        AMOUNT_CODES[QUANTITIES[judgement.verdict.condition.quantity]]: judgement
        for judgement in comparison.broken
        if judgement.file is file and not isinstance(judgement.verdict.condition, AtLeast)
    }
    for diagnostic in file.diagnostics:
        yield _of_diagnostic(diagnostic, file, name)
    for change in file.changes:
        judgement = broken.get(change.code)
        hint = None if judgement is None else f"more than --fail-on allows: {judgement}"
        yield _of_change(change, file, name, hint)


def _of_change(change: Change, file: FileDiff, name: str, hint: str | None) -> Finding:
    return Finding(
        change.code,
        Severity.ERROR if hint else LEVELS[change.impact],
        on_one_line(change.message),
        name,
        # A place in the old version is none in the file that is there.
        change.span if change.file == file.new_name else None,
        change.fingerprint,
        None if change.layer is None else on_one_line(change.layer),
        hint,
    )


def _of_diagnostic(found: Diagnostic, file: FileDiff, name: str) -> Finding:
    in_new = found.file == file.new_name
    where = "" if in_new or found.file is None else f"in {found.file}: "
    return Finding(
        found.code,
        found.severity,
        on_one_line(where + found.message),
        name,
        found.span if in_new else None,
        found.code,
        None if found.layer is None else on_one_line(found.layer),
        None if found.hint is None else on_one_line(found.hint),
    )
