"""Convolution1D/2D/3D, dilated or not, to ``Conv`` (Keras 1.2.2 layers/convolutional.py)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Conv, Node, Weight
from speccompiler.lowering.activations import activated
from speccompiler.lowering.border_modes import conv_padding
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.input_axes import known_channels, own_ordering, spatial_input
from speccompiler.lowering.kernel_arguments import check_kernel_arguments
from speccompiler.lowering.kernels import bias_of, kernel_layout, reverses
from speccompiler.schemas.kernel_layer import KernelLayer

if TYPE_CHECKING:
    from speccompiler.schemas.atrous_convolution import AtrousConvolution1D, AtrousConvolution2D
    from speccompiler.schemas.convolution1d import Convolution1D
    from speccompiler.schemas.convolution2d import Convolution2D
    from speccompiler.schemas.convolution3d import Convolution3D


@dataclass(frozen=True, slots=True)
class Windows:
    """Where a kernel is applied; ``dilation`` is the distance of the places that it reads."""

    stride: tuple[int, ...]
    border_mode: str
    dilation: tuple[int, ...]


def lower_convolution1d(b: Builder, layer: Convolution1D | AtrousConvolution1D, x: Node) -> Node:
    """Over (steps, channels). Keras stores the kernel of rows and columns, with one column."""
    x = spatial_input(b, layer, x)
    channels, length = known_channels(b, layer, x), layer.filter_length
    weight = Weight(
        b.layer,
        "W",
        (length, 1, channels, layer.nb_filter),
        (0, 1, 2, 3),
        (length, channels, layer.nb_filter),
        reverses(b, (length,)),
        variants="conv1d",
    )
    rate = (getattr(layer, "atrous_rate", 1),)
    windows = Windows((layer.subsample_length,), layer.border_mode, rate)
    return activated(b, convolve(b, layer, x, weight, windows), layer.activation)


def lower_convolution2d(b: Builder, layer: Convolution2D | AtrousConvolution2D, x: Node) -> Node:
    """Over rows and columns."""
    rate = getattr(layer, "atrous_rate", (1, 1))
    windows = Windows(layer.subsample, layer.border_mode, rate)
    return _lower_nd(b, layer, x, (layer.nb_row, layer.nb_col), windows)


def lower_convolution3d(b: Builder, layer: Convolution3D, x: Node) -> Node:
    """Over three spatial axes."""
    kernel = (layer.kernel_dim1, layer.kernel_dim2, layer.kernel_dim3)
    windows = Windows(layer.subsample, layer.border_mode, (1, 1, 1))
    return _lower_nd(b, layer, x, kernel, windows)


def _lower_nd(
    b: Builder,
    layer: Convolution2D | AtrousConvolution2D | Convolution3D,
    x: Node,
    kernel: tuple[int, ...],
    windows: Windows,
) -> Node:
    x = spatial_input(b, layer, x)
    channels = known_channels(b, layer, x)
    stored, axes = kernel_layout(layer, kernel, channels, layer.nb_filter)
    shape = (*kernel, channels, layer.nb_filter)
    weight = Weight(b.layer, "W", stored, axes, shape, reverses(b, kernel))
    y = activated(b, convolve(b, layer, x, weight, windows), layer.activation)
    return own_ordering(b, layer, y)


def convolve(b: Builder, layer: KernelLayer, x: Node, weight: Weight, windows: Windows) -> Node:
    """A convolution with the layer's bias, without its activation."""
    bias = bias_of(b, weight.shape[-1], layer.bias)
    check_kernel_arguments(b, layer, weight, bias)
    kernel = weight.shape[:-2]
    # A kernel of length 1 has no neighbouring places.
    rates = zip(kernel, windows.dilation, strict=True)
    dilation = tuple(1 if k == 1 else rate for k, rate in rates)
    dilation = dilation if any(rate != 1 for rate in dilation) else ()
    op = Conv(kernel, windows.stride, ((0, 0),) * len(kernel), weight, bias, dilation=dilation)
    spatial = x.shape[:-1]
    padding = conv_padding(windows.border_mode, b.semantics, spatial, op.extent, op.stride)
    return b.add(replace(op, padding=padding), x)
