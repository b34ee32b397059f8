"""ConvLSTM2D: a convolution of all images at once, then a scan whose products are convolutions.

Rules: Keras 1.2.2 layers/convolutional_recurrent.py. What the state adds is a convolution with
border_mode 'same' by the backend's own rule; Theano reverses its kernel too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.ir import Conv, Node, Recurrent, Transpose, Weight, extent_of
from speccompiler.graph.shapes import format_shape
from speccompiler.lowering.border_modes import conv_padding
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.cells import (
    Direction,
    biases,
    cell_activation,
    of_all_gates,
    own_direction,
    passing_mask,
    scan,
)
from speccompiler.lowering.convolution import dilation_of
from speccompiler.lowering.input_axes import known_channels
from speccompiler.lowering.kernels import kernel_layout, reverses

if TYPE_CHECKING:
    from speccompiler.schemas.conv_lstm2d import ConvLSTM2D

AXES = {"tf": "(steps, rows, columns, channels)", "th": "(steps, channels, rows, columns)"}


def lower_conv_lstm2d(b: Builder, layer: ConvLSTM2D, x: Node, *first: Node) -> Node:
    """Images of steps to those of every step, or to that of the last; ``first`` are h and c."""
    mask = b.mask_of(x)
    return passing_mask(b, layer, images_of(b, layer, own_direction(layer), x, mask, first), mask)


def images_of(
    b: Builder,
    layer: ConvLSTM2D,
    way: Direction,
    x: Node,
    mask: Node | None,
    first: Sequence[Node] = (),
) -> Node:
    """What a layer gives in one direction, in the order in which its steps are computed. CS038."""
    th = layer.dim_ordering == "th"
    if len(x.shape) != 4:
        raise Problem(
            "CS038",
            f"ConvLSTM2D takes samples of shape {AXES['th' if th else 'tf']}, but its input has "
            f"shape {format_shape(x.shape)}",
            "the axis of steps comes first, then those of an image",
        )
    if th:
        x = b.add(Transpose((0, 2, 3, 1)), x)
    channels, filters = known_channels(b, layer, x), layer.nb_filter
    kernel = (layer.nb_row, layer.nb_col)
    reversed_ = reverses(b, kernel)

    def of(inputs: int, shape: tuple[int, ...], name: str, gates: int) -> Weight:
        stored, axes = kernel_layout(layer, kernel, inputs, gates * filters)
        return Weight(b.layer, name, stored, axes, (*shape, inputs, gates * filters), reversed_)

    weight = of_all_gates(b, layer, way, "W", lambda *a: of(channels, (1, *kernel), *a))
    recurrent = of_all_gates(b, layer, way, "U", lambda *a: of(filters, kernel, *a))
    bias, _ = biases(b, layer, way, filters, apart=False)
    spatial, stride = x.shape[1:-1], layer.subsample
    extent = extent_of(kernel, layer.atrous_rate)
    around = conv_padding(layer.border_mode, b.semantics, spatial, extent, stride)
    rates = dilation_of((1, *kernel), (1, *layer.atrous_rate))
    conv = Conv((1, *kernel), (1, *stride), ((0, 0), *around), weight, bias, dilation=rates)
    inputs = b.add(conv, x)
    if mask is not None:
        _check_mask(b, layer, mask, inputs)
    op = Recurrent(
        "lstm",
        x.shape[0],
        recurrent,
        None,
        cell_activation(b, layer.activation),
        cell_activation(b, layer.inner_activation),
        kernel=kernel,
        padding=conv_padding("same", b.semantics, inputs.shape[1:-1], kernel, (1, 1)),
    )
    given = [b.add(Transpose((1, 2, 0)), state) if th else state for state in first]
    y = scan(b, layer, way, op, inputs, mask, given)
    if not th:
        return y
    if b.call in b.last_states:
        *before, h, c = b.last_states[b.call]
        turned = (b.add(Transpose((2, 0, 1)), state) for state in (h, c))
        b.last_states[b.call] = (*before, *turned)
    places = len(y.shape) - 3
    return b.add(Transpose((*range(places), places + 2, places, places + 1)), y)


def _check_mask(b: Builder, layer: ConvLSTM2D, mask: Node, inputs: Node) -> None:
    """CS210 for a mask of each pixel where the state has others; CS055 for one on TensorFlow.

    A mask is made before the channels are moved: under 'th' it would be one of channels and rows.
    """
    pixels = mask.shape[1:]
    if pixels and (layer.dim_ordering == "th" or pixels != inputs.shape[1:-1]):
        from speccompiler.lowering.masks import refusal

        have = format_shape(mask.shape)
        raise refusal(b, layer, mask, f"a mask {have} has no value for each of the state's pixels")
    if b.semantics.backend is not None and not b.semantics.backend.startswith("theano"):
        b.note(
            "CS055",
            "Keras itself refuses this on TensorFlow: a ConvLSTM2D takes no mask there",
            "the result follows the layer's definition; if the model was trained on Theano, say "
            "--semantics theano",
        )
