"""Operations that work value by value: of one value, and of several.

Rules: the operators' pages at onnx.ai/onnx/operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import get_args

import numpy as np

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.grammar import parse
from speccompiler.expressions.library import elu, leaky_relu
from speccompiler.expressions.nodes import (
    Binary,
    Call,
    Compare,
    Expression,
    Number,
    Parameter,
    Variable,
    Where,
)
from speccompiler.files.onnx.model import DTYPES
from speccompiler.graph.dims import Dim
from speccompiler.graph.ir import Combine, CombineMode, Expand, Map, MapWith, Node, Operand, Shape
from speccompiler.lowering.onnx.scope import Scope, as_number
from speccompiler.lowering.onnx.values import Known, Value

X, P = Variable(), Parameter(0)
TRUTH = Where(Compare("!=", X, Number(0.0)), Number(1.0), Number(0.0))
"""1 for what is not 0: a value as a truth."""
TRUNCATED = parse("where(x < 0, ceil(x), floor(x))")
"""A value as a whole number."""


def lower_identity(scope: Scope) -> Value:
    """Nothing is changed: also what only training does, and a second output that is its mask."""
    x = scope.value()
    training = scope.known(2, "training_mode") if len(scope.inputs) > 2 else None
    if training is not None and training.array().any():
        raise scope.refuse("it is in training mode", "export the model for inference")
    return x


def lower_cast(scope: Scope) -> Value:
    """Between types of floats nothing changes here, where all are float32; CS264 for others."""
    x = scope.value()
    kind = scope.node.attributes.get("to")
    if scope.node.op_type == "CastLike":
        like = scope.input(1)
        if isinstance(like, Value):
            kind = 7 if like.whole else 1
        else:
            name = like.dtype if like is not None else "undefined"
            kind = next((key for key, dtype in DTYPES.items() if dtype == name), 0)
    floats = {1, 10, 11, 16, b"FLOAT", b"FLOAT16", b"DOUBLE"}
    whole = {2, 3, 4, 5, 6, 7, 12, 13, b"INT32", b"INT64"}
    if kind in floats:
        return Value(x.node, x.rank, x.batch)
    if kind in whole and x.whole:
        return x
    if kind in {9, b"BOOL"}:
        return Value(scope.add(Map(TRUTH), x.node), x.rank, x.batch, whole=True)
    if kind in whole:
        y = scope.add(Map(TRUNCATED), x.node)
        return Value(y, x.rank, x.batch, whole=True)
    raise Problem("CS264", "values are floats or whole numbers; it casts to another type")


# --- of one value


def _of(text: str) -> Callable[[Scope], Expression]:
    return lambda scope: parse(text)


def _selu(scope: Scope) -> Expression:
    alpha, gamma = scope.number("alpha", 1.6732632), scope.number("gamma", 1.0507010)
    return parse(f"{gamma!r} * where(x > 0, x, {alpha!r} * expm1(x))")


def _celu(scope: Scope) -> Expression:
    alpha = scope.number("alpha", 1.0)
    return parse(f"where(x > 0, x, {alpha!r} * expm1(x / {alpha!r}))")


def _hard_sigmoid(scope: Scope) -> Expression:
    alpha, beta = scope.number("alpha", 0.2), scope.number("beta", 0.5)
    return parse(f"clip({alpha!r} * x + {beta!r}, 0, 1)")


def _gelu(scope: Scope) -> Expression:
    if scope.word("approximate", "none") == "tanh":
        return parse("0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))")
    return parse("0.5 * x * (1 + erf(x * 0.7071067811865476))")


def _shrink(scope: Scope) -> Expression:
    bias, lambd = scope.number("bias", 0.0), scope.number("lambd", 0.5)
    return parse(f"where(x < -({lambd!r}), x + {bias!r}, where(x > {lambd!r}, x - {bias!r}, 0))")


def _thresholded(scope: Scope) -> Expression:
    return parse(f"where(x > {scope.number('alpha', 1.0)!r}, x, 0)")


def _swish(scope: Scope) -> Expression:
    return parse(f"x * sigmoid({scope.number('alpha', 1.0)!r} * x)")


UNARY: Mapping[str, Callable[[Scope], Expression]] = {
    "Relu": _of("max(x, 0)"),
    "LeakyRelu": lambda scope: leaky_relu(scope.number("alpha", 0.01)),
    "Elu": lambda scope: elu(scope.number("alpha", 1.0)),
    "Selu": _selu,
    "Celu": _celu,
    "ThresholdedRelu": _thresholded,
    "Shrink": _shrink,
    "Sigmoid": _of("sigmoid(x)"),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _of("x * clip(0.16666666666666666 * x + 0.5, 0, 1)"),
    "Swish": _swish,
    "Mish": _of("x * tanh(softplus(x))"),
    "Gelu": _gelu,
    "Softplus": _of("softplus(x)"),
    "Softsign": _of("softsign(x)"),
    "Tanh": _of("tanh(x)"),
    "Erf": _of("erf(x)"),
    "Exp": _of("exp(x)"),
    "Log": _of("log(x)"),
    "Sqrt": _of("sqrt(x)"),
    "Abs": _of("abs(x)"),
    "Neg": _of("-x"),
    "Reciprocal": _of("1 / x"),
    "Sign": _of("sign(x)"),
    "Floor": _of("floor(x)"),
    "Ceil": _of("ceil(x)"),
    "Sin": _of("sin(x)"),
    "Cos": _of("cos(x)"),
    "Tan": _of("tan(x)"),
    "Sinh": _of("sinh(x)"),
    "Cosh": _of("cosh(x)"),
    "Atan": _of("atan(x)"),
    "Asin": _of("atan(x / sqrt((1 - x) * (1 + x)))"),
    "Acos": _of("2 * atan(sqrt(1 - x) / sqrt(1 + x))"),
    "Asinh": _of("where(x < 0, -1, 1) * log1p(abs(x) + x * x / (1 + sqrt(1 + x * x)))"),
    "Acosh": _of("log(x + sqrt(x - 1) * sqrt(x + 1))"),
    "Atanh": _of("0.5 * (log1p(x) - log1p(-x))"),
}
"""Formulas. Numbers that attributes give may not be infinite or NaN."""


def lower_unary(scope: Scope) -> Value:
    """One formula for every value."""
    x = scope.floats()
    for name in ("alpha", "beta", "gamma", "bias", "lambd"):
        if name in scope.node.attributes and not np.isfinite(scope.number(name, 0.0)):
            raise scope.refuse(f"'{name}' is not finite")
    return scope.like(x, scope.add(Map(UNARY[scope.node.op_type](scope)), x.node))


def lower_clip(scope: Scope) -> Value:
    """Bounds are constants, as inputs or, up to operator set 10, as attributes."""
    x = scope.floats()
    bounds: list[float | None] = []
    for index, name in ((1, "min"), (2, "max")):
        known = scope.known(index, f"'{name}'")
        if known is not None:
            if known.size != 1:
                raise Problem("CS269", f"'{name}' is no single number")
            bounds.append(float(np.asarray(known.array(), np.float64).ravel()[0]))
        else:
            bounds.append(scope.number(name, 0.0) if name in scope.node.attributes else None)
    low, high = bounds
    if any(b is not None and np.isnan(b) for b in bounds):
        raise scope.refuse("a bound is NaN")
    formula: Expression = X
    if low is not None and np.isfinite(low):
        formula = Call("max", (formula, as_number(low)))
    if high is not None and np.isfinite(high):
        formula = Call("min", (formula, as_number(high)))
    if low is not None and high is not None and np.isfinite(low) and np.isfinite(high):
        # A lower bound above the upper one counts for nothing.
        formula = Call("clip", (X, as_number(min(low, high)), as_number(high)))
    return x if formula == X else scope.like(x, scope.add(Map(formula), x.node))


def lower_prelu(scope: Scope) -> Value:
    """``x``, and below 0 the slope times ``x``; the slope is a constant, which is repeated."""
    x = scope.floats()
    slope = scope.needed(1, "the slope")
    if scope.model.opset < 7 and len(slope.shape) == 1 and x.rank > 2:
        shape = (slope.shape[0], *(1,) * (x.rank - 2))
        slope = slope.changed(f"as {shape}", lambda a: a.reshape(shape))
    formula = Where(Compare("<", X, Number(0.0)), Binary("*", P, X), X)
    return with_parameter(scope, x, slope, formula)


# --- of several values


_MODES: Mapping[str, CombineMode] = {
    "Add": "sum",
    "Sum": "sum",
    "Sub": "difference",
    "Mul": "mul",
    "Div": "quotient",
    "Max": "max",
    "Min": "min",
    "Mean": "ave",
}
_FORMULAS: Mapping[str, tuple[Expression, Expression]] = {
    "Add": (Binary("+", X, P), Binary("+", X, P)),
    "Sum": (Binary("+", X, P), Binary("+", X, P)),
    "Sub": (Binary("-", X, P), Binary("-", P, X)),
    "Mul": (Binary("*", X, P), Binary("*", X, P)),
    "Div": (Binary("/", X, P), Binary("/", P, X)),
    "Max": (Call("max", (X, P)), Call("max", (X, P))),
    "Min": (Call("min", (X, P)), Call("min", (X, P))),
    "Pow": (Binary("**", X, P), Binary("**", P, X)),
}
"""With a constant on the right, and on the left."""


def lower_binary(scope: Scope) -> Value:
    """Two or more values, or values and constants, of shapes that broadcast."""
    kind = scope.node.op_type
    if not scope.inputs or None in scope.inputs:
        raise Problem("CS269", "an input is missing")
    inputs = _legacy(scope)
    values = [read for read in inputs if isinstance(read, Value)]
    if any(value.whole for value in values):
        raise Problem("CS264", "it is supported for floats, and an input holds whole numbers")
    constants = [read for read in inputs if isinstance(read, Known)]
    if kind == "Mean" and constants:
        raise scope.refuse("an input is a constant")
    if kind in {"Sub", "Div", "Pow"}:
        if len(inputs) != 2:
            raise Problem("CS269", f"it has {len(inputs)} inputs")
        if not constants:
            if kind == "Pow":
                raise scope.refuse("its exponent depends on the model's input")
            return combined(scope, _MODES[kind], values)
        right, left = _FORMULAS[kind]
        formula = right if isinstance(inputs[1], Known) else left
        return with_parameter(scope, values[0], constants[0], formula)
    found = values[0] if len(values) == 1 else combined(scope, _MODES[kind], values)
    for known in constants:
        found = with_parameter(scope, found, known, _FORMULAS[kind][0])
    return found


def _legacy(scope: Scope) -> Sequence[Value | Known]:
    """The inputs; up to operator set 6 the second began at ``axis`` of the first."""
    inputs = [read for read in scope.inputs if read is not None]
    axis = scope.node.attributes.get("axis")
    if scope.model.opset >= 7 or axis is None or len(inputs) != 2:
        return inputs
    one, other = inputs
    rank = one.rank if isinstance(one, Value) else len(one.shape)
    if not isinstance(other, Known) or not isinstance(axis, int):
        raise scope.refuse("'axis' is supported for constants alone")
    behind = rank - scope.axis(axis, rank) - len(other.shape)
    if behind < 0:
        raise Problem("CS269", f"axis {axis} leaves no place for a value of shape {other.shape}")
    shape = (*other.shape, *(1,) * behind)
    return [one, other.changed(f"as {shape}", lambda a: a.reshape(shape))]


def with_parameter(scope: Scope, x: Value, known: Known, formula: Expression) -> Value:
    """A formula of every value and of a constant that is broadcast to it."""
    if known.dtype == "object":
        raise scope.refuse("a constant depends on a length that is open")
    number = scope.scalar(known)
    if number is not None and len(known.shape) <= x.rank:
        whole = _with_number(formula, as_number(number))
        return scope.like(x, scope.add(Map(whole), x.node))
    known = _once(scope, x, known)
    x, shape = _beside(scope, x, known.shape)
    target = tuple(longer(n, m) for n, m in zip(x.node.shape, shape, strict=True))
    node = expanded(scope, x.node, target)
    operand: Operand = scope.weight(known, tuple(range(len(shape))), shape, shape)
    return Value(scope.add(MapWith(formula, (operand,)), node), x.rank, x.batch)


def _once(scope: Scope, x: Value, known: Known) -> Known:
    """A constant that is repeated for every sample the model was exported for, as one of them."""
    axis = x.batch - (x.rank - len(known.shape))
    if axis < 0 or known.shape[axis] == 1 or known.shape[axis] != scope.exported:
        return known
    array = known.array()
    first = array.take([0], axis)
    if not np.array_equal(array, np.broadcast_to(first, array.shape), equal_nan=True):
        return known
    return known.changed("once", lambda a: a.take([0], axis))


def _with_number(formula: Expression, number: Expression) -> Expression:
    """The formula with a number in the place of its parameter."""
    match formula:
        case Parameter():
            return number
        case Binary(operator, left, right):
            return Binary(operator, _with_number(left, number), _with_number(right, number))
        case Call(function, arguments):
            return Call(function, tuple(_with_number(a, number) for a in arguments))
        case Where(Compare(operator, left, right), chosen, otherwise):
            condition = Compare(operator, _with_number(left, number), _with_number(right, number))
            return Where(condition, _with_number(chosen, number), _with_number(otherwise, number))
        case _:
            return formula


def _beside(scope: Scope, x: Value, shape: tuple[int, ...]) -> tuple[Value, tuple[int, ...]]:
    """A value with as many axes as a constant, and the constant's lengths beside a sample."""
    while len(shape) > x.rank:
        # The result has more axes than the value: they stand in front of the samples.
        x = Value(scope.reshaped(x.node, (1, *x.sample)), x.rank + 1, x.batch + 1)
    whole = (*(1,) * (x.rank - len(shape)), *shape)
    if whole[x.batch] != 1:
        raise scope.mixes(
            f"a constant of shape {shape} has an axis of length {whole[x.batch]} at axis {x.batch}"
        )
    return x, (*whole[: x.batch], *whole[x.batch + 1 :]) or (1,)


