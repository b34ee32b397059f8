"""A plan's step as launches: the one place that binds the plan to CUDA kernels.

``_LAUNCHES`` has a row for each kernel of ``choices``. A launch reads and writes the step's
input ``x``, its output ``y`` or a part of the scratch; weights and bias are the step's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.expressions.nodes import Expression
from speccompiler.expressions.source import word_source
from speccompiler.ir import Conv, Node, Weight
from speccompiler.plan import Step

from ..cpu.candidate import KnownShape, known
from ..cpu.candidate import three as filled
from ..cpu.choices import transpose_plan
from ..reference import operand
from . import gemm, memory_kernels, softmax, transpose, winograd
from .choices import conv_splits, winograd_scratch, winograd_tile
from .gemm import Gemm
from .pick import Pick
from .tiles import Tile

Array = npt.NDArray[np.float32]
Three = tuple[int, int, int]
EMPTY = np.zeros(0, np.float32)
X, Y = "x", "y"


@dataclass(frozen=True, slots=True)
class Launch:
    """One start of a kernel.

    ``reads`` and ``writes`` are ``"x"``, ``"y"``, or the number of a scratch part.
    """

    name: str
    text: str
    threads: int
    blocks: Callable[[int], int]
    """Blocks for so many samples."""
    reads: str | int = X
    writes: str | int = Y
    product: Gemm | None = None
    """What is multiplied, where the tile could be another."""
    resident: int = 1
    """Blocks that a multiprocessor is to hold: bounds the registers of a thread."""


@dataclass(frozen=True, slots=True)
class StepCode:
    """A step's launches in order, and the scratch parts they use: float32 values a sample."""

    launches: tuple[Launch, ...]
    scratch: tuple[int, ...] = ()


def step_code(step: Step, n: int, pick: Pick) -> StepCode:
    """How a step is run for about ``n`` samples; ``pick`` chooses the tiles of products."""
    elements = prod(step.target_shape)
    if step.candidate is None:
        return _flat("copy", memory_kernels.copy_source(elements), elements, elements)
    return _LAUNCHES[step.candidate.kernel](step.node, step.source_shape, n, pick)


def product(g: Gemm, tile: Tile, reads: str | int = X, writes: str | int = Y) -> Launch:
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


def _three(values: Any, fill: int) -> Three:
    z, v, u = filled(values, fill)
    return z, v, u


def _op(node: Node) -> Any:
    return node.op


def _flat(name: str, text: str, elements: int, channels: int) -> StepCode:
    """A kernel whose threads take one or four values of the output each."""
    of = memory_kernels.width(channels)
    return StepCode(
        (
            Launch(
                name,
                text,
                memory_kernels.THREADS,
                lambda n: memory_kernels.flat_blocks(elements, n, of),
            ),
        )
    )


def _activation(expression: Expression | None) -> str | None:
    return None if expression is None else word_source(expression)


def _geometry(node: Node, shape: KnownShape) -> Gemm:
    op, out = _op(node), known(node)
    g = Gemm(
        _three(shape[:-1], 1),
        shape[-1],
        _three(out[:-1], 1),
        out[-1],
        _three(op.kernel, 1),
        _three(op.stride, 1),
        _three([b for b, _ in op.padding], 0),
        _three(op.repeats, 1),
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
    (joined,) = _flat("sum", text, elements, g.filters).launches
    return StepCode((product(parts, tile, X, 0), replace(joined, reads=0)), (g.splits * elements,))


def _winograd(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    tile = winograd_tile(node, shape)
    assert tile is not None, f"{node.name} has no tile"
    op, g = _op(node), _geometry(node, shape)
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
    back = winograd.output_source(g.outputs, g.filters, tile, g.bias, _activation(op.activation))
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
        ),
    )
    return StepCode(launches, winograd_scratch(node, shape))


def _pool(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    op, out = _op(node), known(node)
    counted: list[int] = []
    zeros = ((0, 0),) * (4 - len(shape)) + op.zeros
    for length, (before, after) in zip(_three(shape[:-1], 1), zeros, strict=True):
        counted += [-before, length + after]
    # The kernel's origin counts from the data, so the folded zeros shift it too.
    before = [b + z for (b, _), (z, _) in zip(op.padding, op.zeros, strict=True)]
    text = memory_kernels.pool_source(
        op.mode,
        _three(shape[:-1], 1),
        shape[-1],
        _three(out[:-1], 1),
        _three(op.kernel, 1),
        _three(op.stride, 1),
        _three(before, 0),
        tuple(counted),
    )
    return _flat("pool", text, prod(out), out[-1])


def _resize(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    op, out = _op(node), known(node)
    factors = _three(getattr(op, "factors", ()), 1)
    before = _three([b for b, _ in getattr(op, "padding", ())], 0)
    text = memory_kernels.resize_source(
        _three(shape[:-1], 1), shape[-1], _three(out[:-1], 1), factors, before
    )
    return _flat("resize", text, prod(out), out[-1])


def _map(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    elements = prod(shape)
    text = memory_kernels.map_source(elements, word_source(_op(node).activation))
    return _flat("map", text, elements, elements)


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
}


def packed_weights(step: Step, weights: Mapping[Weight, npt.NDArray[Any]]) -> tuple[Array, Array]:
    """Weights as (terms, filters), or with points in front, and the bias: filters by fours."""
    op = step.node.op
    if step.candidate is None or not isinstance(op, Conv):
        return EMPTY, EMPTY
    take = getattr(weights, "take", weights.__getitem__)
    weight = operand(op.weight, take(op.weight))
    bias = None if op.bias is None else take(op.bias)
    filters = weight.shape[-1]
    missing = -filters % 4
    if step.candidate.kernel == "winograd":
        tile = winograd_tile(step.node, step.source_shape)
        assert tile is not None, f"{step.node.name} has no tile"
        taps = weight.shape[0] if weight.ndim == 5 else 1
        whole = weight.reshape(taps, *tile.kernel, *weight.shape[-2:]).astype(np.float64)
        weight = winograd.transform_weights(whole.transpose(1, 2, 0, 3, 4), tile)
    rows = weight.reshape(-1, filters)
    packed = np.ascontiguousarray(np.pad(rows, ((0, 0), (0, missing))), np.float32)
    padded = np.zeros(filters + missing, np.float32)
    if bias is not None:
        padded[:filters] = bias
    return packed.reshape(-1), padded
