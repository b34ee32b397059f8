"""Normalises by changed weights of the convolution before, or by one multiply-add a value."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import zip_longest

from speccompiler.expressions.affine import Affine, affine, shifted
from speccompiler.expressions.library import SCALED
from speccompiler.expressions.nodes import Binary, Expression, Parameter, Where, children
from speccompiler.expressions.nodes import Node as Part
from speccompiler.graph.ir import Conv, Depthwise, Derived, Graph, MapWith, Node, Operand
from speccompiler.passes.rewrite import with_nodes, with_op


def fold_normalization(graph: Graph) -> Graph:
    """Fold what is ``scale * x + shift`` into the convolution that only it reads.

    c = Conv(x, W, b)                c = Conv(x, W * scale, b * scale + shift)
    n = MapWith(c, scale, shift) ->

    ``scale`` and ``shift`` have a value for each channel. Where there is no such convolution, the
    two are computed once, when the model is loaded, from mean, variance, gamma and beta.
    """
    readers, outputs = graph.readers(), frozenset(graph.outputs)
    done: dict[str, Node] = {}
    for node in graph:
        op = node.op
        parts = _parts(op.activation) if isinstance(op, MapWith) and op.after is None else None
        if isinstance(op, MapWith) and parts is not None:
            source = done[node.inputs[0]]
            alone = len(readers[source.name]) == 1 and source.name not in outputs
            if alone and isinstance(source.op, Conv | Depthwise) and _by_channel(op, source.op):
                del done[source.name]
                folded = _folded(source.op, op, *parts)
                node = Node(node.name, folded, source.inputs, source.shape, source.layer)
            else:
                node = with_op(node, _once(op, *parts), source)
        done[node.name] = node
    return with_nodes(graph, done.values())


@lru_cache(maxsize=64)
def _parts(activation: Expression) -> Affine | None:
    """Scale and shift, where neither makes a choice; most layers have one of a few expressions."""
    parts = affine(activation)
    return None if parts is None or any(map(_chooses, parts)) else parts


def _chooses(part: Part) -> bool:
    """Whether a formula has a ``where`` in it."""
    return isinstance(part, Where) or any(map(_chooses, children(part)))


def _by_channel(op: MapWith, conv: Conv | Depthwise) -> bool:
    """Whether every parameter is one value, or one a channel of the output.

    Of a Depthwise with several kernels a channel, the last axis of the weights is not the output's.
    """
    if isinstance(conv, Depthwise) and conv.weight.shape[-2] != 1:
        return False
    shapes = [parameter.shape for parameter in op.parameters]
    return conv.activation is None and all(n == 1 for shape in shapes for n in shape[:-1])


def _folded(
    conv: Conv | Depthwise, op: MapWith, scale: Expression, shift: Expression
) -> Conv | Depthwise:
    kernel, with_bias = _formulas(scale, shift)
    weight = Derived(kernel, (conv.weight, *op.parameters), conv.weight.shape)
    filters = conv.weight.shape[-1:]
    bias = Derived(shift, op.parameters, filters)
    if conv.bias is not None:
        bias = Derived(with_bias, (conv.bias, *op.parameters), filters)
    return replace(conv, weight=weight, bias=bias)


@lru_cache(maxsize=64)
def _formulas(scale: Expression, shift: Expression) -> tuple[Expression, Expression]:
    """The kernel and the bias, each the first parameter, with the others folded in."""
    kernel = Binary("*", Parameter(0), shifted(scale, 1))
    return kernel, Binary("+", kernel, shifted(shift, 1))


def _once(op: MapWith, scale: Expression, shift: Expression) -> MapWith:
    """Two parameters that hold the scale and the shift."""
    reversed_shapes = zip_longest(*(p.shape[::-1] for p in op.parameters), fillvalue=1)
    shape = tuple(max(lengths) for lengths in reversed_shapes)[::-1]
    whole: tuple[Operand, ...] = tuple(Derived(e, op.parameters, shape) for e in (scale, shift))
    return MapWith(SCALED, whole)
