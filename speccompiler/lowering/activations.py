"""What an ``activation`` argument means, and the Activation layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.library import ACTIVATIONS, named_activation, theano_relu
from speccompiler.expressions.nodes import Expression, Variable
from speccompiler.graph.ir import Constant, Map, MapWith, Node, Softmax
from speccompiler.graph.shapes import format_shape
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.input_axes import own_ordering
from speccompiler.lowering.semantics import Semantics
from speccompiler.lowering.softmax import log_softmax
from speccompiler.schemas.activation import ExpressionActivation
from speccompiler.schemas.fields import Layer

if TYPE_CHECKING:
    from speccompiler.expressions.grammar import Array
    from speccompiler.schemas import activation_layer

Activation = str | ExpressionActivation | None
Function = Expression | Literal["softmax", "log_softmax"] | None
"""None is linear."""


def activated(b: Builder, x: Node, activation: Activation) -> Node:
    """``x`` with an activation that is an argument of a layer; a pass fuses the node. CS043."""
    return apply(b, x, activation_function(activation, len(x.shape) + 1, b.semantics))


def apply(b: Builder, x: Node, function: Function) -> Node:
    """The node of an activation; ``x`` itself where that is linear."""
    if function is None:
        return x
    if function == "log_softmax":
        return log_softmax(b, x)
    return b.add(Softmax() if function == "softmax" else Map(function), x)


def finished(b: Builder, layer: Layer, y: Node, activation: Activation) -> Node:
    """``(*spatial, channels)`` in the layer's dim_ordering, with its activation. CS043.

    A softmax is of the last axis that the value has in the end.
    """
    function = activation_function(activation, len(y.shape) + 1, b.semantics)
    if isinstance(function, str):
        return apply(b, own_ordering(b, layer, y), function)
    return own_ordering(b, layer, apply(b, y, function))


def activation_function(value: Activation, rank: int, semantics: Semantics) -> Function:
    """What an ``activation`` argument means.

    ``rank`` counts the batch axis: Keras 1.x refuses softmax on other than rank 2 and 3
    (1.2.2 activations.py:6-17), CS043; Keras 2 and later, and ``softmax_last``, take any.
    """
    if value is None or value == "linear":
        return None
    if isinstance(value, ExpressionActivation):
        from speccompiler.expressions.grammar import parse

        expression = parse(value.expr)
        return None if isinstance(expression, Variable) else expression
    if value == "softmax":
        if rank not in {2, 3} and not semantics.later_keras:
            raise Problem(
                "CS043",
                f"softmax needs a tensor of rank 2 or 3, batch axis included; here it has {rank}",
                "Keras 1.x refuses it too; flatten first, or use another activation; softmax_last "
                "takes any rank",
                argument="activation",
            )
        return "softmax"
    if value == "softmax_last":
        return "softmax"
    if value == "log_softmax":
        return "log_softmax"
    if value == "relu":
        return relu(semantics)
    return named_activation(value)


def relu(semantics: Semantics) -> Expression:
    """The backend's own formula: they differ in what they make of -infinity."""
    return theano_relu() if semantics.infinities == "theano" else ACTIVATIONS["relu"]


def lower_activation(b: Builder, layer: activation_layer.Activation, x: Node) -> Node:
    """A named activation, or an expression, which may hold numbers that stand beside values."""
    if isinstance(layer.activation, ExpressionActivation):
        from speccompiler.expressions.grammar import parse_with_arrays

        parsed = parse_with_arrays(layer.activation.expr)
        if parsed.arrays:
            parameters = tuple(_beside(b, array, x) for array in parsed.arrays)
            return b.add(MapWith(parsed.expression, parameters), x)
    return activated(b, x, layer.activation)


def _beside(b: Builder, array: Array, x: Node) -> Constant:
    """The numbers of an expression as an operand; they broadcast as NumPy's do, or are CS069."""
    shape = (1,) * (len(x.shape) - len(array.shape)) + array.shape
    fits = len(shape) == len(x.shape) and all(
        n in {1, length} for n, length in zip(shape, x.shape, strict=True)
    )
    if not fits:
        raise Problem(
            "CS069",
            f"the numbers of shape {format_shape(array.shape)} do not stand beside values of "
            f"shape {format_shape(x.shape)}",
            _beside_hint(array, x),
            argument="activation",
        )
    return Constant(b.layer, array.values, shape)


def _beside_hint(array: Array, x: Node) -> str:
    """How to write the numbers, where they would stand beside another axis than the last."""
    if len(array.shape) == 1:
        rank = len(x.shape)
        for axis in range(rank - 1):
            if x.shape[axis] == array.shape[0]:
                inside = rank - 1 - axis
                entry = "[" * inside + "a" + "]" * inside
                return (
                    f"one for each place of axis {axis + 1}: give every number lists of its own, "
                    f"[{entry}, {entry.replace('a', 'b')}, ..]"
                )
    return (
        "lists count from the last axis, as NumPy's arrays do; an axis has its length there, or 1"
    )
