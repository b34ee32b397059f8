"""What is checked, and known, of a model over dask arrays before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from speccompiler.arrays.boxes import whole
from speccompiler.arrays.element_types import check_dtype
from speccompiler.arrays.optional_packages import needs
from speccompiler.compiling import checked_target
from speccompiler.dask.block_graph import BlockGraph, Layout
from speccompiler.dask.fixed_tiles import fixed_sizes
from speccompiler.diagnostics.core import Problem, SpecError, about, has_errors
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import BatchNormalize
from speccompiler.loading.argument_checks import (
    check_choice,
    check_counts,
    checked_names,
    checked_tile,
)
from speccompiler.lowering.states import check_any_order
from speccompiler.options import CompileOptions, MathName
from speccompiler.passes import optimize
from speccompiler.planning.plan import Plan
from speccompiler.tiling.tile import Tile
from speccompiler.tiling.tile_sizes import TileSizes
from speccompiler.tiling.tiled_model import planner_of
from speccompiler.tiling.tiled_plan import tiled_plan
from speccompiler.validation.input_checks import by_input, check_array, check_samples

if TYPE_CHECKING:
    import dask.array

    from speccompiler.model import Model


@dataclass(frozen=True, slots=True)
class MappedModel:
    """A model over arrays that fit it."""

    options: CompileOptions
    """With everything that decides the numbers: every worker compiles the same."""
    graph: BlockGraph
    task_bytes: int
    """The most that one task takes."""


def mapped_model(model: Model, x: Any, options: CompileOptions) -> MappedModel:
    """Check model, options and arrays, and lay out the blocks. ``SpecError``."""
    try:
        needs("dask", "dask", "Dask arrays need")
        check_any_order(model.spec, "a map over the blocks of an array")
        given = by_input(x, model.input_names, "array")
    except Problem as problem:
        raise model.refused(problem) from None
    arrays = _dask_arrays(model, given)
    shapes = {
        name: tuple(map(int, a.shape[1:]))
        for name, a in zip(model.input_names, arrays, strict=True)
    }
    target = checked_target(model, options)
    lowered, _ = model.tapped(shapes, options.layers)
    if has_errors(model.weight_sources.diagnostics):
        raise SpecError(model.weight_sources.diagnostics)
    options = replace(options, input_shape=shapes, samples=max(arrays[0].chunks[0]))
    optimized = optimize(lowered)
    try:
        target.check(options.target, lowered)
        if any(isinstance(node.op, BatchNormalize) for node in optimized):
            options = replace(options, samples=arrays[0].shape[0])
            _check_batches(arrays[0], target.plan(optimized, options)[1])
        plan, batch_size, threads = target.plan(optimized, options)
        needed = target.memory(lowered, plan, batch_size, threads)
        layout = _whole_samples(plan)
        if options.tile is not None:
            planner = planner_of(target, options, threads)
            tiled = tiled_plan(optimized, lowered, plan, planner, options.tile, options.batch_size)
            # What "auto" means is decided here, by the memory of this machine.
            options = replace(options, tile=fixed_sizes(tiled.tiling, lowered))
            batch_size, needed = tiled.batch_size, tiled.cost.peak_bytes
            layout = Layout(tuple(tiled.tiling.tiles), tiled.tiling.grid, tiled.tiling.output_axes)
    except Problem as problem:
        raise model.refused(problem) from None
    options = replace(options, batch_size=batch_size, samples=None)
    outputs = tuple(name for name, _ in plan.outputs)
    graph = BlockGraph(model.name, arrays, outputs, layout)
    return MappedModel(options, graph, needed + graph.most_bytes())


def _dask_arrays(model: Model, given: dict[str, Any]) -> tuple[dask.array.Array, ...]:
    """The arrays in the model's order: CS113 to CS119, CS125; CS200 for unknown chunks."""
    import dask.array

    arrays = []
    for node in model.graph.inputs:
        several = len(given) > 1
        with about(f"input '{node.layer}'" if several else "the array"):
            array = dask.array.asarray(given[node.layer])
            if any(math.isnan(length) for length in array.shape):
                raise Problem(
                    "CS200",
                    "the lengths of its chunks are not known",
                    "call x.compute_chunk_sizes() first",
                )
            check_dtype(array.dtype)
            check_array(node.shape, array.shape)
            arrays.append(array)
    with about("the array"):
        check_samples(
            {n.layer: a.shape[0] for n, a in zip(model.graph.inputs, arrays, strict=True)}
        )
    return tuple(arrays)


def _check_batches(array: dask.array.Array, batch_size: int) -> None:
    """CS200 where a batch whose samples change each other's numbers would be cut."""
    ends = np.cumsum(array.chunks[0])[:-1]
    if (ends % batch_size).any():
        raise Problem(
            "CS200",
            f"BatchNormalization over a batch: batches of {batch_size} samples do not end where "
            f"the chunks do",
            f"x.rechunk({{0: {batch_size}}}), or a multiple of that",
        )


def _whole_samples(plan: Plan) -> Layout:
    """Samples are not cut."""
    inputs = tuple([whole(shape) for _, shape in plan.inputs])
    outputs = tuple([whole(shape) for _, shape in plan.outputs])
    return Layout((Tile(inputs, outputs),), (), [()] * len(outputs))


def compile_options(
    model: Model,
    target: str,
    batch_size: int | None,
    threads: int | None,
    layers: Sequence[str],
    math: MathName,
    tile: TileSizes | None,
    *,
    apply_constraints: bool = False,
) -> CompileOptions:
    """The options of a call. ``SpecError`` for what can mean nothing."""
    try:
        check_choice("math", math, MathName)
        check_counts(batch_size=batch_size, threads=threads)
        named = checked_names("layers", layers)
        sizes = None if tile is None else checked_tile(tile)
    except Problem as problem:
        raise model.refused(problem) from None
    return CompileOptions(
        target=target,
        batch_size=batch_size,
        threads=threads,
        layers=named,
        apply_constraints=apply_constraints,
        math=math,
        tile=sizes,
    )
