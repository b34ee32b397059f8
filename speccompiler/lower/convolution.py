"""Convolution1D/2D/3D and Dense to ``Conv`` (Keras 1.2.2 convolutional.py, core.py)."""

from __future__ import annotations

from typing import Literal

from speccompiler.diagnostics import Problem
from speccompiler.dims import Dim
from speccompiler.expressions.grammar import parse
from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.expressions.nodes import Expression
from speccompiler.ir import Conv, Node, Padding, Reshape, Weight
from speccompiler.lengths import full, same_tensorflow, same_theano_conv
from speccompiler.schemas.activation import ExpressionActivation
from speccompiler.schemas.convolution import Convolution1D, Convolution2D, Convolution3D
from speccompiler.schemas.kernel import Dense, KernelLayer
from speccompiler.shapes import element_count

from .builder import Builder, Semantics, activate, channels_last, restore_ordering
from .kernel_arguments import check_kernel_arguments
from .spatial import check_rank, known_channels

LayoutAxes = {
    "tf": {2: (0, 1, 2, 3), 3: (0, 1, 2, 3, 4)},
    "th": {2: (2, 3, 1, 0), 3: (2, 3, 4, 1, 0)},
}


def activation_function(
    value: str | ExpressionActivation | None, rank: int
) -> Expression | Literal["softmax"] | None:
    """What an ``activation`` argument means; None for linear.

    ``rank`` counts the batch axis: Keras refuses softmax on other than rank 2 and 3
    (1.2.2 activations.py:6-17), CS043.
    """
    if value is None or value == "linear":
        return None
    if isinstance(value, ExpressionActivation):
        return parse(value.expr)
    if value == "softmax":
        if rank not in {2, 3}:
            raise Problem(
                "CS043",
                f"softmax needs a tensor of rank 2 or 3, batch axis included; here it has {rank}",
                "Keras 1.x refuses it too; flatten first, or use another activation",
                argument="activation",
            )
        return "softmax"
    return ACTIVATIONS[value]


def conv_padding(
    mode: str, semantics: Semantics, n: tuple[Dim, ...], k: tuple[int, ...], s: tuple[int, ...]
) -> Padding:
    """(before, after) of every axis of a convolution."""
    if mode == "valid":
        return ((0, 0),) * len(k)
    if mode == "full":
        return tuple(full(length) for length in k)
    split = same_theano_conv if semantics.padding == "theano" else same_tensorflow
    return tuple(split(*axis) for axis in zip(n, k, s, strict=True))


def lower_convolution1d(b: Builder, layer: Convolution1D, x: Node) -> Node:
    """(steps, channels); the stored kernel has a dummy axis 1, always in tf layout."""
    check_rank(x, 1, "tf", layer.type)
    channels = known_channels(x.shape[-1], layer.type)
    length = layer.filter_length
    stored = (length, 1, channels, layer.nb_filter)
    weight = _weight(b, stored, (0, 1, 2, 3), (length, channels, layer.nb_filter))
    y = _convolve(b, layer, x, weight, (layer.subsample_length,), layer.border_mode)
    return activate(b, y, activation_function(layer.activation, len(y.shape) + 1))


def lower_convolution2d(b: Builder, layer: Convolution2D, x: Node) -> Node:
    """Rows and columns."""
    return _lower_nd(b, layer, x, (layer.nb_row, layer.nb_col))


def lower_convolution3d(b: Builder, layer: Convolution3D, x: Node) -> Node:
    """Three spatial axes."""
    return _lower_nd(b, layer, x, (layer.kernel_dim1, layer.kernel_dim2, layer.kernel_dim3))


def _lower_nd(
    b: Builder, layer: Convolution2D | Convolution3D, x: Node, kernel: tuple[int, ...]
) -> Node:
    rank, ordering = len(kernel), layer.dim_ordering
    check_rank(x, rank, ordering, layer.type)
    x = channels_last(b, x, ordering)
    channels = known_channels(x.shape[-1], layer.type)
    shape = (*kernel, channels, layer.nb_filter)
    stored = shape if ordering == "tf" else (layer.nb_filter, channels, *kernel)
    weight = _weight(b, stored, LayoutAxes[ordering][rank], shape)
    y = _convolve(b, layer, x, weight, layer.subsample, layer.border_mode)
    y = activate(b, y, activation_function(layer.activation, len(y.shape) + 1))
    return restore_ordering(b, y, ordering)


def lower_dense(b: Builder, layer: Dense, x: Node) -> Node:
    """A kernel of length 1 over the positions: every axis but the last, as one axis."""
    channels = known_channels(x.shape[-1], layer.type)
    stored = (channels, layer.output_dim)
    positions = x.shape[:-1]
    activation = activation_function(layer.activation, len(x.shape) + 1)
    if len(positions) > 1:
        x = b.add(Reshape((element_count(positions), channels)), x)
    rank = min(len(positions), 1)
    if b.layer in b.shared and not positions:
        # One weight for all calls, whatever their inputs' ranks.
        x, rank = b.add(Reshape((1, channels)), x), 1
    weight = Weight(b.layer, "W", stored, (0, 1), (1,) * rank + stored)
    y = activate(b, _convolve(b, layer, x, weight, (1,) * rank, "valid"), activation)
    if len(positions) != rank or len(positions) > 1:
        y = b.add(Reshape((*positions, layer.output_dim)), y)
    return y


def _weight(
    b: Builder, stored: tuple[int, ...], axes: tuple[int, ...], shape: tuple[int, ...]
) -> Weight:
    flip = b.semantics.kernel == "convolve" and any(k > 1 for k in shape[:-2])
    return Weight(b.layer, "W", stored, axes, shape, flip)


def _convolve(
    b: Builder, layer: KernelLayer, x: Node, weight: Weight, stride: tuple[int, ...], mode: str
) -> Node:
    filters = weight.shape[-1]
    bias = Weight(b.layer, "b", (filters,), (0,), (filters,)) if layer.bias else None
    check_kernel_arguments(layer, weight, bias)
    kernel = weight.shape[:-2]
    padding = conv_padding(mode, b.semantics, x.shape[:-1], kernel, stride)
    return b.add(Conv(kernel, stride, padding, weight, bias), x)
