"""Expressions that are no more than ``scale * x + shift``, and these two parts of them."""

from __future__ import annotations

from speccompiler.expressions.nodes import (
    Binary,
    Call,
    Expression,
    Negate,
    Node,
    Number,
    Parameter,
    Variable,
    Where,
    children,
)

Affine = tuple[Expression, Expression]
"""Scale and shift, neither of which has x in it."""
ZERO, ONE = Number(0.0), Number(1.0)


def affine(expression: Expression) -> Affine | None:
    """Scale and shift of an expression; None where it is not affine in x."""
    if not has_variable(expression):
        return ZERO, expression
    match expression:
        case Variable():
            return ONE, ZERO
        case Negate(operand):
            parts = affine(operand)
            return None if parts is None else (Negate(parts[0]), Negate(parts[1]))
        case Binary("+" | "-" as sign, left, right):
            one, other = affine(left), affine(right)
            if one is None or other is None:
                return None
            return _sum(sign, one[0], other[0]), _sum(sign, one[1], other[1])
        case Binary("*", left, right) if not has_variable(right):
            return _scaled(affine(left), "*", right)
        case Binary("*", left, right) if not has_variable(left):
            return _scaled(affine(right), "*", left)
        case Binary("/", left, right) if not has_variable(right):
            return _scaled(affine(left), "/", right)
    return None


def has_variable(node: Node) -> bool:
    """Whether a node or a part of it is x."""
    return isinstance(node, Variable) or any(map(has_variable, children(node)))


def shifted(expression: Expression, by: int) -> Expression:
    """The expression for a list in which its parameters stand ``by`` places further behind."""
    match expression:
        case Parameter(index):
            return Parameter(index + by)
        case Negate(operand):
            return Negate(shifted(operand, by))
        case Binary(operator, left, right):
            return Binary(operator, shifted(left, by), shifted(right, by))
        case Call(function, arguments):
            return Call(function, tuple(shifted(argument, by) for argument in arguments))
        case Number() | Variable():
            return expression
        case Where():
            raise AssertionError("a scale or a shift makes no choices")


def _sum(sign: str, a: Expression, b: Expression) -> Expression:
    if b == ZERO:
        return a
    if a == ZERO:
        return b if sign == "+" else Negate(b)
    return Binary(sign, a, b)


def _scaled(parts: Affine | None, operator: str, by: Expression) -> Affine | None:
    if parts is None:
        return None
    scale, shift = parts
    scale = by if scale == ONE and operator == "*" else Binary(operator, scale, by)
    return scale, ZERO if shift == ZERO else Binary(operator, shift, by)
