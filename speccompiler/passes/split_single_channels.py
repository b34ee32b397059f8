"""Gives each channel kernels of its own where every group of a convolution is one channel."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from speccompiler.graph.ir import (
    Conv,
    Depthwise,
    Graph,
    Node,
    Op,
    Operand,
    Reshape,
    Transpose,
    Weight,
)
from speccompiler.graph.shapes import infer
from speccompiler.passes.rewrite import with_nodes


def split_single_channels(graph: Graph) -> Graph:
    """Make a Depthwise of a convolution with as many groups as channels.

    c = Conv(x, groups=C)    ->    c = Depthwise(x)

    Several filters of a channel stand side by side in the one and apart in the other: there the
    weights are read in another order, and a Transpose brings the outputs back into theirs.
    """
    if not any(_splits(node) for node in graph):
        return graph
    made: list[Node] = []
    names = set(graph.by_name())
    for node in graph:
        made += _split(node, names) if _splits(node) else [node]
    return with_nodes(graph, made)


def _splits(node: Node) -> bool:
    op = node.op
    return (
        isinstance(op, Conv)
        and op.groups > 1
        and op.weight.shape[-2] == 1
        and bool(op.kernel)
        and not op.repeats
        and (op.filters == op.groups or _reordered(op) is not None)
    )


def _split(node: Node, names: set[str]) -> list[Node]:
    op = node.op
    assert isinstance(op, Conv), f"{node.name} is no convolution"
    if op.filters == op.groups:
        return [replace(node, op=_depthwise(op, op.weight, op.bias))]
    operands = _reordered(op)
    assert operands is not None, f"the weights of {node.name} have no other order"
    many, channels = operands[0].shape[-2:]
    rank = len(op.kernel)
    *places, _ = node.shape
    swap = (*range(rank), rank + 1, rank)
    steps: list[Op] = [
        _depthwise(op, *operands),
        Reshape((*places, many, channels)),
        Transpose(swap),
    ]
    made: list[Node] = []
    (source,) = node.inputs
    for step in steps:
        name = _unused(f"{node.name}:{type(step).__name__.lower()}", names)
        shape = infer(step, made[-1].shape) if made else node.shape
        made.append(Node(name, step, (source,), shape, node.layer))
        source = name
    return [*made, replace(node, op=Reshape(node.shape), inputs=(source,))]


def _unused(name: str, names: set[str]) -> str:
    while name in names:
        name += "'"
    names.add(name)
    return name


def _depthwise(op: Conv, weight: Operand, bias: Operand | None) -> Depthwise:
    return Depthwise(op.kernel, op.stride, op.padding, weight, op.dilation, bias, op.activation)


def _reordered(op: Conv) -> tuple[Operand, Operand | None] | None:
    """Weight and bias with the m-th filters of all channels together.

    None where they are not read from a file as one axis, or two, of filters.
    """
    weight, many = op.weight, op.filters // op.groups
    if not isinstance(weight, Weight) or weight.phases:
        return None
    stored, axes = weight.split or weight.stored_shape, weight.axes
    shape = (*op.kernel, many, op.groups)
    last = axes[-1]
    if stored[last] == op.filters:
        split = (*stored[:last], op.groups, many, *stored[last + 1 :])
        moved = [axis + (axis > last) for axis in axes[:-1]]
        order = (*moved, last + 1, last)
    elif stored[last] == many and prod(stored[axis] for axis in axes[-2:]) == op.filters:
        split, order = stored, (*axes[:-2], last, axes[-2])
    else:
        return None
    bias = op.bias
    if bias is not None:
        if not isinstance(bias, Weight) or bias.stored_shape != (op.filters,) or bias.phases:
            return None
        bias = replace(bias, split=(op.groups, many), axes=(1, 0))
    return replace(weight, split=split, axes=order, shape=shape), bias
