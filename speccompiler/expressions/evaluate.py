"""Expression -> array, with NumPy: the reference the generated code is judged by."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.expressions.nodes import (
    Binary,
    Call,
    Compare,
    Condition,
    Expression,
    Logical,
    Negate,
    Not,
    Number,
    Parameter,
    Variable,
    Where,
)

Array: TypeAlias = NDArray[Any]


def evaluate(expression: Expression, x: Array, parameters: Sequence[Array] = ()) -> Array:
    """The expression of each element: a new array of x's shape and floating dtype.

    ``parameters`` broadcast against x.

    IEEE arithmetic throughout: no error and no warning for an overflow, a
    division by zero or a value outside a function's domain.
    """
    assert np.issubdtype(x.dtype, np.floating), f"expressions are of floats, not {x.dtype}"
    result = np.empty(x.shape, x.dtype)
    with np.errstate(all="ignore"):
        result[...] = _value(expression, x, parameters)
    return result


def combine(expression: Expression, parameters: Sequence[Array]) -> Array:
    """An expression of parameters alone, which broadcast against each other."""
    with np.errstate(all="ignore"):
        return np.asarray(_value(expression, np.zeros(()), parameters))


def _sign(a: Array) -> Array:
    one = a.dtype.type(1)
    return np.where(a > 0, one, np.where(a < 0, -one, a))


def _erf(a: Array) -> Array:
    values = np.asarray(a)
    return np.fromiter(map(math.erf, values.flat), values.dtype, values.size).reshape(values.shape)


def _clip(a: Array, low: Array, high: Array) -> Array:
    return np.asarray(np.minimum(np.maximum(a, low), high))


def _power(a: Array, b: Array) -> Array:
    """IEEE pow. NumPy's own takes a square root where the exponent is one number, 0.5, and
    that of -infinity is NaN.
    """
    base, exponent = np.broadcast_arrays(a, b)
    return np.asarray(np.power(base, exponent.copy()))


FUNCTIONS: Mapping[str, Callable[..., Array]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sign": _sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "min": np.minimum,
    "max": np.maximum,
    "clip": _clip,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "tanh": np.tanh,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "atan": np.arctan,
    "erf": _erf,
}
"""The functions that are not activations written in terms of these."""

_OPERATORS: Mapping[str, Callable[..., Array]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "**": _power,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "and": np.logical_and,
    "or": np.logical_or,
}


def _value(expression: Expression, x: Array, parameters: Sequence[Array] = ()) -> Array:
    """The value; a part without x stays a scalar of x's dtype."""
    match expression:
        case Variable():
            return x
        case Number(value):
            return np.asarray(value, x.dtype)[()]
        case Parameter(index):
            return parameters[index]
        case Negate(operand):
            return np.negative(_value(operand, x, parameters))
        case Binary(symbol, left, right):
            return _OPERATORS[symbol](_value(left, x, parameters), _value(right, x, parameters))
        case Where(condition, chosen, otherwise):
            return np.where(
                _truth(condition, x, parameters),
                _value(chosen, x, parameters),
                _value(otherwise, x, parameters),
            )
        case Call(function, arguments):
            values = [_value(argument, x, parameters) for argument in arguments]
            if function in FUNCTIONS:
                return FUNCTIONS[function](*values)
            return _value(ACTIVATIONS[function], values[0])


def _truth(condition: Condition, x: Array, parameters: Sequence[Array]) -> Array:
    match condition:
        case Compare(symbol, left, right):
            return _OPERATORS[symbol](_value(left, x, parameters), _value(right, x, parameters))
        case Logical(symbol, left_condition, right_condition):
            return _OPERATORS[symbol](
                _truth(left_condition, x, parameters), _truth(right_condition, x, parameters)
            )
        case Not(operand):
            return np.logical_not(_truth(operand, x, parameters))
