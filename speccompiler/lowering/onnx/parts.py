"""Concat, Split, Slice, Gather, Pad, Expand, Tile: parts of values, and values of parts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import numpy as np

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.nodes import Binary, Parameter, Variable
from speccompiler.graph.dims import Dim, format_dim, is_known, known_shape
from speccompiler.graph.dims import known as known_length
from speccompiler.graph.ir import Concat, Expand, Lookup, MapWith, Node, Pad, Shape, Slice
from speccompiler.graph.places import slice_bounds
from speccompiler.graph.shapes import element_count
from speccompiler.lowering.onnx.elementwise import expanded, longer
from speccompiler.lowering.onnx.scope import OPEN, Scope
from speccompiler.lowering.onnx.values import BATCH, Known, Value

MOST_PARTS = 1024
MOST_GATHERED = 256


def lower_concat(scope: Scope) -> Value:
    """Values, and constants that are the same for every sample."""
    if not scope.inputs or None in scope.inputs:
        raise Problem("CS269", "an input is missing")
    values = [read for read in scope.inputs if isinstance(read, Value)]
    first = values[0]
    axis = scope.axis(scope.integer("axis", 1), first.rank)
    if axis == first.batch:
        raise scope.mixes(f"values are joined along axis {axis}")
    parts: list[Node] = []
    for read in scope.inputs:
        if isinstance(read, Known):
            parts.append(_as_value(scope, read, first))
        elif isinstance(read, Value):
            if (read.rank, read.batch) != (first.rank, first.batch):
                raise scope.mixes("values are joined whose samples lie along different axes: one")
            parts.append(read.node)
    node = joined(scope, parts, first.place(axis))
    return Value(node, first.rank, first.batch, first.whole)


def joined(scope: Scope, parts: Sequence[Node], axis: int) -> Node:
    """Values one after the other."""
    if len(parts) == 1:
        return parts[0]
    lengths = tuple(part.shape[axis] for part in parts)
    return scope.add(Concat(axis, lengths), *parts)


def _as_value(scope: Scope, known: Known, beside: Value) -> Node:
    """A constant as a value of every sample: zeros of its shape, and the constant added."""
    shape = known.shape
    if len(shape) != beside.rank or shape[beside.batch] != 1:
        raise scope.mixes(f"a constant of shape {shape} is joined with values, and says the axis")
    sample = (*shape[: beside.batch], *shape[beside.batch + 1 :])
    rank = len(sample)
    first = Slice((0,) * rank, (1,) * rank, (1,) * rank)
    one = expanded(scope, scope.add(first, beside.node), sample)
    operand = scope.weight(known, tuple(range(rank)), sample, sample)
    # Whatever the value is, NaN too, the result is the constant alone.
    return scope.add(MapWith(Parameter(0), (operand,)), one)


def lower_split(scope: Scope) -> tuple[Value, ...]:
    """Lengths are said, or all are alike; the last may then be shorter."""
    x = scope.value()
    axis = scope.axis(scope.integer("axis"), x.rank)
    if axis == x.batch:
        raise scope.mixes(f"a value is parted along axis {axis}")
    count = len(scope.node.outputs)
    length = x.shape[axis]
    lengths = scope.whole(1, "the lengths")
    if lengths is None:
        lengths = scope.integers("split", None)
    if lengths is None:
        if not is_known(length):
            raise scope.refuse(f"an open length ({format_dim(length)}) is parted", OPEN)
        each = -(-length // count)
        lengths = (*(each,) * (count - 1), length - each * (count - 1))
    if len(lengths) != count or any(n < 0 for n in lengths):
        raise Problem("CS269", f"the lengths {list(lengths[:8])} are not those of {count} parts")
    if is_known(length) and sum(lengths) != length:
        raise Problem("CS269", f"parts of {list(lengths[:8])} are not all of {length}")
    found, start = [], 0
    for n in lengths:
        found.append(_part(scope, x, axis, start, n))
        start += n
    return tuple(found)


def _part(scope: Scope, x: Value, axis: int, start: Dim, count: Dim, step: int = 1) -> Value:
    node = cut(scope, x.node, x.place(axis), start, count, step)
    return Value(node, x.rank, x.batch, x.whole)


def cut(scope: Scope, x: Node, axis: int, start: Dim, count: Dim, step: int = 1) -> Node:
    """So many values of one axis of a node."""
    if start == 0 and step == 1 and count == x.shape[axis]:
        return x
    rank = len(x.shape)
    starts: list[Dim] = [0] * rank
    steps, counts = [1] * rank, list(x.shape)
    starts[axis], steps[axis], counts[axis] = start, step, count
    return scope.add(Slice(tuple(starts), tuple(steps), tuple(counts)), x)


def lower_slice(scope: Scope) -> Value:
    """Bounds as Python has them, cut off at the ends. Samples may not be left out."""
    x = scope.value()
    starts: tuple[Dim, ...] | None
    ends: tuple[Dim, ...] | None
    if scope.model.opset < 10:
        starts, ends = scope.integers("starts", ()), scope.integers("ends", ())
        axes, steps = scope.integers("axes", None), None
    else:
        starts, ends = scope.dims(1, "starts"), scope.dims(2, "ends")
        axes, steps = scope.whole(3, "axes"), scope.whole(4, "steps")
    if starts is None or ends is None or len(starts) != len(ends):
        raise Problem("CS269", "'starts' and 'ends' are not of one length")
    axes = tuple(range(len(starts))) if axes is None else axes
    steps = (1,) * len(starts) if steps is None else steps
    if len(axes) != len(starts) or len(steps) != len(starts) or 0 in steps:
        raise Problem("CS269", "'axes' or 'steps' do not fit 'starts'")
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        axis = scope.axis(axis, x.rank)
        length = x.shape[axis]
        if axis == x.batch:
            whole = (
                start == 0
                and step == 1
                and (end == BATCH or (isinstance(end, int) and end >= 2**31 - 1))
            )
            if not whole:
                raise scope.mixes(f"some of the values of axis {axis} are taken")
            continue
        stop = _stop(end, length, step)
        first, count = slice_bounds(length, _from_end(start, length, "starts"), stop, step)
        if is_known(count) and count < 1:
            raise Problem("CS044", f"the slice of axis {axis} holds nothing")
        x = _part(scope, x, axis, first, count, step)
    return x


def _stop(end: Dim, length: Dim, step: int) -> int | None:
    """A bound as ``slice_bounds`` takes it: None for the end of the axis."""
    if not isinstance(end, int):
        if end == length:
            return None
        return _from_end(end, length, "ends")
    if step > 0:
        return None if end >= 2**31 - 1 else end
    beyond = -(2**31) + 1
    if isinstance(length, int):
        return None if end < -length else end
    return None if end <= beyond else end


def _from_end(place: Dim, length: Dim, what: str) -> int:
    """A place of an open axis as a negative number. CS262 where it is none before its end."""
    if isinstance(place, int):
        return place
    difference = place - length
    if isinstance(difference, int) and difference < 0:
        return difference
    raise Problem("CS262", f"'{what}' depends on an open length ({format_dim(place)})", OPEN)


def lower_gather(scope: Scope) -> Value:
    """Rows of a constant table, or single places of an axis of a value."""
    table, places = scope.input(0), scope.input(1)
    if isinstance(table, Known) and isinstance(places, Value):
        return _looked_up(scope, table, places)
    x = scope.value()
    known = scope.needed(1, "the places")
    axis = scope.axis(scope.integer("axis"), x.rank)
    if axis == x.batch:
        raise scope.mixes(f"values are picked from axis {axis}")
    length = x.shape[axis]
    if known.dtype not in {"int64", "int32"} or known.size > MOST_GATHERED or len(known.shape) > 1:
        raise scope.refuse(f"places of type {known.dtype} and shape {known.shape} are picked")
    picked = [int(n) for n in known.array().ravel().tolist()]
    if not picked or any(isinstance(length, int) and not -length <= n < length for n in picked):
        raise Problem("CS269", f"axis {axis} has no place {picked[:4]}")
    at: list[Dim] = [n if n >= 0 else length + n for n in picked]
    node = _picked(scope, x.node, x.place(axis), at)
    if known.shape:
        return Value(node, x.rank, x.batch, x.whole)
    sample = (*node.shape[: x.place(axis)], *node.shape[x.place(axis) + 1 :])
    node = scope.reshaped(node, sample or (1,))
    return Value(node, x.rank - 1, x.batch - (axis < x.batch), x.whole)


def _picked(scope: Scope, x: Node, axis: int, at: list[Dim]) -> Node:
    """Places one after another: those that are equally far apart are one slice."""
    steps = {b - a for a, b in pairwise(at)}
    step = steps.pop() if len(steps) == 1 else 1
    if not steps and isinstance(step, int) and (step != 0 or len(at) == 1):
        return cut(scope, x, axis, at[0], len(at), step)
    return joined(scope, [cut(scope, x, axis, place, 1) for place in at], axis)


def _looked_up(scope: Scope, table: Known, places: Value) -> Value:
    if scope.axis(scope.integer("axis"), max(1, len(table.shape))) != 0 or len(table.shape) != 2:
        raise scope.refuse(f"a table of shape {table.shape} is read along another axis than rows")
    if not places.whole:
        raise Problem("CS264", "the numbers of rows are no whole numbers")
    rows, width = table.shape
    if places.rank == 1:
        node = scope.add(Lookup(scope.weight(table, (0, 1), (rows, width))), places.node)
        return Value(scope.reshaped(node, (width,)), 2, 0)
    node = scope.add(Lookup(scope.weight(table, (0, 1), (rows, width))), places.node)
    return Value(node, places.rank + 1, places.batch)


# --- pads


def lower_pad(scope: Scope) -> Value:
    """Zeros or another constant, the values at the edge, or the image reflected or repeated."""
    x = scope.floats()
    amounts: Sequence[Dim] | None = scope.dims(1, "the pads")
    if amounts is None:
        amounts = scope.integers("pads", None) or scope.integers("paddings", None)
    axes = scope.whole(3, "axes")
    places = tuple(range(x.rank)) if axes is None else tuple(scope.axis(a, x.rank) for a in axes)
    known_amounts = [n for n in amounts or () if is_known(n)]
    if (
        amounts is None
        or len(amounts) != 2 * len(places)
        or any(abs(n) >= 2**31 for n in known_amounts)
    ):
        raise Problem("CS269", f"{2 * len(places)} pads are needed")
    pairs = zip(amounts[: len(places)], amounts[len(places) :], strict=True)
    by_axis = dict(zip(places, pairs, strict=True))
    if by_axis.get(x.batch, (0, 0)) != (0, 0):
        raise scope.mixes(f"values come in along axis {x.batch}")
    padding = tuple(by_axis.get(i, (0, 0)) for i in range(x.rank) if i != x.batch)
    if all(sides == (0, 0) for sides in padding):
        return x
    mode = scope.word("mode", "constant")
    value = scope.number("value", 0.0)
    known = scope.known(2, "the value")
    if known is not None and known.size:
        value = float(np.asarray(known.array(), np.float64).ravel()[0])
    if mode == "constant" and value == 0:
        return scope.like(x, padded(scope, x.node, padding))
    if len(known_amounts) < len(amounts):
        raise scope.refuse("the pads depend on a length that is open, and are no zeros", OPEN)
    pads = tuple((known_length(before), known_length(after)) for before, after in padding)
    if mode != "constant":
        return scope.like(x, _extended(scope, x.node, pads, mode))
    if not all(map(is_known, x.node.shape)):
        return scope.like(x, _bordered(scope, x.node, pads, value))
    return scope.like(x, _with_border(scope, padded(scope, x.node, pads), pads, value))


MOST_AXES = 3
"""Spatial axes that are padded in one go."""


def padded(scope: Scope, x: Node, padding: Sequence[tuple[Dim, Dim]]) -> Node:
    """Zeros around a node's axes. Where it is an image, channels go last for it and back."""
    rank = len(x.shape)
    if 1 < rank <= MOST_AXES + 1 and padding[0] == (0, 0):
        order = (*range(1, rank), 0)
        y = scope.add(Pad(tuple(padding[1:])), scope.transposed(x, order))
        return scope.transposed(y, (rank - 1, *range(rank - 1)))
    if rank <= MOST_AXES + 1 and padding[-1] == (0, 0):
        return scope.add(Pad(tuple(padding[:-1])), x)
    for axis, sides in enumerate(padding):
        if sides != (0, 0):
            shape = x.shape
            rows, channels = element_count(shape[:axis]), element_count(shape[axis + 1 :])
            y = scope.reshaped(x, (rows, shape[axis], channels))
            y = scope.add(Pad(((0, 0), sides)), y)
            x = scope.reshaped(y, (*shape[:axis], y.shape[1], *shape[axis + 1 :]))
    return x


