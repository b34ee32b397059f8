"""The companions: activations, what does nothing, and what moves values (layers/core.py)."""

from __future__ import annotations

import math

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.grammar import Array, parse_with_arrays
from speccompiler.graph.dims import Dim, ceil_div, format_dim
from speccompiler.graph.ir import Constant, Identity, MapWith, Node, Reshape, Transpose, Upsample
from speccompiler.graph.permutations import steps
from speccompiler.graph.shapes import element_count, format_shape, may_be_equal
from speccompiler.lowering.builder import Builder, activate
from speccompiler.lowering.convolution import activation_function
from speccompiler.schemas import core
from speccompiler.schemas.activation import ExpressionActivation
from speccompiler.schemas.fields import Layer


def lower_identity(b: Builder, layer: Layer, x: Node) -> Node:
    """Nothing happens in a forward pass."""
    return b.add(Identity(), x)


def lower_activation(b: Builder, layer: core.Activation, x: Node) -> Node:
    """A named activation or an expression; linear changes nothing."""
    if isinstance(layer.activation, ExpressionActivation):
        parsed = parse_with_arrays(layer.activation.expr)
        if parsed.arrays:
            parameters = tuple(_beside(b, array, x) for array in parsed.arrays)
            return b.add(MapWith(parsed.expression, parameters), x)
    return activate(b, x, activation_function(layer.activation, len(x.shape) + 1, b.semantics))


def _beside(b: Builder, array: Array, x: Node) -> Constant:
    """Numbers that a text holds, along the last axes as NumPy broadcasts them. CS069."""
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
    """Where the numbers are of another axis: how to write them."""
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


def lower_flatten(b: Builder, layer: core.Flatten, x: Node) -> Node:
    """Row-major over the layout that the array really has."""
    return b.add(Reshape((element_count(x.shape),)), x)


def lower_reshape(b: Builder, layer: core.Reshape, x: Node) -> Node:
    """One -1 takes what the others leave."""
    total = element_count(x.shape)
    known = math.prod(d for d in layer.target_shape if d != -1)
    shape: list[Dim] = list(layer.target_shape)
    if -1 in layer.target_shape:
        rest = ceil_div(total, known)
        if not may_be_equal(rest * known, total):
            raise Problem(
                "CS046",
                f"{format_dim(total)} values of {format_shape(x.shape)} cannot be split evenly "
                f"by {known}",
                "check the sizes beside the -1",
                argument="target_shape",
            )
        shape[shape.index(-1)] = rest
    return b.add(Reshape(tuple(shape)), x)


def lower_permute(b: Builder, layer: core.Permute, x: Node) -> Node:
    """Axes counted from 1."""
    if len(layer.dims) != len(x.shape):
        raise Problem(
            "CS038",
            f"Permute names {len(layer.dims)} axes, but its input has shape "
            f"{format_shape(x.shape)}",
            "name every axis of a sample once, counted from 1, without the batch axis",
            argument="dims",
        )
    for axes in steps(tuple(axis - 1 for axis in layer.dims)):
        x = b.add(Transpose(axes), x)
    return x


def lower_repeat_vector(b: Builder, layer: core.RepeatVector, x: Node) -> Node:
    """One step, repeated."""
    if len(x.shape) != 1:
        raise Problem(
            "CS038",
            f"RepeatVector takes a vector, but its input has shape {format_shape(x.shape)}",
            "flatten first",
        )
    return b.add(Upsample((layer.n,)), b.add(Reshape((1, *x.shape)), x))
