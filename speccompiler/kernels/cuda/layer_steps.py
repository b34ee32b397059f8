"""Launches of the layers beside convolution, and of steps that read several values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

from speccompiler.expressions.source import word_source
from speccompiler.graph.ir import Node
from speccompiler.kernels.axes import parameter_axes, slice_plan
from speccompiler.kernels.cuda import channel_kernels, layer_kernels, row_kernels, softmax
from speccompiler.kernels.cuda.channel_kernels import Columns
from speccompiler.kernels.cuda.memory_kernels import width
from speccompiler.kernels.cuda.runtime.launches import (
    Launch,
    Part,
    Source,
    StepCode,
    X,
    Y,
    flat,
    op_of,
    three,
)
from speccompiler.kernels.cuda.tile_choice import Pick
from speccompiler.planning.candidate import KnownShape, known


def _map_with(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    op, elements, period = op_of(node), prod(shape), prod(shape[parameter_axes(node) :])
    count = len(op.parameters)
    activation = word_source(op.activation, parameters=count)
    text = layer_kernels.map_with_source(elements, period, count, activation)
    return StepCode((flat("map_with", text, elements, width(period)),))


def _depthwise(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    op, out = op_of(node), known(node)
    text = layer_kernels.depthwise_source(
        three(shape[:-1], 1),
        shape[-1],
        three(out[:-1], 1),
        three(op.kernel, 1),
        three(op.stride, 1),
        three([b for b, _ in op.padding], 0),
        op.weight.shape[-2],
    )
    return StepCode((flat("depthwise", text, prod(out), width(shape[-1])),))


def _local(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    op, out = op_of(node), known(node)
    first = len(shape) - 1 - len(op.kernel)
    text = layer_kernels.local_source(
        prod(shape[:first]),
        three(shape[first:-1], 1),
        shape[-1],
        three(out[first:-1], 1),
        out[-1],
        three(op.kernel, 1),
        three(op.stride, 1),
        op.bias is not None,
    )
    return StepCode((flat("local", text, prod(out), width(out[-1])),))


def _lookup(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    table, length = op_of(node).weight.shape
    text = layer_kernels.lookup_source(prod(shape), table, length)
    return StepCode((flat("lookup", text, prod(known(node)), width(length)),))


def _of_columns(name: str, text: str, found: Columns, blocks: Callable[[int], int]) -> StepCode:
    return StepCode((Launch(name, text, found.threads, blocks),))


def _global_pool(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    op = op_of(node)
    found = Columns(prod(shape[: op.kept]), prod(shape[op.kept : -1]), shape[-1])
    text = channel_kernels.global_pool_source(found, op.mode)
    return _of_columns("global_pool", text, found, lambda n: n * found.outer * found.groups)


def _batch_normalize(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    found = Columns(1, prod(shape[:-1]), shape[-1], samples=True)
    text = channel_kernels.batch_normalize_source(found, op_of(node).epsilon)
    return _of_columns("batch_normalize", text, found, lambda n: found.groups)


def _of_rows(name: str, text: str, count: int, length: int, second: Part | None = None) -> StepCode:
    def blocks(n: int) -> int:
        return softmax.blocks(count, length, n)

    return StepCode((Launch(name, text, softmax.THREADS, blocks, second=second),))


def _mask(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    count, length = prod(shape[:-1]), shape[-1]
    return _of_rows(
        "mask", row_kernels.mask_source(count, length, op_of(node).value), count, length
    )


def _normalize(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    count, length, op = prod(shape[:-1]), shape[-1], op_of(node)
    text = row_kernels.normalize_source(count, length, op.epsilon, op.added)
    return _of_rows("normalize", text, count, length)


def _dot(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    count, length = prod(shape[:-1]), shape[-1]
    outputs = prod(known(node))
    text = row_kernels.dot_source(count, outputs // count, length)
    return _of_rows("dot", text, outputs, length, Source(1))


def _combine(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    """Two values at a time, from first to last; the sum so far is the output."""
    op, elements, last = op_of(node), prod(shape), len(node.inputs) - 1
    activation = None if op.activation is None else word_source(op.activation)
    plain = layer_kernels.combine_source(elements, op.mode)
    final = layer_kernels.combine_source(
        elements,
        op.mode,
        divisor=last + 1 if op.mode == "ave" else 1,
        activation=activation,
    )
    return StepCode(
        tuple(
            flat(
                "combine",
                final if index == last else plain,
                elements,
                width(elements),
                reads=X if index == 1 else Y,
                second=Source(index),
            )
            for index in range(1, last + 1)
        )
    )


def _concat(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    """A launch for each value."""
    op, out = op_of(node), known(node)
    outer, inner = prod(out[: op.axis]), prod(out[op.axis + 1 :])
    whole, start = out[op.axis] * inner, 0
    launches = []
    for index, length in enumerate(int(one) * inner for one in op.lengths):
        text = layer_kernels.concat_source(outer, start, length, whole)
        of = layer_kernels.concat_width(start, length, whole)
        launches.append(flat("concat", text, outer * length, of, reads=Source(index)))
        start += length
    return StepCode(tuple(launches))


def _slice(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    plan = slice_plan(node, shape)
    text = layer_kernels.slice_source(prod(shape), plan.first, plan.outer, plan.length, plan.step)
    elements = prod(known(node))
    return StepCode((flat("slice", text, elements, 1),))


def _resize_image(node: Node, shape: KnownShape, n: int, pick: Pick) -> StepCode:
    op, out = op_of(node), known(node)
    height, width_, channels = shape[-3:]
    text = layer_kernels.resize_image_source(
        prod(out), (height, width_), channels, (out[-3], out[-2]), op.bilinear, op.align_corners
    )
    return StepCode((flat("resize_image", text, prod(out), width(channels)),))


LAYER_LAUNCHES: Mapping[str, Callable[[Node, KnownShape, int, Pick], StepCode]] = {
    "map_with": _map_with,
    "depthwise": _depthwise,
    "local": _local,
    "lookup": _lookup,
    "global_pool": _global_pool,
    "mask": _mask,
    "normalize": _normalize,
    "batch_normalize": _batch_normalize,
    "combine": _combine,
    "concat": _concat,
    "dot": _dot,
    "slice": _slice,
    "resize_image": _resize_image,
}
