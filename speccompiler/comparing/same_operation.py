"""Whether an operation of one graph computes what one of another graph does, with its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import partial
from typing import Any

from speccompiler.expressions.evaluate import evaluate
from speccompiler.expressions.library import named_activation
from speccompiler.expressions.nodes import Expression, Parameter, children
from speccompiler.frozen import dataclass
from speccompiler.graph import ir
from speccompiler.weights.operands import resolve

ROUNDING = 1e-5
"""Of the largest number of a tensor."""
NO_VALUE = ("unread",)
"""Fields of operations that change no number."""


@dataclass(frozen=True, slots=True)
class Side:
    """A model's graph, and how its weights are read."""

    graph: ir.Graph
    read: Any
    nodes: Mapping[str, ir.Node]

    def numbers(self, operand: ir.Operand) -> Any:
        """The tensor that the graph reads, in float32."""
        import numpy as np

        with np.errstate(all="ignore"):
            return np.asarray(resolve(operand, self.read), np.float32)


def same_operation(one: Side, other: Side, node: ir.Node, match: ir.Node) -> bool:
    """Whether both give the same for the same input; tensors may differ by what folding rounds."""
    if type(node.op) is not type(match.op) or len(node.shape) != len(match.shape):
        return False
    ops = _counting_zeros(one, node), _counting_zeros(other, match)
    same = partial(_same_value, one, other)
    return all(
        same(getattr(ops[0], field.name), getattr(ops[1], field.name))
        for field in fields(ops[0])
        if field.name not in NO_VALUE
    )


def _counting_zeros(side: Side, node: ir.Node) -> Any:
    """A maximum of what a relu gives is the same whether zeros around it count or not."""
    op = node.op
    if not isinstance(op, ir.Pool) or op.mode != "max":
        return op
    before = side.nodes[node.inputs[0]].op
    if not isinstance(before, ir.Conv | ir.Depthwise | ir.Map) or before.activation is None:
        return op
    if not _same_formula(before.activation, named_activation("relu")):
        return op
    pads = zip(op.zeros or op.padding, op.padding, strict=True)
    whole = tuple((u + before, v + after) for (u, v), (before, after) in pads)
    return replace(op, padding=((0, 0),) * len(whole), zeros=whole)


def _same_value(one: Side, other: Side, value: Any, match: Any) -> bool:
    """Fields of operations: lengths and formulas by what they are, tensors by their numbers."""
    if isinstance(value, ir.Operand) and isinstance(match, ir.Operand):
        return value.shape == match.shape and _close(one.numbers(value), other.numbers(match))
    if isinstance(value, tuple) and isinstance(match, tuple):
        return len(value) == len(match) and all(
            _same_value(one, other, *pair) for pair in zip(value, match, strict=True)
        )
    if value == match:
        return True
    return (
        isinstance(value, Expression)
        and isinstance(match, Expression)
        and _same_formula(value, match)
    )


def _same_formula(formula: Expression, match: Expression) -> bool:
    """Whether formulas of a value alone, written in two ways, agree at many numbers."""
    import numpy as np

    if _reads_tensors(formula) or _reads_tensors(match):
        return False
    near = np.linspace(-8, 8, 4097)
    x = np.concatenate([near, np.geomspace(8, 1e6, 99), -np.geomspace(8, 1e6, 99)]).astype("f4")
    with np.errstate(all="ignore"):
        y, other = (np.asarray(evaluate(one, x)) for one in (formula, match))
    return bool(np.allclose(y, other, rtol=ROUNDING, atol=ROUNDING, equal_nan=True))


def _reads_tensors(formula: Any) -> bool:
    return isinstance(formula, Parameter) or any(map(_reads_tensors, children(formula)))


def _close(value: Any, match: Any) -> bool:
    import numpy as np

    most = float(np.abs(value).max(initial=0))
    return bool(np.allclose(value, match, rtol=0, atol=ROUNDING * most, equal_nan=True))
