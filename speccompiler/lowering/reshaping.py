"""Flatten, Reshape, Permute, RepeatVector, and the layers that leave values as they are.

Keras 1.2.2 layers/core.py.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.dims import Dim, format_dim
from speccompiler.graph.ir import Identity, Node, Reshape, Transpose, Upsample
from speccompiler.graph.permutations import steps
from speccompiler.graph.rounding import ceil_div
from speccompiler.graph.shapes import element_count, format_shape, may_be_equal
from speccompiler.lowering.builder import Builder
from speccompiler.schemas.fields import Layer

if TYPE_CHECKING:
    from speccompiler.schemas import reshaping
    from speccompiler.schemas.flatten import Flatten


def lower_identity(b: Builder, layer: Layer, x: Node) -> Node:
    """A layer that does nothing in a forward pass."""
    return b.add(Identity(), x)


def lower_flatten(b: Builder, layer: Flatten, x: Node) -> Node:
    """Row-major over the layout that the array has, whatever dim_ordering says.

    With ``channels_first`` the first axis goes last before (Keras 2.3.1 layers/core.py:506).
    """
    if layer.channels_first and len(x.shape) > 1:
        x = b.add(Transpose((*range(1, len(x.shape)), 0)), x)
    return b.add(Reshape((element_count(x.shape),)), x)


def lower_reshape(b: Builder, layer: reshaping.Reshape, x: Node) -> Node:
    """The axis that is -1 is as long as the others leave it. CS046."""
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


def lower_permute(b: Builder, layer: reshaping.Permute, x: Node) -> Node:
    """Axes of a sample are counted from 1. CS038."""
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


def lower_repeat_vector(b: Builder, layer: reshaping.RepeatVector, x: Node) -> Node:
    """A vector becomes one step, which is repeated. CS038."""
    if len(x.shape) != 1:
        raise Problem(
            "CS038",
            f"RepeatVector takes a vector, but its input has shape {format_shape(x.shape)}",
            "flatten first",
        )
    return b.add(Upsample((layer.n,)), b.add(Reshape((1, *x.shape)), x))