def longer(n: Dim, m: Dim) -> Dim:
    """The length of two that are broadcast. CS063."""
    if n == 1:
        return m
    if m in {1, n} or not isinstance(n, int) or not isinstance(m, int):
        return n if m == 1 or not isinstance(m, int) else m
    raise Problem("CS063", f"lengths {n} and {m} cannot be broadcast")


def expanded(scope: Scope, x: Node, shape: Shape) -> Node:
    """The value repeated along axes of length 1; a length that is open stays as it is."""
    target = tuple(m if n == 1 else n for n, m in zip(x.shape, shape, strict=True))
    return x if x.shape == target else scope.add(Expand(target), x)


def combined(scope: Scope, mode: CombineMode, values: Sequence[Value]) -> Value:
    """Values combined one by one, after each is broadcast to the shape of all."""
    assert mode in get_args(CombineMode), "a mode of the operation"
    aligned = broadcast(scope, values)
    y = scope.add(Combine(mode), *(value.node for value in aligned))
    return Value(y, aligned[0].rank, aligned[0].batch)


def broadcast(scope: Scope, values: Sequence[Value]) -> list[Value]:
    """The values with as many axes, and of one shape. CS063, CS263 where samples lie apart."""
    rank = max(value.rank for value in values)
    behind = {value.rank - value.batch for value in values}
    if len(behind) > 1:
        raise scope.mixes("values are combined whose samples lie along different axes: an axis")
    aligned = []
    for value in values:
        more = rank - value.rank
        node = scope.reshaped(value.node, (*(1,) * more, *value.sample) or (1,))
        aligned.append(Value(node, rank, value.batch + more))
    shape = aligned[0].node.shape
    for value in aligned[1:]:
        shape = tuple(longer(n, m) for n, m in zip(shape, value.node.shape, strict=True))
    return [Value(expanded(scope, v.node, shape), v.rank, v.batch) for v in aligned]
