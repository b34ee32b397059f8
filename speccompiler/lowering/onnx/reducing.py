"""Reduce* and softmax: over any axes but that of samples."""

from __future__ import annotations

from collections.abc import Mapping

from speccompiler.expressions.grammar import parse
from speccompiler.graph.ir import Combine, GlobalPool, Map, Node, Shape, Softmax
from speccompiler.graph.shapes import element_count
from speccompiler.lowering.onnx.elementwise import expanded
from speccompiler.lowering.onnx.scope import Scope
from speccompiler.lowering.onnx.values import Value

REDUCE: Mapping[str, tuple[str, str, str]] = {
    "ReduceMean": ("", "average", ""),
    "ReduceSum": ("", "sum", ""),
    "ReduceMax": ("", "max", ""),
    "ReduceMin": ("-x", "max", "-x"),
    "ReduceProd": ("", "product", ""),
    "ReduceL1": ("abs(x)", "sum", ""),
    "ReduceL2": ("x * x", "sum", "sqrt(x)"),
    "ReduceSumSquare": ("x * x", "sum", ""),
    "ReduceLogSum": ("", "sum", "log(x)"),
}
"""What is done to each value, how they are joined, what is done to the result."""


def lower_reduce(scope: Scope) -> Value:
    """Axes that are reduced stay with the length 1, or go."""
    x = scope.floats()
    axes = scope.axes(1)
    if not axes:
        if scope.integer("noop_with_empty_axes"):
            return _formula_only(scope, x)
        axes = tuple(range(x.rank))
    places = {scope.axis(axis, x.rank) for axis in axes}
    if x.batch in places:
        raise scope.mixes(f"axis {x.batch} is reduced")
    keep = bool(scope.integer("keepdims", 1))
    reduced = {x.place(axis) for axis in places}
    if scope.node.op_type == "ReduceLogSumExp":
        node = _log_sum_exp(scope, x.node, reduced)
    else:
        before, mode, after = REDUCE[scope.node.op_type]
        node = _mapped(scope, x.node, before)
        node = _mapped(scope, over(scope, node, reduced, mode), after)
    if keep:
        return scope.like(x, node)
    kept = tuple(n for i, n in enumerate(x.node.shape) if i not in reduced)
    batch = x.batch - sum(axis < x.batch for axis in places)
    return Value(scope.reshaped(node, kept or (1,)), x.rank - len(places), batch)


def _formula_only(scope: Scope, x: Value) -> Value:
    if scope.node.op_type == "ReduceLogSumExp":
        return x
    before, _, after = REDUCE[scope.node.op_type]
    return scope.like(x, _mapped(scope, _mapped(scope, x.node, before), after))


def _mapped(scope: Scope, x: Node, text: str) -> Node:
    return scope.add(Map(parse(text)), x) if text else x


def over(scope: Scope, x: Node, axes: set[int], mode: str) -> Node:
    """The values of some axes of a node as one; these axes stay, each of length 1."""
    shape = x.shape
    left: Shape = tuple(1 if i in axes else n for i, n in enumerate(shape))
    inside = [i for i in range(len(shape)) if i in axes]
    if not inside:
        return x
    kept = [i for i in range(len(shape)) if i not in axes]
    if kept:
        # The last axis that stays goes last, as the channels of an image do.
        order = (*kept[:-1], *inside, kept[-1])
        y = scope.transposed(x, order)
        y = scope.add(GlobalPool(mode, len(kept) - 1), y)
    else:
        y = scope.add(GlobalPool(mode), scope.reshaped(x, (element_count(shape), 1)))
    return scope.reshaped(y, left)


def _log_sum_exp(scope: Scope, x: Node, axes: set[int]) -> Node:
    _, largest, total = _log_sum(scope, x, axes)
    return scope.add(Combine("sum"), total, largest)


def _log_sum(scope: Scope, x: Node, axes: set[int]) -> tuple[Node, Node, Node]:
    """``x - max``, the maximum, and the logarithm of the sum of the first's exponentials."""
    largest = over(scope, x, axes, "max")
    away = scope.add(Combine("difference"), x, expanded(scope, largest, x.shape))
    total = over(scope, scope.add(Map(parse("exp(x)")), away), axes, "sum")
    return away, largest, scope.add(Map(parse("log(x)")), total)


def lower_softmax(scope: Scope) -> Value:
    """Along one axis; up to operator set 12 over all axes from ``axis`` on, taken as one."""
    x = scope.floats()
    old = scope.model.opset < 13
    axis = scope.axis(scope.integer("axis", 1 if old else -1), x.rank)
    axes = {axis} if not old else set(range(axis, x.rank))
    if x.batch in axes:
        raise scope.mixes(f"a softmax goes over axis {x.batch}")
    places = {x.place(a) for a in axes}
    if scope.node.op_type == "LogSoftmax":
        away, _, total = _log_sum(scope, x.node, places)
        y = scope.add(Combine("difference"), away, expanded(scope, total, away.shape))
        return scope.like(x, y)
    return scope.like(x, along(scope, x.node, places))


def along(scope: Scope, x: Node, axes: set[int]) -> Node:
    """The softmax over some axes of a node, taken as one."""
    shape = x.shape
    kept = [i for i in range(len(shape)) if i not in axes]
    order = (*kept, *sorted(axes))
    y = scope.transposed(x, order)
    moved = y.shape
    y = scope.reshaped(y, (*moved[: len(kept)], element_count(moved[len(kept) :])))
    y = scope.reshaped(scope.add(Softmax(), y), moved)
    return scope.transposed(y, tuple(map(order.index, range(len(order)))))
