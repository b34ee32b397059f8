"""Slice, Reduce, Resize and LRN2D: what people wrote as a Lambda."""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.dims import Dim
from speccompiler.graph.ir import GlobalPool, Node, Reshape, Shape, Transpose
from speccompiler.graph.ir import Resize as ResizeOp
from speccompiler.graph.ir import Slice as SliceOp
from speccompiler.graph.lengths import slice_bounds
from speccompiler.graph.permutations import steps
from speccompiler.graph.shapes import element_count, format_shape
from speccompiler.lowering.builder import Builder, channels_last, restore_ordering
from speccompiler.lowering.spatial import check_rank
from speccompiler.schemas.beyond_keras import Reduce, Resize, Slice

REDUCED = {"sum": "sum", "mean": "average", "max": "max", "prod": "product"}


def lower_slice(b: Builder, layer: Slice, x: Node) -> Node:
    """Axes that are not named stay whole."""
    axes = sample_axes(layer.axis, x)
    _check_lists(layer)
    starts: list[Dim] = [0] * len(x.shape)
    steps_apart, counts = [1] * len(x.shape), [*x.shape]
    for number, axis in enumerate(axes):
        start, stop, step = (
            given[number if len(given) > 1 else 0]
            for given in (layer.start, layer.stop, layer.step)
        )
        assert step is not None, "a step is a number"
        starts[axis], counts[axis] = slice_bounds(x.shape[axis], start, stop, step)
        steps_apart[axis] = step
    y = b.add(SliceOp(tuple(starts), tuple(steps_apart), tuple(counts)), x)
    if not layer.squeeze:
        return y
    for axis in axes:
        if y.shape[axis] != 1:
            raise Problem(
                "CS068",
                f"of axis {axis + 1} more than one value is left: {format_shape(y.shape)}",
                "squeeze drops axes that are 1 long; leave it out, or give stop: start + 1",
                argument="squeeze",
            )
    return b.add(Reshape(_without(y, axes)), y)


def _check_lists(layer: Slice) -> None:
    """CS068 unless start, stop and step say one value for each axis, or one for all."""
    axes = len(layer.axis)
    for name in ("start", "stop", "step"):
        count = len(getattr(layer, name))
        if count not in {1, axes}:
            raise Problem(
                "CS068",
                f"'{name}' says {count} values, and 'axis' names {axes}",
                "give one for each axis, or one for all",
                argument=name,
            )


def lower_reduce(b: Builder, layer: Reduce, x: Node) -> Node:
    """What is reduced goes behind all but the last axis that stays, and is pooled there."""
    axes = sample_axes(layer.axis, x)
    kept = [axis for axis in range(len(x.shape)) if axis not in axes]
    # Where the last axis stays, its values lie side by side.
    channels = kept.pop() if kept and kept[-1] == len(x.shape) - 1 else None
    order = (*kept, *axes, *(() if channels is None else (channels,)))
    y = x
    for step in steps(order):
        y = b.add(Transpose(step), y) if step != tuple(range(len(step))) else y
    outer = y.shape[: len(kept)]
    positions = element_count(y.shape[len(kept) : len(kept) + len(axes)])
    last = 1 if channels is None else x.shape[channels]
    y = b.add(Reshape((*outer, positions, last)), y)
    y = b.add(GlobalPool(REDUCED[layer.mode], len(kept)), y)
    if layer.keepdims:
        shape = tuple(1 if axis in axes else length for axis, length in enumerate(x.shape))
    else:
        shape = _without(x, axes)
    return b.add(Reshape(shape), y) if shape != y.shape else y


def lower_resize(b: Builder, layer: Resize, x: Node) -> Node:
    """To a size, or by factors."""
    check_rank(x, 2, layer.dim_ordering, "Resize")
    x = channels_last(b, x, layer.dim_ordering)
    rows, columns = layer.size or (f * n for f, n in zip(layer.factor, x.shape[:2], strict=True))
    bilinear = layer.interpolation == "bilinear"
    y = b.add(ResizeOp((rows, columns), bilinear, layer.align_corners), x)
    return restore_ordering(b, y, layer.dim_ordering)


def sample_axes(given: Sequence[int], x: Node) -> list[int]:
    """Axes of one sample, in order, from those that count the batch axis. CS068."""
    rank = len(x.shape) + 1
    found = []
    for axis in given:
        place = axis + rank if axis < 0 else axis
        if not 0 < place < rank or place - 1 in found:
            raise Problem(
                "CS068",
                f"axis {axis} is "
                + ("named twice" if place - 1 in found else "no axis of a sample of the input")
                + f" {format_shape(x.shape)}",
                f"axes count the batch axis: 1 to {rank - 1} are those of a sample, -1 is the last",
                argument="axis",
            )
        found.append(place - 1)
    return found


def _without(x: Node, axes: Sequence[int]) -> Shape:
    """The shape that is left; of a sample that has no axis left, one value."""
    return tuple(n for axis, n in enumerate(x.shape) if axis not in axes) or (1,)
