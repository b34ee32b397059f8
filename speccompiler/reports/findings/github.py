"""Workflow commands of GitHub Actions: a finding becomes an annotation of its line.

The format is that of https://docs.github.com/actions/reference/workflow-commands; what is
escaped is what the runner's ActionCommand.cs takes back.
"""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.diagnostics.core import Severity
from speccompiler.reports.findings.finding import Finding, Rule

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(findings: Sequence[Finding], rules: Sequence[Rule], *, summary: str = "") -> str:
    """A command for each finding, then the summary as a line of the log."""
    names = {rule.code: rule.name for rule in rules}
    lines = [_command(finding, names.get(finding.code)) for finding in findings]
    lines += [summary] if summary else []
    return "".join(f"{line}\n" for line in lines)


def _command(finding: Finding, name: str | None) -> str:
    title = finding.code if name is None else f"{finding.code}: {name}"
    properties = {"title": title, "file": finding.file, **_place(finding)}
    said = ",".join(f"{key}={_property(text)}" for key, text in properties.items())
    layer = "" if finding.layer is None else f" (layer '{finding.layer}')"
    hint = "" if finding.hint is None else f"\nhint: {finding.hint}"
    return f"::{_COMMANDS[finding.level]} {said}::{_data(f'{finding.message}{layer}{hint}')}"


def _place(finding: Finding) -> dict[str, str]:
    """Line and column; GitHub takes columns only where a place begins and ends in one line."""
    span = finding.span
    if span is None:
        return {}
    if span.end_line != span.line:
        return {"line": str(span.line), "endLine": str(finding.last_line)}
    return {
        "line": str(span.line),
        "endLine": str(span.end_line),
        "col": str(span.column),
        "endColumn": str(span.end_column),
    }


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
