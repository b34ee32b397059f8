"""Several axes of a value made one, its last, for what works along it, and put back."""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.graph.ir import Expand, GlobalPool, Node, Reshape, Shape, Transpose
from speccompiler.graph.permutations import steps
from speccompiler.graph.shapes import element_count
from speccompiler.lowering.builder import Builder


def to_last(b: Builder, x: Node, axes: Sequence[int]) -> Node:
    """``(*rest, length)``: the values along ``axes`` one after the other, as they lie in ``x``."""
    order = _order(len(x.shape), axes)
    rest = len(order) - len(axes)
    y = permuted(b, x, order)
    return y if len(axes) == 1 else reshaped(b, y, (*y.shape[:rest], element_count(y.shape[rest:])))


def from_last(b: Builder, y: Node, axes: Sequence[int], shape: Shape) -> Node:
    """What ``to_last`` made of a value of this shape, as that value."""
    order = _order(len(shape), axes)
    apart = reshaped(b, y, tuple(shape[axis] for axis in order))
    return permuted(b, apart, tuple(map(order.index, range(len(order)))))


def permuted(b: Builder, x: Node, order: tuple[int, ...]) -> Node:
    """Axis i is axis ``order[i]`` of ``x``; ``x`` itself where all stay in place."""
    if order == tuple(range(len(order))):
        return x
    for axes in steps(order):
        x = b.add(Transpose(axes), x)
    return x


def reshaped(b: Builder, x: Node, shape: Shape) -> Node:
    """The values in another shape; ``x`` itself where it has it."""
    return x if x.shape == shape else b.add(Reshape(shape), x)


def as_rows(b: Builder, x: Node) -> Node:
    """``(rows, length)``: all axes but the last made one."""
    return reshaped(b, x, (element_count(x.shape[:-1]), x.shape[-1]))


def of_rows(b: Builder, rows: Node, mode: str) -> Node:
    """``(rows, 1)``: the sum or the largest value of each row, by ``GlobalPool``'s modes."""
    return b.add(GlobalPool(mode, 1), b.add(Reshape((*rows.shape, 1)), rows))


def spread(b: Builder, values: Node, rows: Node) -> Node:
    """``(rows, 1)`` as often as the rows are long."""
    return b.add(Expand(rows.shape), values) if rows.shape[-1] != 1 else values


def _order(rank: int, axes: Sequence[int]) -> tuple[int, ...]:
    return (*(axis for axis in range(rank) if axis not in axes), *sorted(axes))
