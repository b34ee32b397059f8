"""The companions: activations, what does nothing, and what moves values (layers/core.py)."""

from __future__ import annotations

import math

from speccompiler.diagnostics import Problem
from speccompiler.dims import Dim, ceil_div, format_dim
from speccompiler.ir import Identity, Node, Reshape, Transpose, Upsample
from speccompiler.permutations import steps
from speccompiler.schemas import core
from speccompiler.schemas.fields import Layer
from speccompiler.shapes import element_count, format_shape, may_be_equal

from .builder import Builder, activate
from .convolution import activation_function


def lower_identity(b: Builder, layer: Layer, x: Node) -> Node:
    """Nothing happens in a forward pass."""
    return b.add(Identity(), x)


def lower_activation(b: Builder, layer: core.Activation, x: Node) -> Node:
    """A named activation or an expression; linear changes nothing."""
    return activate(b, x, activation_function(layer.activation, len(x.shape) + 1, b.semantics))


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
