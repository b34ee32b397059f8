"""Shape inference: one rule an operation, total over numbers and symbols.

A rule takes an operation and the shapes of its inputs (one sample, without the batch axis). It
raises ``Problem``: CS044 for a size that is not positive, CS046 for a reshape to another number
of values, CS063 for values that cannot be merged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from speccompiler.diagnostics.core import Problem
from speccompiler.graph import ir
from speccompiler.graph.dims import CONSTANT, Dim, format_dim, terms_of, total
from speccompiler.graph.padding import window_count
from speccompiler.graph.rounding import lower_bound


def format_shape(shape: ir.Shape) -> str:
    """A shape for people: ``(224, 224, 3)``, ``(ceil((T - 2)/2), 64)``."""
    inner = ", ".join(format_dim(d) for d in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def element_count(shape: ir.Shape) -> Dim:
    """Values in one sample."""
    count: Dim = 1
    for dim in shape:
        count = count * dim
    return count


def may_be_equal(one: Dim, other: Dim) -> bool:
    """Whether two sizes are equal, or could be for some values of their symbols.

    False only where that is certain: one is always larger, or their difference cannot be 0
    because a number divides all its terms but the constant.
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


def _windows(
    spatial: ir.Shape,
    window: tuple[int, ...],
    stride: tuple[int, ...],
    padding: ir.Padding,
    zeros: ir.Padding = (),
) -> ir.Shape:
    """How many windows fit along each axis; CS044 for none. ``zeros`` lie inside the padding."""
    lengths: list[Dim] = []
    for axis, n in enumerate(spatial):
        (before, after), (zero_before, zero_after) = padding[axis], zeros[axis] if zeros else (0, 0)
        length = window_count(
            n + zero_before + zero_after, window[axis], stride[axis], before, after
        )
        nothing = length == 0 and window[axis] == 1
        if isinstance(length, int) and length < 1 and not nothing:
            padded = n + zero_before + zero_after + before + after
            raise Problem(
                "CS044",
                f"axis {axis + 1} of {len(spatial)}: a window of {window[axis]} does not fit "
                f"into a length of {format_dim(padded)}",
            )
        lengths.append(length)
    return tuple(lengths)


def _conv(op: ir.Conv, shape: ir.Shape) -> ir.Shape:
    spatial = shape[:-1]
    if op.repeats:
        spatial = tuple(r * n for r, n in zip(op.repeats, spatial, strict=True))
    return (*_windows(spatial, op.extent, op.stride, op.padding), op.filters)


def _depthwise(op: ir.Depthwise, shape: ir.Shape) -> ir.Shape:
    spatial = _windows(shape[:-1], op.extent, op.stride, op.padding)
    return (*spatial, op.weight.shape[-2] * shape[-1])


def _local(op: ir.Local, shape: ir.Shape) -> ir.Shape:
    first = len(shape) - 1 - len(op.kernel)
    none = ((0, 0),) * len(op.kernel)
    spatial = _windows(shape[first:-1], op.kernel, op.stride, none)
    return (*shape[:first], *spatial, op.weight.shape[-1])


def _pool(op: ir.Pool, shape: ir.Shape) -> ir.Shape:
    return (*_windows(shape[:-1], op.extent, op.stride, op.padding, op.zeros), shape[-1])


def _upsample(op: ir.Upsample, shape: ir.Shape) -> ir.Shape:
    return (*(f * n for f, n in zip(op.factors, shape[:-1], strict=True)), shape[-1])


def _global_pool(op: ir.GlobalPool, shape: ir.Shape) -> ir.Shape:
    if 0 in shape[op.kept : -1]:
        word = "largest" if op.mode == "max" else op.mode
        raise Problem(
            "CS044", f"there is no {word} of nothing: its input has shape {format_shape(shape)}"
        )
    return (*shape[: op.kept], shape[-1])


def _pad(op: ir.Pad, shape: ir.Shape) -> ir.Shape:
    lengths: list[Dim] = []
    for axis, (n, (before, after)) in enumerate(zip(shape[:-1], op.padding, strict=True)):
        length = n + before + after
        if isinstance(length, int) and length < 0:
            raise Problem(
                "CS044",
                f"axis {axis + 1} of {len(op.padding)}: cutting {format_dim(-before)} and "
                f"{format_dim(-after)} off a length of {format_dim(n)} leaves nothing",
                "cut off less",
            )
        lengths.append(length)
    return (*lengths, shape[-1])


