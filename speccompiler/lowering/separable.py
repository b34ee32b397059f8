"""SeparableConvolution2D (Keras 1.2.2 layers/convolutional.py)."""

from __future__ import annotations

from speccompiler.graph.ir import Conv, Depthwise, Node, Weight
from speccompiler.lowering.activations import activated
from speccompiler.lowering.border_modes import conv_padding
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.input_axes import known_channels, own_ordering, spatial_input
from speccompiler.lowering.kernel_arguments import check_kernel_arguments
from speccompiler.lowering.kernels import bias_of, reverses
from speccompiler.schemas.separable_convolution import SeparableConvolution2D


def lower_separable_convolution2d(b: Builder, layer: SeparableConvolution2D, x: Node) -> Node:
    """A depthwise convolution, then one of 1x1.

    What M kernels make of channel c is stored as the channels ``c * M + m``; the operation gives
    them as ``m * C + c``.
    """
    x = spatial_input(b, layer, x)
    channels, times = known_channels(b, layer, x), layer.depth_multiplier
    kernel, filters, joint = (layer.nb_row, layer.nb_col), layer.nb_filter, channels * times
    tf = layer.dim_ordering == "tf"
    depthwise = Weight(
        b.layer,
        "depthwise_kernel",
        (*kernel, channels, times) if tf else (times, channels, *kernel),
        (0, 1, 3, 2) if tf else (2, 3, 0, 1),
        (*kernel, times, channels),
        reverses(b, kernel),
    )
    pointwise = Weight(
        b.layer,
        "pointwise_kernel",
        (1, 1, joint, filters) if tf else (filters, joint, 1, 1),
        (0, 1, 3, 2, 4) if tf else (3, 4, 2, 1, 0),
        (1, 1, joint, filters),
        split=(1, 1, channels, times, filters) if tf else (filters, channels, times, 1, 1),
    )
    bias = bias_of(b, filters, layer.bias)
    check_kernel_arguments(b, layer, depthwise, pointwise, bias)
    stride = layer.subsample
    padding = conv_padding(layer.border_mode, b.semantics, x.shape[:-1], kernel, stride)
    y = b.add(Depthwise(kernel, stride, padding, depthwise), x)
    y = b.add(Conv((1, 1), (1, 1), ((0, 0),) * 2, pointwise, bias), y)
    return own_ordering(b, layer, activated(b, y, layer.activation))
