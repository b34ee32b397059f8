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
from .numbers import seconds, size
from .options import model_argument, semantics_options, weights_options
from .render import show

if TYPE_CHECKING:
    from speccompiler.arrays import ArrayInput
    from speccompiler.compiled import CompiledModel
    from speccompiler.model import Model
    from speccompiler.run import RunResult, Sink, Summary


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
    semantics: str | None,
    dim_ordering: str | None,
    target: str,
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
    if output == "-" and layers:
        raise click.UsageError("--layer writes files: give --output a file name")
    if profile and target == "reference":
        raise click.UsageError("--profile shows the steps of --target cpu; reference has none")
    loaded = load_model(
        model, semantics=semantics, dim_ordering=dim_ordering, weights=weights, seed=seed
    )
    check_layers(loaded, layers)
    targets = _targets(output, layers)
    from speccompiler.run import Summary

    with _input(input_) as source, _named(source.name):
        _check(loaded, source)
        compiled, activity = _compile(
            loaded,
            source,
            target=target,
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
    _print_results(compiled, result, summaries, targets, quiet=output == "-")
    if penalties:
        _print_penalties(compiled, result, err=output == "-")
    if profile:
        _print_profile(compiled, result, err=output == "-")


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

    check_array(model.graph.nodes[0].shape, source.shape)


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


def _compile(
    model: Model, source: ArrayInput, *, layers: tuple[str, ...], penalties: bool, **options: Any
) -> tuple[CompiledModel, dict[str, Any]]:
    from speccompiler.penalties import activity_regularizers

    activity = activity_regularizers(model.spec) if penalties else {}
    compiled = model.compile(
        options.pop("target"),
        input_shape=source.shape[1:],
        layers=(*layers, *activity),
        **options,
    )
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
                compiled, source, sinks, activity=activity, profile=profile, progress=bar.update
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


def _print_results(
    compiled: CompiledModel,
    result: RunResult,
    summaries: dict[str, Summary],
    targets: dict[str | None, str],
    *,
    quiet: bool,
) -> None:
    shapes = compiled.output_shapes(result.samples)
    for name, shape in zip(compiled.output_names, shapes, strict=True):
        if name in summaries:
            seen = summaries[name]
            click.echo(
                f"{name}: {shape} float32, min {seen.smallest:.6g}, mean {seen.mean:.6g}, "
                f"max {seen.largest:.6g}"
                + (f", {seen.non_finite} not finite" if seen.non_finite else "")
            )
    for layer, file in targets.items():
        if file != "-":
            name = layer if layer is not None else compiled.output_names[0]
            shape = shapes[compiled.output_names.index(name)]
            click.echo(f"wrote {file}: {shape} float32, output of '{name}'", err=quiet)
    noun = "sample" if result.samples == 1 else "samples"
    click.echo(
        f"{result.samples} {noun} in {seconds(result.seconds)} on {compiled.target}, "
        f"batch {compiled.batch_size}, {compiled.threads} threads",
        err=True,
    )


def _print_penalties(compiled: CompiledModel, result: RunResult, *, err: bool) -> None:
    from tabulate import tabulate

    found = result.penalties(compiled)
    if not found:
        click.echo("penalties: no layer has a regulariser", err=err)
        return
    rows = [(p.layer, p.term, f"{p.value:.9g}") for p in found]
    rows.append(("total", "", f"{sum(p.value for p in found):.9g}"))
    headers = ("layer", "penalty on", "value")
    click.echo(tabulate(rows, headers=headers, disable_numparse=True), err=err)


def _print_profile(compiled: CompiledModel, result: RunResult, *, err: bool) -> None:
    from tabulate import tabulate

    from speccompiler.kernels.cpu.executor import work_of

    total = sum(result.step_seconds) or 1.0
    rows = []
    for step, spent in zip(compiled.plan.steps, result.step_seconds, strict=True):
        work = work_of(step) * result.samples
        speed = f"{work / spent / 1e9:.1f}" if work and spent else ""
        share = f"{100 * spent / total:.1f}%"
        rows.append((step.target, step.kernel, seconds(spent), share, speed))
    headers = ("step", "kernel", "time", "share", "GFLOP/s")
    align = ("left", "left", "right", "right", "right")
    table = tabulate(rows, headers=headers, colalign=align, disable_numparse=True)
    memory = compiled.plan.peak_bytes(compiled.batch_size, compiled.threads)
    click.echo(f"{table}\nmemory of the plan: {size(memory)}", err=err)
