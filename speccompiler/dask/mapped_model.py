"""What is checked, and known, of a model over dask arrays before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from speccompiler.arrays.boxes import whole
from speccompiler.arrays.element_types import check_dtype
from speccompiler.compiled import checked_target
from speccompiler.dask.block_graph import BlockGraph, Layout
from speccompiler.dask.packages import check_installed
from speccompiler.diagnostics.core import Problem, SpecError, about, has_errors
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import BatchNormalize
from speccompiler.loading.argument_checks import check_choice, check_counts, checked_names
from speccompiler.options import CompileOptions, MathName
from speccompiler.passes import optimize
from speccompiler.planning.plan import Plan
from speccompiler.tiling.tile import Tile
from speccompiler.validation.input_checks import by_input, check_array, check_samples

if TYPE_CHECKING:
    import dask.array

    from speccompiler.model import Model


@dataclass(frozen=True, slots=True)
class MappedModel:
    """A model over arrays that fit it."""

    options: CompileOptions
    """With everything that decides the numbers: every worker compiles the same."""
    tile: tuple[int, ...] | None
    graph: BlockGraph
    task_bytes: int
    """The most that one task takes."""


def mapped_model(
    model: Model, x: Any, options: CompileOptions, tile: Sequence[int] | None
) -> MappedModel:
    """Check model, options and arrays, and lay out the blocks. ``SpecError``."""
    try:
        check_installed("dask arrays", "dask", "dask")
        given = by_input(x, model.input_names, "array")
    except Problem as problem:
        raise model.refused(problem) from None
    arrays = _dask_arrays(model, given)
    shapes = {name: a.shape[1:] for name, a in zip(model.input_names, arrays, strict=True)}
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
    except Problem as problem:
        raise model.refused(problem) from None
    options = replace(options, batch_size=batch_size, samples=None)
    layout = _whole_samples(plan)
    outputs = tuple(name for name, _ in plan.outputs)
    graph = BlockGraph(model.name, arrays, outputs, layout)
    needed = target.memory(lowered, plan, batch_size, threads) + graph.most_bytes()
    return MappedModel(options, None, graph, needed)


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
    apply_constraints: bool,
    math: MathName,
) -> CompileOptions:
    """The options of a call. ``SpecError`` for what can mean nothing."""
    try:
        check_choice("math", math, MathName)
        check_counts(batch_size=batch_size, threads=threads)
        named = checked_names("layers", layers)
    except Problem as problem:
        raise model.refused(problem) from None
    return CompileOptions(
        target=target,
        batch_size=batch_size,
        threads=threads,
        layers=named,
        apply_constraints=apply_constraints,
        math=math,
    )
