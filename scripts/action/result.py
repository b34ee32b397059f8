"""How the action ends: what was wanted of findings, and an error in any case."""

from __future__ import annotations

import workflow

ERROR = 2


def step() -> int:
    """0, 1 for findings, 2 where something could not be told."""
    checked = int(workflow.given("CHECKED") or ERROR)
    compared = int(workflow.given("COMPARED") or 0)
    if checked >= ERROR or compared >= ERROR:
        return ERROR
    errors = checked if workflow.wanted("FAIL_ON_ERRORS") else 0
    return max(errors, compared)
