"""Expression -> text of a Python function, over one value or a vector, for kernels to call.

``x * sigmoid(x)`` becomes::

    def activate(x):                    def activate(x):
        t0 = -x                             t0 = neg(x)
        t1 = exp(t0)                        t1 = exp(t0)
        t2 = np.float32(1.0) + t1           t2 = splat(np.float32(1.0))
        t3 = np.float32(1.0) / t2           t3 = add(t2, t1)
        t4 = x * t3                         t4 = div(t2, t3)
        return t4                           t5 = mul(x, t4)
                                            return t5

For float32 x every step is float32. Each step has a name, and one that is
needed twice is computed once. A choice is made between two names, so that it
is compiled to a select and not to a jump. Both texts need ``np``. The text over values calls
the functions of ``kernels/cuda/device_functions.py``, the text over vectors the words of
``kernels/cpu/codegen/simd.py`` and the functions of ``vector_math.py`` beside it.
"""

from __future__ import annotations

import keyword
import math
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
    Parameter,
    Variable,
    Where,
    integer_exponent,
)

_LARGEST_FLOAT32 = 3.4028234663852886e38

FUNCTIONS = frozenset(
    {
        *("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan"),
        *("tanh", "sinh", "cosh", "atan", "erf", "abs", "floor", "ceil"),
    }
)
"""The functions that are one call; the rest are choices, or activations made of these."""


def vector_source(expression: Expression, name: str = "activate", parameters: int = 0) -> str:
    """The text for a vector of values: every lane goes through the same operations.

    With parameters it is ``def name(x, p0, p1)``.
    """
    return _function(_VectorSteps(), expression, name, parameters)


def lifted_source(expression: Expression) -> tuple[str, tuple[float, ...]]:
    """The text for a vector of values with its constants as parameters, and these in order.

    ``where(x > 0, x, 0.3 * x)`` becomes ``def activate(x, p0, p1)`` with 0 and 0.3, so that one
    text serves every slope.
    """
    steps = _LiftedSteps()
    result = steps.value(expression, "x")
    return _written(steps, result, "activate", len(steps.lifted)), tuple(steps.lifted)


def word_source(expression: Expression, name: str = "activate", parameters: int = 0) -> str:
    """The text for one value, in words that a target defines: ``exp``, ``absolute``, ``power``.

    Operators stay operators, so that one text serves a compiler and a simulator.
    """
    return _function(_Steps(), expression, name, parameters)


def _function(steps: _Steps, expression: Expression, name: str, parameters: int = 0) -> str:
    assert name.isidentifier(), f"{name!r} cannot name a function"
    assert not keyword.iskeyword(name), f"the keyword {name} cannot name a function"
    return _written(steps, steps.value(expression, "x"), name, parameters)


def _written(steps: _Steps, result: str, name: str, parameters: int) -> str:
    given = ", ".join(["x", *(f"p{index}" for index in range(parameters))])
    lines = [
        f"def {name}({given}):",
        *(f"    {step} = {text}" for text, step in steps.names.items()),
    ]
    return "\n".join([*lines, f"    return {result}", ""])


