"""MaxPool, AveragePool, and those of a whole image, GlobalLpPool too."""

from __future__ import annotations

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.grammar import parse
from speccompiler.graph.ir import GlobalPool, Map, Node, Pool, Reshape
from speccompiler.lowering.onnx.scope import Scope
from speccompiler.lowering.onnx.values import Value
from speccompiler.lowering.onnx.windows import channels_first, channels_last, sizes, windows


def lower_pool(scope: Scope) -> Value:
    """``count_include_pad`` counts the padding, and never what ``ceil_mode`` reaches over."""
    x = scope.floats()
    if x.batch != 0:
        raise scope.mixes(f"axis {x.batch} is one of the image")
    if x.rank < 3:
        raise Problem("CS038", f"a value of shape {scope.shown(x)} has no spatial axis")
    rank = x.rank - 2
    if scope.node.attributes.get("kernel_shape") is None:
        raise Problem("CS269", "'kernel_shape' is missing")
    if scope.integer("storage_order"):
        raise scope.refuse("storage_order 1 is not supported")
    kernel = sizes(scope, "kernel_shape", rank)
    node = x.node
    at = windows(scope, kernel, node.shape[1:], ceil=bool(scope.integer("ceil_mode")))
    counted = scope.integer("count_include_pad") == 1
    outside = tuple((b + c, a + d) for (b, a), (c, d) in zip(at.padding, at.beyond, strict=True))
    mode = "max" if scope.node.op_type == "MaxPool" else "average"
    none = ((0, 0),) * rank
    if mode == "average" and counted:
        op = Pool(mode, kernel, at.stride, at.beyond, at.padding, at.written_dilation)
    else:
        op = Pool(mode, kernel, at.stride, outside, none, at.written_dilation)
    y = scope.add(op, channels_last(scope, node))
    return scope.like(x, channels_first(scope, y))


def lower_global_pool(scope: Scope) -> Value:
    """The spatial axes stay, each of length 1."""
    x = scope.floats()
    if x.batch != 0 or x.rank < 2:
        raise scope.mixes(f"axis {x.batch} is one of the image")
    mode = "max" if scope.node.op_type == "GlobalMaxPool" else "average"
    y = global_pool(scope, x.node, mode)
    return scope.like(x, scope.reshaped(y, (*y.shape, *(1,) * (x.rank - 2))))


def global_pool(scope: Scope, x: Node, mode: str) -> Node:
    """``(C, *n)`` to ``(C,)``."""
    if len(x.shape) == 1:
        return x
    return scope.add(GlobalPool(mode), channels_last(scope, x))


def lower_global_lp_pool(scope: Scope) -> Value:
    """The p-norm of each channel, for p = 1 and 2."""
    x = scope.floats()
    if x.batch != 0 or x.rank < 2:
        raise scope.mixes(f"axis {x.batch} is one of the image")
    p = scope.number("p", 2)
    if p not in {1, 2}:
        raise scope.refuse(f"p = {p:g} is not supported", "p = 1 and 2 are")
    y = scope.add(Map(parse("abs(x)" if p == 1 else "x * x")), x.node)
    y = global_pool(scope, y, "sum")
    if p == 2:
        y = scope.add(Map(parse("sqrt(x)")), y)
    return scope.like(x, scope.add(Reshape((*y.shape, *(1,) * (x.rank - 2))), y))
