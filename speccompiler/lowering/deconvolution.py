"""Transposed convolutions: one for each class of outputs, side by side, then put in order.

With stride s, output o reads input i and place k of the kernel where ``o + before = s*i + k``.
Outputs with the same remainder of ``o + before`` by s see the same places of the kernel. All
remainders together are therefore one convolution, with s times the filters and a kernel of
``ceil(k / s)`` (``Weight.phases``), whose results only have to be put in order. With a stride of 1
there is one class, and places of the kernel may stand apart.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass
from speccompiler.graph.dims import Dim, format_dim, is_known
from speccompiler.graph.ir import Conv, Node, Pad, Reshape, Weight, extent_of
from speccompiler.graph.padding import deconvolved, window_count
from speccompiler.graph.rounding import ceil_div
from speccompiler.graph.shapes import format_shape, may_be_equal
from speccompiler.lowering.activations import finished
from speccompiler.lowering.border_modes import conv_padding
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.convolution import dilation_of
from speccompiler.lowering.input_axes import known_channels, layout_of, spatial_input
from speccompiler.lowering.kernel_arguments import check_kernel_arguments
from speccompiler.lowering.kernels import kernel_layout, reverses
from speccompiler.lowering.last_axis import permuted
from speccompiler.schemas.fields import argument

if TYPE_CHECKING:
    from speccompiler.schemas.deconvolution import (
        Deconvolution1D,
        Deconvolution2D,
        Deconvolution3D,
    )

    Layer = Deconvolution1D | Deconvolution2D | Deconvolution3D


@dataclass(frozen=True, slots=True)
class _Kernel:
    """The layer's arguments along every axis."""

    lengths: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    more: tuple[int | None, ...]
    """Of ``output_padding``."""

    @property
    def extent(self) -> tuple[int, ...]:
        return extent_of(self.lengths, self.dilation)


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis of the convolution of all classes."""

    kernel: int
    padding: tuple[Dim, Dim]
    count: Dim
    """Results for each class."""
    cut: tuple[Dim, Dim]
    """What is cut off in front and behind, once the classes are in order."""


def lower_deconvolution1d(b: Builder, layer: Deconvolution1D, x: Node) -> Node:
    """Over steps."""
    return _lower(b, layer, x, _kernel(
        (layer.filter_length,), (layer.subsample_length,), (layer.atrous_rate,),
        None if layer.output_padding is None else (layer.output_padding,),
    ))  # fmt: skip


def lower_deconvolution2d(b: Builder, layer: Deconvolution2D, x: Node) -> Node:
    """Over rows and columns."""
    lengths = (layer.nb_row, layer.nb_col)
    kernel = _kernel(lengths, layer.subsample, layer.atrous_rate, layer.output_padding)
    return _lower(b, layer, x, kernel)


def lower_deconvolution3d(b: Builder, layer: Deconvolution3D, x: Node) -> Node:
    """Over three spatial axes."""
    lengths = (layer.kernel_dim1, layer.kernel_dim2, layer.kernel_dim3)
    kernel = _kernel(lengths, layer.subsample, layer.atrous_rate, layer.output_padding)
    return _lower(b, layer, x, kernel)


def _kernel(
    lengths: tuple[int, ...],
    stride: tuple[int, ...],
    rates: tuple[int, ...],
    more: tuple[int, ...] | None,
) -> _Kernel:
    """CS236 for what no Keras has: places that stand apart with a stride, too much padding."""
    dilation = dilation_of(lengths, rates) or (1,) * len(lengths)
    if any(s > 1 and d > 1 for s, d in zip(stride, dilation, strict=True)):
        raise Problem(
            "CS236",
            "a transposed convolution with a stride and an atrous_rate along one axis",
            "Keras has none either; one of the two is 1",
            argument="atrous_rate",
        )
    if more is not None and any(p >= s for p, s in zip(more, stride, strict=True)):
        raise Problem(
            "CS236",
            f"output_padding {_listed(more)} is not less than the stride {_listed(stride)}",
            "output values beyond a stride are of none of the inputs; Keras refuses it too",
            argument="output_padding",
        )
    return _Kernel(lengths, stride, dilation, more or (None,) * len(lengths))


def _listed(numbers: tuple[int, ...]) -> str:
    return str(numbers[0] if len(numbers) == 1 else list(numbers))


def _lower(b: Builder, layer: Layer, x: Node, kernel: _Kernel) -> Node:
    """The transpose of the convolution that makes ``x`` of the output. CS058."""
    x = spatial_input(b, layer, x)
    channels, filters = known_channels(b, layer, x), layer.nb_filter
    stride, extent = kernel.stride, kernel.extent
    given = _given_lengths(layer)
    out: tuple[Dim, ...] = given or tuple(
        deconvolved(layer.border_mode, n, k, s, p)
        for n, k, s, p in zip(x.shape[:-1], extent, stride, kernel.more, strict=True)
    )
    padding = conv_padding(layer.border_mode, b.semantics, out, extent, stride)
    _check_lengths(layer, out, x.shape[:-1], [
        window_count(n, k, s, *sides)
        for n, k, s, sides in zip(out, extent, stride, padding, strict=True)
    ])  # fmt: skip
    if b.semantics.theano and layer.border_mode == "same" and any(k % 2 == 0 for k in extent):
        b.warn(
            "CS051",
            f"Theano itself fails here: {layer.type} 'same' with an even kernel is cut off to "
            "the size of its input",
            "the result is the whole output",
        )
    before = [n for n, _ in padding if is_known(n)]
    if len(before) < len(stride):
        raise Problem(
            "CS045",
            f"{layer.type} pads by the lengths of its input {format_shape(x.shape)}, which are "
            "open",
            "give the input's lengths numbers (input_shape, or --input-shape)",
        )
    axes = [
        _axis(*of)
        for of in zip(
            out, x.shape[:-1], kernel.lengths, stride, kernel.dilation, before, strict=True
        )
    ]
    y = _in_order(b, _all_classes(b, layer, x, axes, kernel, channels), axes, stride, filters)
    return finished(b, layer, y, layer.activation)


def _all_classes(
    b: Builder, layer: Layer, x: Node, axes: list[_Axis], kernel: _Kernel, channels: int
) -> Node:
    """One convolution; its channels are the classes, and in each of them the filters."""
    filters = layer.nb_filter
    stored, order = _layout(layer, kernel.lengths, channels)
    taps = tuple(axis.kernel for axis in axes)
    wide = filters * prod(kernel.stride)
    weight = Weight(
        b.layer,
        "W",
        stored,
        order,
        (*taps, channels, wide),
        reverses(b, kernel.lengths),
        phases=kernel.stride,
    )
    bias = None
    if layer.bias:
        bias = Weight(b.layer, "b", (filters,), (0,), (wide,), phases=kernel.stride)
    check_kernel_arguments(b, layer, weight, bias)
    padding = tuple(axis.padding for axis in axes)
    dilation = dilation_of(taps, kernel.dilation)
    return b.add(Conv(taps, (1,) * len(taps), padding, weight, bias, dilation=dilation), x)


def _layout(
    layer: Layer, lengths: tuple[int, ...], channels: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """As ``kernel_layout``; Keras 2 stores ``(*lengths, filters, channels)``."""
    rank = len(lengths)
    if argument(layer, "kernel_ordering") == "default":
        return kernel_layout(layer, lengths, channels, layer.nb_filter)
    return (*lengths, layer.nb_filter, channels), (*range(rank), rank + 1, rank)


def _in_order(
    b: Builder, y: Node, axes: list[_Axis], stride: tuple[int, ...], filters: int
) -> Node:
    """Outputs of all classes, which lie side by side as channels, in the order of the output."""
    if set(stride) == {1}:
        return y
    rank = len(stride)
    counts = tuple(axis.count for axis in axes)
    if rank > 1:
        y = b.add(Reshape((*counts, *stride, filters)), y)
        pairs = (place for axis in range(rank) for place in (axis, rank + axis))
        y = permuted(b, y, (*pairs, 2 * rank))
    whole = tuple(n * s for n, s in zip(counts, stride, strict=True))
    y = b.add(Reshape((*whole, filters)), y)
    return b.add(Pad(tuple((-first, -last) for first, last in (a.cut for a in axes))), y)


def _axis(out: Dim, n: Dim, k: int, s: int, d: int, before: int) -> _Axis:
    kernel = -(-k // s)
    window = (kernel - 1) * d + 1
    first = before // s
    count = ceil_div(out + before, s) - first
    front = window - 1 - first
    behind = count + window - 1 - n - front
    cut = before - first * s
    return _Axis(kernel, (front, behind), count, (cut, count * s - cut - out))


def _given_lengths(layer: Layer) -> tuple[int, ...] | None:
    """Rows and columns that ``output_shape`` gives; None where it is not given. CS058."""
    shape: tuple[int | None, ...] | None = argument(layer, "output_shape")
    if shape is None:
        return None
    _, *lengths = shape
    ordering = layout_of(layer)
    channels = lengths.pop(0 if ordering == "th" else -1)
    known = tuple(n for n in lengths if n is not None)
    if channels not in {None, layer.nb_filter} or len(known) < len(lengths):
        raise Problem(
            "CS058",
            f"output_shape {list(shape)} does not give the rows and columns of "
            f"{layer.nb_filter} filters in '{ordering}' ordering",
            "write [null, rows, columns, nb_filter] for 'tf', [null, nb_filter, rows, columns] "
            "for 'th'",
            argument="output_shape",
        )
    return known


def _check_lengths(
    layer: Layer, out: tuple[Dim, ...], given: tuple[Dim, ...], made: list[Dim]
) -> None:
    """CS058, CS236 unless the convolution makes the input's lengths out of the output's."""
    if all(may_be_equal(n, m) for n, m in zip(given, made, strict=True)):
        return
    results, found, wanted = (" x ".join(map(format_dim, n)) for n in (out, given, made))
    if argument(layer, "output_shape") is None:
        raise Problem(
            "CS236",
            f"this output_padding gives an output of {results}, which belongs to an input of "
            f"{wanted}; it has {found}",
            "with 'same' and an even kernel it is 1 or more",
            argument="output_padding",
        )
    raise Problem(
        "CS058",
        f"output_shape {list(argument(layer, 'output_shape'))} belongs to an input of {wanted}; "
        f"it has {found}",
        "with stride s, kernel k and n inputs 'valid' gives (n - 1) * s + k outputs and up to "
        "s - 1 more, 'same' (n - 1) * s + 1 to n * s",
        argument="output_shape",
    )
