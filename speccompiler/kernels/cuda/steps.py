"""A plan's step as launches: the one place that binds the plan to CUDA kernels.

``_LAUNCHES`` has a row for each kernel of ``choices``. A launch reads the step's inputs and
writes its output, or a part of the scratch; weights and bias are the step's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod

from speccompiler.expressions.nodes import Expression
from speccompiler.expressions.source import word_source
from speccompiler.graph.ir import Node
from speccompiler.kernels.axes import transpose_plan
from speccompiler.kernels.cuda import gemm, memory_kernels, softmax, transpose, winograd
from speccompiler.kernels.cuda.choices import conv_splits, winograd_scratch, winograd_tile
from speccompiler.kernels.cuda.gemm import Gemm
from speccompiler.kernels.cuda.layer_steps import LAYER_LAUNCHES
from speccompiler.kernels.cuda.memory_kernels import width
from speccompiler.kernels.cuda.runtime.launches import (
    Launch,
    Part,
    StepCode,
    X,
    Y,
    flat,
    op_of,
    three,
)
from speccompiler.kernels.cuda.tile_choice import Pick
from speccompiler.kernels.cuda.tiles import Tile
from speccompiler.planning.candidate import KnownShape, known
from speccompiler.planning.plan import Step


def step_code(step: Step, n: int, pick: Pick) -> StepCode:
    """How a step is run for about ``n`` samples; ``pick`` chooses the tiles of products."""
    elements = prod(step.target_shape)
    if step.candidate is None:
        text = memory_kernels.copy_source(elements)
        return StepCode((flat("copy", text, elements, width(elements)),))
    return _LAUNCHES[step.candidate.kernel](step.node, step.source_shape, n, pick)


def product(g: Gemm, tile: Tile, reads: Part = X, writes: Part = Y) -> Launch:
    """The launch of a matrix product."""
    text = gemm.source(g, tile)
    return Launch(
        "gemm",
        text,
        tile.threads,
        lambda n: g.blocks(tile, n),
        reads,
        writes,
        g,
        gemm.resident(g, tile),
    )


def with_tile(launch: Launch, tile: Tile) -> Launch:
    """The same product cut in another way."""
    assert launch.product is not None, f"{launch.name} has no tile"
    return product(launch.product, tile, launch.reads, launch.writes)


def _activation(expression: Expression | None) -> str | None:
    return None if expression is None else word_source(expression)


def _geometry(node: Node, shape: KnownShape) -> Gemm:
    op, out = op_of(node), known(node)
    g = Gemm(
        three(shape[:-1], 1),
        shape[-1],
        three(out[:-1], 1),
        out[-1],
        three(op.kernel, 1),
        three(op.stride, 1),
        three([b for b, _ in op.padding], 0),
        three(op.repeats, 1),
        dilation=three(op.dilation, 1),
        splits=conv_splits(node, shape),
        bias=op.bias is not None,
        activation=_activation(op.activation),
    )
    # Rounding parts up to whole slabs may leave the last ones empty.
    return replace(g, splits=-(-g.terms // g.part))


def _gemm(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    g = _geometry(node, shape)
    tile = pick(g, n)
    if g.splits == 1:
        return StepCode((product(g, tile),))
    parts = replace(g, bias=False, activation=None)
    elements = g.positions * g.filters
    text = memory_kernels.sum_source(elements, g.filters, g.splits, g.bias, g.activation)
    joined = flat("sum", text, elements, width(g.filters), reads=0)
    return StepCode((product(parts, tile, X, 0), joined), (g.splits * elements,))


def _winograd(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    tile = winograd_tile(node, shape)
    assert tile is not None, f"{node.name} has no tile"
    op, g = op_of(node), _geometry(node, shape)
    tiles = prod(winograd.tile_counts(g.outputs, tile))
    planes = Gemm(
        (g.lengths[0], 1, tiles),
        g.channels,
        (g.outputs[0], 1, tiles),
        g.filters,
        (g.kernel[0], 1, 1),
        (g.stride[0], 1, 1),
        (g.before[0], 0, 0),
        (g.repeats[0], 1, 1),
        planes=tile.points,
    )
    into = winograd.input_source(g.lengths, g.channels, g.outputs, g.before, g.repeats, tile)
    windows = winograd.Windows(g.lengths, g.channels, g.kernel[0], g.stride[0], g.before, g.repeats)
    back = winograd.output_source(
        g.outputs, g.filters, tile, g.bias, _activation(op.activation), windows
    )
    launches = (
        Launch(
            "winograd in",
            into,
            winograd.THREADS,
            lambda n: winograd.blocks(g.outputs, g.lengths[0], g.channels, tile, n),
            X,
            0,
        ),
        product(planes, pick(planes, n), 0, 1),
        Launch(
            "winograd out",
            back,
            winograd.THREADS,
            lambda n: winograd.blocks(g.outputs, g.outputs[0], g.filters, tile, n),
            1,
            Y,
            second=X,
        ),
    )
    return StepCode(launches, winograd_scratch(node, shape))


def _pool(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    op, out = op_of(node), known(node)
    counted: list[int] = []
    zeros = ((0, 0),) * (4 - len(shape)) + op.zeros
    for length, (before, after) in zip(three(shape[:-1], 1), zeros, strict=True):
        counted += [-before, length + after]
    # The kernel's origin counts from the data, so the folded zeros shift it too.
    before = [b + z for (b, _), (z, _) in zip(op.padding, op.zeros, strict=True)]
    text = memory_kernels.pool_source(
        op.mode,
        three(shape[:-1], 1),
        shape[-1],
        three(out[:-1], 1),
        three(op.kernel, 1),
        three(op.stride, 1),
        three(before, 0),
        tuple(counted),
    )
    return StepCode((flat("pool", text, prod(out), width(out[-1])),))


def _resize(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    op, out = op_of(node), known(node)
    factors = three(getattr(op, "factors", ()), 1)
    before = three([b for b, _ in getattr(op, "padding", ())], 0)
    text = memory_kernels.resize_source(
        three(shape[:-1], 1), shape[-1], three(out[:-1], 1), factors, before
    )
    return StepCode((flat("resize", text, prod(out), width(out[-1])),))


def _map(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    elements = prod(shape)
    text = memory_kernels.map_source(elements, word_source(op_of(node).activation))
    return StepCode((flat("map", text, elements, width(elements)),))


def _softmax(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    rows, length = prod(shape[:-1]), shape[-1]
    text = softmax.source(rows, length)
    return StepCode(
        (Launch("softmax", text, softmax.THREADS, lambda n: softmax.blocks(rows, length, n)),)
    )


def _transpose(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    p = transpose_plan(node, shape)
    text = transpose.source(p.lengths, p.source_strides, p.target_strides)
    return StepCode(
        (Launch("transpose", text, transpose.THREADS, lambda n: transpose.blocks(p.lengths, n)),)
    )


_LAUNCHES: Mapping[str, Callable[[Node, KnownShape, int, Pick], StepCode]] = {
    "gemm": _gemm,
    "winograd": _winograd,
    "pool": _pool,
    "resize": _resize,
    "map": _map,
    "softmax": _softmax,
    "transpose": _transpose,
    **LAYER_LAUNCHES,
}
