"""``convspec validate``: every finding of every spec, and nothing else."""

from __future__ import annotations

from pathlib import Path

import click

from speccompiler.cli.documents import expand, looks_like_spec, remember_texts
from speccompiler.cli.fix_options import FixOptions, fix_options
from speccompiler.cli.options import (
    complete_files,
    format_option,
    gathered,
    replace_option,
    semantics_options,
    weights_options,
)
from speccompiler.cli.render import count_text, printable, render_text
from speccompiler.diagnostics.core import Diagnostic, Severity, has_errors
from speccompiler.model import Model, checked
from speccompiler.options import LoadOptions
from speccompiler.source.document import Document


@click.command("validate")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, shell_complete=complete_files)
@format_option("text", "json")
@click.option(
    "--specs-only",
    is_flag=True,
    help="Pass over files that are no specs, as in a folder: a pre-commit hook is given every "
    "YAML and JSON file.",
)
@fix_options
@semantics_options
@replace_option
@weights_options
@gathered(loading=LoadOptions, fixing=FixOptions)
def command(
    paths: tuple[str, ...],
    style: str,
    specs_only: bool,
    loading: LoadOptions,
    fixing: FixOptions,
) -> int:
    """Check specs: files, folders, globs, or - for standard input.

    Exit status: 0 clean, 1 findings, 2 usage or I/O error. Warnings and notes alone
    leave it at 0.
    """
    fixing.check()
    documents = [d for d in expand(paths) if not specs_only or looks_like_spec(d)]
    made, changed = 0, False
    if fixing.wanted:
        from speccompiler.cli.fixing import mend_all

        documents, made, changed = mend_all(documents, loading, fixing)
    aside = fixing.diff or (fixing.fix and "-" in paths)
    found: list[Diagnostic] = []
    models: dict[str, Model] = {}
    concerned = 0
    for document in documents:
        model, diagnostics = checked(document, loading)
        mine = [*diagnostics]
        if model is not None:
            mine += _about_weights(model)
            mine += _content(model)
            # Only a warning here: run will ask for it.
            undecided = model.undecided_finding(Severity.WARNING)
            mine += [undecided] if undecided is not None else []
            if not has_errors(mine):
                models[document.shown_file] = model
        found += mine
        concerned += bool(mine)
    if style == "json":
        from speccompiler.cli import json_output

        json_output.print_json(json_output.validate(documents, found, made), err=aside)
    else:
        for document in documents:
            remember_texts(document, loading.replace)
        _print_text(documents, models, found, concerned, made=made, aside=aside)
    if not found:
        return int(changed and fixing.diff)
    from speccompiler.diagnostics.codes import exit_status

    return exit_status(found) or int(changed and fixing.diff)


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


def _content(model: Model) -> list[Diagnostic]:
    """CS127 where a value of the weights is not what the spec's digest says; reads them all."""
    if model.spec.weights_sha256 is None or model.weights_file is not None:
        return []
    from speccompiler.weights.weight_pairs import content_problem

    found = content_problem(model.spec, Path(model.file).parent)
    return [] if found is None else [found]


def _print_text(
    documents: list[Document],
    models: dict[str, Model],
    found: list[Diagnostic],
    concerned: int,
    *,
    made: int,
    aside: bool,
) -> None:
    """The findings, what is right, and how many files have findings."""
    if found:
        click.echo(render_text(found), err=aside)
        click.echo(err=aside)
    for document in documents:
        model = models.get(document.shown_file)
        if model is not None:
            layers = len(model.spec.layers)
            noun = "layer" if layers == 1 else "layers"
            click.echo(f"{printable(document.shown_file)}: ok, {layers} {noun}", err=aside)
    if made:
        noun = "finding" if made + len(found) == 1 else "findings"
        click.echo(f"fixed {made} of {made + len(found)} {noun}", err=aside)
    count = count_text(found)
    if count:
        files = len(documents)
        some = f"{concerned} of {files}" if concerned < files else str(files)
        click.echo(f"found {count} in {some} file{'s' if files != 1 else ''}", err=aside)