class _Steps:
    """The steps so far, over one value: what each computes, and its name."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def step(self, text: str) -> str:
        return self.names.setdefault(text, f"t{len(self.names)}")

    def value(self, expression: Expression, x: str) -> str:
        """The name (or constant) that holds the value, with ``x`` for the variable."""
        match expression:
            case Variable():
                return x
            case Parameter(index):
                return f"p{index}"
            case Number(value):
                return self.constant(value)
            case Negate(operand):
                return self.negative(self.value(operand, x))
            case Binary("**", base, exponent):
                power = integer_exponent(exponent)
                if power is not None:
                    return self.power(self.value(base, x), power)
                return self.arithmetic("**", self.value(base, x), self.value(exponent, x))
            case Binary(operator, left, right):
                return self.arithmetic(operator, self.value(left, x), self.value(right, x))
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
                zero = self.constant(0.0)
                minus = self.minus_one()
                below = self.choice(self.comparison("<", a, zero), minus, a)
                return self.choice(self.comparison(">", a, zero), self.constant(1.0), below)
        if function in FUNCTIONS:
            return self.function(function, values[0])
        return self.value(ACTIVATIONS[function], values[0])

    def truth(self, condition: Condition, x: str) -> str:
        match condition:
            case Compare(operator, left, right):
                return self.comparison(operator, self.value(left, x), self.value(right, x))
            case Logical(operator, left_condition, right_condition):
                sides = self.truth(left_condition, x), self.truth(right_condition, x)
                return self.joined(operator, *sides)
            case Not(operand):
                return self.opposite(self.truth(operand, x))

    def extreme(self, operator: str, a: str, b: str) -> str:
        """The larger or smaller of two, NaN when either is NaN."""
        if self.is_constant(b):
            a, b = b, a
        condition = self.comparison(operator, a, b)
        if self.is_constant(a):
            # A constant is not NaN; when b is, the comparison fails and chooses it.
            return self.choice(condition, a, b)
        return self.choice(self.joined("or", condition, self.comparison("!=", a, a)), a, b)

    def power(self, base: str, exponent: int) -> str:
        """A whole power by repeated squaring; 1 for the power 0, as in IEEE pow."""
        result: str | None = None
        square = base
        remaining = abs(exponent)
        while remaining:
            if remaining & 1:
                result = square if result is None else self.arithmetic("*", result, square)
            remaining >>= 1
            if remaining:
                square = self.arithmetic("*", square, square)
        if result is None:
            return self.constant(1.0)
        return result if exponent > 0 else self.arithmetic("/", self.constant(1.0), result)

    # How one value is written.

    def constant(self, value: float) -> str:
        return f"np.float32({value!r})" if value <= _LARGEST_FLOAT32 else "np.float32(np.inf)"

    def is_constant(self, name: str) -> bool:
        return name.startswith("np.float32(")

    def minus_one(self) -> str:
        return f"-{self.constant(1.0)}"

    def negative(self, a: str) -> str:
        return self.step(f"-{a}")

    def arithmetic(self, operator: str, a: str, b: str) -> str:
        return self.step(f"power({a}, {b})" if operator == "**" else f"{a} {operator} {b}")

    def function(self, name: str, a: str) -> str:
        return self.step(f"{'absolute' if name == 'abs' else name}({a})")

    def comparison(self, operator: str, a: str, b: str) -> str:
        return f"({a} {operator} {b})"

    def joined(self, operator: str, a: str, b: str) -> str:
        return f"({a} {operator} {b})"

    def opposite(self, a: str) -> str:
        return f"(not {a})"

    def choice(self, condition: str, chosen: str, otherwise: str) -> str:
        return self.step(f"{chosen} if {condition} else {otherwise}")


class _VectorSteps(_Steps):
    """Steps over a vector, in the words of ``kernels/cpu/codegen/simd.py``."""

    words: Mapping[str, str] = {
        "+": "add", "-": "sub", "*": "mul", "/": "div", "**": "power",
        "<": "less", "<=": "less_equal", "==": "equal", "!=": "not_equal",
        "and": "both", "or": "either",
    }  # fmt: skip
    swapped: Mapping[str, str] = {">": "<", ">=": "<="}

    def __init__(self) -> None:
        super().__init__()
        self.constants: set[str] = set()

    def constant(self, value: float) -> str:
        name = self.step(f"splat({super().constant(value)})")
        self.constants.add(name)
        return name

    def is_constant(self, name: str) -> bool:
        return name in self.constants

    def minus_one(self) -> str:
        return self.negative(self.constant(1.0))

    def negative(self, a: str) -> str:
        return self.step(f"neg({a})")

    def arithmetic(self, operator: str, a: str, b: str) -> str:
        return self.step(f"{self.words[operator]}({a}, {b})")

    def comparison(self, operator: str, a: str, b: str) -> str:
        if operator in self.swapped:
            operator, a, b = self.swapped[operator], b, a
        return self.step(f"{self.words[operator]}({a}, {b})")

    def joined(self, operator: str, a: str, b: str) -> str:
        return self.step(f"{self.words[operator]}({a}, {b})")

    def opposite(self, a: str) -> str:
        return self.step(f"opposite({a})")

    def choice(self, condition: str, chosen: str, otherwise: str) -> str:
        return self.step(f"select({condition}, {chosen}, {otherwise})")


class _LiftedSteps(_VectorSteps):
    """Steps over a vector that name constants ``p0``, ``p1`` and so on."""

    def __init__(self) -> None:
        super().__init__()
        self.lifted: list[float] = []

    def value(self, expression: Expression, x: str) -> str:
        if isinstance(expression, Negate) and isinstance(expression.operand, Number):
            return self.constant(-expression.operand.value)
        return super().value(expression, x)

    def constant(self, value: float) -> str:
        name = f"p{len(self.lifted)}"
        too_large = abs(value) > _LARGEST_FLOAT32
        self.lifted.append(math.copysign(math.inf, value) if too_large else value)
        self.constants.add(name)
        return name
