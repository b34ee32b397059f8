"""``convspec diff``: what a change of a model means, layer by layer."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.options import (
    complete_files,
    gathered,
    input_shape_option,
    not_empty,
    replace_option,
    semantics_options,
)
from speccompiler.cli.policy_options import (
    Reporting,
    SettingsChoice,
    excluded,
    reporting_options,
    settings_options,
)
from speccompiler.frozen import dataclass
from speccompiler.options import LoadOptions

if TYPE_CHECKING:
    from speccompiler.cli.compared_sides import Inputs, Sides
    from speccompiler.comparing.comparison import Comparison
    from speccompiler.comparing.fail_on import Condition
    from speccompiler.policy.settings import Settings

FORMATS = ("text", "markdown", "json", "html", "github", "sarif", "junit", "gitlab")
DEFAULT_FAIL_ON = "breaking"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be compared, and what of it fails."""

    names: tuple[str, ...] = ()
    git: str | None = None
    git_driver: bool = False
    fail_on: tuple[Condition, ...] | None = None
    limit: int | None = None


def _conditions(
    ctx: click.Context, param: click.Parameter, given: str | None
) -> tuple[Condition, ...] | None:
    """The conditions of ``--fail-on``; what cannot be read is shown with a caret."""
    if given is None:
        return None
    from speccompiler.comparing.fail_on import BadCondition, read_conditions

    try:
        return read_conditions(given)
    except BadCondition as bad:
        caret = " " * bad.start + "^" * max(1, bad.end - bad.start)
        hint = "" if bad.hint is None else f"\n  hint: {bad.hint}"
        raise click.BadParameter(
            f"{bad.message}\n  {bad.text}\n  {caret}{hint}", ctx, param
        ) from None


EXAMPLES = """
# What a change of a spec means
convspec diff old.yaml new.yaml

# A model that Keras saved, and the native spec made from it
convspec diff model.json model.yaml --semantics theano

# What a branch changes, as a comment for its pull request
convspec diff --git main --format markdown

# For a program
convspec diff old.yaml new.yaml --format json
"""


@click.command("diff", cls=ExampleCommand, examples=EXAMPLES)
@click.argument("names", metavar="OLD NEW", nargs=-1, shell_complete=complete_files)
@click.option(
    "--git",
    metavar="REVISION",
    callback=not_empty,
    help="Compare what changed since a revision, in the files and folders that are named, or in "
    "the whole repository; main..topic compares two revisions.",
)
@click.option(
    "--git-driver",
    is_flag=True,
    help="Take the arguments that git gives a diff driver: for git config diff.convspec.command.",
)
@reporting_options(*FORMATS)
@click.option(
    "--limit",
    type=click.IntRange(min=500),
    metavar="CHARACTERS",
    help="The most that --format markdown writes. Default: 65,000; a comment on GitHub holds "
    "65,535.",
)
@click.option(
    "--fail-on",
    metavar="CONDITIONS",
    callback=_conditions,
    help="What makes the exit status 1: breaking, cost or note for changes of that impact and "
    "worse ones, none, or limits such as params>10%, macs>+5%, activations>+1MiB, peak>64MiB; "
    "several with commas. Default: the settings', or breaking.",
)
@settings_options
@input_shape_option
@semantics_options
@replace_option
@gathered(asked=Asked, loading=LoadOptions, choice=SettingsChoice, reporting=Reporting)
def command(
    asked: Asked, loading: LoadOptions, choice: SettingsChoice, reporting: Reporting
) -> int:
    """Compare models: what changed, what only follows, and what it means.

    OLD and NEW are files of any kind that convspec reads, folders, - for standard input, or
    files and folders of git revisions: HEAD~1:model.yaml. A revision alone (convspec diff main)
    is compared with the working tree. Layers are compared as they are validated and lowered, so
    that the order of keys, comments, defaults that are spelled out and Keras's spelling make no
    difference.

    Exit status: 0 where nothing is as --fail-on says, 1 where something is, 2 usage or I/O
    error, or a model with errors.
    """
    if asked.limit is not None and reporting.format != "markdown":
        raise click.UsageError("--limit is for --format markdown")
    settings = choice.settings()
    with tempfile.TemporaryDirectory(prefix="convspec-") as folder:
        from speccompiler.cli.compared_sides import Inputs
        from speccompiler.source.revision_copies import RevisionCopies

        inputs = Inputs(RevisionCopies(Path(folder)), passed=excluded(settings))
        sides = _sides(asked, inputs)
        comparison = _compared(sides, asked, loading, settings, inputs)
        _show(comparison, asked, reporting)
    return 0 if asked.git_driver else comparison.exit_status


def _sides(asked: Asked, inputs: Inputs) -> Sides:
    if asked.git_driver:
        from speccompiler.cli.git_sides import driver_sides

        if asked.git is not None:
            raise click.UsageError("--git-driver and --git exclude each other")
        return driver_sides(asked.names, inputs)
    if asked.git is not None:
        from speccompiler.cli.git_sides import git_sides

        return git_sides(asked.git, asked.names, inputs)
    from speccompiler.cli.diff_sides import named_sides

    return named_sides(asked.names, inputs)


def _compared(
    sides: Sides, asked: Asked, loading: LoadOptions, settings: Settings, inputs: Inputs
) -> Comparison:
    """The files compared, as the project decided, held to the conditions."""
    from speccompiler.cli.diff_files import compared_files
    from speccompiler.comparing.comparison import Comparison, held_to
    from speccompiler.comparing.fail_on import read_conditions

    files = compared_files(sides, loading, inputs)
    conditions: Sequence[Condition] | None = asked.fail_on
    notes = ()
    if settings.diff:
        import datetime

        from speccompiler.comparing.decisions import decided, read_decisions

        decisions = read_decisions(settings)
        files, notes = decided(files, decisions, datetime.date.today())
        conditions = decisions.fail_on if conditions is None else conditions
    if conditions is None:
        conditions = read_conditions(DEFAULT_FAIL_ON)
    judgements = held_to(conditions, files)
    return Comparison(
        sides.old_name,
        sides.new_name,
        files,
        sides.single,
        tuple(conditions),
        tuple(j for j in judgements if j.verdict.broken),
        tuple(j for j in judgements if j.verdict.broken is None),
        notes,
    )


def _show(comparison: Comparison, asked: Asked, reporting: Reporting) -> None:
    from speccompiler.cli.diff_output import last_line, shown
    from speccompiler.cli.findings_report import deliver
    from speccompiler.cli.render import show

    text = shown(comparison, reporting.format, asked.limit)
    if reporting.output is not None and reporting.format == "text":
        text = click.unstyle(text)
    deliver(text, reporting.output, last_line(comparison))
    if reporting.format in {"text", "markdown", "html"}:
        show(comparison.notes)
