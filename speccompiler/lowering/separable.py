"""Separable and depthwise convolutions (Keras 1.2.2 and 2.3.1 layers/convolutional.py)."""

from __future__ import annotations

from dataclasses import replace

from speccompiler.expressions.nodes import Binary, Parameter, Variable
from speccompiler.graph.ir import Conv, Depthwise, MapWith, Node, Reshape, Transpose, Weight
from speccompiler.lowering.activations import finished
from speccompiler.lowering.border_modes import conv_padding
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.convolution import Windows, dilation_of
from speccompiler.lowering.input_axes import known_channels, spatial_input
from speccompiler.lowering.kernel_arguments import check_kernel_arguments
from speccompiler.lowering.kernels import bias_of, reverses, stored_ordering
from speccompiler.schemas.depthwise_convolution import (
    DepthwiseConvolution1D,
    DepthwiseConvolution2D,
)
from speccompiler.schemas.separable_convolution import (
    SeparableConvolution1D,
    SeparableConvolution2D,
)

SHIFTED = Binary("+", Variable(), Parameter(0))
_ByChannel = (
    DepthwiseConvolution1D
    | DepthwiseConvolution2D
    | SeparableConvolution1D
    | SeparableConvolution2D
)


def lower_separable_convolution(
    b: Builder, layer: SeparableConvolution1D | SeparableConvolution2D, x: Node
) -> Node:
    """A depthwise convolution, then one of 1 or 1x1.

    What M kernels make of channel c is stored as the channels ``c * M + m``; the operation gives
    them as ``m * C + c``.
    """
    x = spatial_input(b, layer, x)
    channels, times = known_channels(b, layer, x), layer.depth_multiplier
    kernel, filters, joint = _kernel(layer), layer.nb_filter, channels * times
    rank, ones = len(kernel), (1,) * len(kernel)
    tf, lengths = stored_ordering(layer) == "tf", tuple(range(rank))
    behind = tuple(range(2, rank + 2))
    depthwise = Weight(
        b.layer,
        "depthwise_kernel",
        (*kernel, channels, times) if tf else (times, channels, *kernel),
        (*lengths, rank + 1, rank) if tf else (*behind, 0, 1),
        (*kernel, times, channels),
        reverses(b, kernel) and rank > 1,
    )
    pointwise = Weight(
        b.layer,
        "pointwise_kernel",
        (*ones, joint, filters) if tf else (filters, joint, *ones),
        (*lengths, rank + 1, rank, rank + 2) if tf else (*(a + 1 for a in behind), 2, 1, 0),
        (*ones, joint, filters),
        split=(*ones, channels, times, filters) if tf else (filters, channels, times, *ones),
    )
    bias = bias_of(b, filters, layer.bias)
    check_kernel_arguments(b, layer, depthwise, pointwise, bias)
    y = _by_channel(b, layer, x, depthwise)
    y = b.add(Conv(ones, ones, ((0, 0),) * rank, pointwise, bias), y)
    return finished(b, layer, y, layer.activation)


def lower_depthwise_convolution(
    b: Builder, layer: DepthwiseConvolution1D | DepthwiseConvolution2D, x: Node
) -> Node:
    """Kernels of its own for each channel, whose results stand side by side.

    The kernel is not reversed under Theano's semantics either: its backend reversed it first
    (Keras 2.1.6 backend/theano_backend.py:2047).
    """
    x = spatial_input(b, layer, x)
    channels, times = known_channels(b, layer, x), layer.depth_multiplier
    kernel, joint = _kernel(layer), channels * times
    rank = len(kernel)
    weight = Weight(
        b.layer,
        "W",
        (*kernel, channels, times),
        (*range(rank), rank + 1, rank),
        (*kernel, times, channels),
    )
    ones = (1,) * rank
    bias = Weight(b.layer, "b", (joint,), (0,), (*ones, joint)) if layer.bias else None
    check_kernel_arguments(b, layer, weight, bias)
    y = _by_channel(b, layer, x, weight)
    if times > 1 and channels > 1:
        spatial = y.shape[:-1]
        y = b.add(Reshape((*spatial, times, channels)), y)
        y = b.add(Transpose((*range(rank), rank + 1, rank)), y)
        y = b.add(Reshape((*spatial, joint)), y)
    if bias is not None:
        y = b.add(MapWith(SHIFTED, (bias,)), y)
    return finished(b, layer, y, layer.activation)


def _by_channel(b: Builder, layer: _ByChannel, x: Node, weight: Weight) -> Node:
    windows = _windows(layer)
    kernel = weight.shape[:-2]
    none = ((0, 0),) * len(kernel)
    dilation = dilation_of(kernel, windows.dilation)
    op = Depthwise(kernel, windows.stride, none, weight, dilation)
    spatial = x.shape[:-1]
    padding = conv_padding(windows.border_mode, b.semantics, spatial, op.extent, op.stride)
    return b.add(replace(op, padding=padding), x)


def _kernel(layer: _ByChannel) -> tuple[int, ...]:
    if isinstance(layer, DepthwiseConvolution1D | SeparableConvolution1D):
        return (layer.filter_length,)
    return layer.nb_row, layer.nb_col


def _windows(layer: _ByChannel) -> Windows:
    if isinstance(layer, DepthwiseConvolution1D | SeparableConvolution1D):
        return Windows((layer.subsample_length,), layer.border_mode, (layer.atrous_rate,))
    return Windows(layer.subsample, layer.border_mode, layer.atrous_rate)
