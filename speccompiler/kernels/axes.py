"""Axes joined into fewer: how transposes, slices and parameters walk through memory."""

from __future__ import annotations

from math import prod

from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Node
from speccompiler.graph.permutations import runs
from speccompiler.planning.candidate import KnownShape, op_of


def merge_axes(shape: KnownShape, axes: tuple[int, ...]) -> tuple[KnownShape, tuple[int, ...]]:
    """The same permutation, with those axes joined that stay side by side."""
    groups = runs(axes)
    order = sorted(range(len(groups)), key=lambda i: groups[i][0])
    merged = tuple(prod(shape[a] for a in groups[i]) for i in order)
    return merged, tuple(order.index(i) for i in range(len(groups)))


@dataclass(frozen=True, slots=True)
class TransposePlan:
    """A permutation as kernels do it: two outer axes, then the axes u and v of matrices."""

    lengths: tuple[int, int, int, int]
    source_strides: tuple[int, int, int, int]
    target_strides: tuple[int, int, int, int]


def transpose_plan(node: Node, shape: KnownShape) -> TransposePlan:
    """Along v the output's values lie side by side, along u the input's, unless v has both."""
    merged, axes = merge_axes(shape, op_of(node).axes)
    assert len(axes) <= 4, "a permutation of more than four separate axes"
    lengths = [merged[axis] for axis in axes]
    # Of each output axis: its length, the input's stride along it and the output's.
    rows = [
        (length, prod(merged[axis + 1 :]), prod(lengths[i + 1 :]))
        for i, (axis, length) in enumerate(zip(axes, lengths, strict=True))
    ]
    along = rows.pop()
    across = next((row for row in rows if row[1] == 1), rows[-1] if rows else (1, 1, 1))
    outer = [row for row in rows if row is not across]
    four = (*((1, 0, 0),) * (2 - len(outer)), *outer, across, along)
    return TransposePlan(*zip(*four, strict=True))


def parameter_axes(node: Node) -> int:
    """The first axis along which any parameter of a step has different values."""
    shapes = [parameter.shape for parameter in op_of(node).parameters]
    found = (axis for axis in range(len(node.shape)) if any(shape[axis] != 1 for shape in shapes))
    return next(found, len(node.shape))


@dataclass(frozen=True, slots=True)
class RowsPlan:
    """Rows of values at even distances. ``outer`` has (rows, distance) for each outer axis."""

    first: int
    """Where the first row begins."""
    outer: tuple[tuple[int, int], ...]
    length: int
    step: int
    """The distance of a row's values: 0 where it is one value."""


def slice_plan(node: Node, shape: KnownShape) -> RowsPlan:
    """A slice with whole axes joined to those before them."""
    op = op_of(node)
    axes: list[tuple[int, int, int, int]] = []  # length of the axis, start, step, count
    for axis in zip(shape, op.start, op.step, op.count, strict=True):
        n, start, step, count = axis
        whole = (start, step, count) == (0, 1, n)
        if axes and whole and axes[-1][2] == 1:
            before = axes.pop()
            axes.append((before[0] * n, before[1] * n, 1, before[3] * n))
        else:
            axes.append(axis)
    apart = [prod(axis[0] for axis in axes[i + 1 :]) for i in range(len(axes))]
    rows = [
        (count, step * distance) for (_, _, step, count), distance in zip(axes, apart, strict=True)
    ]
    first = sum(start * distance for (_, start, _, _), distance in zip(axes, apart, strict=True))
    return RowsPlan(first, tuple(rows[:-1]), *rows[-1])


def expand_plan(node: Node, shape: KnownShape) -> RowsPlan:
    """An Expand with those axes joined that are repeated alike; a distance of 0 repeats."""
    axes: list[tuple[int, int]] = []  # length in the output, distance in the input
    distance = 1
    for own, length in zip(reversed(shape), reversed(op_of(node).shape), strict=True):
        step = distance if own > 1 else 0
        if length != 1:
            if axes and (axes[-1][1] == 0) == (step == 0):
                count, apart = axes.pop()
                axes.append((count * length, apart))
            else:
                axes.append((length, step))
        distance *= own
    length, step = axes[0] if axes else (1, 0)
    return RowsPlan(0, tuple(reversed(axes[1:])), length, step)
