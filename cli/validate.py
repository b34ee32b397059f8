"""``convspec validate``: every finding of every spec, and nothing else."""

from __future__ import annotations

from pathlib import Path

import click

from speccompiler.cli.documents import expand, remember_texts
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
from speccompiler.source.spec_marks import looks_like_spec


@click.command("validate")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, shell_complete=complete_files)
@format_option("text", "json")
@click.option(
    "--specs-only",
    is_flag=True,
    help="Pass over files that are no specs, as in a folder: a pre-commit hook is given every "
    "YAML and JSON file.",
)
@semantics_options
@replace_option
@weights_options
@gathered(loading=LoadOptions)
def command(paths: tuple[str, ...], style: str, specs_only: bool, loading: LoadOptions) -> int:
    """Check specs: files, folders, globs, or - for standard input.

    Exit status: 0 clean, 1 findings, 2 usage or I/O error. Warnings and notes alone
    leave it at 0.
    """
    documents = [d for d in expand(paths) if not specs_only or looks_like_spec(d)]
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

        json_output.print_json(json_output.validate(documents, found))
    else:
        for document in documents:
            remember_texts(document, loading.replace)
        _print_text(documents, models, found, concerned)
    if not found:
        return 0
    from speccompiler.diagnostics.codes import exit_status

    return exit_status(found)


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
    documents: list[Document], models: dict[str, Model], found: list[Diagnostic], concerned: int
) -> None:
    """The findings, what is right, and how many files have findings."""
    if found:
        click.echo(render_text(found))
        click.echo()
    for document in documents:
        model = models.get(document.shown_file)
        if model is not None:
            layers = len(model.spec.layers)
            noun = "layer" if layers == 1 else "layers"
            click.echo(f"{printable(document.shown_file)}: ok, {layers} {noun}")
    count = count_text(found)
    if count:
        files = len(documents)
        some = f"{concerned} of {files}" if concerned < files else str(files)
        click.echo(f"found {count} in {some} file{'s' if files != 1 else ''}")
