"""Elementwise expressions in one variable, as data.

    value     = Number | Variable | Parameter | Negate(value) | Binary(op, value, value)
              | Call(function, values) | Where(condition, value, value)
    condition = Compare(op, value, value) | Logical(op, condition, condition)
              | Not(condition)

Trees made by :func:`speccompiler.expressions.grammar.parse` are at most
``MAX_DEPTH`` deep, so plain recursion over them is safe.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

from speccompiler.frozen import dataclass

MAX_LENGTH = 2000
MAX_NODES = 500
MAX_DEPTH = 64

FUNCTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "exp": ("a",),
        "expm1": ("a",),
        "log": ("a",),
        "log1p": ("a",),
        "sqrt": ("a",),
        "abs": ("a",),
        "sign": ("a",),
        "floor": ("a",),
        "ceil": ("a",),
        "min": ("a", "b"),
        "max": ("a", "b"),
        "clip": ("a", "low", "high"),
        "sin": ("a",),
        "cos": ("a",),
        "tan": ("a",),
        "tanh": ("a",),
        "sinh": ("a",),
        "cosh": ("a",),
        "atan": ("a",),
        "sigmoid": ("a",),
        "softplus": ("a",),
        "softsign": ("a",),
        "hard_sigmoid": ("a",),
        "relu": ("a",),
        "elu": ("a",),
        "erf": ("a",),
        "pow": ("a", "b"),
        "where": ("condition", "a", "b"),
    }
)
"""Each function's parameters. ``pow`` and ``where`` have nodes of their own."""

CONSTANTS: Mapping[str, float] = MappingProxyType({"pi": math.pi, "e": math.e})


@dataclass(frozen=True, slots=True)
class Number:
    """A finite constant >= 0; a negative one is a ``Negate``."""

    value: float

    def __post_init__(self) -> None:
        assert math.isfinite(self.value), "a number in an expression is finite"
        assert math.copysign(1.0, self.value) > 0, "a negative number is written with Negate"


@dataclass(frozen=True, slots=True)
class Variable:
    """The element ``x`` the expression is applied to."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number beside the element: of a stored tensor, or of an array in the text."""

    index: int


@dataclass(frozen=True, slots=True)
class Negate:
    """``-operand``."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic; ``operator`` is one of ``+ - * / **``."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """A function of ``FUNCTIONS`` other than ``pow`` and ``where``."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Where:
    """``where(condition, chosen, otherwise)``; both values are always computed."""

    condition: Condition
    chosen: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison; ``operator`` is one of ``< <= > >= == !=``."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Logical:
    """Two conditions joined; ``operator`` is ``and`` or ``or``."""

    operator: str
    left: Condition
    right: Condition


@dataclass(frozen=True, slots=True)
class Not:
    """``not operand``."""

    operand: Condition


Expression: TypeAlias = Number | Variable | Parameter | Negate | Binary | Call | Where
Condition: TypeAlias = Compare | Logical | Not
Node: TypeAlias = Expression | Condition

OR, AND, NOT, COMPARE, SUM, PRODUCT, UNARY, POWER, PRIMARY = range(1, 10)
"""How strongly each kind of operator binds, as in Python."""

BINDING: Mapping[str, int] = MappingProxyType(
    {
        "or": OR,
        "and": AND,
        **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), COMPARE),
        **dict.fromkeys(("+", "-"), SUM),
        **dict.fromkeys(("*", "/"), PRODUCT),
        "**": POWER,
    }
)


def children(node: Node) -> tuple[Node, ...]:
    """The direct parts of a node, in the order they are written."""
    match node:
        case Number() | Variable() | Parameter():
            return ()
        case Negate(operand) | Not(operand):
            return (operand,)
        case Binary(_, left, right) | Compare(_, left, right) | Logical(_, left, right):
            return (left, right)
        case Call(_, arguments):
            return arguments
        case Where(condition, chosen, otherwise):
            return (condition, chosen, otherwise)


def depth(node: Node) -> int:
    """The number of nodes on the longest way down; safe for any tree."""
    deepest = 0
    waiting = [(node, 1)]
    while waiting:
        current, level = waiting.pop()
        deepest = max(deepest, level)
        waiting.extend((child, level + 1) for child in children(current))
    return deepest


def canonical(expression: Expression) -> str:
    """The one text of an expression; parses back to an equal tree.

    ``pow(x, 2)`` and ``(x)**2.0`` both give ``x**2``.
    """
    return _text(expression, 0)


def substitute(expression: Expression, x: Expression) -> Expression:
    """The expression with ``x``, another expression, in place of the variable."""

    def value(node: Expression) -> Expression:
        match node:
            case Variable():
                return x
            case Number() | Parameter():
                return node
            case Negate(operand):
                return Negate(value(operand))
            case Binary(operator, left, right):
                return Binary(operator, value(left), value(right))
            case Call(function, arguments):
                return Call(function, tuple(map(value, arguments)))
            case Where(condition, chosen, otherwise):
                return Where(truth(condition), value(chosen), value(otherwise))

    def truth(node: Condition) -> Condition:
        match node:
            case Compare(operator, left, right):
                return Compare(operator, value(left), value(right))
            case Logical(operator, one, other):
                return Logical(operator, truth(one), truth(other))
            case Not(operand):
                return Not(truth(operand))

    return value(expression)


def integer_exponent(exponent: Expression) -> int | None:
    """The exponent where it is a constant whole number from -64 to 64; else None."""
    match exponent:
        case Number(value) if value.is_integer() and value <= 64:
            return int(value)
        case Negate(Number(value)) if value.is_integer() and value <= 64:
            return -int(value)
    return None


def _text(node: Node, minimum: int) -> str:
    """The text of a node, in parentheses where it binds more weakly than ``minimum``."""
    match node:
        case Number(value):
            binding, text = PRIMARY, _number_text(value)
        case Variable():
            binding, text = PRIMARY, "x"
        case Parameter(index):
            binding, text = PRIMARY, f"p{index}"
        case Call(function, arguments):
            binding, text = PRIMARY, f"{function}({', '.join(_text(a, 0) for a in arguments)})"
        case Where(condition, chosen, otherwise):
            parts = (_text(condition, 0), _text(chosen, 0), _text(otherwise, 0))
            binding, text = PRIMARY, f"where({', '.join(parts)})"
        case Negate(operand):
            binding, text = UNARY, f"-{_text(operand, UNARY)}"
        case Not(operand):
            binding, text = NOT, f"not {_text(operand, NOT)}"
        case Binary("**", left, right):
            # The exponent may carry a sign, and powers group from the right.
            binding, text = POWER, f"{_text(left, PRIMARY)}**{_text(right, UNARY)}"
        case Binary(operator, left, right) | Compare(operator, left, right):
            binding = BINDING[operator]
            text = f"{_text(left, binding)} {operator} {_text(right, binding + 1)}"
        case Logical(operator, left_condition, right_condition):
            binding = BINDING[operator]
            sides = (_text(left_condition, binding), _text(right_condition, binding + 1))
            text = f"{sides[0]} {operator} {sides[1]}"
    return text if binding >= minimum else f"({text})"


def _number_text(value: float) -> str:
    """A short text that reads back as the same float64."""
    for name, constant in CONSTANTS.items():
        if value == constant:
            return name
    return str(int(value)) if value.is_integer() and value < 1e15 else repr(value)
