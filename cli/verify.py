"""``convspec verify``: a model's outputs beside recorded ones."""

from __future__ import annotations

import gc
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from speccompiler.cli.documents import load_model
from speccompiler.cli.options import (
    math_option,
    model_argument,
    not_empty,
    replace_option,
    semantics_options,
    target_option,
    weights_options,
)
from speccompiler.cli.progress import compiling_shown
from speccompiler.cli.render import diagnostic_data, printable, render_text
from speccompiler.diagnostics.core import Problem, SpecError

if TYPE_CHECKING:
    from speccompiler.loading.spec import OrderingName, SemanticsName
    from speccompiler.model import Model
    from speccompiler.running.verify import Comparison, Recording
    from speccompiler.weights.sources import MatchName

HEADERS = ("output", "shape", "largest difference", "relative", "values that differ")
ALIGN = ("left", "left", "right", "right", "right")


@click.command("verify")
@model_argument
@click.option(
    "--input",
    "inputs",
    multiple=True,
    callback=not_empty,
    metavar="[NAME=]FILE",
    help="The recorded input, .npy; with several inputs one for each, by name.",
)
@click.option(
    "--expect",
    multiple=True,
    callback=not_empty,
    metavar="[NAME=]FILE",
    help="The recorded output, .npy; with several outputs by name.",
)
@click.option(
    "--layer",
    "layers",
    multiple=True,
    metavar="NAME=FILE",
    help="A recorded output of this layer; repeatable. The first that differs is named.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0, min_open=True),
    help="Largest difference that counts as equal, as a part of the largest recorded value. "
    "Default: the spec's, or 1e-4.",
)
@weights_options
@semantics_options
@replace_option
@target_option("cpu", "cuda", "cuda:N", "reference")
@math_option
@click.option("--batch-size", type=click.IntRange(min=1), help="Samples at a time.")
@click.option("--threads", type=click.IntRange(min=1, max=1024), help="Default: all processors.")
@click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(
    model: str,
    inputs: tuple[str, ...],
    expect: tuple[str, ...],
    layers: tuple[str, ...],
    tolerance: float | None,
    weights: str | None,
    seed: int | None,
    weights_by: MatchName | None,
    semantics: SemanticsName | None,
    dim_ordering: OrderingName | None,
    replace: dict[str, str],
    style: str,
    **options: Any,
) -> int:
    """Compare MODEL's outputs with recorded ones; show where they first differ.

    Without --input the vectors that the spec carries under 'verify' are taken. A Keras file
    that needs --semantics and has none is tried under both. Exit status: 0 equal, 1 not.
    """
    gc.enable()  # off during start-up
    loaded = load_model(
        model,
        semantics=semantics,
        dim_ordering=dim_ordering,
        weights=weights,
        seed=seed,
        weights_by=weights_by,
        replace=replace,
    )
    recording = _recording(loaded, inputs, expect, layers, tolerance)
    from speccompiler.running.verify import verify

    if loaded.undecided():
        with compiling_shown():
            both = _under_both(loaded, dim_ordering, seed, recording, options)
        return _print_both(both, style)
    with compiling_shown():
        found = verify(loaded, recording, **options)
    _print(loaded, found, style)
    return 0 if all(c.equal for c in found) else 1


def _recording(
    model: Model,
    inputs: tuple[str, ...],
    expect: tuple[str, ...],
    layers: tuple[str, ...],
    tolerance: float | None,
) -> Recording:
    from dataclasses import replace

    from speccompiler.running.verify import TOLERANCE, Recording, file_opener, recording_of

    if not inputs:
        if expect or layers:
            raise click.UsageError("--expect and --layer need the --input that they are of")
        document = model.loaded.document
        try:
            own = recording_of(model.spec, Path(document.file).parent)
        except Problem as problem:
            raise SpecError([problem.at(file=document.file)]) from None
        if own is None:
            raise click.UsageError("give --input and --expect, or a spec with 'verify'")
        return own if tolerance is None else replace(own, tolerance=tolerance)
    given = _named(inputs, model.input_names, "--input")
    expected = _named(expect, model.output_names, "--expect")
    for text in layers:
        name, equals, file = text.partition("=")
        if not equals or not file:
            raise click.UsageError(f"--layer {text}: write it as NAME=FILE")
        expected[name] = file
    if not expected:
        raise click.UsageError("give --expect, or --layer NAME=FILE, to compare with")
    return Recording(
        {name: file_opener(Path(file)) for name, file in given.items()},
        {name: file_opener(Path(file)) for name, file in expected.items()},
        TOLERANCE if tolerance is None else tolerance,
    )


