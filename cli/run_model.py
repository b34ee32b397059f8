"""The model of ``convspec run``, compiled for its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from speccompiler.cli.progress import compiling_shown
from speccompiler.cli.render import show
from speccompiler.diagnostics.core import Diagnostic, Severity, about
from speccompiler.options import CompileOptions
from speccompiler.reports.number_text import seconds
from speccompiler.system.cache import keeps

if TYPE_CHECKING:
    from speccompiler.arrays.array_input import ArrayInput
    from speccompiler.compiled import CompiledModel
    from speccompiler.model import Model
    from speccompiler.running.tiles import TileRunner


def check_arrays(model: Model, sources: Sequence[ArrayInput]) -> None:
    """Refuse inputs whose shapes do not fit the model or each other."""
    from speccompiler.validation.input_checks import check_array, check_samples

    for source, node in zip(sources, model.graph.inputs, strict=True):
        with about(source.name):
            check_array(node.shape, source.shape)
    with about(model.loaded.document.file):
        counts = [source.samples for source in sources]
        check_samples(dict(zip(model.input_names, counts, strict=True)))


def files_read(model: Model, sources: Sequence[ArrayInput]) -> list[tuple[str, str]]:
    """Every file that a run reads, behind what it is to the run."""
    found = [("model", model.file)]
    found += [("weights", str(path)) for path in model.weight_sources.paths]
    for source in sources:
        paths = source.files or (source.path,)
        found += [("input", path) for path in paths if path is not None]
    return found


def activities(model: Model, sources: Sequence[ArrayInput]) -> dict[str, Any]:
    """The regularisers of activities whose penalties are to be summed, by layer."""
    from speccompiler.weights.penalties import activity_regularizers, unknown_effects

    model.refuse(unknown_effects(model.spec, "penalty"))
    with about(sources[0].name):
        return dict(activity_regularizers(model.spec))


def compiled_for(
    model: Model, sources: Sequence[ArrayInput], options: CompileOptions, layers: Sequence[str]
) -> CompiledModel:
    """The model for these arrays, with the outputs of further layers."""
    shapes = [source.shape[1:] for source in sources]
    asked = replace(
        options,
        input_shape=dict(zip(model.input_names, shapes, strict=True)),
        layers=(*options.layers, *layers),
        samples=sources[0].samples,
    )
    with compiling_shown():
        compiled = model.compiled(asked)
    spent = compiled.executor.kernel_seconds
    if spent > 2:
        after = "the next run finds them" if keeps("kernels") else "they cannot be kept"
        click.echo(f"kernels compiled in {seconds(spent)}; {after}", err=True)
    return compiled


def show_notes(compiled: CompiledModel, sources: Sequence[ArrayInput]) -> None:
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


def runner_of(compiled: CompiledModel, samples: int) -> TileRunner:
    """What runs it: in tiles where that is asked for, whose cost is shown."""
    if compiled.options.tile is None:
        from speccompiler.running.batches_in_order import whole_samples

        with about(compiled.model.file):
            return whole_samples(compiled, samples)
    from speccompiler.tiling.tile_cost import cost_words

    tiled = compiled.tiled()
    for line in (tiled.note, cost_words(tiled.cost)):
        if line is not None:
            click.echo(line, err=True)
    return tiled
