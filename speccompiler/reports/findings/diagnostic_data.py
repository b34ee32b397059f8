"""A diagnostic as plain data, for every report that is JSON."""

from __future__ import annotations

from typing import Any

from speccompiler.diagnostics.core import Diagnostic


def diagnostic_data(diagnostic: Diagnostic) -> dict[str, Any]:
    """What it says and where; the place is None where none is known."""
    span = diagnostic.span
    return {
        "code": diagnostic.code,
        "severity": str(diagnostic.severity),
        "message": diagnostic.message,
        "file": diagnostic.file,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "end_line": span.end_line if span else None,
        "end_column": span.end_column if span else None,
        "layer": diagnostic.layer,
        "hint": diagnostic.hint,
    }