def _transpose(op: ir.Transpose, shape: ir.Shape) -> ir.Shape:
    return tuple(shape[axis] for axis in op.axes)


def _reshape(op: ir.Reshape, shape: ir.Shape) -> ir.Shape:
    if not may_be_equal(element_count(op.shape), element_count(shape)):
        raise Problem(
            "CS046",
            f"{format_shape(shape)} holds {format_dim(element_count(shape))} values, "
            f"{format_shape(op.shape)} holds {format_dim(element_count(op.shape))}",
            argument="target_shape",
        )
    return op.shape


def same_shape(shapes: Sequence[ir.Shape]) -> ir.Shape:
    """The shape of values that are combined element by element. CS063.

    Where a length is a number in one of them and a symbol in another, it is the number.
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


def _combine(op: ir.Combine, *shapes: ir.Shape) -> ir.Shape:
    return same_shape(shapes)


def _concat(op: ir.Concat, *shapes: ir.Shape) -> ir.Shape:
    assert len(op.lengths) == len(shapes), "a length for each value"
    if len({len(shape) for shape in shapes}) == 1:
        assert op.lengths == tuple(shape[op.axis] for shape in shapes), "lengths along the axis"
        rests = [(*shape[: op.axis], 0, *shape[op.axis + 1 :]) for shape in shapes]
        try:
            rest = same_shape(rests)
        except Problem:
            pass
        else:
            return (*rest[: op.axis], total(op.lengths), *rest[op.axis + 1 :])
    raise Problem(
        "CS063",
        f"values of shapes {_listed(shapes)} cannot be joined along axis {op.axis + 1}",
        "all inputs need the same lengths along every other axis",
    )


def _dot(op: ir.Dot, one: ir.Shape, other: ir.Shape) -> ir.Shape:
    if not may_be_equal(one[-1], other[-1]):
        raise Problem(
            "CS063",
            f"sums of products need axes of one length; these are {format_dim(one[-1])} and "
            f"{format_dim(other[-1])} long",
            "check dot_axes",
            argument="dot_axes",
        )
    return (*one[:-1], *other[:-1]) or (1,)


def _slice(op: ir.Slice, shape: ir.Shape) -> ir.Shape:
    for axis, (count, length) in enumerate(zip(op.count, shape, strict=True), start=1):
        if isinstance(count, int) and count < 1:
            raise Problem(
                "CS044",
                f"axis {axis}: the slice of a length of {format_dim(length)} holds nothing",
                "check start, stop and step",
            )
    return op.count


def _expand(op: ir.Expand, shape: ir.Shape) -> ir.Shape:
    fits = len(shape) == len(op.shape)
    if not fits or any(n not in (1, m) for n, m in zip(shape, op.shape, strict=True)):
        raise Problem(
            "CS063",
            f"a value of shape {format_shape(shape)} cannot be repeated to "
            f"{format_shape(op.shape)}",
            "axes of length 1 can be repeated, the others need the same length",
        )
    return op.shape


def _recurrent(op: ir.Recurrent, x: ir.Shape, *others: ir.Shape) -> ir.Shape:
    rank = len(op.kernel)
    assert x[0] == op.steps, "the number of steps"
    assert len(x) == rank + 2, "steps, places, channels"
    assert x[-1] == op.gates * op.units, "a part for each gate"
    places = x[1:-1]
    mask, states = (others[:1], others[1:]) if op.masked else ((), others)
    assert all(shape in {x[:1], x[:-1]} for shape in mask), "a mask of steps or of places"
    assert len(states) == op.states * op.carried, "an initial state for each state"
    assert all(shape == (*places, op.units) for shape in states), "states are values of a step"
    rows = (x[0] if op.sequences else 1) + op.states * op.gives_states
    return (rows, *places, op.units)


def _listed(shapes: Sequence[ir.Shape]) -> str:
    shown = [format_shape(shape) for shape in shapes]
    return " and ".join([", ".join(shown[:-1]), shown[-1]])


SHAPE_RULES: Mapping[type[ir.Op], Callable[..., ir.Shape]] = {
    ir.Input: lambda op: op.shape,
    ir.Identity: lambda op, shape: shape,
    ir.Conv: _conv,
    ir.Depthwise: _depthwise,
    ir.Local: _local,
    ir.Lookup: lambda op, shape: (*shape, op.weight.shape[-1]),
    ir.Pool: _pool,
    ir.GlobalPool: _global_pool,
    ir.Upsample: _upsample,
    ir.Pad: _pad,
    ir.Map: lambda op, shape: shape,
    ir.MapWith: lambda op, shape: shape,
    ir.Mask: lambda op, shape: shape,
    ir.Normalize: lambda op, shape: shape,
    ir.BatchNormalize: lambda op, shape: shape,
    ir.Softmax: lambda op, shape: shape,
    ir.Reshape: _reshape,
    ir.Transpose: _transpose,
    ir.Combine: _combine,
    ir.Concat: _concat,
    ir.Dot: _dot,
    ir.Slice: _slice,
    ir.Resize: lambda op, shape: (*shape[:-3], *op.size, shape[-1]),
    ir.Expand: _expand,
    ir.Kept: lambda op, shape: shape[:-1],
    ir.Recurrent: _recurrent,
}


def infer(op: ir.Op, *inputs: ir.Shape) -> ir.Shape:
    """Shape of an operation's value for one sample."""
    return SHAPE_RULES[type(op)](op, *inputs)


