"""``convspec run``: a forward pass from array file to array file."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from speccompiler.arrays.picture_form import PictureOptions
from speccompiler.cli.documents import load_model
from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.garbage import collect_rarely
from speccompiler.cli.layer_option import check_layers
from speccompiler.cli.options import (
    complete_files,
    gathered,
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
from speccompiler.cli.run_files import Targets, check_places, check_targets, written
from speccompiler.cli.run_images import (
    FirstSamples,
    Images,
    check_images,
    image_sinks,
    images_options,
    write_images,
)
from speccompiler.cli.run_inputs import input_files, opened, picture_options, read_path
from speccompiler.cli.run_output import print_penalties, print_profile, print_results
from speccompiler.diagnostics.core import Diagnostic, Severity, about
from speccompiler.frozen import dataclass
from speccompiler.options import CompileOptions, LoadOptions
from speccompiler.reports.number_text import seconds
from speccompiler.system.cache import keeps
from speccompiler.targets import TARGETS

if TYPE_CHECKING:
    from speccompiler.arrays.array_input import ArrayInput
    from speccompiler.compiled import CompiledModel
    from speccompiler.model import Model
    from speccompiler.running.array_files import RunResult, Sink, Summary


@dataclass(frozen=True, slots=True)
class Wanted:
    """What goes in, where it goes, and what is printed beside it."""

    inputs: tuple[str, ...]
    output: str | None
    penalties: bool
    profile: bool


EXAMPLES = """
# Samples in, outputs out
convspec run model.yaml --input x.npy --output y.npy

# A Keras file with its weights, as it was trained on Theano
convspec run model.h5 --semantics theano --input x.npy -o y.npy

# Without weights: drawn at random, the same on every machine
convspec run model.yaml --seed 1 --input x.npy -o y.npy

# What a layer gives, and the time of each step
convspec run model.yaml --input x.npy -o y.npy --layer conv1 --profile

# Its feature maps for the first two samples, as pictures
convspec run model.yaml --input x.npy --layer conv1 \\
  --images maps --image-samples 2

