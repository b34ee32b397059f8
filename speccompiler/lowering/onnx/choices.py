"""Comparisons, truths, and choices: by constants, or of formulas of one value.

What a comparison gives is 1 where it holds, and 0 where it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

import numpy as np

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.nodes import (
    Binary,
    Compare,
    Condition,
    Expression,
    Logical,
    Not,
    Where,
    substitute,
)
from speccompiler.graph.ir import Lookup, Map, Reshape
from speccompiler.lowering.onnx.elementwise import TRUNCATED, P, X, combined, with_parameter
from speccompiler.lowering.onnx.formulas import ONE, ZERO, common_formulas
from speccompiler.lowering.onnx.scope import Scope, as_number
from speccompiler.lowering.onnx.values import Array, Known, Value

_COMPARED = {
    "Less": "<",
    "LessOrEqual": "<=",
    "Greater": ">",
    "GreaterOrEqual": ">=",
    "Equal": "==",
}
_READ = {"Where": 3, "Not": 1}
"""How many values an operation reads, where these are not two."""
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}
MOST_CHOSEN = 1 << 24


def lower_comparison(scope: Scope) -> Value:
    """Of a value and a constant, or of two values that one value is made into."""
    left, right = scope.input(0), scope.input(1)
    operator = _COMPARED[scope.node.op_type]
    if isinstance(left, Known) and isinstance(right, Value):
        left, right, operator = right, left, _TURNED[operator]
    if isinstance(left, Value) and isinstance(right, Known):
        formula = Where(Compare(operator, X, P), ONE, ZERO)
        found = with_parameter(scope, left, right, formula)
        return Value(found.node, found.rank, found.batch, whole=True)
    return _of_one(scope, lambda a, b: Where(Compare(operator, a, b), ONE, ZERO), whole=True)


def lower_logic(scope: Scope) -> Value:
    """And, Or, Xor and Not of truths that one value is made into."""

    def is_set(a: Expression) -> Compare:
        return Compare("!=", a, ZERO)

    makers: Mapping[str, Callable[..., Condition]] = {
        "And": lambda a, b: Logical("and", is_set(a), is_set(b)),
        "Or": lambda a, b: Logical("or", is_set(a), is_set(b)),
        "Xor": lambda a, b: Compare("!=", Where(is_set(a), ONE, ZERO), Where(is_set(b), ONE, ZERO)),
        "Not": lambda a: Not(is_set(a)),
    }
    make = makers[scope.node.op_type]
    return _of_one(scope, lambda *parts: Where(make(*parts), ONE, ZERO), whole=True)


def _of_one(scope: Scope, make: Callable[..., Expression], *, whole: bool = False) -> Value:
    """A formula of what all inputs are made of. CS262 where that is not one value.

    A constant that is one number may stand among them.
    """
    reads = [read for read in scope.inputs if read is not None]
    if len(reads) != _READ.get(scope.node.op_type, 2):
        raise Problem("CS269", f"it has {len(reads)} inputs")
    values = [read for read in reads if isinstance(read, Value)]
    places = {(value.rank, value.batch, value.node.shape) for value in values}
    found = common_formulas(scope, [value.node for value in values])
    numbers = [scope.scalar(read) for read in reads if isinstance(read, Known)]
    if found is None or len(places) != 1 or None in numbers:
        raise scope.refuse(
            "it compares or chooses between values that are not made of one value",
            "constants, and formulas of one value, can be chosen between",
        )
    base, formulas = found
    of_values, of_constants = iter(formulas), iter(numbers)
    parts = [
        next(of_values) if isinstance(read, Value) else as_number(next(of_constants) or 0.0)
        for read in reads
    ]
    node = scope.add(Map(make(*parts)), base)
    first = values[0]
    return Value(node, first.rank, first.batch, whole)


def _rows_of(
    scope: Scope, condition: Value, chosen: Value | Known, otherwise: Value | Known
) -> Value | None:
    """Rows of a table, and NaN where there is none: what a look-up of the graph does by itself.

    ``Where(-1 < x < rows, Gather(table, Cast(Where(-1 < x < rows, x, 0))), NaN)``.
    """
    if not isinstance(chosen, Value) or not isinstance(chosen.node.op, Lookup):
        return None
    if not isinstance(otherwise, Known) or otherwise.size != 1 or otherwise.dtype == "object":
        return None
    by_name = {node.name: node for node in scope.b.nodes}
    index, inside = by_name[chosen.node.inputs[0]], condition.node
    if inside.shape != (*index.shape, 1) or not isinstance(inside.op, Reshape):
        return None
    found = common_formulas(scope, [by_name[inside.inputs[0]], index])
    if found is None or not np.isnan(otherwise.array()).all():
        return None
    base, (truth, number) = found
    match truth:
        case Where(Logical("and", Compare("!=", Where(Compare(">", x, _), _, _), _), _), _, _):
            rows = chosen.node.op.weight.shape[0]
            parts = [
                Compare("!=", Where(Compare(operator, x, as_number(end)), ONE, ZERO), ZERO)
                for operator, end in ((">", -1.0), ("<", float(rows)))
            ]
            wanted = Where(Logical("and", *parts), ONE, ZERO)
            certain = Where(Compare("!=", wanted, ZERO), x, as_number(0.0))
            if (truth, number) != (wanted, substitute(TRUNCATED, certain)):
                return None
            read = base if x == X else scope.add(Map(x), base)
            return scope.like(chosen, scope.add(chosen.node.op, read))
    return None


def lower_where(scope: Scope) -> Value:
    """A choice by a constant, between constants, or of formulas of one value."""
    condition, chosen, otherwise = (scope.input(i) for i in range(3))
    if isinstance(condition, Value):
        if chosen is None or otherwise is None:
            raise Problem("CS269", "an input is missing")
        rows = _rows_of(scope, condition, chosen, otherwise)
        if rows is not None:
            return rows
        return _of_one(scope, lambda c, a, b: Where(Compare("!=", c, ZERO), a, b))
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