def _bordered(scope: Scope, x: Node, padding: Sequence[tuple[int, int]], value: float) -> Node:
    """Axis by axis, values that are all the same beside a node of open lengths."""
    for axis, (before, after) in enumerate(padding):
        x = cut(scope, x, axis, max(-before, 0), x.shape[axis] + min(before, 0) + min(after, 0))
        parts = [_alike(scope, x, axis, count, value) for count in (before, after)]
        found = [parts[0], x, parts[1]]
        x = joined(scope, [part for part in found if part is not None], axis)
    return x


def _alike(scope: Scope, x: Node, axis: int, count: int, value: float) -> Node | None:
    """So many places of an axis, each of one number; None for none."""
    if count <= 0:
        return None
    one = cut(scope, x, axis, 0, 1)
    number = scope.numbers([value], (1,) * len(x.shape))
    same = scope.add(MapWith(Parameter(0), (number,)), one)
    return expanded(scope, same, (*one.shape[:axis], count, *one.shape[axis + 1 :]))


def _with_border(scope: Scope, y: Node, padding: Sequence[tuple[int, int]], value: float) -> Node:
    """The value added to the zeros around: one number for each axis would not say which."""
    lengths = known_shape(y.shape)
    scope.check_count(prod(lengths))
    border = np.full(lengths, value)
    inside = tuple(
        slice(max(before, 0), n - max(after, 0))
        for (before, after), n in zip(padding, lengths, strict=True)
    )
    border[inside] = 0
    operand = scope.numbers(border, border.shape)
    return scope.add(MapWith(Binary("+", Variable(), Parameter(0)), (operand,)), y)


