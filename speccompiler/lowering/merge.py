"""Merge to ``Combine``, ``Concat`` and ``Dot`` (Keras 1.2.2 engine/topology.py:1261-1421).

Arguments count the batch axis, as in Keras. Its sums of products are ``K.batch_dot``: for tensors
of up to three axes both backends give the same; with more axes Theano still sums over one axis of
each, while TensorFlow multiplies matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.grammar import parse
from speccompiler.expressions.library import COSINE_NORM
from speccompiler.graph.dims import Dim
from speccompiler.graph.ir import (
    Combine,
    CombineMode,
    Concat,
    Dot,
    Expand,
    Map,
    Node,
    Reshape,
    Transpose,
)
from speccompiler.graph.shapes import format_shape, infer, may_be_equal, same_shape
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.last_axis import reshaped
from speccompiler.lowering.mask_merging import ANY_KEEPS, merged_mask
from speccompiler.lowering.mask_table import release_of
from speccompiler.lowering.normalizing import of_unit_length
from speccompiler.schemas.merge import Merge

ELEMENTWISE: dict[str, CombineMode] = {
    "sum": "sum", "mul": "mul", "ave": "ave", "max": "max", "min": "min", "sub": "difference",
}  # fmt: skip


LEAST_NORM = 1e-6
"""The smallest norm that ``normalize`` divides by: TensorFlow's, of squares from 1e-12 on."""


_REST = parse("1 - x")
"""1 where a mask has 0, and 0 where it has 1."""


def lower_merge(b: Builder, layer: Merge, *inputs: Node) -> Node:
    """Elementwise, side by side, or sums of products, by the mode. CS063.

    From Keras 3.4 on products, maxima and minima leave out what the masks of their inputs do not
    keep (Keras 3.15 merging/multiply.py and base_merge.py).
    """
    mask = merged_mask(b, layer, inputs)
    masks: list[Node | None] = [None]
    if layer.mode in {"mul", "max", "min"} and release_of(b.semantics.release) >= ANY_KEEPS:
        masks = [_wide_mask(b, x) for x in inputs]
    if not any(masks):
        y = _merged(b, layer, inputs)
    elif layer.mode == "mul":
        y = _product_of_kept(b, layer, inputs, masks)
    else:
        y = _extreme_of_kept(b, layer, inputs, masks)
    return b.with_mask(y, mask)


def _product_of_kept(
    b: Builder, layer: Merge, inputs: tuple[Node, ...], masks: Sequence[Node | None]
) -> Node:
    """The product of what is kept; 0 where every input has a mask and none keeps its value."""
    values = [
        x if m is None else _one_elsewhere(b, x, m) for x, m in zip(inputs, masks, strict=True)
    ]
    y = _merged(b, layer, tuple(values))
    known = [m for m in masks if m is not None and m.shape == y.shape]
    if len(known) < len(masks):
        return y
    kept = known[0] if len(known) == 1 else b.add_mask(Combine("max"), *known)
    return b.add(Combine("mul"), y, kept)


def _extreme_of_kept(
    b: Builder, layer: Merge, inputs: tuple[Node, ...], masks: Sequence[Node | None]
) -> Node:
    """From first to last: each of two values stands for the other where that is not kept."""
    y, kept = inputs[0], masks[0]
    for value, mask in zip(inputs[1:], masks[1:], strict=True):
        x = value if mask is None else _chosen(b, layer, mask, value, y)
        if kept is not None:
            y = _chosen(b, layer, kept, y, x)
        if kept is None or mask is None:
            kept = None
        else:
            kept = b.add_mask(Combine("max"), *_alike(b, layer, kept, mask))
        y = _merged(b, layer, (y, x))
    return y


def _chosen(b: Builder, layer: Merge, mask: Node, one: Node, other: Node) -> Node:
    """``one`` where the mask keeps it, and ``other`` elsewhere."""
    mask, one, other = _alike(b, layer, mask, one, other)
    rest = b.add_mask(Map(_REST), mask)
    return b.add(
        Combine("sum"), b.add(Combine("mul"), one, mask), b.add(Combine("mul"), other, rest)
    )


def _alike(b: Builder, layer: Merge, *values: Node) -> list[Node]:
    """The values in one shape, where the layer takes several."""
    return _broadcast(b, values) if layer.broadcast else list(values)


def _wide_mask(b: Builder, x: Node) -> Node | None:
    """The mask of a value in its shape, if it has one."""
    mask = b.mask_of(x)
    if mask is None or len(mask.shape) + 1 != len(x.shape):
        return None
    return b.add_mask(Expand(x.shape), b.add_mask(Reshape((*mask.shape, 1)), mask))


def _one_elsewhere(b: Builder, x: Node, mask: Node) -> Node:
    """The value where its mask keeps it, and 1 elsewhere (Keras 3.15 merging/multiply.py)."""
    rest = b.add_mask(Map(_REST), mask)
    return b.add(Combine("sum"), b.add(Combine("mul"), x, mask), rest)


