"""Conv and ConvTranspose."""

from __future__ import annotations

from math import prod

import numpy as np

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.nodes import Binary, Parameter, Variable
from speccompiler.graph.dims import Dim, is_known
from speccompiler.graph.ir import (
    Conv,
    Depthwise,
    MapWith,
    Node,
    Pad,
    Padding,
    Reshape,
    Weight,
)
from speccompiler.lowering.onnx.scope import Scope
from speccompiler.lowering.onnx.values import Array, Known, Value
from speccompiler.lowering.onnx.windows import (
    Windows,
    channels_first,
    channels_last,
    pads,
    sizes,
    windows,
)

PLUS = Binary("+", Variable(), Parameter(0))
MOST_EXPANDED = 1 << 24


def lower_conv(scope: Scope) -> Value:
    """The kernel is stored as ``(filters, C / groups, *kernel)``."""
    x = scope.floats()
    channels, node = scope.channels(x)
    kernel = scope.needed(1, "the kernel")
    groups, rank = scope.integer("group", 1), x.rank - 2
    _check_kernel(scope, kernel, x, channels, groups, channels_at=1)
    filters = kernel.shape[0]
    if filters % groups:
        raise Problem("CS269", f"{filters} filters cannot be parted into {groups} groups")
    bias = _bias(scope, filters)
    at = windows(scope, kernel.shape[2:], node.shape[1:])
    node = channels_last(scope, node)
    to_last = (*range(2, rank + 2), 1, 0)
    if groups == channels > 1:
        y = _depthwise(scope, node, kernel, bias, filters // channels, at)
    else:
        shape = (*at.kernel, channels // groups, filters)
        weight = scope.weight(kernel, to_last, shape)
        beside = None if bias is None else scope.weight(bias, (0,), (filters,))
        op = Conv(
            at.kernel,
            at.stride,
            at.padding,
            weight,
            beside,
            dilation=at.written_dilation,
            groups=groups,
        )
        y = scope.add(op, node)
    return scope.like(x, channels_first(scope, y))


def _depthwise(
    scope: Scope, x: Node, kernel: Known, bias: Known | None, times: int, at: Windows
) -> Node:
    """Filter ``c * M + m`` sees channel c; the operation gives it as channel ``m * C + c``."""
    rank = len(at.kernel)
    channels = kernel.shape[0] // times
    split = (channels, times, *at.kernel)
    to_last = (*range(2, rank + 2), 1, 0)
    weight = scope.weight(kernel, to_last, (*at.kernel, times, channels), split)
    beside = None
    if bias is not None:
        beside = scope.weight(bias, (1, 0), (times * channels,), (channels, times))
    op = Depthwise(at.kernel, at.stride, at.padding, weight, at.written_dilation, beside)
    y = scope.add(op, x)
    if times == 1:
        return y
    spatial = y.shape[:-1]
    y = scope.add(Reshape((*spatial, times, channels)), y)
    y = scope.transposed(y, (*range(rank), rank + 1, rank))
    return scope.add(Reshape((*spatial, times * channels)), y)


def _check_kernel(
    scope: Scope, kernel: Known, x: Value, channels: int, groups: int, channels_at: int
) -> None:
    """CS038, CS269: a kernel that does not fit its input."""
    rank = x.rank - 2
    if rank < 1 or len(kernel.shape) != rank + 2:
        raise Problem(
            "CS038",
            f"a kernel of shape {kernel.shape} does not fit a value of shape {scope.shown(x)}",
        )
    if 0 in kernel.shape:
        raise Problem("CS269", f"a kernel of shape {kernel.shape} holds nothing")
    if not 0 < groups <= channels or channels % groups:
        raise Problem("CS269", f"{channels} channels cannot be parted into {groups} groups")
    seen = kernel.shape[channels_at] * (groups if channels_at == 1 else 1)
    if seen != channels:
        raise Problem("CS269", f"the kernel is for {seen} channels, and its input has {channels}")
    said = scope.integers("kernel_shape", None)
    if said is not None and said != kernel.shape[2:]:
        raise Problem(
            "CS269", f"'kernel_shape' is {list(said[:8])}, and the kernel {kernel.shape[2:]}"
        )


def _bias(scope: Scope, filters: int) -> Known | None:
    bias = scope.known(2, "the bias")
    return None if bias is None else scope.vector(bias, filters, "the bias")


def lower_conv_transpose(scope: Scope) -> Value:
    """The kernel is stored as ``(C, filters / groups, *kernel)``.

    All outputs with the same remainder by the stride see the same places of the kernel: they are
    one convolution with more filters, whose results are put in order (see ``deconvolution.py``).
    Dilation is written into the kernel, as zeros. Groups are those of the convolution, or of a
    ``Depthwise`` where each channel gives one filter.
    """
    x = scope.floats()
    channels, node = scope.channels(x)
    kernel = scope.needed(1, "the kernel")
    groups, rank = scope.integer("group", 1), x.rank - 2
    _check_kernel(scope, kernel, x, channels, groups, channels_at=0)
    stride, dilation = sizes(scope, "strides", rank), sizes(scope, "dilations", rank)
    kernel = _dense(scope, kernel, dilation)
    filters, taps = kernel.shape[1] * groups, kernel.shape[2:]
    bias = _bias(scope, filters)
    cuts = _cuts(scope, node.shape[1:], taps, stride)
    axes = [_Axis(*of) for of in zip(node.shape[1:], taps, stride, cuts, strict=True)]
    wide = filters * prod(stride)
    to_last = (*range(2, rank + 2), 0, 1)
    counts = tuple(axis.kernel for axis in axes)
    if groups == 1:
        weight = scope.weight(kernel, to_last, (*counts, channels, wide), phases=stride)
    else:
        kernel = _by_group(kernel, groups, stride)
        weight = scope.weight(kernel, tuple(range(rank + 2)), kernel.shape)
    amounts = _amounts(axes, cuts)
    # Places that no input reaches have the bias, too; and filters in groups are in another order.
    behind = groups > 1 or any(is_known(after) and after > 0 for _, after in amounts)
    beside: Weight | None = None
    if bias is not None and not behind:
        beside = scope.weight(bias, (0,), (wide,), phases=stride)
    padding = tuple((axis.kernel - 1, axis.kernel - 1) for axis in axes)
    alone = groups == channels == filters > 1
    op: Conv | Depthwise
    if alone:
        # Each class of each channel, as each kernel of each channel.
        times, turned = prod(stride), (*range(rank), rank + 1, rank)
        split = (*counts, channels, times)
        weight = scope.weight(kernel, turned, (*counts, times, channels), split)
        op = Depthwise(counts, (1,) * rank, padding, weight)
    else:
        op = Conv(counts, (1,) * rank, padding, weight, beside, groups=groups)
    y = scope.add(op, channels_last(scope, node))
    y = _in_order(scope, y, stride, filters, 1 if alone else groups)
    if any(amount != (0, 0) for amount in amounts):
        y = scope.add(Pad(amounts), y)
    if bias is not None and behind:
        one = scope.weight(bias, (0,), (*(1,) * rank, filters))
        y = scope.add(MapWith(PLUS, (one,)), y)
    return scope.like(x, channels_first(scope, y))


class _Axis:
    """One axis: the taps of a class, and what all classes together give."""

    def __init__(self, n: Dim, taps: int, stride: int, cut: tuple[Dim, Dim]) -> None:
        self.kernel = -(-taps // stride)
        self.made = (n + self.kernel - 1) * stride
        self.whole = (n - 1) * stride + taps


def _in_order(scope: Scope, y: Node, stride: tuple[int, ...], filters: int, groups: int) -> Node:
    """Outputs of all classes, group by group and class by class, at their places."""
    if prod(stride) == 1:
        return y
    rank = len(stride)
    counts = y.shape[:-1]
    if groups > 1:
        y = scope.add(Reshape((*counts, groups, *stride, filters // groups)), y)
        order = [place for axis in range(rank) for place in (axis, rank + 1 + axis)]
        y = scope.transposed(y, (*order, rank, 2 * rank + 1))
    else:
        y = scope.add(Reshape((*counts, *stride, filters)), y)
        order = [place for axis in range(rank) for place in (axis, rank + axis)]
        y = scope.transposed(y, (*order, 2 * rank))
    lengths = tuple(n * s for n, s in zip(counts, stride, strict=True))
    return scope.add(Reshape((*lengths, filters)), y)


def _amounts(axes: list[_Axis], cuts: list[tuple[Dim, Dim]]) -> Padding:
    """What comes off each axis, as a negative padding; it may reach beyond the end instead."""
    pairs = zip(axes, cuts, strict=True)
    return tuple((-front, axis.whole - axis.made - behind) for axis, (front, behind) in pairs)


def _cuts(
    scope: Scope, spatial: tuple[Dim, ...], taps: tuple[int, ...], stride: tuple[int, ...]
) -> list[tuple[Dim, Dim]]:
    """What is cut off the whole transposed convolution, in front and behind each axis."""
    rank = len(taps)
    more = scope.integers("output_padding", None) or (0,) * rank
    if len(more) != rank or any(not 0 <= n < 2**31 for n in more):
        raise Problem("CS269", f"'output_padding' is {list(more[:8])}")
    wanted = scope.integers("output_shape", None)
    mode = scope.word("auto_pad", "NOTSET")
    whole = [(n - 1) * s + k for n, s, k in zip(spatial, stride, taps, strict=True)]
    same = mode in {"SAME_UPPER", "SAME_LOWER"}
    if wanted is None and not same:
        sides = pads(scope, rank) if mode != "VALID" else ((0, 0),) * rank
        return [(front, behind - m) for (front, behind), m in zip(sides, more, strict=True)]
    if wanted is None:
        lengths: tuple[Dim, ...] = tuple(n * s for n, s in zip(spatial, stride, strict=True))
    elif len(wanted) >= rank:
        lengths = wanted[-rank:]
    else:
        raise Problem("CS269", f"'output_shape' is {list(wanted)}; {rank} lengths are needed")
    found: list[tuple[Dim, Dim]] = []
    for length, full, m in zip(lengths, whole, more, strict=True):
        total = full + m - length
        if not is_known(total):
            raise scope.refuse("its output's shape is given, and its input's is open")
        half = total // 2
        front = half if mode == "SAME_UPPER" else total - half
        found.append((front, total - front - m))
    return found


def _dense(scope: Scope, kernel: Known, dilation: tuple[int, ...]) -> Known:
    """The kernel without dilation: zeros stand where nothing is seen."""
    if all(d == 1 for d in dilation):
        return kernel
    taps = tuple((k - 1) * d + 1 for k, d in zip(kernel.shape[2:], dilation, strict=True))
    count = prod(kernel.shape[:2]) * prod(taps)
    if count > MOST_EXPANDED:
        raise scope.refuse(f"its kernel, with dilation, would hold {count} numbers")

    def expand(stored: Array) -> Array:
        wide = np.zeros((*stored.shape[:2], *taps), np.float32)
        places = tuple(slice(None, None, d) for d in dilation)
        wide[(slice(None), slice(None), *places)] = stored
        return wide

    return kernel.changed(f"{list(dilation)} apart", expand)


def _by_group(kernel: Known, groups: int, stride: tuple[int, ...]) -> Known:
    """The kernels of all classes, group by group: ``(*ceil(k / stride), C / groups, filters)``.

    The outputs of a class see every stride-th place of the kernel, the last one first.
    """
    channels, filters, *taps = kernel.shape
    missing = [-k % s for k, s in zip(taps, stride, strict=True)]

    def arrange(stored: Array) -> Array:
        whole = np.pad(stored, [(0, 0), (0, 0), *((0, more) for more in missing)])
        turned = (slice(None), slice(None), *(slice(None, None, -1) for _ in stride))
        seen = [
            whole[(slice(None), slice(None), *map(slice, first, whole.shape[2:], stride))][turned]
            for first in np.ndindex(*stride)
        ]
        parts = np.stack(seen).reshape(
            len(seen), groups, channels // groups, filters, *seen[0].shape[2:]
        )
        last = parts.transpose(*range(4, parts.ndim), 2, 1, 0, 3)
        return np.ascontiguousarray(last.reshape(*last.shape[:-3], -1))

    return kernel.changed(f"in {groups} groups", arrange)
