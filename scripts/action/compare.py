"""Compare the models with those of the base."""

from __future__ import annotations

from pathlib import Path

import workflow
from base import base_commit
from git import git

LIMIT = 64_000
"""Characters of the report: a comment holds 65,535, and some lines stand around it."""


def step() -> int:
    """Never fails: the comment is wanted where a change is not."""
    commit = base_commit()
    if commit is None:
        print("nothing to compare with: this is no pull request, and no base is given")
        return 0
    name = git("rev-parse", "--short", commit) or commit
    report = Path(workflow.given("RUNNER_TEMP")) / "convspec-report.md"
    report.unlink(missing_ok=True)
    limits = ["--fail-on", workflow.given("FAIL_ON")] if workflow.given("FAIL_ON") else []
    shape = ["--format", "markdown", "--limit", str(LIMIT), "--output", str(report)]
    status = workflow.convspec(
        "diff", "--git", name, *shape, *limits, *workflow.settings(), "--", *workflow.paths()
    )
    workflow.output("status", status)
    if not report.exists():
        workflow.notice("the models could not be compared; the log says why", "error")
        return 0
    text = report.read_text(encoding="utf-8")
    workflow.output("changed", "true" if text.strip() else "false")
    workflow.output("report", report)
    workflow.output("compared", name)
    if text.strip():
        workflow.log("What changed", text)
    return 0
