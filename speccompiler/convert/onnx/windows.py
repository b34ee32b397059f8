"""Operations that look through a window: convolutions and pools."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from speccompiler.convert.onnx.activations import activated
from speccompiler.convert.onnx.builder import Builder
from speccompiler.convert.onnx.lengths import vector
from speccompiler.convert.onnx.moving import Result, padded, repeated
from speccompiler.convert.onnx.protobuf import Array
from speccompiler.convert.onnx.values import Layout, Value, channels_first, natural
from speccompiler.convert.transposed_convs import TransposedConv, strides_of, whole_kernel
from speccompiler.graph import ir
from speccompiler.graph.dims import Dim, is_known, known
from speccompiler.graph.padding import same_tensorflow

NONE = (0, 0)


def conv(b: Builder, node: ir.Node, op: ir.Conv, x: Value) -> Result:
    tensor, layout = _conv(b, op, x)
    return activated(b, tensor, op.activation), layout


def _conv(b: Builder, op: ir.Conv, x: Value) -> Result:
    if not op.kernel:
        return _dense(b, op, x)
    first = channels_first(x.rank)
    if _is_product(op) and first not in x.tensors and x.layout[-1] == x.rank:
        return _product(b, op, x)
    tensor = b.read(x, first)
    if op.repeats:
        tensor = repeated(b, tensor, first, op.repeats)
    tensor, sides = _own_padding(b, tensor, first, op, x.shape, 0.0)
    weight = b.operand(op.weight, "conv", kernel_first)
    biases = () if op.bias is None else (b.operand(op.bias, "flat", np.ravel),)
    attributes = {**window(op.kernel, op.stride, op.dilation), **sides}
    if op.groups > 1:
        attributes["group"] = op.groups
    return b.emit("Conv", tensor, weight, *biases, **attributes), first


def _dense(b: Builder, op: ir.Conv, x: Value) -> Result:
    """A flat input: a matrix product."""
    weight = b.operand(op.weight, "matrix", as_matrix)
    if op.bias is None:
        return b.emit("MatMul", b.read(x), weight), natural(1)
    bias = b.operand(op.bias, "flat", np.ravel)
    return b.emit("Gemm", b.read(x), weight, bias), natural(1)


def _is_product(op: ir.Conv) -> bool:
    """Whether every position is multiplied by one matrix."""
    alone = all(n == 1 for n in (*op.kernel, *op.stride, op.groups, *op.repeats))
    return alone and all(pair == NONE for pair in op.padding)


def _product(b: Builder, op: ir.Conv, x: Value) -> Result:
    """The channels are last already, and stay there."""
    layout = x.layout
    y = b.emit("MatMul", b.read(x, layout), b.operand(op.weight, "matrix", as_matrix))
    if op.bias is not None:
        y = b.emit("Add", y, b.operand(op.bias, "flat", np.ravel))
    return y, layout


def as_matrix(kernel: Array) -> Array:
    """``(1, .., C, F)`` without its spatial axes."""
    return kernel.reshape(kernel.shape[-2:])


def kernel_first(kernel: Array) -> Array:
    """``(*k, C, F)`` as ONNX has it: ``(F, C, *k)``."""
    rank = kernel.ndim - 2
    return kernel.transpose(rank + 1, rank, *range(rank))


def window(
    kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int] = ()
) -> dict[str, Any]:
    """The attributes of a window; what is 1 everywhere is left out."""
    found = {"kernel_shape": list(kernel)}
    if any(n != 1 for n in stride):
        found["strides"] = list(stride)
    if any(n != 1 for n in dilation):
        found["dilations"] = list(dilation)
    return found


def _own_padding(
    b: Builder,
    tensor: str,
    layout: Layout,
    op: ir.Conv | ir.Depthwise | ir.Pool,
    shape: ir.Shape,
    value: float,
) -> tuple[str, dict[str, Any]]:
    """The tensor, padded if need be, and the attributes that let the operation pad the rest.

    A window's own padding is a number, no larger than the window, or TensorFlow's 'same'.
    """
    amounts = [n for pair in op.padding for n in pair]
    if all(is_known(n) for n in amounts):
        limits = [math.inf] * len(amounts)
        if isinstance(op, ir.Pool):
            limits = [k for k in op.kernel for _ in range(2)]
        if all(0 <= known(n) < most for n, most in zip(amounts, limits, strict=True)):
            if not any(amounts):
                return tensor, {}
            begins, ends = zip(*op.padding, strict=True)
            return tensor, {"pads": [*begins, *ends]}
    elif all(d == 1 for d in op.dilation) and not getattr(op, "repeats", ()):
        lengths = shape[:-1]
        if isinstance(op, ir.Pool):
            lengths = tuple(n + before + after for n, (before, after) in zip(
                lengths, op.zeros or (NONE,) * len(lengths), strict=True))  # fmt: skip
        if op.padding == _same(lengths, op.kernel, op.stride):
            return tensor, {"auto_pad": "SAME_UPPER"}
    return padded(b, tensor, layout, op.padding, value), {}


def _same(lengths: Sequence[Dim], kernel: Sequence[int], stride: Sequence[int]) -> ir.Padding:
    """The padding that SAME_UPPER is: computed by a run, where lengths are open."""
    return tuple(same_tensorflow(*of) for of in zip(lengths, kernel, stride, strict=True))


def depthwise(b: Builder, node: ir.Node, op: ir.Depthwise, x: Value) -> Result:
    """A group for each channel; ONNX has the results of a channel side by side."""
    first = channels_first(x.rank)
    tensor, sides = _own_padding(b, b.read(x, first), first, op, x.shape, 0.0)
    *_, multiplier, channels = op.weight.shape

    def by_channel(kernel: Array) -> Array:
        """``(*k, M, C)`` as ``(C * M, 1, *k)``."""
        return kernel_first(kernel).reshape(channels * multiplier, 1, *op.kernel)

    def in_order(bias: Array) -> Array:
        return bias.reshape(multiplier, channels).T.reshape(-1)

    attributes = {**window(op.kernel, op.stride, op.dilation), **sides, "group": channels}
    beside = [b.operand(op.weight, "depthwise", by_channel)]
    if op.bias is not None:
        beside.append(b.operand(op.bias, f"depthwise {multiplier}", in_order))
    y = activated(b, b.emit("Conv", tensor, *beside, **attributes), op.activation)
    if multiplier > 1:
        order = np.arange(channels * multiplier).reshape(channels, multiplier).T
        y = b.emit("Gather", y, b.constant(order.reshape(-1).astype(np.int64)), axis=1)
    return y, first


def local(b: Builder, node: ir.Node, op: ir.Local, x: Value) -> Result:
    """All that each position sees is gathered, and multiplied by the position's own matrix."""
    rank = len(op.kernel)
    front, spatial = x.shape[: -1 - rank], [known(n) for n in x.shape[-1 - rank : -1]]
    channels, filters = known(x.shape[-1]), op.weight.shape[-1]
    counts = [known(n) for n in node.shape[len(front) : -1]]
    places = np.zeros((*counts, *op.kernel), np.int64)
    for axis, (k, s, count) in enumerate(zip(op.kernel, op.stride, counts, strict=True)):
        seen = np.arange(count)[:, None] * s + np.arange(k)
        row = [1] * (2 * rank)
        row[axis], row[rank + axis] = count, k
        places = places * spatial[axis] + seen.reshape(row)
    positions, taps = math.prod(counts), math.prod(op.kernel)
    lead = [0] * (1 + len(front))
    flat = b.emit("Reshape", b.read(x), b.integers([*lead, math.prod(spatial), channels]))
    seen_by = b.emit("Gather", flat, b.constant(places.reshape(-1)), axis=len(lead))
    rows = b.emit("Reshape", seen_by, b.integers([*lead, positions, 1, taps * channels]))

    def matrices(kernel: Array) -> Array:
        return kernel.reshape(positions, taps * channels, filters)

    y = b.emit("MatMul", rows, b.operand(op.weight, "local", matrices))
    if op.bias is not None:
        bias = b.operand(op.bias, "local", lambda bias: bias.reshape(positions, 1, filters))
        y = b.emit("Add", y, bias)
    return b.emit("Reshape", y, b.integers([*lead, *counts, filters])), natural(x.rank)


