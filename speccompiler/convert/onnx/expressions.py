"""Elementwise expressions as ONNX operations: a table of functions, and of what has an own name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from speccompiler.convert.named_formulas import has, named
from speccompiler.convert.onnx.builder import Builder
from speccompiler.expressions.evaluate import combine
from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.expressions.nodes import (
    Binary,
    Call,
    Compare,
    Condition,
    Expression,
    Logical,
    Negate,
    Node,
    Not,
    Number,
    Parameter,
    Variable,
    Where,
    substitute,
)

Combined = Callable[[Expression], str]
"""Writes an expression of parameters alone, which no run has to compute."""


def _one(kind: str) -> Callable[..., str]:
    return lambda b, *inputs: b.emit(kind, *inputs)


def _expm1(b: Builder, a: str) -> str:
    """``tanh(a / 2) * (exp(a) + 1)``, which loses nothing near 0."""
    half = b.emit("Tanh", b.emit("Mul", a, b.number(0.5)))
    return b.emit("Mul", half, b.emit("Add", b.emit("Exp", a), b.number(1.0)))


def _log1p(b: Builder, a: str) -> str:
    """``2 * atanh(a / (a + 2))`` near 0, where ``log(1 + a)`` has no digits left."""
    small = b.emit("Less", b.emit("Abs", a), b.number(0.5))
    near = b.emit("Atanh", b.emit("Div", a, b.emit("Add", a, b.number(2.0))))
    far = b.emit("Log", b.emit("Add", a, b.number(1.0)))
    return b.emit("Where", small, b.emit("Mul", near, b.number(2.0)), far)


def _clip(b: Builder, a: str, low: str, high: str) -> str:
    return b.emit("Min", b.emit("Max", a, low), high)


FUNCTIONS: Mapping[str, Callable[..., str]] = {
    "exp": _one("Exp"),
    "expm1": _expm1,
    "log": _one("Log"),
    "log1p": _log1p,
    "sqrt": _one("Sqrt"),
    "abs": _one("Abs"),
    "sign": _one("Sign"),
    "floor": _one("Floor"),
    "ceil": _one("Ceil"),
    "min": _one("Min"),
    "max": _one("Max"),
    "clip": _clip,
    "sin": _one("Sin"),
    "cos": _one("Cos"),
    "tan": _one("Tan"),
    "tanh": _one("Tanh"),
    "sinh": _one("Sinh"),
    "cosh": _one("Cosh"),
    "atan": _one("Atan"),
    "erf": _one("Erf"),
}
"""The functions that are not activations written in terms of these."""

OPERATORS: Mapping[str, str] = {
    "+": "Add", "-": "Sub", "*": "Mul", "/": "Div", "**": "Pow",
    "<": "Less", "<=": "LessOrEqual", ">": "Greater", ">=": "GreaterOrEqual", "==": "Equal",
    "and": "And", "or": "Or",
}  # fmt: skip
"""``!=`` is the opposite of ``==``."""


def write(b: Builder, expression: Expression, x: str, combined: Combined | None = None) -> str:
    """Append the expression of a tensor; its shape is that of ``x``."""
    made = _Writer(b, x, combined).value(expression)
    if has(expression, Variable):
        return made
    return b.emit("Expand", made, b.emit("Shape", x))


class _Writer:
    """Parts that occur several times are written once."""

    def __init__(self, b: Builder, x: str, combined: Combined | None) -> None:
        self._b = b
        self._combined = combined
        self._made: dict[Node, str] = {Variable(): x}

    def value(self, part: Expression) -> str:
        if part not in self._made:
            self._made[part] = self._new(part)
        return self._made[part]

    def _new(self, part: Expression) -> str:
        b = self._b
        if not has(part, Variable):
            return self._without_x(part)
        found = named(part)
        if found is not None:
            beside = map(self.value, found.inputs)
            return b.emit(found.kind, self.value(found.x), *beside, **found.attributes)
        match part:
            case Binary("/", left, Binary("+", Number(1.0), Call("exp", (Negate(inner),)))):
                # swish: the quotient is a product with a sigmoid
                return b.emit("Mul", self.value(left), b.emit("Sigmoid", self.value(inner)))
            case Negate(operand):
                return b.emit("Neg", self.value(operand))
            case Binary(symbol, left, right):
                return b.emit(OPERATORS[symbol], self.value(left), self.value(right))
            case Where(condition, chosen, otherwise):
                truth = self.truth(condition)
                return b.emit("Where", truth, self.value(chosen), self.value(otherwise))
            case Call(function, arguments) if function in FUNCTIONS:
                return FUNCTIONS[function](b, *map(self.value, arguments))
            case Call(function, (argument,)):
                return self.value(substitute(ACTIVATIONS[function], argument))
        raise AssertionError(f"{part} has no rule")

    def _without_x(self, part: Expression) -> str:
        if not has(part, Parameter):
            return self._b.number(float(combine(part, ())))
        assert self._combined is not None, "only MapWith has parameters"
        return self._combined(part)

    def truth(self, part: Condition) -> str:
        if part not in self._made:
            self._made[part] = self._new_truth(part)
        return self._made[part]

    def _new_truth(self, part: Condition) -> str:
        b = self._b
        match part:
            case Compare("!=", left, right):
                return b.emit("Not", b.emit("Equal", self.value(left), self.value(right)))
            case Compare(symbol, left, right):
                return b.emit(OPERATORS[symbol], self.value(left), self.value(right))
            case Logical(symbol, one, other):
                return b.emit(OPERATORS[symbol], self.truth(one), self.truth(other))
            case Not(operand):
                return b.emit("Not", self.truth(operand))
