"""``convspec diff``: what a change of a model means, layer by layer."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speccompiler.cli.diff_options import Asked, Values, conditions, finite
from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.options import (
    complete_files,
    gathered,
    input_shape_option,
    not_empty,
    replace_option,
    seed_option,
    semantics_options,
    weights_by_option,
    weights_path,
)
from speccompiler.cli.policy_options import (
    Reporting,
    SettingsChoice,
    excluded,
    remember_settings,
    reporting_options,
    settings_options,
)
from speccompiler.cli.run_inputs import picture_options
from speccompiler.diagnostics.core import SpecError
from speccompiler.options import LoadOptions

if TYPE_CHECKING:
    import datetime

    from speccompiler.cli.compared_sides import Inputs, Sides
    from speccompiler.comparing.comparison import Comparison
    from speccompiler.comparing.decisions import Decisions
    from speccompiler.comparing.fail_on import Condition
    from speccompiler.diagnostics.core import Diagnostic
    from speccompiler.policy.settings import Settings

FORMATS = ("text", "markdown", "json", "html", "github", "sarif", "junit", "gitlab")
DEFAULT_FAIL_ON = "breaking"


EXAMPLES = """
# What a change of a spec means
convspec diff old.yaml new.yaml

# A model that Keras saved, and the native spec made from it
convspec diff model.json model.yaml --semantics theano

# Everything that changed since a branch or a commit, in the working tree
convspec diff main
convspec diff HEAD~1:model.yaml model.yaml

# What a branch changes, as a comment for its pull request
convspec diff main...HEAD --format markdown

# Fail where a model grows too much, whatever else changes
convspec diff main --fail-on "params>10%,peak>64MiB"

# Trained weights, tensor by tensor; the first layer whose output differs
convspec diff --weights before.npz after.npz
convspec diff old.yaml new.yaml --input x.npy
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
    callback=conditions,
    help="What makes the exit status 1: breaking, cost or note for changes of that impact and "
    "worse ones, none, or limits such as params>10%, macs>+5%, activations>+1MiB, peak>64MiB; "
    "several with commas. Default: the settings', or breaking.",
)
@click.option(
    "--weights",
    "compare_weights",
    is_flag=True,
    help="Compare the values of the weights, tensor by tensor: of two models, of two files with "
    "weights, or of a model and a file with other weights for it.",
)
@click.option(
    "--input",
    multiple=True,
    callback=not_empty,
    metavar="[NAME=]FILE",
    help="Run both models on this array, of any kind that run reads, and name the first layer "
    "whose output differs; with several inputs once for each, by name.",
)
@picture_options
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    callback=finite,
    help="The largest difference that counts as equal, as a part of the largest old value of the "
    "tensor or output. Default: 0 for weights, 1e-4 for outputs.",
)
@click.option(
    "--old-weights",
    metavar="FILE",
    callback=weights_path,
    shell_complete=complete_files,
    help="The weights of OLD, instead of those that it names; for --weights and --input.",
)
@click.option(
    "--new-weights",
    metavar="FILE",
    callback=weights_path,
    shell_complete=complete_files,
    help="The weights of NEW.",
)
@weights_by_option
@seed_option
@settings_options
@input_shape_option
@semantics_options
@replace_option
@gathered(
    asked=Asked, values=Values, loading=LoadOptions, choice=SettingsChoice, reporting=Reporting
)
def command(
    asked: Asked,
    values: Values,
    loading: LoadOptions,
    choice: SettingsChoice,
    reporting: Reporting,
) -> int:
    """Compare models: what changed, what only follows, and what it means.

    OLD and NEW are files of any kind that convspec reads, folders, - for standard input, or
    files and folders of git revisions: HEAD~1:model.yaml. A revision alone (convspec diff main)
    is compared with the working tree. Layers are compared as they are validated and lowered, so
    that the order of keys, comments, defaults that are spelled out and Keras's spelling make no
    difference.

    Exit status: 0 no change, or none that --fail-on names; 1 a change that it names; 2 usage or
    I/O error, or a model with errors.
    """
    if asked.limit is not None and reporting.format != "markdown":
        raise click.UsageError("--limit is for --format markdown")
    settings = choice.settings()
    decisions = _decisions(settings)
    with tempfile.TemporaryDirectory(prefix="convspec-") as folder:
        from speccompiler.cli.compared_sides import Inputs
        from speccompiler.source.revision_copies import RevisionCopies

        inputs = Inputs(RevisionCopies(Path(folder)), passed=excluded(settings))
        if _is_about_values(asked, values):
            return _of_values(asked, values, loading, reporting, inputs)
        sides = _sides(asked, inputs)
        comparison = _compared(sides, asked, loading, decisions, inputs)
        _show(comparison, asked, reporting)
    return 0 if asked.git_driver else comparison.exit_status