def pool(b: Builder, node: ir.Node, op: ir.Pool, x: Value) -> Result:
    first = channels_first(x.rank)
    tensor = b.read(x, first)
    shape = x.shape
    if op.zeros:
        tensor = padded(b, tensor, first, op.zeros)
        grown = zip(shape, op.zeros, strict=False)
        shape = (*(n + before + after for n, (before, after) in grown), shape[-1])
    shown = window(op.kernel, op.stride, op.dilation)
    if op.mode == "max":
        tensor, sides = _own_padding(b, tensor, first, op, x.shape, -math.inf)
        return b.emit("MaxPool", tensor, **shown, **sides), first
    if all(d == 1 for d in op.dilation):
        own, sides = _own_padding(b, tensor, first, op, x.shape, 0.0)
        if own == tensor:
            return b.emit("AveragePool", tensor, **shown, **sides), first
    # The mean with padding as zeros, by the share of each window that is none.
    ones = b.emit("Expand", b.number(1.0), vector(b, [1, 1, *shape[:-1]]))
    total, count = (
        _mean(b, padded(b, of, first, op.padding), op, channels, shown)
        for of, channels in ((tensor, x.shape[-1]), (ones, 1))
    )
    return b.emit("Div", total, count), first


def _mean(b: Builder, tensor: str, op: ir.Pool, channels: Dim, shown: dict[str, Any]) -> str:
    """The mean of each window; before opset 19 AveragePool has no dilation."""
    if "dilations" not in shown:
        return b.emit("AveragePool", tensor, **shown)
    if not is_known(channels):
        raise b.refuse(
            "a mean over windows with gaps of an open number of channels",
            "give the channel axis of the input a number",
        )
    share = np.full((channels, 1, *op.kernel), 1 / math.prod(op.kernel), np.float32)
    return b.emit("Conv", tensor, b.constant(share), **shown, group=channels)


def transposed_conv(b: Builder, made: TransposedConv, x: Value) -> Result:
    """Several nodes of the graph as one: what each input adds to the outputs."""
    op, first = made.op, channels_first(x.rank)
    whole, stride = whole_kernel(op), strides_of(op)
    filters = whole.shape[-1]

    def kernel(array: Array) -> Array:
        """``(*k, C, F)`` as ``(C, F, *k)``."""
        rank = array.ndim - 2
        return array.transpose(rank, rank + 1, *range(rank))

    beside = [b.operand(whole, "transposed", kernel)]
    if op.bias is not None:
        beside.append(b.operand(op.bias, f"once {filters}", lambda bias: bias[:filters]))
    attributes = window(whole.shape[:-2], stride, op.dilation)
    begins, ends = zip(*made.pads, strict=True)
    if any(begins) or any(end > 0 for end in ends):
        attributes["pads"] = [*begins, *(max(end, 0) for end in ends)]
    if any(end < 0 for end in ends):
        attributes["output_padding"] = [max(-end, 0) for end in ends]
    return b.emit("ConvTranspose", b.read(x, first), *beside, **attributes), first
