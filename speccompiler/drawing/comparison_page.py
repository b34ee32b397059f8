"""The page of what ``convspec diff`` compared: one file, or all of a folder or a revision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from speccompiler.comparing.comparison import Comparison
from speccompiler.comparing.file_diff import FileDiff, FileStatus
from speccompiler.comparing.model_diff import ModelDiff
from speccompiler.comparing.verdict import verdict
from speccompiler.diagnostics.core import Diagnostic
from speccompiler.drawing.diff_page import alone_data, change_data, diff_data, impact_counts
from speccompiler.drawing.html_page import html_page

WORDS = {
    FileStatus.SAME: "no change",
    FileStatus.ADDED: "new",
    FileStatus.REMOVED: "removed",
    FileStatus.FAILED: "cannot be compared",
}


def comparison_page(comparison: Comparison) -> str:
    """The whole file."""
    title = f"{comparison.old_name} and {comparison.new_name}"
    data = {
        "old": comparison.old_name,
        "new": comparison.new_name,
        "summary": "" if comparison.single else comparison.counts(),
        "files": [file_data(file, comparison) for file in comparison.files],
    }
    return html_page(
        title,
        "diff",
        ("diff_details", "diff_overview", "diff_address", "diff_header", "diff_columns", "diff"),
        ("diff",),
        data,
    )


def diff_page(diff: ModelDiff) -> str:
    """The page of two models that somebody compared."""
    file = FileDiff(diff.old_name, diff.new_name, diff.new_name, diff=diff)
    return comparison_page(Comparison(diff.old_name, diff.new_name, (file,), True))


def file_data(file: FileDiff, comparison: Comparison) -> dict[str, Any]:
    """What the script of the page reads of a file."""
    changed = file.diff is not None and file.status is FileStatus.CHANGED
    data: dict[str, Any] = {
        "name": file.name,
        "old": file.old_name,
        "new": file.new_name,
        "status": str(file.status),
        "verdict": verdict(file.diff) if changed and file.diff else WORDS.get(file.status, ""),
        "remarks": list(_remarks(file, comparison)),
        "findings": [finding_data(diagnostic) for diagnostic in file.diagnostics],
    }
    if file.diff is not None:
        data |= diff_data(file.diff)
    elif file.report is not None:
        data |= alone_data(file.report, added=file.status is FileStatus.ADDED)
    data["impacts"] = impact_counts(file.changes)
    data["fileChanges"] = [change_data(change) for change in file.own_changes]
    return data


def _remarks(file: FileDiff, comparison: Comparison) -> Iterator[str]:
    """Conditions that fail, or that cannot be decided; what the settings ignore."""
    for judgement in comparison.broken:
        if judgement.file is file:
            yield f"fails: {judgement}"
    for judgement in comparison.undecided:
        if judgement.file is file:
            yield f"undecided: {judgement}"
    for ignored in file.ignored:
        layer = "" if ignored.change.layer is None else f" [layer {ignored.change.layer}]"
        reason = "" if ignored.reason is None else f": {ignored.reason}"
        yield f"ignored {ignored.change.code}: {ignored.change.message}{layer}{reason}"


def finding_data(diagnostic: Diagnostic) -> dict[str, str]:
    """A finding with its code and where it is."""
    span = diagnostic.span
    place = diagnostic.file or ""
    place += "" if span is None else f":{span.line}:{span.column}"
    return {
        "code": diagnostic.code,
        "severity": str(diagnostic.severity),
        "message": diagnostic.message,
        "place": place,
        "hint": diagnostic.hint or "",
    }