def _is_about_values(asked: Asked, values: Values) -> bool:
    """Whether values are compared: asked for, or because both names are those of weights."""
    if values.asked:
        if asked.git is not None or asked.git_driver:
            raise click.UsageError("--weights and --input compare two files, OLD and NEW")
        return True
    if values.old_weights is not None or values.new_weights is not None:
        raise click.UsageError("--old-weights and --new-weights are for --weights and --input")
    if values.tolerance is not None:
        raise click.UsageError("--tolerance is for --weights and --input")
    if values.pictures.given:
        raise click.UsageError("--resize and --mode are for the pictures of --input")
    if asked.git is not None or asked.git_driver or len(asked.names) != 2:
        return False
    if not any(map(_may_be_weights, asked.names)):
        return False
    from speccompiler.cli.diff_values import is_weight_file

    weights = list(filter(is_weight_file, asked.names))
    if len(weights) == 1:
        raise click.UsageError(
            f"'{weights[0]}' is a weight file; to compare weights: convspec diff --weights "
            f"{' '.join(asked.names)}"
        )
    return bool(weights)


def _may_be_weights(name: str) -> bool:
    return name.lower().endswith((".npz", ".npy", ".safetensors", ".h5", ".hdf5"))


def _of_values(
    asked: Asked, values: Values, loading: LoadOptions, reporting: Reporting, inputs: Inputs
) -> int:
    from speccompiler.cli.diff_values import value_report
    from speccompiler.cli.findings_report import deliver
    from speccompiler.cli.garbage import collect_rarely
    from speccompiler.cli.render import show_failure

    if asked.fail_on is not None and not set(map(str, asked.fail_on)) <= {DEFAULT_FAIL_ON}:
        raise click.UsageError(
            "with --weights and --input a difference fails, or nothing: --fail-on breaking or none"
        )
    collect_rarely()
    style = reporting.format
    # Under GitHub Actions too, unless something else is asked for.
    style = "text" if style == "github" and reporting.style is None else style
    try:
        report = value_report(asked.names, loading, values, style, inputs)
    except SpecError as error:
        show_failure(error.diagnostics)
        return 2
    deliver(report.text, reporting.output, report.summary)
    return 0 if report.equal or asked.fail_on == () else 1


def _sides(asked: Asked, inputs: Inputs) -> Sides:
    if asked.git_driver:
        from speccompiler.cli.git_sides import driver_sides

        if asked.git is not None:
            raise click.UsageError("--git-driver and --git exclude each other")
        _colour_as_git()
        return driver_sides(asked.names, inputs)
    if asked.git is not None:
        from speccompiler.cli.git_sides import git_sides

        return git_sides(asked.git, asked.names, inputs)
    from speccompiler.cli.diff_sides import named_sides

    return named_sides(asked.names, inputs)


def _colour_as_git() -> None:
    """Colour what git calls for as git does, whose pager takes colours."""
    from speccompiler.cli.git_sides import wants_colour

    context = click.get_current_context()
    if context.color is None:
        paged = bool(os.environ.get("GIT_PAGER_IN_USE"))
        context.color = wants_colour(on_terminal=paged or sys.stdout.isatty())


def _decisions(settings: Settings) -> Decisions | None:
    """``[diff]`` of the settings; None where they have none."""
    if not settings.diff:
        return None
    from speccompiler.comparing.decisions import read_decisions

    try:
        return read_decisions(settings)
    except SpecError as error:
        remember_settings(error)
        raise


def _compared(
    sides: Sides,
    asked: Asked,
    loading: LoadOptions,
    decisions: Decisions | None,
    inputs: Inputs,
) -> Comparison:
    """The files compared, as the project decided, held to the conditions."""
    from speccompiler.cli.diff_files import compared_files
    from speccompiler.comparing.comparison import Comparison, held_to
    from speccompiler.comparing.fail_on import read_conditions

    files = compared_files(sides, loading, inputs)
    conditions: Sequence[Condition] | None = asked.fail_on
    notes: tuple[Diagnostic, ...] = ()
    if decisions is not None:
        from speccompiler.comparing.decisions import decided

        files, notes = decided(files, decisions, today())
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


def today() -> datetime.date:
    """The day on which the command runs: what is accepted may have a last one."""
    import datetime

    return datetime.date.today()


def _show(comparison: Comparison, asked: Asked, reporting: Reporting) -> None:
    from speccompiler.cli.diff_output import last_line, shown
    from speccompiler.cli.findings_report import deliver
    from speccompiler.cli.render import show, show_failure

    failed = comparison.single and comparison.exit_status == 2
    if failed and reporting.format == "text" and not asked.git_driver:
        # As every command says what is wrong with the model that it is given.
        show_failure(comparison.files[0].diagnostics)
        return
    text = shown(comparison, reporting.format, asked.limit)
    if reporting.output is not None and reporting.format == "text":
        text = click.unstyle(text)
    deliver(text, reporting.output, last_line(comparison))
    if reporting.format in {"text", "markdown", "html"}:
        show(comparison.notes)
