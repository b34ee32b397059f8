"""What a command that finds things says to a CI system, and where it writes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from speccompiler.reports.findings.finding import Finding, Rule

STYLES = ("github", "sarif", "junit", "gitlab")
"""The formats that CI systems read; ``rendered`` knows each."""


def rendered(
    style: str,
    findings: Sequence[Finding],
    rules: Sequence[Rule],
    *,
    command: str,
    files: Sequence[str],
    summary: str,
) -> str:
    """The findings of a command in one of ``STYLES``; ``files`` are all that were looked at."""
    if style == "github":
        from speccompiler.reports.findings import github

        return github.render(findings, rules, summary=summary)
    if style == "sarif":
        from speccompiler import __version__
        from speccompiler.reports.findings import sarif

        return sarif.render(findings, rules, version=__version__, category=command)
    if style == "junit":
        from speccompiler.reports.findings import junit

        return junit.render(findings, rules, files=files, command=command)
    from speccompiler.reports.findings import gitlab

    return gitlab.render(findings, rules)


def deliver(text: str, output: str | None, summary: str = "", *, err: bool = False) -> None:
    """Print a report, or write it to a file and print its last line. CS120, CS121.

    ``err`` leaves standard output to what else is printed.
    """
    if output is None:
        click.echo(text, nl=False, err=err)
        return
    write_text(text, Path(output))
    if summary:
        click.echo(summary, err=err)


def write_text(text: str, target: Path) -> None:
    """Write a file as a whole or not at all; ``SpecError``: CS120, CS121."""
    from speccompiler.diagnostics.core import about
    from speccompiler.files.atomic_output import atomic_file, write_failure
    from speccompiler.system.unfinished_files import write_all

    data = text.encode("utf-8", "backslashreplace")
    with about(str(target)), atomic_file(target, len(data)) as file:
        try:
            write_all(file, data)
        except OSError as error:
            raise write_failure(error, "a part of the report") from None
