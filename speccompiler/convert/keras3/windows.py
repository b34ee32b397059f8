"""Convolutions and pools as layers, with the channels last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from speccompiler.convert.keras3.activations import activated, keras_name
from speccompiler.convert.keras3.builder import Array, Builder, Value
from speccompiler.convert.keras3.moving import (
    CHANNELS_LAST,
    LENGTHS,
    edged,
    padded,
    reshaped,
    thinned,
)
from speccompiler.convert.keras3.signs import never_negative
from speccompiler.convert.transposed_convs import TransposedConv, strides_of, whole_kernel
from speccompiler.graph import ir
from speccompiler.graph.dims import is_known, known
from speccompiler.graph.ir import extent_of
from speccompiler.graph.padding import same_tensorflow

NONE = (0, 0)


def conv(b: Builder, node: ir.Node, op: ir.Conv, x: Value) -> Value:
    ones = (1,) * len(op.kernel)
    whole = (op.kernel, op.stride, op.groups) == (ones, ones, 1) and set(op.padding) <= {NONE}
    if not op.kernel or (whole and x.mask is not None):
        return _dense(b, op, x, node.shape)  # which hands a mask on, as no convolution does
    rank = len(op.kernel)
    if rank > 3 or op.repeats:
        raise b.refuse(f"a convolution over {rank} axes")
    tensors = [b.numbers(op.weight)]
    if op.bias is not None:
        tensors.append(b.numbers(op.bias).reshape(-1))
    x, shape, config, thin = _window(b, op, x, node.shape)
    config.update(filters=op.filters, groups=op.groups)
    y = _with_activation(b, f"Conv{rank}D", x, shape, op, tensors, **config)
    return thinned(b, y, thin, node.shape[:-1])


def _dense(b: Builder, op: ir.Conv, x: Value, shape: ir.Shape) -> Value:
    kernel = b.numbers(op.weight)
    tensors: list[Array] = [kernel.reshape(kernel.shape[-2:])]
    if op.bias is not None:
        tensors.append(b.numbers(op.bias).reshape(-1))
    return _with_activation(b, "Dense", x, shape, op, tensors, units=op.filters)


def _with_activation(
    b: Builder,
    kind: str,
    x: Value,
    shape: ir.Shape,
    op: ir.Conv | ir.Depthwise,
    tensors: list[Array],
    **config: Any,
) -> Value:
    """The layer, with the activation that it can name, or with that behind it."""
    known = keras_name(op.activation)
    config.update(use_bias=op.bias is not None, activation=known or "linear")
    y = b.add(kind, x, shape, key=(op.weight, op.bias), tensors={"": tensors}, **config)
    return y if known is not None else activated(b, y, op.activation)


def _window(
    b: Builder, op: ir.Conv | ir.Depthwise, x: Value, shape: ir.Shape
) -> tuple[Value, ir.Shape, dict[str, Any], tuple[int, ...]]:
    """What a layer reads, the shape of what it gives, its window, and which results are taken.

    No layer has a stride and a dilation: it computes all results then, and some are taken.
    """
    rank = len(op.kernel)
    config: dict[str, Any] = {
        "kernel_size": list(op.kernel),
        "strides": list(op.stride),
        "dilation_rate": list(op.dilation or (1,) * rank),
        **CHANNELS_LAST,
    }
    if all(s == 1 for s in op.stride) or all(d == 1 for d in op.dilation):
        x, config["padding"] = _own_padding(b, op, x)
        return x, shape, config, (1,) * rank
    x = padded(b, x, op.padding)
    config.update(strides=[1] * rank, padding="valid")
    lengths = (n - extent + 1 for n, extent in zip(x.shape[:-1], op.extent, strict=True))
    return x, (*lengths, shape[-1]), config, op.stride


def _own_padding(b: Builder, op: ir.Conv | ir.Depthwise | ir.Pool, x: Value) -> tuple[Value, str]:
    """What the layer pads by itself: nothing, or 'same'; else layers in front pad.

    Those pad with zeros. The largest of values of which none is below 0 is the same with them;
    that of others is the same with the values at the edge, of which every window has one.
    """
    if all(pair == NONE for pair in op.padding):
        return x, "valid"
    of_axes = zip(x.shape[:-1], op.extent, op.stride, strict=True)
    if op.padding == tuple(same_tensorflow(*of) for of in of_axes):
        return x, "same"
    if isinstance(op, ir.Pool) and op.mode == "max" and not never_negative(x):
        return edged(b, x, op.padding), "valid"
    return padded(b, x, op.padding), "valid"


def _by_count(b: Builder, op: ir.Pool, lengths: ir.Shape, y: Value) -> Value:
    """Means of windows, of which some read zeros that do not count, along each axis in turn."""
    axes = zip(lengths, op.padding, op.kernel, op.stride, strict=False)
    for axis, (n, (before, _), size, stride) in enumerate(axes):
        if op.padding[axis] == NONE:
            continue
        if not (is_known(n) and is_known(before)):
            raise b.refuse("a mean of windows that are not counted whole, of open length", LENGTHS)
        many = known(y.shape[axis])
        first = np.arange(many) * stride - before
        counted = np.minimum(first + size, n) - np.maximum(first, 0)
        scale = (size / counted).astype(np.float32)
        zero, one = np.zeros(many, np.float32), np.ones(many, np.float32)
        y = b.add(
            "BatchNormalization", y, y.shape, tensors={"": [scale, zero, zero, one]},
            axis=axis + 1, epsilon=0.0, trainable=False,
        )  # fmt: skip
    return y


def depthwise(b: Builder, node: ir.Node, op: ir.Depthwise, x: Value) -> Value:
    """Keras has the results of a channel side by side, the graph those of a kernel."""
    rank = len(op.kernel)
    x, shape, config, thin = _window(b, op, x, node.shape)
    *_, multiplier, channels = op.weight.shape
    tensors = [b.numbers(op.weight).swapaxes(-1, -2)]
    if op.bias is not None:
        tensors.append(b.numbers(op.bias).reshape(multiplier, channels).T.reshape(-1))
    if rank <= 2:
        kind, config["depth_multiplier"] = f"DepthwiseConv{rank}D", multiplier
    else:
        kind, config["filters"], config["groups"] = "Conv3D", channels * multiplier, channels
        tensors[0] = tensors[0].reshape(*op.kernel, 1, channels * multiplier)
    y = _with_activation(b, kind, x, shape, op, tensors, **config)
    y = thinned(b, y, thin, node.shape[:-1])
    if multiplier == 1:
        return y
    spatial = node.shape[:-1]
    apart = reshaped(b, y, (*spatial, channels, multiplier))
    dims = [*range(1, rank + 1), rank + 2, rank + 1]
    turned = b.add("Permute", apart, (*spatial, multiplier, channels), dims=dims)
    return reshaped(b, turned, node.shape)


def pool(b: Builder, node: ir.Node, op: ir.Pool, x: Value) -> Value:
    rank = len(op.kernel)
    if rank > 3 or any(d != 1 for d in op.dilation):
        raise b.refuse("a pool with gaps in its window, or over more than three axes")
    if op.zeros:
        x = padded(b, x, op.zeros)
    lengths = x.shape
    x, padding = _own_padding(b, op, x)
    kind = {"max": "MaxPooling", "average": "AveragePooling"}[op.mode]
    size: Any = list(op.kernel) if rank > 1 else op.kernel[0]
    strides: Any = list(op.stride) if rank > 1 else op.stride[0]
    y = b.add(
        f"{kind}{rank}D", x, node.shape, pool_size=size, strides=strides, padding=padding,
        **CHANNELS_LAST,
    )  # fmt: skip
    return _by_count(b, op, lengths, y) if (op.mode, padding) == ("average", "valid") else y


def transposed_conv(b: Builder, node: ir.Node, made: TransposedConv, x: Value) -> Value:
    """The whole of the results, of which layers cut off what the graph leaves out."""
    op, rank = made.op, len(made.op.kernel)
    whole, stride = whole_kernel(op), strides_of(op)
    *lengths, _, filters = whole.shape
    dilation = op.dilation or (1,) * rank
    kernel = b.numbers(whole).swapaxes(-1, -2)
    if any(d > 1 for d in dilation):
        kernel = _with_gaps(kernel, dilation)
        lengths, dilation = list(kernel.shape[:rank]), (1,) * rank
    tensors = [kernel]
    if op.bias is not None:
        tensors.append(b.numbers(op.bias)[:filters])
    more = [max(-end, 0) for _, end in made.pads]
    cut = [(-begin, -max(end, 0)) for begin, end in made.pads]
    if rank > 3 or any(m >= s for m, s in zip(more, stride, strict=True)):
        raise b.refuse("a transposed convolution with this padding")
    shape = tuple(
        s * (n - 1) + (k - 1) * d + 1 + m
        for n, k, s, d, m in zip(x.shape, lengths, stride, dilation, more, strict=False)
    )
    y = b.add(
        f"Conv{rank}DTranspose", x, (*shape, filters),
        key=(op.weight, op.bias), tensors={"": tensors},
        filters=filters, kernel_size=list(lengths), strides=list(stride), padding="valid",
        output_padding=more if rank > 1 else more[0], dilation_rate=list(dilation),
        activation="linear", use_bias=op.bias is not None, **CHANNELS_LAST,
    )  # fmt: skip
    return padded(b, y, cut)


def _with_gaps(kernel: Array, dilation: Sequence[int]) -> Array:
    """The kernel with zeros between its places: no transposed layer has a stride and a dilation."""
    rank = len(dilation)
    lengths = extent_of(kernel.shape[:rank], tuple(dilation))
    wide = np.zeros((*lengths, *kernel.shape[rank:]), kernel.dtype)
    wide[tuple(slice(None, None, d) for d in dilation)] = kernel
    return wide
