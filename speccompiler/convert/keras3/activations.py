"""Activations and expressions as layers: by their names, or put together from what has one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from speccompiler.convert.keras3.builder import Builder, Value
from speccompiler.convert.keras3.moving import multiplied
from speccompiler.convert.named_formulas import has, named
from speccompiler.expressions.affine import affine
from speccompiler.expressions.evaluate import combine
from speccompiler.expressions.library import named_activation, theano_relu
from speccompiler.expressions.nodes import (
    Binary,
    Call,
    Compare,
    Expression,
    Negate,
    Number,
    Parameter,
    Variable,
    Where,
    canonical,
    integer_exponent,
)
from speccompiler.graph import ir

NAMES: Mapping[str, str] = {
    "linear": "linear", "relu": "relu", "tanh": "tanh", "sigmoid": "sigmoid", "elu": "elu",
    "softplus": "softplus", "softsign": "softsign", "selu": "selu", "exponential": "exponential",
    "swish": "silu", "gelu": "gelu", "mish": "mish", "hard_silu": "hard_silu",
    "hard_sigmoid_3": "hard_sigmoid", "relu6": "relu6",
}  # fmt: skip
"""Keras 3's names of what ``named_activation`` knows. Its ``hard_sigmoid`` has another slope."""
MOST_FACTORS = 4
"""The highest power that is written as products."""


def keras_name(activation: ir.CellActivation | None) -> str | None:
    """The name that Keras 3 has for an activation; None where it has none."""
    if activation is None:
        return "linear"
    if isinstance(activation, str):
        return activation
    if activation == theano_relu():
        return "relu"
    return next((k for name, k in NAMES.items() if named_activation(name) == activation), None)


def activated(b: Builder, x: Value, activation: Expression | None) -> Value:
    """The value with an activation behind it."""
    if activation is None or isinstance(activation, Variable):
        return x
    return _write(b, activation, x)


def map_values(b: Builder, node: ir.Node, op: ir.Map, x: Value) -> Value:
    return activated(b, x, op.activation)


def rescaled(b: Builder, x: Value, scale: float, offset: float) -> Value:
    """``x * scale + offset``."""
    if (scale, offset) == (1.0, 0.0):
        return x
    return b.add("Rescaling", x, x.shape, scale=scale, offset=offset)


def _write(b: Builder, part: Expression, x: Value) -> Value:
    cut = _cut_line(part)
    if cut is not None:
        return b.add("ReLU", x, x.shape, **cut)
    known = keras_name(part)
    if known is not None:
        return b.add("Activation", x, x.shape, activation=known) if known != "linear" else x
    if has(part, Parameter) or not has(part, Variable):
        raise _refused(b, part)
    made = _by_formula(b, part, x)
    if made is not None:
        return made
    parts = affine(part)
    if parts is not None and not any(has(one, Variable) for one in parts):
        return rescaled(b, x, *(float(combine(one, ())) for one in parts))
    return _by_parts(b, part, x)


def _by_formula(b: Builder, part: Expression, x: Value) -> Value | None:
    found = named(part, in_cell=True)
    if found is None:
        return None
    inner = activated(b, x, found.x)
    numbers = found.attributes
    match found.kind:
        case "Relu" | "Sigmoid" | "Softplus" | "Softsign":
            return b.add("Activation", inner, x.shape, activation=found.kind.lower())
        case "HardSigmoid":
            line = rescaled(b, inner, numbers["alpha"], numbers["beta"])
            return b.add("ReLU", line, x.shape, max_value=1.0)
        case "Elu":
            return b.add("ELU", inner, x.shape, alpha=numbers["alpha"])
        case "LeakyRelu":
            return b.add("LeakyReLU", inner, x.shape, negative_slope=numbers["alpha"])
        case "ThresholdedRelu" if numbers["alpha"] >= 0:
            return b.add("ReLU", inner, x.shape, threshold=numbers["alpha"])
        case "Clip":
            low, high = (float(combine(one, ())) for one in found.inputs)
            return _clipped(b, inner, low, high)
    return None


def _cut_line(part: Expression) -> dict[str, Any] | None:
    """The arguments of a ReLU that is a line of its own up to a threshold."""
    match part:
        case Where(
            Compare(">", Variable(), Number(threshold)),
            chosen,
            Binary("*", Number(slope), Binary("-", Variable(), Number(same))),
        ) if same == threshold >= 0 <= slope:
            cut = {"negative_slope": float(slope), "threshold": float(threshold)}
        case _:
            return None
    match chosen:
        case Variable():
            return cut
        case Call("clip", (Variable(), Number(least), Number(most))) if least <= threshold <= most:
            return {**cut, "max_value": float(most)}
    return None


def _clipped(b: Builder, x: Value, low: float, high: float) -> Value:
    cut = b.add("ReLU", rescaled(b, x, 1.0, -low), x.shape, max_value=high - low)
    return rescaled(b, cut, 1.0, low)


def _by_parts(b: Builder, part: Expression, x: Value) -> Value:
    """An expression whose parts have layers, joined by one."""
    joined = {"+": "Add", "-": "Subtract", "*": "Multiply"}
    match part:
        case Negate(operand):
            return rescaled(b, _write(b, operand, x), -1.0, 0.0)
        case Binary("**", base, exponent):
            power = integer_exponent(exponent)
            if power is not None and 2 <= power <= MOST_FACTORS:
                value = _write(b, base, x)
                return multiplied(b, [value] * power, x.shape)
        case Binary(symbol, left, right) if not has(right, Variable):
            number = float(combine(right, ()))
            value = _write(b, left, x)
            return rescaled(b, value, *_line(symbol, number))
        case Binary(symbol, left, right) if not has(left, Variable) and symbol in joined:
            number, value = float(combine(left, ())), _write(b, right, x)
            if symbol == "-":
                return rescaled(b, value, -1.0, number)
            return rescaled(b, value, *_line(symbol, number))
        case Binary(symbol, left, right) if symbol in joined:
            both = [_write(b, left, x), _write(b, right, x)]
            if symbol == "*":
                return multiplied(b, both, x.shape)
            return b.add(joined[symbol], both, x.shape)
        case Call("tanh" | "sigmoid" | "relu" | "elu" | "softplus" | "softsign" as name, (one,)):
            return b.add("Activation", _write(b, one, x), x.shape, activation=name)
        case Call("exp", (one,)):
            return b.add("Activation", _write(b, one, x), x.shape, activation="exponential")
        case Call("hard_sigmoid", (one,)):
            line = rescaled(b, _write(b, one, x), 0.2, 0.5)
            return b.add("ReLU", line, x.shape, max_value=1.0)
        case Call("min" | "max" as name, (one, other)) if has(one, Variable):
            if has(other, Variable):
                kind = {"min": "Minimum", "max": "Maximum"}[name]
                return b.add(kind, [_write(b, one, x), _write(b, other, x)], x.shape)
            limit, value = float(combine(other, ())), _write(b, one, x)
            sign = 1.0 if name == "max" else -1.0
            above = rescaled(b, value, sign, -sign * limit)
            cut = b.add("Activation", above, x.shape, activation="relu")
            return rescaled(b, cut, sign, limit)
    raise _refused(b, part)


def _line(symbol: str, number: float) -> tuple[float, float]:
    """Scale and offset of an operation with a number on its right."""
    match symbol:
        case "+":
            return 1.0, number
        case "-":
            return 1.0, -number
        case "*":
            return number, 0.0
        case _:
            return 1.0 / number, 0.0


def _refused(b: Builder, part: Expression) -> Exception:
    return b.refuse(f"the expression {canonical(part)}")
