"""Slice and Pick: some of the values along axes of a sample. No layers of Keras."""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.dims import Dim
from speccompiler.graph.ir import Node, Reshape
from speccompiler.graph.ir import Slice as SliceOp
from speccompiler.graph.places import slice_bounds
from speccompiler.graph.shapes import format_shape
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.sample_axes import sample_axes, without_axes
from speccompiler.schemas.beyond_keras import Pick, Slice


def lower_slice(b: Builder, layer: Slice, x: Node) -> Node:
    """Python's ``start:stop:step`` along the axes that are named; the others stay whole. CS068."""
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
    return b.add(Reshape(without_axes(y, axes)), y)


def lower_pick(b: Builder, layer: Pick, x: Node) -> Node:
    """One of the values along the first axis, with the mask that came with all. CS068."""
    count, *rest = x.shape
    if not rest or (isinstance(count, int) and layer.index >= count):
        found = f"there is no value {layer.index} along the first axis of {format_shape(x.shape)}"
        hint = "values are counted from 0, and each of them has axes of its own"
        raise Problem("CS068", found, hint, argument="index")
    row = SliceOp((layer.index, *(0 for _ in rest)), (1,) * len(x.shape), (1, *rest))
    return b.with_mask(b.add(Reshape(tuple(rest)), b.add(row, x)), b.mask_of(x))


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