# In a pipe
cat x.npy | convspec run model.yaml --input - --output - > y.npy
"""


@click.command("run", cls=ExampleCommand, examples=EXAMPLES)
@model_argument
@click.option(
    "--input",
    "inputs",
    metavar="[NAME=]FILE",
    callback=not_empty,
    shell_complete=complete_files,
    multiple=True,
    required=True,
    help="Samples: .npy, .npz, Zarr, HDF5 (file.h5::/dataset), a folder or pattern of pictures, a "
    "URL; - for a stream of .npy. A model with several inputs takes one for each, or one .npz with "
    "members of their names.",
)
@picture_options
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
@target_option()
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
@images_options
@gathered(
    wanted=Wanted,
    pictures=PictureOptions,
    drawn=Images,
    loading=LoadOptions,
    compiling=CompileOptions,
)
def command(
    model: str,
    wanted: Wanted,
    pictures: PictureOptions,
    drawn: Images,
    loading: LoadOptions,
    compiling: CompileOptions,
) -> None:
    """Run MODEL over every sample of an array file, batch by batch.

    The first axis of each array counts samples. Output files appear under their name
    only when they are complete.
    """
    collect_rarely()
    _check_usage(model, wanted, compiling)
    loaded = load_model(model, loading)
    layers = compiling.layers
    check_layers(loaded, layers)
    files = input_files(loaded, wanted.inputs)
    targets = Targets.of(wanted.output, loaded.output_names, layers)
    weights = None if loading.weights is None else str(loading.weights)
    read = [
        ("model", model),
        ("weights", weights),
        *(("input", read_path(file)) for file in files.values()),
    ]
    check_targets(targets, read)
    check_images(drawn)
    from speccompiler.running.array_files import Summary

    with opened(loaded, files, pictures) as sources:
        _check(loaded, sources)
        check_places(targets)
        compiled, activity = _compile(loaded, sources, compiling, penalties=wanted.penalties)
        _notes(compiled, sources)
        summaries: dict[str, Summary] = {}
        if not targets.files:
            names = dict.fromkeys((*loaded.output_names, *layers))
            summaries = {name: Summary() for name in names}
        images = image_sinks(drawn, layers or loaded.output_names)
        sinks = Sinks(targets, summaries, images, activity, wanted.profile)
        result = _stream(compiled, sources, sinks)
    # A stream on standard output leaves standard error for people.
    err = wanted.output == "-"
    print_results(compiled, result, summaries, targets, err=err)
    write_images(drawn, loaded, images, [file for _, file in read if file], err=err)
    if wanted.penalties:
        print_penalties(compiled, result, err=err)
    if wanted.profile:
        print_profile(compiled, result, err=err)


def _check_usage(model: str, wanted: Wanted, compiling: CompileOptions) -> None:
    """Options that do not go together, before any file is read."""
    inputs, output, target = wanted.inputs, wanted.output, compiling.target
    streams = sum(file == "-" or file.endswith("=-") for file in inputs)
    if model == "-" and streams:
        raise click.UsageError("the spec and the input cannot both come from standard input")
    if streams > 1:
        raise click.UsageError("one input can come from standard input")
    if output == "-" and sys.stdout.isatty():
        raise click.UsageError("--output - writes binary data: send it to a file or a pipe")
    if output == "-" and compiling.layers:
        raise click.UsageError("--layer writes files: give --output a file name")
    if not TARGETS[target.partition(":")[0]].has_steps:
        others = " or ".join(name for name, row in TARGETS.items() if row.has_steps)
        steps = f"the steps of --target {others}; {target} has none"
        if compiling.tune:
            raise click.UsageError(f"--tune measures {steps}")
        if wanted.profile:
            raise click.UsageError(f"--profile shows {steps}")


def _check(model: Model, sources: Sequence[ArrayInput]) -> None:
    from speccompiler.validation.input_checks import check_array, check_samples

    for source, node in zip(sources, model.graph.inputs, strict=True):
        with about(source.name):
            check_array(node.shape, source.shape)
    with about(model.loaded.document.file):
        counts = [source.samples for source in sources]
        check_samples(dict(zip(model.input_names, counts, strict=True)))


def _compile(
    model: Model, sources: Sequence[ArrayInput], options: CompileOptions, *, penalties: bool
) -> tuple[CompiledModel, dict[str, Any]]:
    """The model for these arrays, and the regularisers of activities that are to be counted."""
    from speccompiler.weights.penalties import activity_regularizers, unknown_effects

    activity: dict[str, Any] = {}
    if penalties:
        model.refuse(unknown_effects(model.spec, "penalty"))
        with about(sources[0].name):
            activity = activity_regularizers(model.spec)
    shapes = [source.shape[1:] for source in sources]
    asked = replace(
        options,
        input_shape=dict(zip(model.input_names, shapes, strict=True)),
        layers=(*options.layers, *activity),
        samples=sources[0].samples,
    )
    with compiling_shown():
        compiled = model.compiled(asked)
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


@dataclass(frozen=True, slots=True)
class Sinks:
    """What becomes of each output of a run."""

    targets: Targets
    summaries: dict[str, Summary]
    images: dict[str, FirstSamples]
    activity: dict[str, Any]
    """Regularisers whose penalties are summed, by layer."""
    profile: bool


def _stream(compiled: CompiledModel, sources: Sequence[ArrayInput], wanted: Sinks) -> RunResult:
    from speccompiler.running.array_files import run_stream

    samples = sources[0].samples
    shapes = dict(zip(compiled.output_names, compiled.output_shapes(samples), strict=True))
    with contextlib.ExitStack() as stack:
        sinks: list[tuple[str, Sink]] = [*wanted.summaries.items(), *wanted.images.items()]
        sinks += stack.enter_context(written(wanted.targets, shapes))
        progress = stack.enter_context(_progress(samples, compiled.batch_size))
        # Problems with an output name its file already; any other is a problem with the input.
        with about(sources[0].name):
            return run_stream(
                compiled,
                sources,
                sinks,
                activity=wanted.activity,
                profile=wanted.profile,
                progress=progress,
            )


@contextlib.contextmanager
def _progress(samples: int, batch_size: int) -> Iterator[Callable[[int], None]]:
    """What moves a bar on standard error, on a terminal, when there is more than one batch."""
    if not sys.stderr.isatty() or samples <= batch_size:
        yield lambda done: None
        return
    with click.progressbar(length=samples, label="samples", file=sys.stderr) as bar:
        yield bar.update