def verify(graph: ir.Graph, verified: ir.Graph | None = None) -> None:
    """Derive every shape again and check the order; what is wrong is a bug of a pass.

    Nodes that are those of a ``verified`` graph, on inputs of the same shapes, are not derived.
    """
    kept = set(map(id, () if verified is None else verified.nodes))
    shapes: dict[str, ir.Shape] = {}
    changed: set[str] = set()
    for node in graph.nodes:
        inputs = [shapes[name] for name in node.inputs if name in shapes]
        if len(inputs) < len(node.inputs):
            missing = [name for name in node.inputs if name not in shapes]
            raise AssertionError(f"{node.name} reads {missing} before they are computed")
        assert node.name not in shapes, f"{node.name} is computed twice"
        if id(node) not in kept:
            changed.add(node.name)
        if node.name in changed or not changed.isdisjoint(node.inputs):
            derived = infer(node.op, *inputs)
            assert derived == node.shape, f"{node.name}: {derived} derived, {node.shape} recorded"
        shapes[node.name] = node.shape
    for name in graph.outputs:
        assert name in shapes, f"output {name} is not computed"


def multiply_adds(node: ir.Node) -> Dim:
    """Multiply-adds of the direct algorithm for one sample (convolutions, Dense, dot products)."""
    match node.op:
        case ir.Conv(kernel=kernel, weight=weight) | ir.Local(kernel=kernel, weight=weight):
            return math.prod(kernel) * weight.shape[-2] * element_count(node.shape)
        case ir.Depthwise(kernel=kernel):
            return math.prod(kernel) * element_count(node.shape)
        case ir.Dot(length):
            return length * element_count(node.shape)
        case ir.Recurrent():
            places = element_count(node.shape[1:-1])
            return node.op.steps * places * math.prod(node.op.weight.shape)
        case _:
            return 0


def defined_multiply_adds(node: ir.Node) -> Dim:
    """Multiply-adds by the layer's definition, for one sample: what a report shows.

    They differ for a transposed convolution alone. By its definition each input adds the kernel
    times itself to the outputs, ``inputs * kernel * filters``. The operation that it was lowered
    to also multiplies zeros, because not all classes of outputs see equally many places of the
    kernel.
    """
    op = node.op
    stored = ir.stored_tensors(op.weight) if isinstance(op, ir.Conv) else ()
    weight = stored[0] if stored else None
    if not isinstance(op, ir.Conv) or weight is None or not weight.phases:
        return multiply_adds(node)
    positions: Dim = 1
    for count, kernel, (before, after) in zip(node.shape, op.kernel, op.padding, strict=False):
        positions = positions * (count + kernel - 1 - before - after)
    return positions * math.prod(weight.stored_shape)