def _named(texts: tuple[str, ...], names: tuple[str, ...], option: str) -> dict[str, str]:
    """Files by name; a single one needs none, and may have '=' in its own."""
    if len(texts) == 1 and len(names) == 1:
        name, _, file = texts[0].partition("=")
        return {names[0]: file if name == names[0] and file else texts[0]}
    found: dict[str, str] = {}
    for text in texts:
        name, equals, file = text.partition("=")
        if not equals or name not in names or name in found:
            listed = ", ".join(names)
            raise click.UsageError(f"{option} {text}: write NAME=FILE once for each of {listed}")
        found[name] = file
    return found


def _under_both(
    model: Model,
    dim_ordering: OrderingName | None,
    seed: int | None,
    recording: Recording,
    options: Mapping[str, Any],
) -> list[tuple[Model, tuple[Comparison, ...]]]:
    from speccompiler.model import check
    from speccompiler.running.verify import verify

    found = []
    names: tuple[SemanticsName, ...] = ("tensorflow", "theano")
    for name in names:
        decided, diagnostics = check(
            model.loaded.document,
            weights=model.weights_file,
            semantics=name,
            dim_ordering=dim_ordering,
            seed=seed,
            weights_by=model.options.weights_by,
            replace=model.loaded.answers,
        )
        if decided is None:
            raise SpecError(diagnostics)
        found.append((decided, verify(decided, recording, **options)))
    return found


def _print_both(both: list[tuple[Model, tuple[Comparison, ...]]], style: str) -> int:
    """The results under TensorFlow's and Theano's rules; which of them were recorded."""
    equal = [
        model.spec.semantics.profile
        for model, found in both
        if model.spec.semantics is not None and all(c.equal for c in found)
    ]
    if style == "json":
        data = {m.spec.semantics.profile: _data(m, f) for m, f in both if m.spec.semantics}
        click.echo(json.dumps(data, indent=2))
    else:
        for model, found in both:
            assert model.spec.semantics is not None, "both are decided"
            click.echo(f"{model.spec.semantics.profile} semantics:\n")
            click.echo(_table(found))
            click.echo()
        if len(equal) == 1:
            other = "theano" if equal == ["tensorflow"] else "tensorflow"
            click.echo(
                f"equal under {equal[0]} semantics, not under {other}: use --semantics {equal[0]}"
            )
        else:
            click.echo("equal under both semantics" if equal else "equal under neither semantics")
    return 0 if equal else 1


def _print(model: Model, found: tuple[Comparison, ...], style: str) -> None:
    if style == "json":
        click.echo(json.dumps(_data(model, found), indent=2))
        return
    click.echo(_table(found))
    findings = _findings(model, found)
    if findings:
        click.echo()
        click.echo(render_text(findings[:1]))
    else:
        click.echo("\nequal")


def _findings(model: Model, found: tuple[Comparison, ...]) -> list[Any]:
    from speccompiler.running.verify import difference

    return [difference(model, comparison) for comparison in found if not comparison.equal]


def _table(found: tuple[Comparison, ...]) -> str:
    from tabulate import tabulate

    rows = [
        (
            printable(c.name),
            str(c.shape),
            f"{c.largest:.3g}",
            f"{c.relative:.1e}",
            f"{c.differing:,}" if c.differing else "",
        )
        for c in found
    ]
    return tabulate(rows, headers=HEADERS, colalign=ALIGN, disable_numparse=True)


def _data(model: Model, found: tuple[Comparison, ...]) -> dict[str, Any]:
    return {
        "equal": all(c.equal for c in found),
        "outputs": [
            {
                "name": c.name,
                "shape": list(c.shape),
                "largest_difference": c.largest if c.largest != float("inf") else None,
                "scale": c.scale,
                "differing": c.differing,
                "first": None
                if c.first is None
                else {
                    "sample": c.first.sample,
                    "position": list(c.first.position),
                    "expected": repr(c.first.expected),
                    "found": repr(c.first.found),
                },
            }
            for c in found
        ],
        "diagnostics": [diagnostic_data(d) for d in _findings(model, found)],
    }
