"""``convspec validate``: every finding of every spec, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import click

from speccompiler.cli.documents import expand, remember_texts
from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.findings_report import STYLES, deliver
from speccompiler.cli.options import (
    complete_files,
    gathered,
    not_empty,
    replace_option,
    semantics_options,
    weights_options,
)
from speccompiler.cli.policy_options import (
    Reporting,
    SettingsChoice,
    excluded,
    reporting_options,
    settings_options,
)
from speccompiler.cli.validate_report import Check, Outcome, as_json, as_text, for_ci, last_lines
from speccompiler.diagnostics.core import Diagnostic, Severity, SpecError
from speccompiler.model import Model, checked
from speccompiler.options import LoadOptions
from speccompiler.policy.settings import Settings
from speccompiler.source.document import Document
from speccompiler.source.spec_marks import looks_like_spec

_IGNORING = r"#+\s*convspec\s*:"

EXAMPLES = """
# One spec, then every spec of a folder
convspec validate model.yaml specs/

# A file that Keras 1.x saved, with the backend that it was trained on
convspec validate model.json --semantics theano

# A file with a Lambda, and what that computes
convspec validate model.h5 --replace lambda_1="x / 127.5 - 1"

# Whether the weights fit too, and keep their constraints
convspec validate model.yaml --weights weights.npz

# For a program that reads the findings, and for GitHub's code scanning
convspec validate specs/ --format json
convspec validate specs/ --format sarif > convspec.sarif
"""


@click.command("validate", cls=ExampleCommand, examples=EXAMPLES)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, shell_complete=complete_files)
@reporting_options("text", "json", *STYLES)
@click.option(
    "--specs-only",
    is_flag=True,
    help="Pass over files that are no specs, as in a folder: a pre-commit hook is given every "
    "YAML and JSON file.",
)
@settings_options
@click.option(
    "--baseline",
    metavar="FILE",
    callback=not_empty,
    shell_complete=complete_files,
    help="Do not report the findings of this file.",
)
@click.option(
    "--write-baseline",
    metavar="FILE",
    callback=not_empty,
    shell_complete=complete_files,
    help="Write what is found to this file, for --baseline.",
)
@semantics_options
@replace_option
@weights_options
@gathered(loading=LoadOptions, choice=SettingsChoice, reporting=Reporting)
def command(
    paths: tuple[str, ...],
    specs_only: bool,
    baseline: str | None,
    write_baseline: str | None,
    loading: LoadOptions,
    choice: SettingsChoice,
    reporting: Reporting,
) -> int:
    """Check specs: files, folders, globs, or - for standard input.

    Exit status: 0 clean, 1 findings, 2 usage or I/O error. Warnings and notes alone
    leave it at 0.
    """
    settings = Settings()
    try:
        settings = choice.settings()
        outcome = Outcome(_checks(paths, specs_only, loading, settings))
        _hold_to_baseline(outcome, settings, baseline, write_baseline)
    except SpecError as error:
        if reporting.format == "text":
            raise
        outcome = Outcome(errors=error.diagnostics)
    _report(outcome, reporting, loading)
    if not outcome.found:
        return 0
    from speccompiler.diagnostics.codes import exit_status
    from speccompiler.policy.judgement import counted

    return exit_status(counted(outcome.found, settings))


def _checks(
    paths: Sequence[str], specs_only: bool, loading: LoadOptions, settings: Settings
) -> list[Check]:
    """What is found in each spec, after the project's decisions on it."""
    passed = excluded(settings)
    documents = expand(paths, passed)
    if specs_only:
        documents = (
            document
            for document in documents
            if looks_like_spec(document) and not passed(document.shown_file)
        )
    return [_check(document, loading, settings) for document in documents]


def _check(document: Document, loading: LoadOptions, settings: Settings) -> Check:
    model, diagnostics = checked(document, loading)
    found = [*diagnostics]
    if model is not None:
        found += _about_weights(model)
        found += _content(model)
        found += _over_budget(model)
        # Only a warning here: run will ask for it.
        undecided = model.undecided_finding(Severity.WARNING)
        found += [undecided] if undecided is not None else []
    if settings.file is None and not _may_ignore(document):
        return Check(document, model, found)
    from speccompiler.policy.judgement import judged

    after = judged(document, found, settings, complete=model is not None)
    return Check(document, model, list(after.shown), after.hidden)


def _may_ignore(document: Document | None) -> bool:
    """Whether a spec may have comments that ignore findings; few have."""
    while document is not None:
        if "#" in document.text and re.search(_IGNORING, document.text):
            return True
        document = document.wrapper
    return False


def _hold_to_baseline(
    outcome: Outcome, settings: Settings, given: str | None, target: str | None
) -> None:
    """Apply the baseline of the options or of the settings, or write one."""
    if given is None and target is None and settings.baseline is None:
        return
    from speccompiler.cli.apply_baseline import keep_back, write_down
    from speccompiler.policy.baseline import read_baseline
    from speccompiler.policy.project import project_root

    if given is not None and target is not None:
        raise click.UsageError("--baseline and --write-baseline exclude each other")
    root = project_root(Path())
    if target is not None:
        write_down(outcome, Path(target), root)
        return
    file = given or str(settings.baseline)
    keep_back(outcome, read_baseline(Path(file)), file, root)


def _report(outcome: Outcome, reporting: Reporting, loading: LoadOptions) -> None:
    if reporting.format == "text":
        for check in outcome.checks:
            remember_texts(check.document, loading.replace)
        text = as_text(outcome)
        # A file takes no colours; click knows by itself whether the screen does.
        text = text if reporting.output is None else click.unstyle(text)
    else:
        from speccompiler.policy.project import project_root

        root = project_root(Path())
        if reporting.format == "json":
            from speccompiler.cli.json_output import json_text

            text = json_text(as_json(outcome, root))
        else:
            text = for_ci(outcome, reporting.format, root)
    deliver(text, reporting.output, "\n".join(last_lines(outcome)))


def _about_weights(model: Model) -> list[Diagnostic]:
    """Given weights that break their constraint, or variances below 0; reads only those."""
    judged = any(
        layer.inner.class_name == "BatchNormalization"
        or any(getattr(layer, f"{tensor}_constraint", None) is not None for tensor in ("W", "b"))
        for layer in model.spec.layers
    )
    if not judged or not model.names_weights:
        return []
    from speccompiler.diagnostics.core import Problem
    from speccompiler.weights.negative_variances import negative_variances
    from speccompiler.weights.penalties import violations

    given = model.weight_sources.given
    try:
        found = (*violations(model.spec, given), *negative_variances(model.spec, given))
    except Problem as problem:
        return [problem.at(file=str(model.weights_file or model.file))]
    return [model.loaded.locate(d) for d in found]


def _over_budget(model: Model) -> list[Diagnostic]:
    """CS085 and CS086 for a spec that states a budget."""
    if model.spec.budget is None:
        return []
    from speccompiler.reports.budget import budget_findings

    return budget_findings(model, model.shapes())


def _content(model: Model) -> list[Diagnostic]:
    """CS127 where a value of the weights is not what the spec's digest says; reads them all."""
    if model.spec.weights_sha256 is None or model.weights_file is not None:
        return []
    from speccompiler.weights.weight_pairs import content_problem

    found = content_problem(model.spec, Path(model.file).parent)
    return [] if found is None else [found]
