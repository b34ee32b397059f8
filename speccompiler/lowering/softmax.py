"""Softmax along any axes, and its logarithm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speccompiler.expressions.nodes import Call, Variable
from speccompiler.graph.ir import Combine, Map, Node
from speccompiler.graph.ir import Softmax as SoftmaxOp
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.last_axis import as_rows, from_last, of_rows, reshaped, spread, to_last
from speccompiler.lowering.sample_axes import sample_axes

if TYPE_CHECKING:
    from speccompiler.schemas.relu_softmax import Softmax


def lower_softmax(b: Builder, layer: Softmax, x: Node) -> Node:
    """The axes go last as one, and back. CS068."""
    axes = sample_axes(layer.axis, x)
    return from_last(b, b.add(SoftmaxOp(), to_last(b, x, axes)), axes, x.shape)


def log_softmax(b: Builder, x: Node) -> Node:
    """``x - max - log(sum(exp(x - max)))`` over the last axis, which loses no small value."""
    rows = as_rows(b, x)
    lowered = b.add(Combine("difference"), rows, spread(b, of_rows(b, rows, "max"), rows))
    total = of_rows(b, b.add(Map(Call("exp", (Variable(),))), lowered), "sum")
    logarithm = b.add(Map(Call("log", (Variable(),))), total)
    return reshaped(b, b.add(Combine("difference"), lowered, spread(b, logarithm, rows)), x.shape)
