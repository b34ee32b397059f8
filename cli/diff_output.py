"""A comparison as ``convspec diff`` shows it: text with colours, and the formats of programs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speccompiler.cli.findings_report import rendered
from speccompiler.cli.render import printable, render_text
from speccompiler.comparing.comparison import Comparison, Judgement
from speccompiler.comparing.fail_on import AtLeast
from speccompiler.comparing.file_diff import FileDiff, FileStatus

if TYPE_CHECKING:
    from speccompiler.comparing.diff_text import Role


MOST_IGNORED = 20
"""Changes that the settings ignore are listed up to this many."""
_COLOURS: Mapping[str, dict[str, object]] = {
    "breaking": {"fg": "red"},
    "cost": {"fg": "yellow"},
    "note": {"fg": "cyan"},
    "added": {"fg": "green", "bold": True},
    "removed": {"fg": "red", "bold": True},
    "changed": {"fg": "yellow", "bold": True},
    "moved": {"fg": "cyan", "bold": True},
    "dim": {"dim": True},
    "strong": {"bold": True},
}


def shown(comparison: Comparison, style: str, limit: int | None) -> str:
    """The comparison in a format; ends with a line, or is empty."""
    if style == "text":
        return as_text(comparison)
    if style == "markdown":
        from speccompiler.comparing.diff_markdown import DEFAULT_LIMIT, diff_markdown

        return diff_markdown(comparison, DEFAULT_LIMIT if limit is None else limit)
    if style == "json":
        from speccompiler.cli import json_output

        return json_output.json_text(json_output.diff(comparison))
    if style == "html":
        from speccompiler.drawing.comparison_page import comparison_page

        return comparison_page(comparison)
    return _for_ci(comparison, style)


def last_line(comparison: Comparison) -> str:
    """What there is to say in one line."""
    if comparison.single:
        (file,) = comparison.files
        if file.diff is None:
            return f"{printable(file.name)}: cannot be compared"
        from speccompiler.comparing.verdict import verdict

        return printable(verdict(file.diff))
    return comparison.counts()


def as_text(comparison: Comparison) -> str:
    """Each file that is not as before, then what all of them are, and which conditions broke."""
    blocks = [
        "\n".join(_file(file))
        for file in comparison.files
        if comparison.single or file.status is not FileStatus.SAME
    ]
    end = [] if comparison.single else [comparison.counts()]
    end += list(_ignored(comparison))
    end += [
        _judged(judgement, comparison) for judgement in comparison.broken if _is_limit(judgement)
    ]
    end += [_judged(judgement, comparison) for judgement in comparison.undecided]
    if end:
        blocks.append("\n".join(end))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _file(file: FileDiff) -> Iterator[str]:
    if file.diagnostics:
        yield render_text(file.diagnostics)
        return
    for change in file.own_changes:
        if change.code == "CD003":
            yield f"renamed: {printable(str(change.old))} -> {printable(str(change.new))}"
    if file.diff is not None:
        from speccompiler.comparing.diff_text import diff_text

        yield diff_text(file.diff, width=_terminal_width(), paint=painted, name=printable)
    elif file.status in {FileStatus.ADDED, FileStatus.REMOVED}:
        role: Role = "added" if file.status is FileStatus.ADDED else "removed"
        word = "new" if role == "added" else "removed"
        yield f"{painted(word, role)}: {printable(file.name)}, {file.gist}"
        yield from (c.message for c in file.own_changes if c.code == "CD004")


def _ignored(comparison: Comparison) -> Iterator[str]:
    lines = list(_ignored_lines(comparison))
    yield from lines[:MOST_IGNORED]
    if len(lines) > MOST_IGNORED:
        yield painted(f"and {len(lines) - MOST_IGNORED} more are ignored", "dim")


def _ignored_lines(comparison: Comparison) -> Iterator[str]:
    for file in comparison.files:
        for ignored in file.ignored:
            change = ignored.change
            layer = "" if change.layer is None else f" [layer {printable(change.layer)}]"
            reason = "" if ignored.reason is None else f": {printable(ignored.reason)}"
            where = "" if comparison.single else f"{printable(file.name)}: "
            line = f"{where}ignored {change.code}: {printable(change.message)}{layer}"
            yield painted(f"{line}{reason}", "dim")


def _is_limit(judgement: Judgement) -> bool:
    """Whether a verdict does not say by itself that the condition is broken."""
    return not isinstance(judgement.verdict.condition, AtLeast)


def _judged(judgement: Judgement, comparison: Comparison) -> str:
    broken = judgement.verdict.broken
    word = painted("fails" if broken else "undecided", "breaking" if broken else "cost")
    where = "" if comparison.single else f"{printable(judgement.file.name)}: "
    return f"{word}: {where}{printable(str(judgement))}"


def _for_ci(comparison: Comparison, style: str) -> str:
    from speccompiler.comparing.diff_findings import files_of, findings_of, rules_of
    from speccompiler.policy.project import project_root

    root = project_root(Path())
    findings = findings_of(comparison, root)
    return rendered(
        style,
        findings,
        rules_of(findings),
        command="diff",
        files=files_of(comparison, root),
        summary=last_line(comparison),
    )


def painted(text: str, role: Role) -> str:
    """A piece of text in the colours of its role; click takes them off where none are wanted."""
    return click.style(text, **_COLOURS[role])  # type: ignore[arg-type]


def _terminal_width() -> int | None:
    """The columns of the terminal that is written to; None where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
