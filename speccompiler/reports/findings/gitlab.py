"""GitLab's Code Quality report: https://docs.gitlab.com/ci/testing/code_quality/."""

from __future__ import annotations

import json
from collections.abc import Sequence

from speccompiler.diagnostics.core import Severity
from speccompiler.reports.findings.finding import Finding, Rule

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.NOTE: "info"}


def render(findings: Sequence[Finding], rules: Sequence[Rule] = ()) -> str:
    """A list of issues; GitLab has no place for what a code means, so ``rules`` go unused."""
    return json.dumps([_issue(finding) for finding in findings], indent=2) + "\n"


def _issue(finding: Finding) -> dict[str, object]:
    span = finding.span
    # A line is required; what is said of a whole file stands at its first.
    lines = {"begin": 1} if span is None else {"begin": span.line, "end": finding.last_line}
    return {
        "description": finding.sentence,
        "check_name": finding.code,
        "fingerprint": finding.fingerprint,
        "severity": _SEVERITIES[finding.level],
        "location": {"path": finding.file, "lines": lines},
    }
