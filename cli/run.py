"""``convspec run``: a forward pass from array file to array file."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from speccompiler.cli.documents import load_model
from speccompiler.cli.layer_option import check_layers
from speccompiler.cli.options import (
    complete_files,
    math_option,
    model_argument,
    not_empty,
    replace_option,
    semantics_options,
    target_option,
    threads_option,
    tune_option,
    weights_options,
)
from speccompiler.cli.progress import compiling_shown
from speccompiler.cli.render import show
from speccompiler.cli.run_files import (
    Targets,
    check_places,
    check_targets,
    input_files,
    named,
    opened,
    written,
)
from speccompiler.cli.run_output import print_penalties, print_profile, print_results
from speccompiler.diagnostics.core import Diagnostic, Severity, SpecError
from speccompiler.reports.number_text import seconds
from speccompiler.system.cache import keeps

if TYPE_CHECKING:
    from speccompiler.arrays.npy_input import ArrayInput
    from speccompiler.compiled import CompiledModel
    from speccompiler.loading.spec import OrderingName, SemanticsName
    from speccompiler.model import Model
    from speccompiler.running.array_files import RunResult, Sink, Summary
    from speccompiler.weights.sources import MatchName


@click.command("run")
@model_argument
@click.option(
    "--input",
    "inputs",
    metavar="[NAME=]FILE",
    callback=not_empty,
    shell_complete=complete_files,
    multiple=True,
    required=True,
    help="Samples, .npy; - for a stream. A model with several inputs takes one for each, or one "
    ".npz with members of their names.",
)
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    callback=not_empty,
    shell_complete=complete_files,
    help="Where the output goes, .npy; - for a stream. Several outputs become <stem>.<name>.npy "
    "each, or members of one .npz. Default: only a summary is printed.",
)
@weights_options
@semantics_options
@replace_option
@target_option("cpu", "cuda", "cuda:N", "reference")
@math_option
@tune_option
@click.option("--batch-size", type=click.IntRange(min=1), help="Samples at a time.")
@threads_option
@click.option(
    "--layer",
    "layers",
    multiple=True,
    metavar="NAME",
    help="Also write this layer's output, beside --output as <stem>.<layer>.npy or into the same "
    ".npz; repeatable.",
)
@click.option("--penalties", is_flag=True, help="Print what each regulariser adds to the loss.")
@click.option(
    "--apply-constraints", is_flag=True, help="Project weights onto their constraints first."
)
@click.option("--profile", is_flag=True, help="Print the time of each step.")
def command(
    model: str,
    inputs: tuple[str, ...],
    output: str | None,
    weights: str | None,
    seed: int | None,
    weights_by: MatchName | None,
    semantics: SemanticsName | None,
    dim_ordering: OrderingName | None,
    replace: dict[str, str],
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

    The first axis of each array counts samples. Output files appear under their name
    only when they are complete.
    """
    gc.enable()  # off during start-up
    streams = sum(file == "-" or file.endswith("=-") for file in inputs)
    if model == "-" and streams:
        raise click.UsageError("the spec and the input cannot both come from standard input")
    if streams > 1:
        raise click.UsageError("one input can come from standard input")
    if output == "-" and sys.stdout.isatty():
        raise click.UsageError("--output - writes binary data: send it to a file or a pipe")
    if output == "-" and layers:
        raise click.UsageError("--layer writes files: give --output a file name")
    if tune and target == "reference":
        raise click.UsageError(
            "--tune measures the steps of --target cpu or cuda; reference has none"
        )
    if profile and target == "reference":
        raise click.UsageError(
            "--profile shows the steps of --target cpu or cuda; reference has none"
        )
    loaded = load_model(
        model,
        semantics=semantics,
        dim_ordering=dim_ordering,
        weights=weights,
        seed=seed,
        weights_by=weights_by,
        replace=replace,
    )
    check_layers(loaded, layers)
    files = input_files(loaded, inputs)
    targets = Targets.of(output, loaded.output_names, layers)
    read = [("model", model), ("weights", weights), *(("input", file) for file in files.values())]
    check_targets(targets, read)
    from speccompiler.running.array_files import Summary

    with opened(loaded, files) as sources:
        _check(loaded, sources)
        check_places(targets)
        compiled, activity = _compile(
            loaded,
            sources,
            target=target,
            math=math,
            tune=tune,
            batch_size=batch_size,
            threads=threads,
            layers=layers,
            penalties=penalties,
            apply_constraints=apply_constraints,
        )
        _notes(compiled, sources)
        summaries: dict[str, Summary] = {}
        if not targets.files:
            names = dict.fromkeys((*loaded.output_names, *layers))
            summaries = {name: Summary() for name in names}
        result = _stream(compiled, sources, targets, summaries, activity, profile)
    # A stream on standard output leaves standard error for people.
    err = output == "-"
    print_results(compiled, result, summaries, targets, err=err)
    if penalties:
        print_penalties(compiled, result, err=err)
    if profile:
        print_profile(compiled, result, err=err)


