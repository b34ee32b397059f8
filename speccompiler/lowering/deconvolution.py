"""Deconvolution2D: a convolution for each class of outputs, side by side, then put in order.

With stride s, output o reads input i and place k of the kernel where ``o + before = s*i + k``.
Outputs with the same remainder of ``o + before`` by s see the same places of the kernel. All
remainders together are therefore one convolution, with s times the filters and a kernel of
``ceil(k / s)`` (``Weight.phases``), whose results only have to be put in order.
"""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass
from speccompiler.graph.dims import Dim, format_dim, is_known
from speccompiler.graph.ir import Conv, Node, Pad, Reshape, Transpose, Weight
from speccompiler.graph.padding import window_count
from speccompiler.graph.shapes import may_be_equal
from speccompiler.lowering.activations import activated
from speccompiler.lowering.border_modes import conv_padding
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.input_axes import known_channels, own_ordering, spatial_input
from speccompiler.lowering.kernel_arguments import check_kernel_arguments
from speccompiler.lowering.kernels import kernel_layout, reverses
from speccompiler.schemas.deconvolution import Deconvolution2D


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis of the convolution of all classes."""

    kernel: int
    padding: tuple[Dim, Dim]
    count: int
    """Results for each class."""
    cut: tuple[int, int]
    """What is cut off in front and behind, once the classes are in order."""


def lower_deconvolution2d(b: Builder, layer: Deconvolution2D, x: Node) -> Node:
    """The transpose of the convolution that makes ``x`` of the output."""
    x = spatial_input(b, layer, x)
    channels = known_channels(b, layer, x)
    kernel, stride = (layer.nb_row, layer.nb_col), layer.subsample
    out = _output_lengths(layer)
    padding = conv_padding(layer.border_mode, b.semantics, out, kernel, stride)
    _check_lengths(layer, x.shape[:-1], [
        window_count(n, k, s, *sides)
        for n, k, s, sides in zip(out, kernel, stride, padding, strict=True)
    ])  # fmt: skip
    if b.semantics.theano and layer.border_mode == "same" and any(k % 2 == 0 for k in kernel):
        b.warn(
            "CS051",
            "Theano itself fails here: Deconvolution2D 'same' with an even kernel is cut off to "
            "the size of its input",
            "the result is the whole output",
        )
    before = [n for n, _ in padding if is_known(n)]
    axes = [_axis(*of) for of in zip(out, x.shape[:-1], kernel, stride, before, strict=True)]
    y = _all_classes(b, layer, x, axes, channels)
    if stride != (1, 1):
        (rows, columns), (s0, s1) = (axis.count for axis in axes), stride
        y = b.add(Reshape((rows, columns, s0, s1, layer.nb_filter)), y)
        y = b.add(Transpose((0, 2, 1, 3, 4)), y)
        y = b.add(Reshape((rows * s0, columns * s1, layer.nb_filter)), y)
        y = b.add(Pad(tuple((-first, -last) for first, last in (a.cut for a in axes))), y)
    return own_ordering(b, layer, y)


def _all_classes(
    b: Builder, layer: Deconvolution2D, x: Node, axes: list[_Axis], channels: int
) -> Node:
    """One convolution; its channels are the classes, and in each of them the filters."""
    kernel, filters = (layer.nb_row, layer.nb_col), layer.nb_filter
    stored, order = kernel_layout(layer, kernel, channels, filters)
    taps = tuple(axis.kernel for axis in axes)
    wide = filters * layer.subsample[0] * layer.subsample[1]
    weight = Weight(
        b.layer,
        "W",
        stored,
        order,
        (*taps, channels, wide),
        reverses(b, kernel),
        phases=layer.subsample,
    )
    bias = None
    if layer.bias:
        bias = Weight(b.layer, "b", (filters,), (0,), (wide,), phases=layer.subsample)
    check_kernel_arguments(b, layer, weight, bias)
    padding = tuple(axis.padding for axis in axes)
    y = b.add(Conv(taps, (1, 1), padding, weight, bias), x)
    return activated(b, y, layer.activation)


def _axis(out: int, n: Dim, k: int, s: int, before: int) -> _Axis:
    kernel = -(-k // s)
    first, last = before // s, (out - 1 + before) // s
    count = last - first + 1
    front = kernel - 1 - first
    behind = count + kernel - 1 - n - front
    cut = before - first * s
    return _Axis(kernel, (front, behind), count, (cut, count * s - cut - out))


def _output_lengths(layer: Deconvolution2D) -> tuple[int, int]:
    """Rows and columns that ``output_shape`` gives. CS058."""
    _, *lengths = layer.output_shape
    channels = lengths.pop(0 if layer.dim_ordering == "th" else -1)
    rows, columns = lengths
    if channels not in {None, layer.nb_filter} or rows is None or columns is None:
        raise Problem(
            "CS058",
            f"output_shape {list(layer.output_shape)} does not give the rows and columns of "
            f"{layer.nb_filter} filters in '{layer.dim_ordering}' ordering",
            "write [null, rows, columns, nb_filter] for 'tf', [null, nb_filter, rows, columns] "
            "for 'th'",
            argument="output_shape",
        )
    return rows, columns


def _check_lengths(layer: Deconvolution2D, given: tuple[Dim, ...], made: list[Dim]) -> None:
    """CS058 unless the convolution makes the input's lengths out of the output's."""
    if all(may_be_equal(n, m) for n, m in zip(given, made, strict=True)):
        return
    found, wanted = (" x ".join(map(format_dim, lengths)) for lengths in (given, made))
    raise Problem(
        "CS058",
        f"output_shape {list(layer.output_shape)} belongs to an input of {wanted}; it has {found}",
        "with stride s, kernel k and n inputs 'valid' gives (n - 1) * s + k outputs and up to "
        "s - 1 more, 'same' (n - 1) * s + 1 to n * s",
        argument="output_shape",
    )
