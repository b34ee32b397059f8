"""TimeDistributed: the inner layer's operations, with the axis of steps in front of their own.

A step is no sample, as the batch axis is implied; it is one more spatial axis, along which every
window is 1 long.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from speccompiler.diagnostics import Problem
from speccompiler.dims import Dim
from speccompiler.ir import (
    BatchNormalize,
    Combine,
    Concat,
    Conv,
    Depthwise,
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
    Softmax,
    Transpose,
    Upsample,
    Weight,
)
from speccompiler.permutations import steps
from speccompiler.schemas.wrappers import TimeDistributed
from speccompiler.shapes import format_shape

from .builder import Builder

MOST_AXES = 3
"""Spatial axes that kernels have."""


def lower_time_distributed(
    lower_layer: Callable[..., Node], b: Builder, layer: TimeDistributed, x: Node
) -> Node:
    """Lower the inner layer for one step, then give its operations the axis of steps."""
    if len(x.shape) < 2:
        raise Problem(
            "CS038",
            f"TimeDistributed takes steps, but its input has shape {format_shape(x.shape)}",
            "an axis of steps comes before those of the inner layer's input",
        )
    count, step = x.shape[0], Input(x.shape[1:])
    part = Builder(b.semantics, frozenset(), layer=b.layer, call=b.call)
    first = part.add(step)
    try:
        last = lower_layer(part, layer.layer, first)
    except Problem as problem:
        if problem.code != "CS038" or not _fits_without_steps(lower_layer, b, layer, x):
            raise
        inner = layer.layer.class_name
        sizes = format_shape(x.shape)
        raise Problem(
            "CS038",
            f"TimeDistributed applies {inner} to every step, but its input {sizes} is one step",
            f"the axis of steps is missing: an input of shape (steps, {sizes[1:-1].rstrip(',')}) "
            "has it; null leaves it open",
        ) from None
    b.diagnostics += part.diagnostics
    values = {first.name: x}
    for node in part.nodes[1:]:
        read = [values[name] for name in node.inputs]
        for op in _with_steps(node.op, count, layer.layer.inner.__class__.__name__):
            read = [b.add(op, *read)]
        values[node.name] = read[0]
    return values[last.name]


def _fits_without_steps(
    lower_layer: Callable[..., Node], b: Builder, layer: TimeDistributed, x: Node
) -> bool:
    """Whether the whole input is what the inner layer takes."""
    trial = Builder(b.semantics, frozenset(), layer=b.layer, call=b.call)
    try:
        lower_layer(trial, layer.layer, trial.add(Input(x.shape)))
    except Problem:
        return False
    return True


def _with_steps(op: Op, count: Dim, kind: str) -> list[Op]:
    """The same of every step: one operation, or some in a row."""
    match op:
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
        case Transpose(axes):
            return [Transpose(a) for a in steps((0, *(axis + 1 for axis in axes)))]
        case Concat(axis, lengths):
            return [Concat(axis + 1, lengths)]
        case _:
            alike = (
                Identity, Map, Softmax, Mask, Normalize, BatchNormalize, Lookup, Local, Combine,
            )  # fmt: skip
            assert isinstance(op, alike), f"{type(op).__name__} has no rule for steps"
            return [op]


def _longer(operand: Operand) -> Operand:
    """An axis of length 1 in front."""
    assert isinstance(operand, Weight), "a layer's operands are stored tensors"
    phases = (1, *operand.phases) if operand.phases else ()
    return replace(operand, shape=(1, *operand.shape), phases=phases)


def _check_axes(rank: int, kind: str) -> None:
    if rank >= MOST_AXES:
        raise Problem(
            "CS059",
            f"TimeDistributed cannot apply {kind}: steps and its {rank} spatial axes are too many",
            f"layers with up to {MOST_AXES - 1} spatial axes can be applied to steps",
            argument="layer",
        )
