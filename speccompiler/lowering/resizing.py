"""UpSampling, ZeroPadding and Cropping of every rank, and Resize.

Keras 1.2.2 layers/convolutional.py; Resize is no layer of Keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.ir import Node, Op, Pad, Upsample
from speccompiler.graph.ir import Resize as ResizeOp
from speccompiler.graph.shapes import format_shape
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.input_axes import own_ordering, spatial_input
from speccompiler.schemas.fields import Layer
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

if TYPE_CHECKING:
    from speccompiler.schemas.beyond_keras import Resize


def lower_upsampling(
    b: Builder, layer: UpSampling1D | UpSampling2D | UpSampling3D, x: Node
) -> Node:
    """Each element repeated along every spatial axis, or an image interpolated."""
    if isinstance(layer, UpSampling2D) and layer.interpolation != "nearest":
        return _interpolated(b, layer, x)
    factors = (layer.length,) if isinstance(layer, UpSampling1D) else layer.size
    return _spatial(b, layer, Upsample(factors), x)


def _interpolated(b: Builder, layer: UpSampling2D, x: Node) -> Node:
    """As TensorFlow 2 does it, or as TensorFlow 1 did, which counts no half pixel."""
    x = spatial_input(b, layer, x)
    rows, columns = (f * n for f, n in zip(layer.size, x.shape[:2], strict=True))
    half = layer.interpolation == "bilinear"
    op = ResizeOp((rows, columns), bilinear=True, align_corners=False, half_pixel=half)
    return own_ordering(b, layer, b.add(op, x))


def lower_zero_padding1d(b: Builder, layer: ZeroPadding1D, x: Node) -> Node:
    """A number for both sides, (left, right), or by side."""
    padding = layer.padding
    if isinstance(padding, int):
        sides = (padding, padding)
    elif isinstance(padding, Padding1D):
        sides = (padding.left_pad, padding.right_pad)
    else:
        sides = padding
    return _spatial(b, layer, Pad((sides,)), x)


def lower_zero_padding2d(b: Builder, layer: ZeroPadding2D, x: Node) -> Node:
    """(rows, columns), (top, bottom, left, right), or by side."""
    padding = layer.padding
    if isinstance(padding, Padding2D):
        rows, columns = (padding.top_pad, padding.bottom_pad), (padding.left_pad, padding.right_pad)
    elif len(padding) == 4:
        rows, columns = padding[:2], padding[2:]
    else:
        rows, columns = (padding[0], padding[0]), (padding[1], padding[1])
    return _spatial(b, layer, Pad((rows, columns)), x)


def lower_zero_padding3d(b: Builder, layer: ZeroPadding3D, x: Node) -> Node:
    """The same on both sides of each axis, or (before, after) of each."""
    return _spatial(b, layer, Pad(tuple(map(_ends, layer.padding))), x)


def _ends(amount: int | tuple[int, int]) -> tuple[int, int]:
    return (amount, amount) if isinstance(amount, int) else amount


def lower_cropping(b: Builder, layer: Cropping1D | Cropping2D | Cropping3D, x: Node) -> Node:
    """(before, after) of each axis, as a negative padding. CS076 where nothing is left."""
    cuts = [layer.cropping] if isinstance(layer, Cropping1D) else [*layer.cropping]
    y = _spatial(b, layer, Pad(tuple((-before, -after) for before, after in cuts)), x)
    if 0 in y.shape and 0 not in x.shape:
        b.warn(
            "CS076",
            f"nothing is left of {format_shape(x.shape)}: the output {format_shape(y.shape)} "
            "holds no value, as in Keras",
            "cut off less",
        )
    return y


def lower_resize(b: Builder, layer: Resize, x: Node) -> Node:
    """An image of the size that is given, or of so many times its size."""
    x = spatial_input(b, layer, x)
    rows, columns = layer.size or (f * n for f, n in zip(layer.factor, x.shape[:2], strict=True))
    if layer.align_corners and layer.half_pixel:
        raise Problem(
            "CS026",
            "'align_corners' and 'half_pixel' say two places for one value",
            "leave one of them out",
            argument="half_pixel",
        )
    bilinear = layer.interpolation == "bilinear"
    op = ResizeOp((rows, columns), bilinear, layer.align_corners, layer.half_pixel)
    y = b.add(op, x)
    return own_ordering(b, layer, y)


def _spatial(b: Builder, layer: Layer, op: Op, x: Node) -> Node:
    return own_ordering(b, layer, b.add(op, spatial_input(b, layer, x)))
