"""Axes of a sample, from numbers that count the batch axis as Keras does."""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.ir import Node, Shape
from speccompiler.graph.shapes import format_shape


def sample_axes(given: Sequence[int], x: Node) -> list[int]:
    """The axes of a sample that are named by numbers which count the batch axis. CS068."""
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


def without_axes(x: Node, axes: Sequence[int]) -> Shape:
    """The shape without these axes; ``(1,)`` where none is left."""
    return tuple(n for axis, n in enumerate(x.shape) if axis not in axes) or (1,)
