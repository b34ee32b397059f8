"""What ``convspec validate`` found, as each format has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from speccompiler.cli.render import count_text, printable, render_text
from speccompiler.cli.spec_texts import SpecTexts
from speccompiler.diagnostics.core import Diagnostic, has_errors
from speccompiler.frozen import dataclass
from speccompiler.model import Model
from speccompiler.source.document import Document

if TYPE_CHECKING:
    from speccompiler.policy.baseline import Entry
    from speccompiler.policy.judgement import Hidden


@dataclass(slots=True)
class Check:
    """One spec: its model, if it has no errors, and its findings after the project's decisions."""

    document: Document
    model: Model | None
    found: list[Diagnostic]
    hidden: Sequence[Hidden] = ()

    @property
    def line(self) -> str | None:
        """What is said of a spec without reported errors, whatever else was found in it."""
        if has_errors(self.found):
            return None
        name = printable(self.document.shown_file)
        if self.model is None:
            return f"{name}: no model, though no error is reported"
        layers = len(self.model.spec.layers)
        return f"{name}: ok, {layers} {'layer' if layers == 1 else 'layers'}"


@dataclass(slots=True)
class Outcome:
    """All specs of a call, and what a baseline says of them."""

    checks: Sequence[Check] = ()
    errors: Sequence[Diagnostic] = ()
    """Why nothing could be checked: an option or the settings."""
    marks: list[str] | None = None
    """The fingerprints of the reported findings, where a baseline had to know them."""
    baseline: str | None = None
    stale: Sequence[Entry] = ()
    """Entries of the baseline that no longer occur."""
    fixed: int = 0
    """How many findings were mended before."""
    changed: bool = False
    """Whether that changes a file."""
    fixes_shown: bool = False
    """Whether the fixes are shown, and the files are as they were."""
    written: int | None = None
    """How many findings went into the baseline."""

    @property
    def found(self) -> list[Diagnostic]:
        """Every finding that is reported."""
        return [*self.errors, *(found for check in self.checks for found in check.found)]

    @property
    def hidden(self) -> list[Hidden]:
        """Every finding that is not reported."""
        return [hidden for check in self.checks for hidden in check.hidden]


def as_text(outcome: Outcome) -> str:
    """The findings, what is right, and how many files have findings; styled."""
    found = outcome.found
    lines = [render_text(found, SpecTexts.of_command()), ""] if found else []
    lines += [line for check in outcome.checks if (line := check.line) is not None]
    if outcome.fixed:
        whole = outcome.fixed + len(found)
        fixed = "would fix" if outcome.fixes_shown else "fixed"
        lines.append(f"{fixed} {outcome.fixed} of {_count(whole, 'finding')}")
    lines += last_lines(outcome, clean=False)
    return "".join(f"{line}\n" for line in lines)


def last_lines(outcome: Outcome, *, clean: bool = True) -> list[str]:
    """How much was found, and what the baseline kept back; ``clean`` says so of nothing too."""
    count = count_text(outcome.found)
    files = len(outcome.checks)
    noun = "file" if files == 1 else "files"
    lines = []
    if count:
        concerned = sum(bool(check.found) for check in outcome.checks)
        some = f"{concerned} of {files}" if concerned < files else str(files)
        lines.append(f"found {count} in {some} {noun}")
    elif clean:
        lines.append(f"no findings in {files} {noun}")
    return lines + _of_baseline(outcome)


def _of_baseline(outcome: Outcome) -> list[str]:
    if outcome.baseline is None:
        return []
    name = printable(outcome.baseline)
    if outcome.written is not None:
        return [f"{name}: {_count(outcome.written, 'finding')} written"]
    kept = sum(hidden.by == "baseline" for hidden in outcome.hidden)
    lines = [f"{_count(kept, 'finding')} not reported: in the baseline"] if kept else []
    if outcome.stale:
        gone = len(outcome.stale)
        occur = "entry no longer occurs" if gone == 1 else "entries no longer occur"
        lines.append(f"{gone} {occur}: take out of the baseline with --write-baseline {name}")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def as_json(outcome: Outcome, root: Path) -> dict[str, Any]:
    """Every file that was checked, and every finding."""
    from speccompiler.cli import json_output

    data = json_output.validate(
        [check.document for check in outcome.checks], outcome.found, _marks(outcome, root)
    )
    data["fixed"] = outcome.fixed
    data["hidden"] = [json_output.hidden(each) for each in outcome.hidden]
    if outcome.baseline is not None:
        data["baseline"] = {
            "file": outcome.baseline,
            "gone": [entry.fingerprint for entry in outcome.stale],
        }
    return data


def for_ci(outcome: Outcome, style: str, root: Path) -> str:
    """One of ``findings_report.STYLES``."""
    from speccompiler.cli.findings_report import rendered
    from speccompiler.policy.project import shared_name
    from speccompiler.reports.findings.from_diagnostics import findings_of, rules_of

    findings = findings_of(outcome.found, root, _marks(outcome, root))
    return rendered(
        style,
        findings,
        rules_of(findings),
        command="validate",
        files=[shared_name(check.document.shown_file, root) for check in outcome.checks],
        summary="\n".join(map(click.unstyle, last_lines(outcome))),
    )


def _marks(outcome: Outcome, root: Path) -> list[str]:
    if outcome.marks is not None:
        return outcome.marks
    from speccompiler.policy.fingerprints import fingerprints

    return fingerprints(outcome.found, root)
