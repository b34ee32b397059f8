"""TimeDistributed: the inner layer's operations, with the axis of steps in front of their own.

A step is no sample, as the batch axis is implied; it is one more spatial axis, along which every
window is 1 long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.dims import Dim
from speccompiler.graph.ir import (
    BatchNormalize,
    Combine,
    Concat,
    Constant,
    Conv,
    Depthwise,
    Dot,
    GlobalPool,
    Identity,
    Input,
    Local,
    Lookup,
    Map,
    MapWith,
    Mask,
    Node,
    Normalize,
    Op,
    Operand,
    Pad,
    Pool,
    Reshape,
    Resize,
    Shape,
    Slice,
    Softmax,
    Transpose,
    Upsample,
    Weight,
)
from speccompiler.graph.permutations import steps
from speccompiler.graph.shapes import element_count, format_shape, same_shape
from speccompiler.lowering.builder import Builder
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.time_distributed import TimeDistributed

MOST_AXES = 3
"""Spatial axes that kernels have."""
MOST_APART = 256
"""Steps that a layer without an axis for them is applied to one by one."""


def lower_time_distributed(
    lower_layer: Callable[..., Node], b: Builder, layer: TimeDistributed, *inputs: Node
) -> Node:
    """Lower the inner layer for one step, then give its operations the axis of steps.

    Steps of steps are so many steps: their axes are one while the inner layer is applied.
    """
    for x in inputs:
        _check_steps(layer, x)
    count = _count(inputs)
    if isinstance(layer.layer, TimeDistributed):
        joined = [b.add(Reshape((x.shape[0] * x.shape[1], *x.shape[2:])), x) for x in inputs]
        y = lower_time_distributed(lower_layer, b, layer.layer, *joined)
        return b.add(Reshape((count, inputs[0].shape[1], *y.shape[1:])), y)
    part = Builder(b.semantics, frozenset(), layer=b.layer, call=b.call, unknown=b.unknown)
    firsts = [part.add(Input(x.shape[1:])) for x in inputs]
    try:
        last = lower_layer(part, layer.layer, *firsts)
    except Problem as problem:
        if problem.code != "CS038" or not _fits_without_steps(lower_layer, b, layer, inputs):
            raise
        kind = layer.layer.class_name
        sizes = format_shape(inputs[0].shape)
        raise Problem(
            "CS038",
            f"TimeDistributed applies {kind} to every step, but its input {sizes} is one step",
            f"the axis of steps is missing: an input of shape {_steps_of(inputs[0])} has it; "
            "null leaves it open",
        ) from None
    b.diagnostics += part.diagnostics
    inner = part.nodes[len(firsts) :]
    try:
        shapes = {node.name: node.shape for node in part.nodes}
        ops = [
            _with_steps(node.op, shapes[node.inputs[0]], node.shape, count, layer.layer.class_name)
            for node in inner
        ]
    except Problem:
        if not isinstance(count, int) or not 1 <= count <= MOST_APART:
            raise
        return _one_by_one(lower_layer, b, layer.layer, inputs, count)
    values = {first.name: x for first, x in zip(firsts, inputs, strict=True)}
    for node, in_a_row in zip(inner, ops, strict=True):
        read = [values[name] for name in node.inputs]
        for op in in_a_row:
            read = [b.add(op, *read)]
        values[node.name] = read[0]
    return values[last.name]


def _one_by_one(
    lower_layer: Callable[..., Node], b: Builder, layer: Layer, inputs: Sequence[Node], count: int
) -> Node:
    """The layer on each step by itself: what has no axis left for the steps.

    Each step is cut out of all, as a row, and the results are rows side by side.
    """
    said = len(b.diagnostics)
    rows = []
    for step in range(count):
        taken = [_row(b, x, step, count) for x in inputs]
        y = lower_layer(b, layer, *taken)
        rows.append(b.add(Reshape((1, element_count(y.shape))), y))
    del b.diagnostics[said:]  # they are known from the part of one step
    together = b.add(Concat(0, (1,) * count), *rows) if count > 1 else rows[0]
    return b.add(Reshape((count, *y.shape)), together)


def _row(b: Builder, x: Node, step: int, count: int) -> Node:
    rows = b.add(Reshape((count, element_count(x.shape[1:]))), x)
    row = b.add(Pad(((-step, step + 1 - count),)), rows)
    return b.add(Reshape(x.shape[1:]), row)


def _check_steps(layer: TimeDistributed, x: Node) -> None:
    """CS038 unless there are axes of steps, and one more at least."""
    wrappers, inner = 1, layer.layer
    while isinstance(inner, TimeDistributed):
        wrappers, inner = wrappers + 1, inner.layer
    if len(x.shape) <= wrappers:
        raise Problem(
            "CS038",
            f"TimeDistributed takes steps, but its input has shape {format_shape(x.shape)}",
            "an axis of steps comes before those of the inner layer's input: "
            f"where {format_shape(x.shape)} is one step, write {_steps_of(x)}; null leaves it open",
        )


def _steps_of(x: Node) -> str:
    """The shape of a whole input of which ``x`` is one step."""
    return f"(steps, {format_shape(x.shape)[1:-1].rstrip(',')})"


def _count(inputs: Sequence[Node]) -> Dim:
    """How many steps several inputs have; CS063 where they differ."""
    (count,) = same_shape([(x.shape[0],) for x in inputs])
    return count


def _fits_without_steps(
    lower_layer: Callable[..., Node], b: Builder, layer: TimeDistributed, inputs: Sequence[Node]
) -> bool:
    """Whether the whole input is what the inner layer takes."""
    trial = Builder(b.semantics, frozenset(), layer=b.layer, call=b.call, unknown={})
    try:
        lower_layer(trial, layer.layer, *(trial.add(Input(x.shape)) for x in inputs))
    except Problem:
        return False
    return True


def _with_steps(op: Op, read: Shape, made: Shape, count: Dim, kind: str) -> list[Op]:
    """The same of every step, of which ``op`` makes one of another: some operations in a row."""
    match op:
        case Pool(_, (1, _, _), (1, _, _), ((0, 0), *_), ((0, 0), *_)):
            # Nothing is seen along the first axis: steps are more of it.
            first, *rest = read
            last, *others = made
            many = Reshape((count * first, *rest))
            return [many, op, Reshape((count, last, *others))]
        case Conv():
            _check_axes(len(op.kernel), kind)
            return [
                replace(
                    op,
                    kernel=(1, *op.kernel),
                    stride=(1, *op.stride),
                    padding=((0, 0), *op.padding),
                    weight=_longer(op.weight),
                    dilation=(1, *op.dilation) if op.dilation else (),
                )
            ]
        case Depthwise():
            _check_axes(len(op.kernel), kind)
            return [
                Depthwise(
                    (1, *op.kernel),
                    (1, *op.stride),
                    ((0, 0), *op.padding),
                    _longer(op.weight),
                )
            ]
        case Pool():
            _check_axes(len(op.kernel), kind)
            none = (0, 0)
            return [
                replace(
                    op,
                    kernel=(1, *op.kernel),
                    stride=(1, *op.stride),
                    padding=(none, *op.padding),
                    zeros=(none, *op.zeros),
                )
            ]
        case GlobalPool():
            return [replace(op, kept=op.kept + 1)]
        case Upsample(factors):
            _check_axes(len(factors), kind)
            return [Upsample((1, *factors))]
        case Pad(padding):
            _check_axes(len(padding), kind)
            return [Pad(((0, 0), *padding))]
        case MapWith():
            return [replace(op, parameters=tuple(map(_longer, op.parameters)))]
        case Reshape(shape):
            return [Reshape((count, *shape))]
        case Slice(start, apart, counts):
            return [Slice((0, *start), (1, *apart), (count, *counts))]
        case Transpose(axes):
            return [Transpose(a) for a in steps((0, *(axis + 1 for axis in axes)))]
        case Concat(axis, lengths):
            return [Concat(axis + 1, lengths)]
        case Dot():
            raise Problem(
                "CS059",
                f"TimeDistributed cannot apply {kind} in mode dot or cos: it would mix the steps",
                f"a known number of steps, up to {MOST_APART}, would be merged one by one",
                argument="layer",
            )
        case _:
            alike = (
                Identity, Map, Softmax, Mask, Normalize, BatchNormalize, Lookup, Local, Combine,
                Resize,
            )  # fmt: skip
            assert isinstance(op, alike), f"{type(op).__name__} has no rule for steps"
            return [op]


def _longer(operand: Operand) -> Operand:
    """An axis of length 1 in front."""
    if isinstance(operand, Constant):
        return replace(operand, shape=(1, *operand.shape))
    assert isinstance(operand, Weight), "a layer's operands are not derived"
    phases = (1, *operand.phases) if operand.phases else ()
    return replace(operand, shape=(1, *operand.shape), phases=phases)


def _check_axes(rank: int, kind: str) -> None:
    if rank >= MOST_AXES:
        raise Problem(
            "CS059",
            f"TimeDistributed cannot apply {kind}: steps and its {rank} spatial axes are too many",
            f"a known number of steps, up to {MOST_APART}, would be taken one by one",
            argument="layer",
        )
