"""Convolution1D/2D/3D and Dense to ``Conv`` (Keras 1.2.2 convolutional.py, core.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.grammar import parse
from speccompiler.expressions.library import ACTIVATIONS, THEANO_RELU
from speccompiler.expressions.nodes import Expression, Variable
from speccompiler.graph.dims import Dim, is_known
from speccompiler.graph.ir import Conv, Node, Padding, Reshape, Weight
from speccompiler.graph.lengths import (
    full,
    same_tensorflow,
    same_tensorflow_unclamped,
    same_theano_conv,
)
from speccompiler.graph.shapes import element_count
from speccompiler.lowering.builder import (
    Builder,
    Semantics,
    activate,
    channels_last,
    restore_ordering,
)
from speccompiler.lowering.kernel_arguments import check_kernel_arguments
from speccompiler.lowering.spatial import check_rank, known_channels
from speccompiler.schemas.activation import ExpressionActivation
from speccompiler.schemas.convolution import (
    AtrousConvolution1D,
    AtrousConvolution2D,
    Convolution1D,
    Convolution2D,
    Convolution3D,
)
from speccompiler.schemas.dense import Dense, TimeDistributedDense
from speccompiler.schemas.kernel_layer import KernelLayer
from speccompiler.schemas.profiles import Profile

LayoutAxes = {
    "tf": {2: (0, 1, 2, 3), 3: (0, 1, 2, 3, 4)},
    "th": {2: (2, 3, 1, 0), 3: (2, 3, 4, 1, 0)},
}


def activation_function(
    value: str | ExpressionActivation | None, rank: int, semantics: Semantics | None = None
) -> Expression | Literal["softmax"] | None:
    """What an ``activation`` argument means; None for linear.

    Without ``semantics`` infinities are TensorFlow's.

    ``rank`` counts the batch axis: Keras refuses softmax on other than rank 2 and 3
    (1.2.2 activations.py:6-17), CS043.
    """
    if value is None or value == "linear":
        return None
    if isinstance(value, ExpressionActivation):
        expression = parse(value.expr)
        return None if isinstance(expression, Variable) else expression
    if value == "softmax":
        if rank not in {2, 3}:
            raise Problem(
                "CS043",
                f"softmax needs a tensor of rank 2 or 3, batch axis included; here it has {rank}",
                "Keras 1.x refuses it too; flatten first, or use another activation",
                argument="activation",
            )
        return "softmax"
    if value == "relu":
        return relu(semantics)
    return ACTIVATIONS[value]


def relu(semantics: Semantics | None) -> Expression:
    """The backend's own: they differ in what -infinity gives."""
    theano = semantics is not None and semantics.infinities == "theano"
    return THEANO_RELU if theano else ACTIVATIONS["relu"]


def conv_padding(
    mode: str, semantics: Semantics, n: tuple[Dim, ...], k: tuple[int, ...], s: tuple[int, ...]
) -> Padding:
    """(before, after) of every axis of a convolution."""
    if mode == "valid":
        return ((0, 0),) * len(k)
    old_3d = semantics.padding == "theano-0.8" and len(k) == 3
    if old_3d and (mode == "full" or any(stride != 1 for stride in s)):
        found = "border_mode 'full'" if mode == "full" else "'same' with a stride"
        raise Problem(
            "CS055",
            f"Theano 0.8 has no 3-D convolution with {found}",
            "--semantics theano takes the rules of Theano 0.9, which has it",
        )
    if mode == "full":
        return tuple(full(length) for length in k)
    # The old 3-D path has the surplus of an even kernel behind, as TensorFlow has.
    split = same_tensorflow if old_3d else _SAME[semantics.padding]
    return tuple(split(*axis) for axis in zip(n, k, s, strict=True))


_SAME: Mapping[Profile, Callable[[Dim, int, int], tuple[Dim, Dim]]] = {
    "tensorflow": same_tensorflow,
    "tensorflow-1.0": same_tensorflow_unclamped,
    "theano": same_theano_conv,
    "theano-0.8": same_theano_conv,
}