def _extended(scope: Scope, x: Node, padding: Sequence[tuple[int, int]], mode: str) -> Node:
    """Axis by axis, from parts of the value itself."""
    if mode not in {"reflect", "edge", "wrap"}:
        raise Problem("CS269", f"there is no mode '{mode[:20]}'")
    for axis, (before, after) in enumerate(padding):
        length = x.shape[axis]
        x = cut(scope, x, axis, max(-before, 0), length + min(before, 0) + min(after, 0))
        length = x.shape[axis]
        before, after = max(before, 0), max(after, 0)
        if before == after == 0:
            continue
        parts: list[Node] = []
        if mode == "edge":
            parts += _repeated(scope, x, axis, 0, before)
            parts.append(x)
            parts += _repeated(scope, x, axis, length - 1, after)
        else:
            # A length that is open is checked by each slice, once a run says it.
            most = length - 1 if mode == "reflect" else length
            if is_known(most) and (most < 1 or max(before, after) > most):
                raise scope.refuse(f"{max(before, after)} values come in beside {length} ({mode})")
            step = -1 if mode == "reflect" else 1
            first = before if mode == "reflect" else length - before
            last = length - 2 if mode == "reflect" else 0
            parts += [cut(scope, x, axis, first, before, step)] if before else []
            parts.append(x)
            parts += [cut(scope, x, axis, last, after, step)] if after else []
        x = joined(scope, parts, axis)
    return x