def _check(model: Model, sources: Sequence[ArrayInput]) -> None:
    from speccompiler.arrays.input_checks import check_array, check_samples

    for source, node in zip(sources, model.graph.inputs, strict=True):
        with named(source.name):
            check_array(node.shape, source.shape)
    with named(model.loaded.document.file):
        counts = [source.samples for source in sources]
        check_samples(dict(zip(model.input_names, counts, strict=True)))


def _compile(
    model: Model,
    sources: Sequence[ArrayInput],
    *,
    layers: tuple[str, ...],
    penalties: bool,
    **options: Any,
) -> tuple[CompiledModel, dict[str, Any]]:
    from speccompiler.weights.penalties import activity_regularizers, unknown_effects

    refused = unknown_effects(model.spec, "penalty") if penalties else []
    if refused:
        raise SpecError(model.loaded.locate(problem.at()) for problem in refused)
    with named(sources[0].name):
        activity = activity_regularizers(model.spec) if penalties else {}
    shapes = [source.shape[1:] for source in sources]
    with compiling_shown():
        compiled = model.compile(
            options.pop("target"),
            input_shape=dict(zip(model.input_names, shapes, strict=True)),
            layers=(*layers, *activity),
            samples=sources[0].samples,
            **options,
        )
    spent = compiled.executor.kernel_seconds
    if spent > 2:
        after = "the next run finds them" if keeps("kernels") else "they cannot be kept"
        click.echo(f"kernels compiled in {seconds(spent)}; {after}", err=True)
    return compiled, activity


def _notes(compiled: CompiledModel, sources: Sequence[ArrayInput]) -> None:
    """What the user has to know before trusting the numbers."""
    from speccompiler.weights.drawn_weights import random_note

    model = compiled.model
    found = list(compiled.diagnostics)
    note = random_note(model.weight_sources, model.loaded.document.file)
    found += [note] if note is not None else []
    found += [
        Diagnostic("CS123", source.conversion_note, Severity.NOTE, file=source.name)
        for source in sources
        if source.conversion_note is not None
    ]
    show(found)


def _stream(
    compiled: CompiledModel,
    sources: Sequence[ArrayInput],
    targets: Targets,
    summaries: dict[str, Summary],
    activity: dict[str, Any],
    profile: bool,
) -> RunResult:
    from speccompiler.running.array_files import run_stream

    samples = sources[0].samples
    shapes = dict(zip(compiled.output_names, compiled.output_shapes(samples), strict=True))
    with contextlib.ExitStack() as stack:
        sinks: list[tuple[str, Sink]] = list(summaries.items())
        sinks += stack.enter_context(written(targets, shapes))
        bar = stack.enter_context(_progress(samples, compiled.batch_size))
        # What is not said to be about an output is about an input.
        with named(sources[0].name):
            return run_stream(
                compiled, sources, sinks, activity=activity, profile=profile, progress=bar.update
            )


def _progress(samples: int, batch_size: int) -> Any:
    """A bar on standard error, on a terminal, when there is more than one batch."""
    hidden = not sys.stderr.isatty() or samples <= batch_size
    return click.progressbar(length=samples, label="samples", file=sys.stderr, hidden=hidden)
