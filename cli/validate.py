"""``convspec validate``: every finding of every spec, and nothing else."""

from __future__ import annotations

from pathlib import Path

import click

from speccompiler.cli.documents import expand, remember_texts
from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.findings_report import STYLES, deliver
from speccompiler.cli.fix_options import FixOptions, fix_options
from speccompiler.cli.options import (
    complete_files,
    gathered,
    replace_option,
    semantics_options,
    weights_options,
)
from speccompiler.cli.policy_options import (
    BaselineOptions,
    Reporting,
    SettingsChoice,
    baseline_options,
    excluded,
    reporting_options,
    settings_options,
)
from speccompiler.cli.spec_checks import check
from speccompiler.cli.validate_report import Outcome, as_json, as_text, for_ci, last_lines
from speccompiler.cli.watching import watch_option
from speccompiler.diagnostics.core import SpecError
from speccompiler.frozen import dataclass
from speccompiler.options import LoadOptions
from speccompiler.policy.settings import Settings
from speccompiler.source.spec_marks import looks_like_spec

EXAMPLES = """
# One spec, then every spec of a folder
convspec validate model.yaml specs/

# A file that Keras 1.x saved, with the backend that it was trained on
convspec validate model.json --semantics theano

# A file with a Lambda, and what that computes
convspec validate model.h5 --replace lambda_1="x / 127.5 - 1"

# Whether the weights fit too, and keep their constraints
convspec validate model.yaml --weights weights.npz

# Mend what can only mean one thing; see first what that is
convspec validate specs/ --diff
convspec validate specs/ --fix

# For a program that reads the findings, and for GitHub's code scanning
convspec validate specs/ --format json
convspec validate specs/ --format sarif > convspec.sarif
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be checked, once or again and again."""

    paths: tuple[str, ...] = ()
    specs_only: bool = False
    watch: bool = False


@click.command("validate", cls=ExampleCommand, examples=EXAMPLES)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, shell_complete=complete_files)
@reporting_options("text", "json", *STYLES)
@click.option(
    "--specs-only",
    is_flag=True,
    help="Pass over files that are no specs, as in a folder: a pre-commit hook is given every "
    "YAML and JSON file.",
)
@watch_option
@settings_options
@baseline_options
@fix_options
@semantics_options
@replace_option
@weights_options
@gathered(
    wanted=Wanted,
    loading=LoadOptions,
    choice=SettingsChoice,
    reporting=Reporting,
    accepting=BaselineOptions,
    fixing=FixOptions,
)
def command(
    wanted: Wanted,
    loading: LoadOptions,
    choice: SettingsChoice,
    reporting: Reporting,
    accepting: BaselineOptions,
    fixing: FixOptions,
) -> int:
    """Check specs: files, folders, globs, or - for standard input.

    Exit status: 0 clean, 1 findings, 2 usage or I/O error. Warnings and notes alone
    leave it at 0.
    """
    fixing.check()
    accepting.check()
    call = Call(wanted, loading, choice, reporting, accepting, fixing)
    if not wanted.watch:
        return _run(call)[0]
    from speccompiler.cli import watching

    return watching.watch(wanted.paths, lambda: _run(call)[1])


@dataclass(frozen=True, slots=True)
class Call:
    """What the command was asked."""

    wanted: Wanted
    loading: LoadOptions
    choice: SettingsChoice
    reporting: Reporting
    accepting: BaselineOptions
    fixing: FixOptions


def _run(call: Call) -> tuple[int, tuple[str, ...]]:
    """Check and report; the exit status, and every file that was read."""
    loading, reporting, fixing = call.loading, call.reporting, call.fixing
    settings = Settings()
    try:
        settings = call.choice.settings()
        outcome = _outcome(call.wanted, loading, settings, fixing)
        _hold_to_baseline(outcome, settings, call.accepting)
    except SpecError as error:
        if reporting.format == "text":
            raise
        outcome = Outcome(errors=error.diagnostics)
    aside = fixing.diff or (fixing.fix and "-" in call.wanted.paths)
    _report(outcome, reporting, loading, aside=aside)
    read = tuple(file for check in outcome.checks for file in check.document.read_files)
    read += () if settings.file is None else (str(settings.file.path),)
    changed = int(outcome.changed and fixing.diff)
    if not outcome.found:
        return changed, read
    from speccompiler.diagnostics.codes import exit_status
    from speccompiler.policy.judgement import counted

    return exit_status(counted(outcome.found, settings)) or changed, read


def _outcome(
    wanted: Wanted, loading: LoadOptions, settings: Settings, fixing: FixOptions
) -> Outcome:
    """What is found in each spec, after the fixes that are made."""
    passed = excluded(settings)
    documents = list(expand(wanted.paths, passed))
    if wanted.specs_only:
        documents = [d for d in documents if looks_like_spec(d) and not passed(d.shown_file)]
    made, changed = 0, False
    if fixing.wanted:
        from speccompiler.cli.fixing import mend_all

        documents, made, changed = mend_all(documents, loading, settings, fixing)
    checks = [check(document, loading, settings) for document in documents]
    return Outcome(checks, fixed=made, changed=changed, fixes_shown=fixing.diff)


def _hold_to_baseline(outcome: Outcome, settings: Settings, accepting: BaselineOptions) -> None:
    """Apply the baseline of the options or of the settings, or write one."""
    file = accepting.baseline or settings.baseline
    if file is None and accepting.write_baseline is None:
        return
    from speccompiler.cli.apply_baseline import keep_back, write_down
    from speccompiler.policy.baseline import read_baseline
    from speccompiler.policy.project import project_root, shared_name

    root = project_root(Path())
    if accepting.write_baseline is not None:
        write_down(outcome, Path(accepting.write_baseline), root)
    elif file is not None:
        keep_back(outcome, read_baseline(Path(file)), shared_name(str(file), Path.cwd()), root)


def _report(outcome: Outcome, reporting: Reporting, loading: LoadOptions, *, aside: bool) -> None:
    """Print or write it; ``aside`` of what else standard output holds."""
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
    deliver(text, reporting.output, "\n".join(last_lines(outcome)), err=aside)
