"""SeparableConvolution2D and LocallyConnected1D/2D (Keras 1.2.2 convolutional.py, local.py)."""

from __future__ import annotations

from math import prod

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.ir import Conv, Depthwise, Local, Node, Weight
from speccompiler.graph.lengths import window_count
from speccompiler.graph.shapes import format_shape
from speccompiler.lowering.builder import Builder, activate, channels_last, restore_ordering
from speccompiler.lowering.convolution import activation_function, conv_padding
from speccompiler.lowering.kernel_arguments import check_kernel_arguments
from speccompiler.lowering.spatial import check_rank, known_channels
from speccompiler.schemas.convolution import SeparableConvolution2D
from speccompiler.schemas.local import LocallyConnected1D, LocallyConnected2D


def lower_separable_convolution2d(b: Builder, layer: SeparableConvolution2D, x: Node) -> Node:
    """Depthwise, then 1x1. Stored channel ``c * M + m`` is the operation's ``m * C + c``."""
    ordering = layer.dim_ordering
    check_rank(x, 2, ordering, layer.type)
    x = channels_last(b, x, ordering)
    channels, times = known_channels(x.shape[-1], layer.type, x, b), layer.depth_multiplier
    kernel, filters, joint = (layer.nb_row, layer.nb_col), layer.nb_filter, channels * times
    flip = b.semantics.kernel == "convolve" and any(k > 1 for k in kernel)
    tf = ordering == "tf"
    depthwise = Weight(
        b.layer,
        "depthwise_kernel",
        (*kernel, channels, times) if tf else (times, channels, *kernel),
        (0, 1, 3, 2) if tf else (2, 3, 0, 1),
        (*kernel, times, channels),
        flip,
    )
    pointwise = Weight(
        b.layer,
        "pointwise_kernel",
        (1, 1, joint, filters) if tf else (filters, joint, 1, 1),
        (0, 1, 3, 2, 4) if tf else (3, 4, 2, 1, 0),
        (1, 1, joint, filters),
        split=(1, 1, channels, times, filters) if tf else (filters, channels, times, 1, 1),
    )
    bias = Weight(b.layer, "b", (filters,), (0,), (filters,)) if layer.bias else None
    check_kernel_arguments(b, layer, [w for w in (depthwise, pointwise, bias) if w is not None])
    stride = layer.subsample
    padding = conv_padding(layer.border_mode, b.semantics, x.shape[:-1], kernel, stride)
    y = b.add(Depthwise(kernel, stride, padding, depthwise), x)
    y = b.add(Conv((1, 1), (1, 1), ((0, 0),) * 2, pointwise, bias), y)
    y = activate(b, y, activation_function(layer.activation, len(y.shape) + 1, b.semantics))
    return restore_ordering(b, y, ordering)


def lower_locally_connected(
    b: Builder, layer: LocallyConnected1D | LocallyConnected2D, x: Node
) -> Node:
    """Weights by position, so that every length has to be known. No backend flips them."""
    if isinstance(layer, LocallyConnected1D):
        kernel: tuple[int, ...] = (layer.filter_length,)
        stride: tuple[int, ...] = (layer.subsample_length,)
        ordering = "tf"
    else:
        kernel, stride = (layer.nb_row, layer.nb_col), layer.subsample
        ordering = layer.dim_ordering
    rank = len(kernel)
    check_rank(x, rank, ordering, layer.type)
    x = channels_last(b, x, ordering)
    channels, filters = known_channels(x.shape[-1], layer.type, x, b), layer.nb_filter
    counts = [
        window_count(n, k, s, 0, 0) for n, k, s in zip(x.shape[:-1], kernel, stride, strict=True)
    ]
    out = tuple(count for count in counts if isinstance(count, int))
    if len(out) != rank:
        raise Problem(
            "CS045",
            f"{layer.type} has weights for every position, but lengths of its input "
            f"{format_shape(x.shape)} are open",
            "give the whole shape of the input",
        )
    positions = prod(max(n, 0) for n in out)
    features = prod(kernel) * channels
    tf, shape = ordering == "tf", (positions, *kernel, channels, filters)
    weight = Weight(
        b.layer,
        "W",
        (positions, features, filters),
        (0, 1, 2) if tf else (0, 2, 3, 1, 4),
        shape,
        split=() if tf else (positions, channels, *kernel, filters),
    )
    bias = None
    if layer.bias:
        # Keras stores (rows, columns, filters) under 'th' too, and reads the numbers as they lie
        # as (filters, rows, columns): local.py:319 and :399; LocallyConnected2D came with 1.0.6.
        bias = Weight(
            b.layer,
            "b",
            (*out, filters),
            tuple(range(rank + 1)) if tf else (*range(1, rank + 1), 0),
            (positions, filters),
            split=() if tf else (filters, *out),
            variants="" if tf else "split",
        )
    y = b.add(Local(kernel, stride, weight, bias), x)
    check_kernel_arguments(b, layer, [weight] if bias is None else [weight, bias])
    y = activate(b, y, activation_function(layer.activation, len(y.shape) + 1, b.semantics))
    return restore_ordering(b, y, ordering)
