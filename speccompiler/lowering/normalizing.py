"""LayerNormalization, GroupNormalization, UnitNormalization (Keras 3.15 layers/normalization)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.nodes import Binary, Call, Number, Variable
from speccompiler.graph.dims import is_known
from speccompiler.graph.ir import Combine, Map, Node, Normalize, Weight
from speccompiler.graph.shapes import element_count
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.groups import group_size
from speccompiler.lowering.input_axes import known_channels, open_channels
from speccompiler.lowering.kernel_arguments import check_kernel_arguments
from speccompiler.lowering.last_axis import (
    as_rows,
    from_last,
    of_rows,
    permuted,
    reshaped,
    spread,
    to_last,
)
from speccompiler.lowering.normalization import scaled, scaling_of
from speccompiler.lowering.sample_axes import sample_axes

if TYPE_CHECKING:
    from speccompiler.schemas.normalizing import (
        GroupNormalization,
        LayerNormalization,
        UnitNormalization,
    )


def lower_layer_normalization(b: Builder, layer: LayerNormalization, x: Node) -> Node:
    """The axes go last as one, are normalised, and go back. CS068.

    gamma and beta are stored with the lengths of the axes in the order in which these are named,
    and read in the order of the sample's axes.
    """
    axes = sample_axes(layer.axis, x)
    op = Normalize(layer.epsilon, 0.0)
    y = from_last(b, b.add(op, to_last(b, x, axes)), axes, x.shape)
    stored = tuple(n for axis in axes if is_known(n := x.shape[axis]))
    shape = tuple(n if axis in axes and is_known(n) else 1 for axis, n in enumerate(x.shape))
    names = scaling_of(layer)
    if names and len(stored) < len(axes):
        raise open_channels(layer, next(n for a in axes if not is_known(n := x.shape[a])))
    tensors = tuple(beside(b, name, stored, shape) for name in names)
    check_kernel_arguments(b, layer, *tensors)
    return scaled(b, layer, y, tensors)


def beside(b: Builder, name: str, stored: tuple[int, ...], shape: tuple[int, ...]) -> Weight:
    """A tensor that stands beside some axes of a sample: the same numbers in ``shape``."""
    if len(stored) < 2:
        return Weight(b.layer, name, stored, tuple(range(len(stored))), shape)
    return Weight(b.layer, name, stored, tuple(range(len(shape))), shape, split=shape)


def lower_group_normalization(b: Builder, layer: GroupNormalization, x: Node) -> Node:
    """Each group of channels becomes a row of all its values, and goes back. CS068, CS235."""
    (axis,) = sample_axes((layer.axis,), x)
    channels = known_channels(b, layer, x, axis)
    groups = channels if layer.groups == -1 else layer.groups
    if groups == 0:
        raise Problem(
            "CS235", "there are no groups", "-1 is one for each channel", argument="groups"
        )
    size = group_size(channels, groups)
    apart = (*x.shape[:axis], groups, size, *x.shape[axis + 1 :])
    y = reshaped(b, x, apart)
    order = (axis, *(a for a in range(len(apart)) if a != axis))
    y = permuted(b, y, order)
    moved = y.shape
    y = b.add(Normalize(layer.epsilon, 0.0), reshaped(b, y, (groups, element_count(moved[1:]))))
    y = permuted(b, reshaped(b, y, moved), tuple(map(order.index, range(len(order)))))
    y = reshaped(b, y, x.shape)
    shape = tuple(channels if a == axis else 1 for a in range(len(x.shape)))
    tensors = tuple(Weight(b.layer, n, (channels,), (0,), shape) for n in scaling_of(layer))
    check_kernel_arguments(b, layer, *tensors)
    return scaled(b, layer, y, tensors)


def lower_unit_normalization(b: Builder, layer: UnitNormalization, x: Node) -> Node:
    """Each row of the axes divided by its norm. CS068."""
    axes = sample_axes(layer.axis, x)
    return from_last(b, of_unit_length(b, to_last(b, x, axes), layer.epsilon), axes, x.shape)


def of_unit_length(b: Builder, x: Node, epsilon: float) -> Node:
    """Rows of the last axis divided by ``max(sqrt(sum(x**2)), epsilon)``."""
    rows = as_rows(b, x)
    squares = b.add(Map(Binary("*", Variable(), Variable())), rows)
    norm = Call("max", (Call("sqrt", (Variable(),)), Number(epsilon)))
    norms = b.add(Map(norm), of_rows(b, squares, "sum"))
    return reshaped(b, b.add(Combine("quotient"), rows, spread(b, norms, rows)), x.shape)