def _merged(b: Builder, layer: Merge, inputs: tuple[Node, ...]) -> Node:
    if layer.mode in ELEMENTWISE:
        values = _broadcast(b, inputs) if layer.broadcast else inputs
        return b.add(Combine(ELEMENTWISE[layer.mode]), *values)
    if layer.mode == "concat":
        return _concat(b, layer, inputs)
    one, other = inputs
    axes = _dot_axes(b, layer, one, other)
    if layer.mode == "dot" and layer.normalize:
        return b.add(Dot(one.shape[axes[0]]), *(
            of_unit_length(b, _to_the_end(b, x, axis), LEAST_NORM)
            for x, axis in zip((one, other), axes, strict=True)
        ))  # fmt: skip
    product = _dot(b, one, other, axes)
    if layer.mode == "dot":
        return product
    same_shape([one.shape, other.shape])
    squares = (_dot(b, value, value, axes) for value in inputs)
    norm = b.add(Combine("mul", COSINE_NORM), *squares)
    cosine = b.add(Combine("quotient"), product, norm)
    return b.add(Reshape((1, *cosine.shape)), cosine)


def _broadcast(b: Builder, inputs: tuple[Node, ...]) -> list[Node]:
    """The values in one shape, as NumPy's rules make it (Keras 2.1.6 layers/merge.py:68). CS063."""
    rank = max(len(x.shape) for x in inputs)
    whole = [(1,) * (rank - len(x.shape)) + x.shape for x in inputs]
    shape: list[Dim] = []
    for lengths in zip(*whole, strict=True):
        longer = [n for n in lengths if n != 1]
        known = [n for n in longer if isinstance(n, int)]
        shape.append((known or longer or [1])[0])
    for mine in whole:
        if not all(n == 1 or may_be_equal(n, m) for n, m in zip(mine, shape, strict=True)):
            same_shape([x.shape for x in inputs])
    values = []
    for x, mine in zip(inputs, whole, strict=True):
        wide = tuple(m if n == 1 else n for n, m in zip(mine, shape, strict=True))
        y = reshaped(b, x, mine)
        values.append(y if wide == mine else b.add(Expand(wide), y))
    return values


def _concat(b: Builder, layer: Merge, inputs: tuple[Node, ...]) -> Node:
    axis = _axis(layer.concat_axis, inputs[0], "concat_axis")
    # The shape rule refuses values of other ranks, whatever length is said of them here.
    lengths = tuple(x.shape[min(axis, len(x.shape) - 1)] for x in inputs)
    try:
        return b.add(Concat(axis, lengths), *inputs)
    except Problem as problem:
        hint = _fitting_axis(inputs) or problem.hint
        raise Problem(problem.code, problem.message, hint, argument="concat_axis") from None


def _fitting_axis(inputs: tuple[Node, ...]) -> str | None:
    """A hint that names an axis along which the values can be joined."""
    shapes = [x.shape for x in inputs]
    rank = len(shapes[0])
    if any(len(shape) != rank for shape in shapes):
        return None
    for axis in reversed(range(rank)):
        try:
            joined = infer(Concat(axis, tuple(shape[axis] for shape in shapes)), *shapes)
        except Problem:
            continue
        number = -1 if axis == rank - 1 else axis + 1
        return f"with concat_axis: {number} they fit and give {format_shape(joined)}"
    return None


def _dot_axes(b: Builder, layer: Merge, one: Node, other: Node) -> tuple[int, int]:
    given = layer.dot_axes
    pair = (given, given) if isinstance(given, int) else given
    rank = max(len(one.shape), len(other.shape)) + 1
    later = release_of(b.semantics.release) >= (3,)
    if rank > 3 and b.semantics.padding == "tensorflow" and not later:
        raise Problem(
            "CS063",
            f"mode '{layer.mode}' of values of shapes {format_shape(one.shape)} and "
            f"{format_shape(other.shape)}: beyond three axes, batch axis included, Keras's "
            "TensorFlow backend gave no sums over one axis",
            "reshape the inputs to (steps, channels) first",
        )
    return _axis(pair[0], one, "dot_axes"), _axis(pair[1], other, "dot_axes")


def _axis(given: int, x: Node, argument: Literal["concat_axis", "dot_axes"]) -> int:
    """An axis of one sample from one that counts the batch axis. CS063."""
    rank = len(x.shape) + 1
    axis = given + rank if given < 0 else given
    if not 0 < axis < rank:
        what = "the batch axis" if axis == 0 else "no axis"
        raise Problem(
            "CS063",
            f"'{argument}' {given} is {what} of the input {format_shape(x.shape)}",
            f"it counts the batch axis: 1 to {rank - 1} are those of a sample, -1 is the last",
            argument=argument,
        )
    return axis - 1


def _dot(b: Builder, one: Node, other: Node, axes: tuple[int, int]) -> Node:
    one, other = (_to_the_end(b, x, axis) for x, axis in zip((one, other), axes, strict=True))
    return b.add(Dot(one.shape[-1]), one, other)


def _to_the_end(b: Builder, x: Node, axis: int) -> Node:
    order = (*(a for a in range(len(x.shape)) if a != axis), axis)
    return x if order == tuple(range(len(x.shape))) else b.add(Transpose(order), x)
