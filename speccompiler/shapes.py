"""Shape inference: one rule an operation, total over numbers and symbols.

A rule takes the shapes of the inputs (one sample, without the batch axis) and
raises ``Problem`` CS044 for a size that is not positive, CS038 for a wrong rank, CS063
for values that cannot be merged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .diagnostics import Problem
from .dims import CONSTANT, Dim, format_dim, lower_bound, terms_of
from .ir import (
    Combine,
    Concat,
    Conv,
    Dot,
    Graph,
    Identity,
    Input,
    Map,
    Node,
    Op,
    Pad,
    Pool,
    Reshape,
    Shape,
    Softmax,
    Transpose,
    Upsample,
)
from .lengths import window_count


def format_shape(shape: Shape) -> str:
    """A shape for people: ``(224, 224, 3)``, ``(ceil((T - 2)/2), 64)``."""
    inner = ", ".join(format_dim(d) for d in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def element_count(shape: Shape) -> Dim:
    """Values in one sample."""
    count: Dim = 1
    for dim in shape:
        count = count * dim
    return count


def may_be_equal(one: Dim, other: Dim) -> bool:
    """Whether two sizes are equal, or open lengths could make them so.

    False only where it is certain: one is always larger, or a number that divides every
    open term of the difference does not divide the rest.
    """
    difference = one - other
    if isinstance(difference, int):
        return difference == 0
    terms = terms_of(difference)
    rest = terms.pop(CONSTANT, 0)
    if rest % math.gcd(*terms.values()):
        return False
    bounds = lower_bound(difference), lower_bound(-difference)
    return not any(bound is not None and bound > 0 for bound in bounds)


def _windows(op: Conv | Pool, spatial: Shape, extra: Any = None) -> Shape:
    lengths: list[Dim] = []
    zeros = extra or ((0, 0),) * len(spatial)
    for axis, n in enumerate(spatial):
        (before, after), (zero_before, zero_after) = op.padding[axis], zeros[axis]
        length = window_count(
            n + zero_before + zero_after, op.kernel[axis], op.stride[axis], before, after
        )
        if isinstance(length, int) and length < 1:
            padded = n + zero_before + zero_after + before + after
            raise Problem(
                "CS044",
                f"axis {axis + 1} of {len(spatial)}: a window of {op.kernel[axis]} does not fit "
                f"into a length of {format_dim(padded)}",
            )
        lengths.append(length)
    return tuple(lengths)


def _conv(op: Conv, shape: Shape) -> Shape:
    spatial = shape[:-1]
    if op.repeats:
        spatial = tuple(r * n for r, n in zip(op.repeats, spatial, strict=True))
    return (*_windows(op, spatial), op.filters)


def _pool(op: Pool, shape: Shape) -> Shape:
    return (*_windows(op, shape[:-1], op.zeros), shape[-1])


def _upsample(op: Upsample, shape: Shape) -> Shape:
    return (*(f * n for f, n in zip(op.factors, shape[:-1], strict=True)), shape[-1])


def _pad(op: Pad, shape: Shape) -> Shape:
    spatial = (n + b + a for (b, a), n in zip(op.padding, shape[:-1], strict=True))
    return (*spatial, shape[-1])


def _transpose(op: Transpose, shape: Shape) -> Shape:
    return tuple(shape[axis] for axis in op.axes)


def _reshape(op: Reshape, shape: Shape) -> Shape:
    if not may_be_equal(element_count(op.shape), element_count(shape)):
        raise Problem(
            "CS046",
            f"{format_shape(shape)} holds {format_dim(element_count(shape))} values, "
            f"{format_shape(op.shape)} holds {format_dim(element_count(op.shape))}",
            argument="target_shape",
        )
    return op.shape


def same_shape(shapes: Sequence[Shape]) -> Shape:
    """The one shape that values have which are combined element by element.

    Of lengths that may be equal a number says more than a symbol.
    """
    first = shapes[0]
    for shape in shapes[1:]:
        fits = len(shape) == len(first) and all(map(may_be_equal, first, shape))
        if not fits:
            raise Problem(
                "CS063",
                f"values of shapes {_listed(shapes)} cannot be combined element by element",
                "all inputs need the same shape",
            )
        first = tuple(b if isinstance(b, int) else a for a, b in zip(first, shape, strict=True))
    return first


def _combine(op: Combine, *shapes: Shape) -> Shape:
    return same_shape(shapes)


def _concat(op: Concat, *shapes: Shape) -> Shape:
    assert len(op.lengths) == len(shapes), "a length for each value"
    if len({len(shape) for shape in shapes}) == 1:
        assert op.lengths == tuple(shape[op.axis] for shape in shapes), "lengths along the axis"
        rests = [(*shape[: op.axis], 0, *shape[op.axis + 1 :]) for shape in shapes]
        try:
            rest = same_shape(rests)
        except Problem:
            pass
        else:
            total: Dim = 0
            for length in op.lengths:
                total = total + length
            return (*rest[: op.axis], total, *rest[op.axis + 1 :])
    raise Problem(
        "CS063",
        f"values of shapes {_listed(shapes)} cannot be joined along axis {op.axis + 1}",
        "all inputs need the same lengths along every other axis",
    )


def _dot(op: Dot, one: Shape, other: Shape) -> Shape:
    if not may_be_equal(one[-1], other[-1]):
        raise Problem(
            "CS063",
            f"sums of products need axes of one length; these are {format_dim(one[-1])} and "
            f"{format_dim(other[-1])} long",
            "check dot_axes",
            argument="dot_axes",
        )
    return (*one[:-1], *other[:-1]) or (1,)


def _listed(shapes: Sequence[Shape]) -> str:
    shown = [format_shape(shape) for shape in shapes]
    return " and ".join([", ".join(shown[:-1]), shown[-1]])


SHAPE_RULES: Mapping[type[Op], Callable[..., Shape]] = {
    Input: lambda op: op.shape,
    Identity: lambda op, shape: shape,
    Conv: _conv,
    Pool: _pool,
    Upsample: _upsample,
    Pad: _pad,
    Map: lambda op, shape: shape,
    Softmax: lambda op, shape: shape,
    Reshape: _reshape,
    Transpose: _transpose,
    Combine: _combine,
    Concat: _concat,
    Dot: _dot,
}


def infer(op: Op, *inputs: Shape) -> Shape:
    """Shape of an operation's value for one sample."""
    return SHAPE_RULES[type(op)](op, *inputs)


def verify(graph: Graph) -> None:
    """Re-derive every shape and check the order; a difference is a bug in a pass."""
    shapes: dict[str, Shape] = {}
    for node in graph:
        missing = [name for name in node.inputs if name not in shapes]
        assert not missing, f"{node.name} reads {missing} before they are computed"
        derived = infer(node.op, *(shapes[name] for name in node.inputs))
        assert derived == node.shape, f"{node.name}: {derived} derived, {node.shape} recorded"
        assert node.name not in shapes, f"{node.name} is computed twice"
        shapes[node.name] = derived
    for name in graph.outputs:
        assert name in shapes, f"output {name} is not computed"


def multiply_adds(node: Node) -> Dim:
    """Multiply-adds of the direct algorithm for one sample (convolutions, Dense, dot products)."""
    if isinstance(node.op, Dot):
        return node.op.length * element_count(node.shape)
    if not isinstance(node.op, Conv):
        return 0
    per_value = math.prod(node.op.kernel) * node.op.weight.shape[-2]
    return per_value * element_count(node.shape)
