"""``convspec run``: a forward pass from array file to array file."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from speccompiler.diagnostics import Diagnostic, Problem, Severity, SpecError

from .documents import load_model
from .layers import check_layers
from .numbers import seconds
from .options import (
    math_option,
    model_argument,
    semantics_options,
    tune_option,
    weights_options,
)
from .render import show
from .run_output import print_penalties, print_profile, print_results

if TYPE_CHECKING:
    from speccompiler.arrays import ArrayInput
    from speccompiler.compiled import CompiledModel
    from speccompiler.loading.spec import OrderingName, SemanticsName
    from speccompiler.model import Model
    from speccompiler.run import RunResult, Sink, Summary
    from speccompiler.weights import MatchName


@click.command("run")
@model_argument
@click.option(
    "--input", "input_", metavar="FILE", required=True, help="Samples, .npy; - for a stream."
)
@click.option(
    "--output",
    metavar="FILE",
    help="Where the output goes, .npy; - for a stream. Default: only a summary is printed.",
)
@weights_options
@semantics_options
@click.option("--target", type=click.Choice(["cpu", "reference"]), default="cpu", show_default=True)
@math_option
@tune_option
@click.option("--batch-size", type=click.IntRange(min=1), help="Samples at a time.")
@click.option("--threads", type=click.IntRange(min=1, max=1024), help="Default: all processors.")
@click.option(
    "--layer",
    "layers",
    multiple=True,
    metavar="NAME",
    help="Also write this layer's output, beside --output as <stem>.<layer>.npy; repeatable.",
)
@click.option("--penalties", is_flag=True, help="Print what each regulariser adds to the loss.")
@click.option(
    "--apply-constraints", is_flag=True, help="Project weights onto their constraints first."
)
@click.option("--profile", is_flag=True, help="Print the time of each step.")
def command(
    model: str,
    input_: str,
    output: str | None,
    weights: str | None,
    seed: int | None,
    weights_by: MatchName | None,
    semantics: SemanticsName | None,
    dim_ordering: OrderingName | None,
    target: str,
    math: str,
    tune: bool,
    batch_size: int | None,
    threads: int | None,
    layers: tuple[str, ...],
    penalties: bool,
    apply_constraints: bool,
    profile: bool,
) -> None:
    """Run MODEL over every sample of an array file, batch by batch.

    The first axis of the array counts samples. Output files appear under their name
    only when they are complete.
    """
    gc.enable()  # off during start-up
    if model == "-" and input_ == "-":
        raise click.UsageError("the spec and the input cannot both come from standard input")
    if output == "-" and sys.stdout.isatty():
        raise click.UsageError("--output - writes binary data: send it to a file or a pipe")
    if output == "-" and layers:
        raise click.UsageError("--layer writes files: give --output a file name")
    if tune and target == "reference":
        raise click.UsageError("--tune measures the steps of --target cpu; reference has none")
    if profile and target == "reference":
        raise click.UsageError("--profile shows the steps of --target cpu; reference has none")
    loaded = load_model(
        model,
        semantics=semantics,
        dim_ordering=dim_ordering,
        weights=weights,
        seed=seed,
        weights_by=weights_by,
    )
    check_layers(loaded, layers)
    targets = _targets(output, layers)
    _check_targets(targets, model=model, input_=input_, weights=weights)
    from speccompiler.run import Summary

    with _input(input_) as source, _named(source.name):
        _check(loaded, source)
        compiled, activity = _compile(
            loaded,
            source,
            target=target,
            math=math,
            tune=tune,
            batch_size=batch_size,
            threads=threads,
            layers=layers,
            penalties=penalties,
            apply_constraints=apply_constraints,
        )
        _notes(compiled, source)
        summaries: dict[str, Summary] = {}
        if not targets:
            names = dict.fromkeys((compiled.output_names[0], *layers))
            summaries = {name: Summary() for name in names}
        result = _stream(compiled, source, targets, summaries, activity, profile)
    # A stream on standard output leaves standard error for people.
    err = output == "-"
    print_results(compiled, result, summaries, targets, err=err)
    if penalties:
        print_penalties(compiled, result, err=err)
    if profile:
        print_profile(compiled, result, err=err)


@contextlib.contextmanager
def _named(file: str) -> Iterator[None]:
    """Problems inside are about this file."""
    try:
        yield
    except Problem as problem:
        raise SpecError([problem.at(file=file)]) from None


@contextlib.contextmanager
def _input(name: str) -> Iterator[ArrayInput]:
    from speccompiler.arrays import open_array

    shown = "<stdin>" if name == "-" else name
    with _named(shown):
        source = open_array(sys.stdin.buffer if name == "-" else Path(name), shown)
    with source:
        yield source


def _check(model: Model, source: ArrayInput) -> None:
    from speccompiler.input_checks import check_array

    check_array(model.graph.inputs[0].shape, source.shape)


def _targets(output: str | None, layers: tuple[str, ...]) -> dict[str | None, str]:
    """File of each output by layer name; None is the model's own output."""
    if output is None:
        return {}
    path = Path(output)
    if layers and not path.name:
        raise click.UsageError(f"'{output}' is no file name that --layer could extend")
    targets: dict[str | None, str] = {None: output}
    for layer in dict.fromkeys(layers):
        safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in layer)
        targets[layer] = str(path.with_name(f"{path.stem}.{safe}{path.suffix or '.npy'}"))
    if len(set(targets.values())) < len(targets):
        raise click.UsageError("two of the layers would be written to the same file")
    return targets


