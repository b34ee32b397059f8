"""``validate --baseline`` and ``--write-baseline``: findings that are accepted."""

from __future__ import annotations

from pathlib import Path

from speccompiler.cli.findings_report import write_text
from speccompiler.cli.validate_report import Outcome
from speccompiler.policy.baseline import (
    Baseline,
    accepted,
    baseline_text,
    entries_of,
    read_baseline,
)
from speccompiler.policy.fingerprints import fingerprints
from speccompiler.policy.judgement import Hidden
from speccompiler.policy.project import shared_name


def keep_back(outcome: Outcome, baseline: Baseline, shown: str, root: Path) -> None:
    """Take the findings of a baseline out of what is reported."""
    found = outcome.found
    marks = fingerprints(found, root)
    known = {
        id(one)
        for one, mark in zip(found, marks, strict=True)
        if mark in baseline.entries and accepted(one)
    }
    outcome.marks = [m for one, m in zip(found, marks, strict=True) if id(one) not in known]
    for check in outcome.checks:
        kept = [Hidden(one, "baseline") for one in check.found if id(one) in known]
        check.found = [one for one in check.found if id(one) not in known]
        check.hidden = [*check.hidden, *kept]
    outcome.baseline = shown
    outcome.stale = baseline.gone(marks, _names(outcome, root), root)


def write_down(outcome: Outcome, target: Path, root: Path) -> None:
    """Write the findings as a baseline; what it has of files that were not checked stays."""
    entries = entries_of(outcome.found, root)
    known = read_baseline(target).entries.values() if target.exists() else ()
    checked = _names(outcome, root)
    kept = [e for e in known if e.file not in checked and (root / e.file).exists()]
    write_text(baseline_text([*entries, *kept]), target)
    keep_back(outcome, Baseline({e.fingerprint: e for e in entries}), str(target), root)
    outcome.written = len(entries) + len(kept)


def _names(outcome: Outcome, root: Path) -> set[str]:
    """The files that were checked, and those that findings are about."""
    files = [check.document.shown_file for check in outcome.checks]
    texts = [name for check in outcome.checks for name in check.document.read_files]
    return {shared_name(name, root) for name in (*files, *texts)}