def _repeated(scope: Scope, x: Node, axis: int, place: Dim, times: int) -> list[Node]:
    if times == 0:
        return []
    one = cut(scope, x, axis, place, 1)
    shape = (*one.shape[:axis], times, *one.shape[axis + 1 :])
    return [expanded(scope, one, shape)]


# --- repeats


def lower_expand(scope: Scope) -> Value:
    """Axes of length 1 repeated; further axes come in front."""
    x = scope.value()
    target = scope.dims(1, "the shape")
    if target is None:
        raise Problem("CS269", "the shape is missing")
    while len(target) > x.rank:
        node = scope.reshaped(x.node, (1, *x.sample))
        x = Value(node, x.rank + 1, x.batch + 1, x.whole)
    whole = (*(1,) * (x.rank - len(target)), *target)
    if whole[x.batch] not in (1, BATCH) and whole[x.batch] != scope.exported:
        raise scope.mixes(f"it repeats axis {x.batch}")
    sample = (*whole[: x.batch], *whole[x.batch + 1 :]) or (1,)
    shape = tuple(longer(n, m) for n, m in zip(x.node.shape, sample, strict=True))
    return Value(_expanded(scope, x.node, shape), x.rank, x.batch, x.whole)


def _expanded(scope: Scope, x: Node, shape: Shape) -> Node:
    if any(is_known(n) and n < 1 for n in shape):
        raise Problem("CS269", "an axis is repeated less than once")
    return x if x.shape == shape else scope.add(Expand(shape), x)


def lower_tile(scope: Scope) -> Value:
    """The whole value, several times along each axis."""
    x = scope.value()
    repeats = scope.whole(1, "the repeats")
    if repeats is None or len(repeats) != x.rank or any(not 0 < n < 2**31 for n in repeats):
        raise Problem("CS269", "the repeats are no positive number for each axis")
    if repeats[x.batch] != 1:
        raise scope.mixes(f"it repeats axis {x.batch}")
    node = x.node
    for axis, times in enumerate(repeats):
        if axis == x.batch or times == 1:
            continue
        place = x.place(axis)
        shape = node.shape
        node = scope.reshaped(node, (*shape[:place], 1, *shape[place:]))
        node = _expanded(scope, node, (*shape[:place], times, *shape[place:]))
        length = times * shape[place]
        node = scope.reshaped(node, (*shape[:place], length, *shape[place + 1 :]))
    return Value(node, x.rank, x.batch, x.whole)
