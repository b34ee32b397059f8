"""What would mend a finding, as an editor offers it."""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.diagnostics.core import Diagnostic, Fix
from speccompiler.editing.fixing import fixed
from speccompiler.language_server.analysis import Analysis
from speccompiler.language_server.findings import shown_findings
from speccompiler.language_server.ignore_comments import ignoring
from speccompiler.language_server.spec_file import SpecFile


def fixes_between(file: SpecFile, first: int, last: int) -> list[tuple[Diagnostic, Fix]]:
    """The findings with a fix that touch lines ``first`` to ``last``, counted from 1."""
    found = findings_between(file, first, last)
    return [(diagnostic, diagnostic.fix) for diagnostic in found if diagnostic.fix is not None]


def ignores_between(file: SpecFile, first: int, last: int) -> list[tuple[Diagnostic, Fix]]:
    """The findings on these lines, each with the comment that ignores it."""
    pairs = ((found, ignoring(file, found)) for found in findings_between(file, first, last))
    return [(found, fix) for found, fix in pairs if fix is not None]


def findings_between(file: SpecFile, first: int, last: int) -> list[Diagnostic]:
    """The findings that touch lines ``first`` to ``last``, counted from 1."""
    return [
        found
        for found in shown_findings(file)
        if found.span is not None and found.span.line <= last and found.span.end_line >= first
    ]


def mended_text(file: SpecFile) -> str:
    """The text with every safe fix made, as ``convspec validate --fix`` makes them."""
    now = file.current
    if not any(d.fix is not None and d.fix.safe for d in shown_findings(file)):
        return now.text

    def check(text: str) -> list[Diagnostic]:
        again = Analysis(text, now.file, now.options, now.settings)
        return [d for d in again.diagnostics if d.file == again.document.file]

    return fixed(now.text, check, unsafe=False).text


def is_asked_for(kind: str, only: Sequence[str] | None) -> bool:
    """Whether an editor asks for actions of a kind, or for all."""
    return only is None or any(f"{kind}.".startswith(f"{asked}.") for asked in only)
