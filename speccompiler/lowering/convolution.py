"""Convolution1D/2D/3D, dilated or not, to ``Conv`` (Keras 1.2.2 layers/convolutional.py)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Conv, Node, Weight
from speccompiler.lowering.activations import finished
from speccompiler.lowering.border_modes import conv_padding
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.groups import channels_of_group
from speccompiler.lowering.input_axes import known_channels, spatial_input
from speccompiler.lowering.kernel_arguments import check_kernel_arguments
from speccompiler.lowering.kernels import bias_of, kernel_layout, reverses
from speccompiler.schemas.fields import argument
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
    seen = channels_of_group(layer, known_channels(b, layer, x), layer.nb_filter)
    length = layer.filter_length
    weight = Weight(
        b.layer,
        "W",
        (length, 1, seen, layer.nb_filter),
        (0, 1, 2, 3),
        (length, seen, layer.nb_filter),
        reverses(b, (length,)),
        variants="conv1d",
    )
    windows = Windows((layer.subsample_length,), layer.border_mode, (layer.atrous_rate,))
    return finished(b, layer, convolve(b, layer, x, weight, windows), layer.activation)


def lower_convolution2d(b: Builder, layer: Convolution2D | AtrousConvolution2D, x: Node) -> Node:
    """Over rows and columns."""
    windows = Windows(layer.subsample, layer.border_mode, layer.atrous_rate)
    return _lower_nd(b, layer, x, (layer.nb_row, layer.nb_col), windows)


def lower_convolution3d(b: Builder, layer: Convolution3D, x: Node) -> Node:
    """Over three spatial axes."""
    kernel = (layer.kernel_dim1, layer.kernel_dim2, layer.kernel_dim3)
    windows = Windows(layer.subsample, layer.border_mode, layer.atrous_rate)
    return _lower_nd(b, layer, x, kernel, windows)


def _lower_nd(
    b: Builder,
    layer: Convolution2D | AtrousConvolution2D | Convolution3D,
    x: Node,
    kernel: tuple[int, ...],
    windows: Windows,
) -> Node:
    x = spatial_input(b, layer, x)
    seen = channels_of_group(layer, known_channels(b, layer, x), layer.nb_filter)
    stored, axes = kernel_layout(layer, kernel, seen, layer.nb_filter)
    shape = (*kernel, seen, layer.nb_filter)
    weight = Weight(b.layer, "W", stored, axes, shape, reverses(b, kernel))
    return finished(b, layer, convolve(b, layer, x, weight, windows), layer.activation)


def convolve(b: Builder, layer: KernelLayer, x: Node, weight: Weight, windows: Windows) -> Node:
    """A convolution with the layer's bias, without its activation."""
    bias = bias_of(b, weight.shape[-1], layer.bias)
    check_kernel_arguments(b, layer, weight, bias)
    kernel = weight.shape[:-2]
    none = ((0, 0),) * len(kernel)
    dilation = dilation_of(kernel, windows.dilation)
    groups = argument(layer, "groups") or 1
    op = Conv(kernel, windows.stride, none, weight, bias, dilation=dilation, groups=groups)
    spatial = x.shape[:-1]
    padding = conv_padding(windows.border_mode, b.semantics, spatial, op.extent, op.stride)
    return b.add(replace(op, padding=padding), x)


def dilation_of(kernel: tuple[int, ...], rates: tuple[int, ...]) -> tuple[int, ...]:
    """The dilation of an operation; a kernel of length 1 has no neighbouring places."""
    dilation = tuple(1 if k == 1 else rate for k, rate in zip(kernel, rates, strict=True))
    return dilation if any(rate != 1 for rate in dilation) else ()
