"""UpSampling, ZeroPadding and Cropping of every rank (Keras 1.2.2 layers/convolutional.py)."""

from __future__ import annotations

from speccompiler.graph.ir import Node, Op, Pad, Upsample
from speccompiler.graph.shapes import format_shape
from speccompiler.lowering.builder import Builder, channels_last, restore_ordering
from speccompiler.lowering.spatial import check_rank
from speccompiler.schemas.resizing import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    Padding1D,
    Padding2D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)


def lower_upsampling(
    b: Builder, layer: UpSampling1D | UpSampling2D | UpSampling3D, x: Node
) -> Node:
    """Each element repeated along every spatial axis."""
    if isinstance(layer, UpSampling1D):
        return _apply(b, layer.type, "tf", Upsample((layer.length,)), 1, x)
    return _apply(b, layer.type, layer.dim_ordering, Upsample(layer.size), len(layer.size), x)


def lower_zero_padding1d(b: Builder, layer: ZeroPadding1D, x: Node) -> Node:
    """A number for both sides, (left, right), or by side."""
    padding = layer.padding
    if isinstance(padding, int):
        sides = (padding, padding)
    elif isinstance(padding, Padding1D):
        sides = (padding.left_pad, padding.right_pad)
    else:
        sides = padding
    return _apply(b, layer.type, "tf", Pad((sides,)), 1, x)


def lower_zero_padding2d(b: Builder, layer: ZeroPadding2D, x: Node) -> Node:
    """(rows, columns), (top, bottom, left, right), or by side."""
    padding = layer.padding
    if isinstance(padding, Padding2D):
        rows, columns = (padding.top_pad, padding.bottom_pad), (padding.left_pad, padding.right_pad)
    elif len(padding) == 4:
        rows, columns = padding[:2], padding[2:]
    else:
        rows, columns = (padding[0], padding[0]), (padding[1], padding[1])
    return _apply(b, layer.type, layer.dim_ordering, Pad((rows, columns)), 2, x)


def lower_zero_padding3d(b: Builder, layer: ZeroPadding3D, x: Node) -> Node:
    """The same on both sides of each axis."""
    pad = Pad(tuple((p, p) for p in layer.padding))
    return _apply(b, layer.type, layer.dim_ordering, pad, 3, x)


def lower_cropping(b: Builder, layer: Cropping1D | Cropping2D | Cropping3D, x: Node) -> Node:
    """(before, after) of each axis: padding of less than nothing."""
    if isinstance(layer, Cropping1D):
        cuts, ordering = [layer.cropping], "tf"
    else:
        cuts, ordering = [*layer.cropping], layer.dim_ordering
    pad = Pad(tuple((-before, -after) for before, after in cuts))
    y = _apply(b, layer.type, ordering, pad, len(cuts), x)
    if 0 in y.shape and 0 not in x.shape:
        b.warn(
            "CS076",
            f"nothing is left of {format_shape(x.shape)}: the output {format_shape(y.shape)} "
            "holds no value, as in Keras",
            "cut off less",
        )
    return y


def _apply(b: Builder, layer_type: str, ordering: str, op: Op, rank: int, x: Node) -> Node:
    check_rank(x, rank, ordering, layer_type)
    return restore_ordering(b, b.add(op, channels_last(b, x, ordering)), ordering)
