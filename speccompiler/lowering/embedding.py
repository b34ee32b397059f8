"""Embedding, Masking, Highway and MaxoutDense (Keras 1.2.2 embeddings.py, core.py)."""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.grammar import parse
from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.graph.ir import (
    Combine,
    Conv,
    GlobalPool,
    Lookup,
    Map,
    Mask,
    Node,
    Reshape,
    Weight,
)
from speccompiler.graph.shapes import format_shape
from speccompiler.lowering.builder import Builder, activate
from speccompiler.lowering.convolution import activation_function, lower_dense
from speccompiler.lowering.kernel_arguments import check_kernel_arguments
from speccompiler.lowering.spatial import known_channels
from speccompiler.schemas.core import Masking
from speccompiler.schemas.dense import Highway, MaxoutDense, TimeDistributedDense
from speccompiler.schemas.embedding import Embedding


def lower_embedding(b: Builder, layer: Embedding, x: Node) -> Node:
    """Numbers to rows."""
    if len(x.shape) != 1:
        raise Problem(
            "CS038",
            "Embedding takes samples of shape (steps,), but its input has shape "
            f"{format_shape(x.shape)}",
            "flatten the numbers first",
        )
    shape = (layer.input_dim, layer.output_dim)
    table = Weight(b.layer, "W", shape, (0, 1), shape)
    check_kernel_arguments(b, layer, [table])
    return b.add(Lookup(table), x)


def lower_masking(b: Builder, layer: Masking, x: Node) -> Node:
    """Along the last axis."""
    return b.add(Mask(layer.mask_value), x)


def lower_time_distributed_dense(b: Builder, layer: TimeDistributedDense, x: Node) -> Node:
    """What Dense does with steps."""
    if len(x.shape) != 2:
        raise Problem(
            "CS038",
            "TimeDistributedDense takes samples of shape (steps, channels), but its input has "
            f"shape {format_shape(x.shape)}",
            "Dense works on the last axis of any shape",
        )
    return lower_dense(b, layer, x)


def lower_highway(b: Builder, layer: Highway, x: Node) -> Node:
    """Two products, and a weighted mean of one of them and the input."""
    channels = _vector(b, x, layer.type)
    square = (channels, channels)
    activation = activation_function(layer.activation, 2, b.semantics)

    def product(weight: str, bias: str) -> Node:
        w = Weight(b.layer, weight, square, (0, 1), square)
        added = Weight(b.layer, bias, (channels,), (0,), (channels,)) if layer.bias else None
        check_kernel_arguments(b, layer, [w] if added is None else [w, added])
        return b.add(Conv((), (), (), w, added), x)

    changed = activate(b, product("W", "b"), activation)
    share = b.add(Map(ACTIVATIONS["sigmoid"]), product("W_carry", "b_carry"))
    rest = b.add(Map(parse("1 - x")), share)
    carried = b.add(Combine("mul"), rest, x)
    return b.add(Combine("sum"), b.add(Combine("mul"), changed, share), carried)


def lower_maxout_dense(b: Builder, layer: MaxoutDense, x: Node) -> Node:
    """All products side by side, then the largest of each."""
    channels = _vector(b, x, layer.type)
    features, out = layer.nb_feature, layer.output_dim
    weight = Weight(b.layer, "W", (features, channels, out), (1, 0, 2), (channels, features * out))
    bias = None
    if layer.bias:
        bias = Weight(b.layer, "b", (features, out), (0, 1), (features * out,))
    check_kernel_arguments(b, layer, [weight] if bias is None else [weight, bias])
    y = b.add(Conv((), (), (), weight, bias), x)
    return b.add(GlobalPool("max"), b.add(Reshape((features, out)), y))


def _vector(b: Builder, x: Node, layer_type: str) -> int:
    if len(x.shape) != 1:
        raise Problem(
            "CS038",
            f"{layer_type} takes a vector, but its input has shape {format_shape(x.shape)}",
            "flatten first",
        )
    return known_channels(x.shape[0], layer_type, x, b)