def _check_targets(
    targets: dict[str | None, str], *, model: str, input_: str, weights: str | None
) -> None:
    """Refuse to write over what is being read."""
    for role, read in (("model", model), ("input", input_), ("weights", weights)):
        for file in targets.values():
            if read not in {None, "-"} and file != "-" and _same_file(str(read), file):
                raise click.UsageError(f"'{file}' is the {role} of this run; name another output")


def _same_file(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except (OSError, ValueError):
        return False


def _compile(
    model: Model, source: ArrayInput, *, layers: tuple[str, ...], penalties: bool, **options: Any
) -> tuple[CompiledModel, dict[str, Any]]:
    from speccompiler.penalties import activity_regularizers

    activity = activity_regularizers(model.spec) if penalties else {}
    compiled = model.compile(
        options.pop("target"),
        input_shape=source.shape[1:],
        layers=(*layers, *activity),
        samples=source.samples,
        **options,
    )
    spent = compiled.executor.kernel_seconds
    if spent > 2:
        click.echo(f"kernels compiled in {seconds(spent)}; the next run finds them", err=True)
    return compiled, activity


def _notes(compiled: CompiledModel, source: ArrayInput) -> None:
    """What the user has to know before trusting the numbers."""
    from speccompiler.weights import random_note

    model = compiled.model
    found = list(compiled.diagnostics)
    note = random_note(model.weight_sources, model.loaded.document.file)
    found += [note] if note is not None else []
    if source.conversion_note is not None:
        found.append(Diagnostic("CS123", source.conversion_note, Severity.NOTE, file=source.name))
    show(found)


def _stream(
    compiled: CompiledModel,
    source: ArrayInput,
    targets: dict[str | None, str],
    summaries: dict[str, Summary],
    activity: dict[str, Any],
    profile: bool,
) -> RunResult:
    from speccompiler.run import run_stream

    shapes = dict(zip(compiled.output_names, compiled.output_shapes(source.samples), strict=True))
    sinks: list[tuple[str, Sink]] = list(summaries.items())
    with contextlib.ExitStack() as stack:
        for layer, file in targets.items():
            name = layer if layer is not None else compiled.output_names[0]
            sinks.append((name, stack.enter_context(_output(file, shapes[name]))))
        bar = stack.enter_context(_progress(source.samples, compiled.batch_size))
        # What is not said to be about an output is about the input.
        with _named(source.name):
            return run_stream(
                compiled, [source], sinks, activity=activity, profile=profile, progress=bar.update
            )


class _Output:
    """A file being written, with its name for what goes wrong."""

    def __init__(self, name: str, sink: Sink) -> None:
        self._name = name
        self._sink = sink

    def write(self, batch: Any) -> None:
        """The next samples."""
        with _named(self._name):
            self._sink.write(batch)


@contextlib.contextmanager
def _output(file: str, shape: tuple[int, ...]) -> Iterator[_Output]:
    from speccompiler.arrays import create_array, stream_array

    name = "<stdout>" if file == "-" else file
    # Problems of the body are findings by now, so that these are the output's own.
    with (
        _named(name),
        stream_array(sys.stdout.buffer, shape)
        if file == "-"
        else create_array(Path(file), shape) as sink,
    ):
        yield _Output(name, sink)


def _progress(samples: int, batch_size: int) -> Any:
    """A bar on standard error, on a terminal, when there is more than one batch."""
    hidden = not sys.stderr.isatty() or samples <= batch_size
    return click.progressbar(length=samples, label="samples", file=sys.stderr, hidden=hidden)
