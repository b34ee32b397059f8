"""``map_array``: a model over dask arrays. Lazy, and nothing is called to learn shapes.

A task computes one block of the outputs: a range of samples, as the array has chunks. It depends
on the chunks that the block reads and on the recipe of the model, which has a key of its own in
the graph. Each worker compiles that once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from speccompiler.dask.mapped_model import compile_options, mapped_model
from speccompiler.dask.recipe import Recipe
from speccompiler.diagnostics.core import Problem
from speccompiler.model import Model, as_model
from speccompiler.options import MathName
from speccompiler.tiling.tile_sizes import TileSizes


def map_array(
    model: Model | str | os.PathLike[str],
    x: Any,
    *,
    tile: TileSizes | None = None,
    batch_size: int | None = None,
    threads: int | None = None,
    layers: Sequence[str] = (),
    apply_constraints: bool = False,
    math: MathName = "fast",
    target: str = "cpu",
    send_weights: bool = False,
    memory_resource: str | None = None,
) -> Any:
    """The model's output for a dask array ``x``, as a dask array. Raises ``SpecError``.

    ``model`` may be a path that ``load`` takes. ``x`` is what ``plan.run`` takes, with dask
    arrays; open lengths are bound to its shape. The result has the chunks of ``x`` along the
    samples, and its bits are those of a run on one machine. ``tile`` cuts samples as
    ``run_tiled`` does: a task then is a tile, and reads only the chunks that its halo reaches.
    Several outputs come as a list, and with ``layers`` as a mapping by name.

    Weights are read by each worker from their files, unless ``send_weights`` puts them into the
    graph. ``memory_resource`` is the name of a resource of the workers; each task asks for as
    many bytes of it as ``task_memory`` says. Dask forgets this where it fuses tasks: on the
    scheduler ``optimization.fuse.active`` has to be false.
    """
    model = as_model(model)
    options = compile_options(
        model, target, batch_size, threads, layers, math, tile, apply_constraints=apply_constraints
    )
    mapped = mapped_model(model, x, options)
    annotations: dict[str, Any] = {}
    if memory_resource is not None:
        annotations = {"resources": {memory_resource: mapped.task_bytes}}
    try:
        recipe = Recipe.of(model, mapped.options, send_weights=send_weights)
    except Problem as problem:
        raise model.refused(problem, model.weights_file) from None
    outputs = mapped.graph.made(recipe, annotations)
    if layers:
        return outputs
    own = [outputs[name] for name in model.output_names]
    return own[0] if len(own) == 1 else own


def task_memory(
    model: Model | str | os.PathLike[str],
    x: Any,
    *,
    tile: TileSizes | None = None,
    batch_size: int | None = None,
    threads: int | None = None,
    layers: Sequence[str] = (),
    math: MathName = "fast",
    target: str = "cpu",
) -> int:
    """The most bytes that a task of ``map_array`` takes: chunks, weights, buffers and outputs.

    Tasks of one worker share the weights, and take turns with the buffers. ``threads`` are those
    of a worker, by default of this machine.
    """
    model = as_model(model)
    options = compile_options(model, target, batch_size, threads, layers, math, tile)
    return mapped_model(model, x, options).task_bytes
