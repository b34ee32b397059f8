"""``convspec verify``: a model's outputs beside recorded ones."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speccompiler.arrays.picture_form import PictureOptions
from speccompiler.cli import json_output
from speccompiler.cli.documents import load_model
from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.garbage import collect_rarely
from speccompiler.cli.options import (
    format_option,
    gathered,
    math_option,
    model_argument,
    not_empty,
    replace_option,
    semantics_options,
    target_option,
    threads_option,
    weights_options,
)
from speccompiler.cli.progress import compiling_shown
from speccompiler.cli.render import printable, render_text
from speccompiler.cli.run_inputs import input_openers, picture_options, silent
from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.diagnostics.wording import shown
from speccompiler.frozen import dataclass
from speccompiler.options import CompileOptions, LoadOptions

if TYPE_CHECKING:
    from speccompiler.diagnostics.core import Diagnostic
    from speccompiler.loading.spec import SemanticsName
    from speccompiler.model import Model
    from speccompiler.running.verify import Comparison, Recording

HEADERS = ("output", "shape", "largest difference", "relative", "values that differ")
ALIGN = ("left", "left", "right", "right", "right")


@dataclass(frozen=True, slots=True)
class Given:
    """What the caller recorded, each as ``[NAME=]FILE``."""

    inputs: tuple[str, ...]
    expect: tuple[str, ...]
    layer_files: tuple[str, ...]
    tolerance: float | None


def _finite(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Refuse NaN and infinity: no difference is larger, and everything would be equal."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is not a finite number", ctx, param)
    return value


EXAMPLES = """
# The vectors that the spec carries
convspec verify model.yaml

# An output that Keras gave once
convspec verify model.h5 --input x.npy --expect y.npy

# Which layer is the first to differ
convspec verify model.h5 --input x.npy --layer conv1=conv1.npy \\
  --layer conv2=conv2.npy --expect y.npy
"""


@click.command("verify", cls=ExampleCommand, examples=EXAMPLES)
@model_argument
@click.option(
    "--input",
    "inputs",
    multiple=True,
    callback=not_empty,
    metavar="[NAME=]FILE",
    help="The recorded input, of any kind that run reads; with several inputs one for each, by "
    "name.",
)
@picture_options
@click.option(
    "--expect",
    multiple=True,
    callback=not_empty,
    metavar="[NAME=]FILE",
    help="The recorded output, an array; with several outputs by name.",
)
@click.option(
    "--layer",
    "layer_files",
    multiple=True,
    metavar="NAME=FILE",
    help="A recorded output of this layer; repeatable. The first that differs is named.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0, min_open=True),
    callback=_finite,
    help="Largest difference that counts as equal, as a part of the largest recorded value. "
    "Default: the spec's, or 1e-4.",
)
@weights_options
@semantics_options
@replace_option
@target_option()
@math_option
@click.option("--batch-size", type=click.IntRange(min=1), help="Samples at a time.")
@threads_option
@format_option("text", "json")
@gathered(given=Given, pictures=PictureOptions, loading=LoadOptions, compiling=CompileOptions)
def command(
    model: str,
    style: str,
    given: Given,
    pictures: PictureOptions,
    loading: LoadOptions,
    compiling: CompileOptions,
) -> int:
    """Compare MODEL's outputs with recorded ones; show where they first differ.

    Without --input the vectors that the spec carries under 'verify' are taken. A Keras file
    that needs --semantics and has none is tried under both. Exit status: 0 equal, 1 not.
    """
    collect_rarely()
    loaded = load_model(model, loading)
    recording = _recording(loaded, given, pictures)
    from speccompiler.running.verify import verify

    if loaded.undecided():
        with silent(), compiling_shown():
            both = _under_both(loaded, recording, compiling)
        return _print_both(both, style)
    with silent(), compiling_shown():
        found = verify(loaded, recording, compiling)
    _print(loaded, found, style)
    return 0 if all(c.equal for c in found) else 1


def _recording(model: Model, given: Given, pictures: PictureOptions) -> Recording:
    from speccompiler.running.verify import TOLERANCE, Recording, file_opener, recording_of

    tolerance = given.tolerance
    if not given.inputs:
        if given.expect or given.layer_files:
            raise click.UsageError("--expect and --layer need the --input that they are of")
        try:
            own = recording_of(model.spec, Path(model.file).parent)
        except Problem as problem:
            raise model.refused(problem) from None
        if own is None:
            raise click.UsageError("give --input and --expect, or a spec with 'verify'")
        return own if tolerance is None else replace(own, tolerance=tolerance)
    inputs = named_files(given.inputs, model.input_names, "--input")
    expected = named_files(given.expect, model.output_names, "--expect")
    for text in given.layer_files:
        name, equals, file = text.partition("=")
        if not equals or not file:
            raise click.UsageError(f"--layer {text}: write it as NAME=FILE")
        expected[name] = file
    if not expected:
        raise click.UsageError("give --expect, or --layer NAME=FILE, to compare with")
    return Recording(
        input_openers(model, inputs, pictures),
        {name: file_opener(file) for name, file in expected.items()},
        TOLERANCE if tolerance is None else tolerance,
    )


def named_files(texts: tuple[str, ...], names: tuple[str, ...], option: str) -> dict[str, str]:
    """Files by name; a single one needs none, and may have '=' in its own."""
    if len(texts) == 1 and len(names) == 1:
        name, _, file = texts[0].partition("=")
        return {names[0]: file if name == names[0] and file else texts[0]}
    if len(names) == 1 and len(texts) > 1:
        what = "output" if option == "--expect" else "input"
        raise click.UsageError(
            f"{option} is given {len(texts)} times, and the model has one {what}: "
            f"'{shown(names[0])}'"
        )
    found: dict[str, str] = {}
    for text in texts:
        name, equals, file = text.partition("=")
        if not equals or name not in names or name in found:
            listed = ", ".join(names)
            raise click.UsageError(f"{option} {text}: write NAME=FILE once for each of {listed}")
        found[name] = file
    return found


def _under_both(
    model: Model, recording: Recording, compiling: CompileOptions
) -> list[tuple[Model, tuple[Comparison, ...]]]:
    from speccompiler.model import checked
    from speccompiler.running.verify import verify

    found = []
    names: tuple[SemanticsName, ...] = ("tensorflow", "theano")
    for name in names:
        options = replace(model.options, semantics=name)
        decided, diagnostics = checked(model.loaded.document, options)
        if decided is None:
            raise SpecError(diagnostics)
        found.append((decided, verify(decided, recording, compiling)))
    return found


def _print_both(both: list[tuple[Model, tuple[Comparison, ...]]], style: str) -> int:
    """The results under TensorFlow's and Theano's rules; which of them were recorded."""
    equal = [
        model.spec.semantics.profile
        for model, found in both
        if model.spec.semantics is not None and all(c.equal for c in found)
    ]
    if style == "json":
        json_output.print_json(
            {
                m.spec.semantics.profile: json_output.verify(f, _findings(m, f))
                for m, f in both
                if m.spec.semantics is not None
            }
        )
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
        json_output.print_json(json_output.verify(found, _findings(model, found)))
        return
    click.echo(_table(found))
    findings = _findings(model, found)
    if findings:
        click.echo()
        click.echo(render_text(findings[:1]))
    else:
        click.echo("\nequal")


def _findings(model: Model, found: tuple[Comparison, ...]) -> list[Diagnostic]:
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
