"""A comparison as plain data: what ``convspec diff --format json`` prints.

Its schema is ``reports/json_schemas/diff.schema.json``. Keys are an interface: they only ever
gain new ones while ``FORMAT_VERSION`` stays.
"""

from __future__ import annotations

from typing import Any

from speccompiler.comparing.comparison import Comparison, Judgement
from speccompiler.comparing.file_diff import FileDiff, counted
from speccompiler.reports.findings.diagnostic_data import diagnostic_data

FORMAT_VERSION = 1


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """Everything, with open sizes as texts."""
    return {
        "format_version": FORMAT_VERSION,
        "old": comparison.old_name,
        "new": comparison.new_name,
        "same": comparison.same,
        "counts": {str(impact): n for impact, n in counted(comparison.files).items()},
        "fail_on": {
            "conditions": list(map(str, comparison.conditions)),
            "failed": bool(comparison.broken),
            "broken": list(map(_judgement_data, comparison.broken)),
            "undecided": list(map(_judgement_data, comparison.undecided)),
        },
        "files": list(map(_file_data, comparison.files)),
        "diagnostics": list(map(diagnostic_data, comparison.notes)),
    }


def _judgement_data(judgement: Judgement) -> dict[str, Any]:
    verdict = judgement.verdict
    return {
        "file": judgement.file.name,
        "condition": str(verdict.condition),
        "reason": verdict.reason,
    }


def _file_data(file: FileDiff) -> dict[str, Any]:
    model = None
    if file.diff is not None:
        model = file.diff.to_data()
        del model["format_version"]
    return {
        "old": file.old_name,
        "new": file.new_name,
        "path": file.path,
        "status": str(file.status),
        "renamed": file.renamed,
        "changes": [change.to_data() for change in file.own_changes],
        "model": model,
        "report": None if file.report is None else file.report.to_data(),
        "ignored": [
            {"change": ignored.change.to_data(), "reason": ignored.reason}
            for ignored in file.ignored
        ],
        "diagnostics": list(map(diagnostic_data, file.diagnostics)),
    }
