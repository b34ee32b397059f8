"""Layers that are matrix products of vectors: Dense, Highway, MaxoutDense (Keras 1.2.2 core.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.library import ACTIVATIONS, COMPLEMENT
from speccompiler.graph.dims import is_known
from speccompiler.graph.ir import Combine, Conv, GlobalPool, Map, Node, Reshape, Weight
from speccompiler.graph.shapes import element_count, format_shape
from speccompiler.lowering.activations import activated, activation_function, apply
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.convolution import Windows, convolve
from speccompiler.lowering.input_axes import known_channels
from speccompiler.lowering.kernel_arguments import check_kernel_arguments
from speccompiler.schemas.fields import Layer

if TYPE_CHECKING:
    from speccompiler.schemas.dense import Dense
    from speccompiler.schemas.highway import Highway
    from speccompiler.schemas.maxout_dense import MaxoutDense
    from speccompiler.schemas.time_distributed_dense import TimeDistributedDense


def lower_dense(b: Builder, layer: Dense | TimeDistributedDense, x: Node) -> Node:
    """A kernel of length 1 over the positions, which are all axes but the last, made one axis.

    Where open lengths were flattened, ``input_dim`` says how many values they have to give.
    """
    if len(x.shape) == 1 and not is_known(x.shape[0]) and layer.input_dim is not None:
        x = b.add(Reshape((layer.input_dim,)), x)
    channels = known_channels(b, layer, x)
    stored = (channels, layer.output_dim)
    positions = x.shape[:-1]
    activation = activation_function(layer.activation, len(x.shape) + 1, b.semantics)
    if len(positions) > 1:
        x = b.add(Reshape((element_count(positions), channels)), x)
    rank = min(len(positions), 1)
    if b.layer in b.shared and not positions:
        # Calls of a layer read one weight, whatever the ranks of their inputs.
        x, rank = b.add(Reshape((1, channels)), x), 1
    weight = Weight(b.layer, "W", stored, (0, 1), (1,) * rank + stored)
    windows = Windows((1,) * rank, "valid", (1,) * rank)
    y = apply(b, convolve(b, layer, x, weight, windows), activation)
    if len(positions) != rank or len(positions) > 1:
        y = b.add(Reshape((*positions, layer.output_dim)), y)
    return y


def lower_time_distributed_dense(b: Builder, layer: TimeDistributedDense, x: Node) -> Node:
    """A Dense that takes nothing but steps. CS038."""
    if len(x.shape) != 2:
        raise Problem(
            "CS038",
            "TimeDistributedDense takes samples of shape (steps, channels), but its input has "
            f"shape {format_shape(x.shape)}",
            "Dense works on the last axis of any shape",
        )
    return lower_dense(b, layer, x)


def lower_highway(b: Builder, layer: Highway, x: Node) -> Node:
    """A weighted mean of a Dense and of the input; the weights are another Dense."""
    channels = _vector_length(b, layer, x)
    square = (channels, channels)

    def product(weight: str, bias: str) -> Node:
        w = Weight(b.layer, weight, square, (0, 1), square)
        added = Weight(b.layer, bias, (channels,), (0,), (channels,)) if layer.bias else None
        check_kernel_arguments(b, layer, w, added)
        return b.add(Conv((), (), (), w, added), x)

    changed = activated(b, product("W", "b"), layer.activation)
    share = b.add(Map(ACTIVATIONS["sigmoid"]), product("W_carry", "b_carry"))
    rest = b.add(Map(COMPLEMENT), share)
    carried = b.add(Combine("mul"), rest, x)
    return b.add(Combine("sum"), b.add(Combine("mul"), changed, share), carried)


def lower_maxout_dense(b: Builder, layer: MaxoutDense, x: Node) -> Node:
    """All products side by side, then the largest of each."""
    channels = _vector_length(b, layer, x)
    features, out = layer.nb_feature, layer.output_dim
    weight = Weight(b.layer, "W", (features, channels, out), (1, 0, 2), (channels, features * out))
    bias = None
    if layer.bias:
        bias = Weight(b.layer, "b", (features, out), (0, 1), (features * out,))
    check_kernel_arguments(b, layer, weight, bias)
    y = b.add(Conv((), (), (), weight, bias), x)
    return b.add(GlobalPool("max"), b.add(Reshape((features, out)), y))


def _vector_length(b: Builder, layer: Layer, x: Node) -> int:
    """How long the input is; CS038 where it is no vector."""
    if len(x.shape) != 1:
        raise Problem(
            "CS038",
            f"{layer.class_name} takes a vector, but its input has shape {format_shape(x.shape)}",
            "flatten first",
        )
    return known_channels(b, layer, x)
