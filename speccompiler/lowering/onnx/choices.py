"""Comparisons with constants, and choices that constants make.

What a comparison gives is 1 where it holds, and 0 where it does not.
"""

from __future__ import annotations

from math import prod

import numpy as np

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.nodes import Binary, Compare, Number, Where
from speccompiler.graph.ir import Map
from speccompiler.lowering.onnx.elementwise import P, X, combined, with_parameter
from speccompiler.lowering.onnx.scope import Scope, as_number
from speccompiler.lowering.onnx.values import Array, Known, Value

_COMPARED = {
    "Less": "<",
    "LessOrEqual": "<=",
    "Greater": ">",
    "GreaterOrEqual": ">=",
    "Equal": "==",
}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}
ONE, ZERO = Number(1.0), Number(0.0)
MOST_CHOSEN = 1 << 24


def lower_comparison(scope: Scope) -> Value:
    """A value and a constant: 1 where it holds, 0 where it does not."""
    left, right = scope.input(0), scope.input(1)
    operator = _COMPARED[scope.node.op_type]
    if isinstance(left, Known) and isinstance(right, Value):
        left, right, operator = right, left, _TURNED[operator]
    if not isinstance(left, Value) or not isinstance(right, Known):
        raise scope.refuse("two values are compared", "a value and a constant can be")
    formula = Where(Compare(operator, X, P), ONE, ZERO)
    found = with_parameter(scope, left, right, formula)
    return Value(found.node, found.rank, found.batch, whole=True)


def lower_where(scope: Scope) -> Value:
    """A choice by a constant, or between two constants."""
    condition, chosen, otherwise = (scope.input(i) for i in range(3))
    if isinstance(condition, Value):
        if isinstance(chosen, Known) and isinstance(otherwise, Known):
            numbers = scope.scalar(chosen), scope.scalar(otherwise)
            if numbers[0] is not None and numbers[1] is not None:
                one, other = as_number(numbers[0]), as_number(numbers[1])
                formula = Where(Compare("!=", X, ZERO), one, other)
                return scope.like(condition, scope.add(Map(formula), condition.node))
        raise scope.refuse("it chooses between values by values of the model's input")
    if condition is None or chosen is None or otherwise is None:
        raise Problem("CS269", "an input is missing")
    is_set = Compare("!=", P, ZERO)
    parts = []
    for read, kept, left in ((chosen, X, ZERO), (otherwise, ZERO, X)):
        if isinstance(read, Value):
            parts.append(with_parameter(scope, read, condition, Where(is_set, kept, left)))
    if len(parts) == 2:
        return combined(scope, "sum", parts)
    assert parts, "something depends on the model's input"
    first = isinstance(chosen, Value)
    known = otherwise if first else chosen
    assert isinstance(known, Known), "the other is a constant"
    try:
        shape = np.broadcast_shapes(condition.shape, known.shape)
    except ValueError:
        text = f"shapes {condition.shape} and {known.shape} cannot be broadcast"
        raise Problem("CS063", text) from None
    if prod(shape) > MOST_CHOSEN:
        raise Problem("CS266", f"a constant of {prod(shape)} numbers would be made")

    def choose(array: Array) -> Array:
        mask, zero = condition.array(), np.zeros((), np.float32)
        chosen = np.where(mask, zero, array) if first else np.where(mask, array, zero)
        return np.asarray(chosen, np.float32)

    beside = known.changed(f"where {condition.name} says", choose)
    return with_parameter(scope, parts[0], beside, Binary("+", X, P))
