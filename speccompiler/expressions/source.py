"""Expression -> text of a Python function that numba compiles.

``x * sigmoid(x)`` becomes::

    def activate(x):
        t0 = -x
        t1 = math.exp(t0)
        t2 = np.float32(1.0) + t1
        t3 = np.float32(1.0) / t2
        t4 = x * t3
        return t4

For float32 x every step is float32. Each step has a name, and one that is
needed twice is computed once; a choice is made between two names, so that LLVM
turns it into a select and the loop around it can be vectorised. The module
needs ``math`` and ``np``, and the function ``njit(error_model="numpy")``:
otherwise numba raises ZeroDivisionError where IEEE gives an infinity.
"""

from __future__ import annotations

import keyword
from collections.abc import Mapping

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
    Variable,
    Where,
    integer_exponent,
)

_LARGEST_FLOAT32 = 3.4028234663852886e38

FUNCTIONS: Mapping[str, str] = {
    **{f: f"math.{f}" for f in ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan")},
    **{f: f"math.{f}" for f in ("tanh", "sinh", "cosh", "atan", "erf")},
    "abs": "abs",
    # numba's math.floor and math.ceil give int64.
    "floor": "np.floor",
    "ceil": "np.ceil",
}
"""The functions that are one call; the rest are choices, or activations made of these."""


def numba_source(expression: Expression, name: str = "activate") -> str:
    """The text of ``def name(x)``; the same text for the same expression, always."""
    assert name.isidentifier(), f"{name!r} cannot name a function"
    assert not keyword.iskeyword(name), f"the keyword {name} cannot name a function"
    steps = _Steps()
    result = steps.value(expression, "x")
    lines = [f"def {name}(x):", *(f"    {step} = {text}" for text, step in steps.names.items())]
    return "\n".join([*lines, f"    return {result}", ""])


class _Steps:
    """The steps so far: what each computes, and its name."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def step(self, text: str) -> str:
        return self.names.setdefault(text, f"t{len(self.names)}")

    def value(self, expression: Expression, x: str) -> str:
        """The name (or constant) that holds the value, with ``x`` for the variable."""
        match expression:
            case Variable():
                return x
            case Number(value):
                return _constant(value)
            case Negate(operand):
                return self.step(f"-{self.value(operand, x)}")
            case Binary("**", base, exponent):
                power = integer_exponent(exponent)
                if power is not None:
                    return self.power(self.value(base, x), power)
                return self.step(f"{self.value(base, x)} ** {self.value(exponent, x)}")
            case Binary(operator, left, right):
                return self.step(f"{self.value(left, x)} {operator} {self.value(right, x)}")
            case Where(condition, chosen, otherwise):
                values = self.value(chosen, x), self.value(otherwise, x)
                return self.choice(self.truth(condition, x), *values)
            case Call(function, arguments):
                return self.call(function, [self.value(argument, x) for argument in arguments])

    def call(self, function: str, values: list[str]) -> str:
        match function, values:
            case "max", [a, b]:
                return self.extreme(">", a, b)
            case "min", [a, b]:
                return self.extreme("<", a, b)
            case "clip", [a, low, high]:
                return self.extreme("<", self.extreme(">", a, low), high)
            case "sign", [a]:
                # Zero and NaN are their own sign.
                zero = _constant(0.0)
                below = self.choice(f"{a} < {zero}", f"-{_constant(1.0)}", a)
                return self.choice(f"{a} > {zero}", _constant(1.0), below)
        if function in FUNCTIONS:
            return self.step(f"{FUNCTIONS[function]}({values[0]})")
        return self.value(ACTIVATIONS[function], values[0])

    def truth(self, condition: Condition, x: str) -> str:
        match condition:
            case Compare(operator, left, right):
                return f"({self.value(left, x)} {operator} {self.value(right, x)})"
            case Logical(operator, left_condition, right_condition):
                sides = self.truth(left_condition, x), self.truth(right_condition, x)
                return f"({sides[0]} {operator} {sides[1]})"
            case Not(operand):
                return f"(not {self.truth(operand, x)})"

    def choice(self, condition: str, chosen: str, otherwise: str) -> str:
        return self.step(f"{chosen} if {condition} else {otherwise}")

    def extreme(self, operator: str, a: str, b: str) -> str:
        """The larger or smaller of two, NaN when either is NaN."""
        if _is_constant(b):
            a, b = b, a
        if _is_constant(a):
            # A constant is not NaN; when b is, the comparison fails and chooses it.
            return self.choice(f"{a} {operator} {b}", a, b)
        return self.choice(f"{a} {operator} {b} or {a} != {a}", a, b)

    def power(self, base: str, exponent: int) -> str:
        """A whole power by repeated squaring; 1 for the power 0, as in IEEE pow."""
        result: str | None = None
        square = base
        remaining = abs(exponent)
        while remaining:
            if remaining & 1:
                result = square if result is None else self.step(f"{result} * {square}")
            remaining >>= 1
            if remaining:
                square = self.step(f"{square} * {square}")
        if result is None:
            return _constant(1.0)
        return result if exponent > 0 else self.step(f"{_constant(1.0)} / {result}")


def _constant(value: float) -> str:
    return f"np.float32({value!r})" if value <= _LARGEST_FLOAT32 else "np.float32(np.inf)"


def _is_constant(text: str) -> bool:
    return text.startswith("np.float32(")
