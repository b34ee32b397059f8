"""Diagnostics as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click

from speccompiler.cli.spec_texts import SpecTexts
from speccompiler.cli.streams import sayable
from speccompiler.diagnostics.core import Diagnostic, Fix, Severity

COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
LONGEST_LINE = 96


def render_text(diagnostics: Iterable[Diagnostic], texts: SpecTexts | None = None) -> str:
    """Each finding with its source line and a caret, where its text is known.

    ``texts`` are those of the command that runs, where none are given.
    """
    from speccompiler.source.positions import split_lines

    known = SpecTexts.of_command() if texts is None else texts
    lines: dict[str, Sequence[str]] = {}
    blocks = []
    for diagnostic in diagnostics:
        file = diagnostic.file or ""
        if file not in lines:
            lines[file] = split_lines(known.get(file, ""))
        blocks.append(_block(diagnostic, lines[file]))
    return "\n\n".join(blocks)


def _block(diagnostic: Diagnostic, lines: Sequence[str]) -> str:
    span = diagnostic.span
    where = printable(diagnostic.file or "")
    if span is not None:
        where += f":{span.line}:{span.column}"
    colour = COLOURS[diagnostic.severity]
    head = click.style(f"{diagnostic.severity} {diagnostic.code}", fg=colour, bold=True)
    prefix = click.style(where, bold=True) + ": " if where else ""
    layer = f" [layer {brief(diagnostic.layer)}]" if diagnostic.layer is not None else ""
    out = [f"{prefix}{head}: {printable(diagnostic.message)}{layer}"]
    if span is not None and 1 <= span.line <= len(lines):
        out += _excerpt(diagnostic, lines[span.line - 1], colour)
    if diagnostic.hint is not None:
        out.append(f"  {click.style('hint', bold=True)}: {printable(diagnostic.hint)}")
    return "\n".join(out)


def _excerpt(diagnostic: Diagnostic, line: str, colour: str) -> list[str]:
    """The line with a caret under the place; a long line is cut around it."""
    span = diagnostic.span
    assert span is not None, "an excerpt needs a place"
    start = span.column - 1
    end = span.end_column - 1 if span.end_line == span.line else len(line)
    first = max(0, start - LONGEST_LINE // 2) if len(line) > LONGEST_LINE else 0
    shown = line[first : first + LONGEST_LINE].replace("\t", " ")
    lead = "..." if first else ""
    tail = "..." if first + LONGEST_LINE < len(line) else ""
    indent = len(lead) + columns(shown[: start - first])
    width = max(1, columns(shown[start - first : end - first]))
    gutter = str(span.line)
    blank = " " * len(gutter)
    bar = click.style("|", fg="blue")
    under = " " * indent + click.style("^" * width, fg=colour)
    text = f"{lead}{printable(shown)}{tail}"
    return [f" {blank} {bar}", f" {gutter} {bar} {text}", f" {blank} {bar} {under}"]


def columns(text: str) -> int:
    """How many columns of a terminal the printable form of a text takes."""
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(map(_column_count, printable(text)))


def _column_count(char: str) -> int:
    import unicodedata

    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def printable(text: str) -> str:
    """Text from a file made safe for a terminal: control characters are escaped.

    So is what standard output cannot encode.
    """
    if not text.isprintable():
        from speccompiler.diagnostics.wording import on_one_line

        text = on_one_line(text)
    return text if text.isascii() else sayable(text)


def brief(text: str) -> str:
    """As ``printable``, and short."""
    from speccompiler.diagnostics.wording import shown

    return shown(text)


def diagnostic_data(diagnostic: Diagnostic) -> dict[str, Any]:
    """One finding for JSON, with what would mend it."""
    from speccompiler.reports.findings.diagnostic_data import diagnostic_data as plain

    return {
        **plain(diagnostic),
        "fix": None if diagnostic.fix is None else fix_data(diagnostic.fix),
    }


def fix_data(fix: Fix) -> dict[str, Any]:
    """A fix for JSON: edits that are made together, each of a place as findings have one."""
    return {
        "title": fix.title,
        "safe": fix.safe,
        "edits": [
            {
                "line": edit.span.line,
                "column": edit.span.column,
                "end_line": edit.span.end_line,
                "end_column": edit.span.end_column,
                "text": edit.text,
            }
            for edit in fix.edits
        ],
    }


def count_text(diagnostics: Iterable[Diagnostic]) -> str:
    """``2 errors, 1 warning``; empty when nothing was found."""
    found = [d.severity for d in diagnostics]
    parts = []
    for severity in Severity:
        number = found.count(severity)
        if number:
            parts.append(f"{number} {severity}{'s' if number > 1 else ''}")
    return ", ".join(parts)


def show(diagnostics: Sequence[Diagnostic]) -> None:
    """Write a command's findings to standard error."""
    if diagnostics:
        click.echo(render_text(diagnostics), err=True)


def show_failure(diagnostics: Sequence[Diagnostic]) -> None:
    """Write findings that end a command to standard error, and how many they are."""
    show(diagnostics)
    click.echo(f"\nfound {count_text(diagnostics)}", err=True)