def lower_convolution1d(b: Builder, layer: Convolution1D | AtrousConvolution1D, x: Node) -> Node:
    """(steps, channels); the stored kernel has a dummy axis 1, always in tf layout."""
    check_rank(x, 1, "tf", layer.type)
    channels = known_channels(x.shape[-1], layer.type, x, b)
    length = layer.filter_length
    stored = (length, 1, channels, layer.nb_filter)
    weight = replace(
        kernel_weight(b, stored, (0, 1, 2, 3), (length, channels, layer.nb_filter)),
        variants="conv1d",
    )
    apart = (layer.atrous_rate,) if isinstance(layer, AtrousConvolution1D) else (1,)
    y = _convolve(b, layer, x, weight, (layer.subsample_length,), layer.border_mode, apart)
    return activate(b, y, activation_function(layer.activation, len(y.shape) + 1, b.semantics))


def lower_convolution2d(b: Builder, layer: Convolution2D | AtrousConvolution2D, x: Node) -> Node:
    """Rows and columns."""
    return _lower_nd(b, layer, x, (layer.nb_row, layer.nb_col))


def lower_convolution3d(b: Builder, layer: Convolution3D, x: Node) -> Node:
    """Three spatial axes."""
    return _lower_nd(b, layer, x, (layer.kernel_dim1, layer.kernel_dim2, layer.kernel_dim3))


def _lower_nd(
    b: Builder,
    layer: Convolution2D | AtrousConvolution2D | Convolution3D,
    x: Node,
    kernel: tuple[int, ...],
) -> Node:
    rank, ordering = len(kernel), layer.dim_ordering
    check_rank(x, rank, ordering, layer.type)
    x = channels_last(b, x, ordering)
    channels = known_channels(x.shape[-1], layer.type, x, b)
    shape = (*kernel, channels, layer.nb_filter)
    stored = shape if ordering == "tf" else (layer.nb_filter, channels, *kernel)
    weight = kernel_weight(b, stored, LayoutAxes[ordering][rank], shape)
    apart = layer.atrous_rate if isinstance(layer, AtrousConvolution2D) else (1,) * rank
    y = _convolve(b, layer, x, weight, layer.subsample, layer.border_mode, apart)
    y = activate(b, y, activation_function(layer.activation, len(y.shape) + 1, b.semantics))
    return restore_ordering(b, y, ordering)


def lower_dense(b: Builder, layer: Dense | TimeDistributedDense, x: Node) -> Node:
    """A kernel of length 1 over the positions: every axis but the last, as one axis.

    Where open lengths were flattened, ``input_dim`` says how many values they have to give.
    """
    if len(x.shape) == 1 and not is_known(x.shape[0]) and layer.input_dim is not None:
        x = b.add(Reshape((layer.input_dim,)), x)
    channels = known_channels(x.shape[-1], layer.type, x, b)
    stored = (channels, layer.output_dim)
    positions = x.shape[:-1]
    activation = activation_function(layer.activation, len(x.shape) + 1, b.semantics)
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


def kernel_weight(
    b: Builder, stored: tuple[int, ...], axes: tuple[int, ...], shape: tuple[int, ...]
) -> Weight:
    """The current layer's W, flipped where the backend convolves."""
    flip = b.semantics.kernel == "convolve" and any(k > 1 for k in shape[:-2])
    return Weight(b.layer, "W", stored, axes, shape, flip)


def _convolve(
    b: Builder,
    layer: KernelLayer,
    x: Node,
    weight: Weight,
    stride: tuple[int, ...],
    mode: str,
    apart: tuple[int, ...] = (),
) -> Node:
    filters = weight.shape[-1]
    bias = Weight(b.layer, "b", (filters,), (0,), (filters,)) if layer.bias else None
    check_kernel_arguments(b, layer, [weight] if bias is None else [weight, bias])
    kernel = weight.shape[:-2]
    # A window of one place has no neighbours to stand apart.
    apart = tuple(1 if k == 1 else d for k, d in zip(kernel, apart, strict=False))
    dilation = apart if any(d != 1 for d in apart) else ()
    op = Conv(kernel, stride, ((0, 0),) * len(kernel), weight, bias, dilation=dilation)
    padding = conv_padding(mode, b.semantics, x.shape[:-1], op.extent, stride)
    return b.add(replace(op, padding=padding), x)
