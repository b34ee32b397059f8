"""The formulas for which ONNX has an operation of its own, wherever they stand in an expression.

``1 / (1 + exp(-x))`` is a ``Sigmoid``. A parameter in a formula stands for any number, or, where
the operation reads it as an input, for anything without x.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from speccompiler.expressions.evaluate import combine
from speccompiler.expressions.library import (
    ACTIVATIONS,
    prelu,
    theano_leaky_relu,
    theano_relu,
)
from speccompiler.expressions.nodes import (
    Binary,
    Call,
    Compare,
    Expression,
    Logical,
    Node,
    Not,
    Number,
    Parameter,
    Variable,
    Where,
    children,
)
from speccompiler.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Named:
    """An operation of ONNX, its attributes, and what it is an operation of."""

    kind: str
    attributes: Mapping[str, float]
    x: Expression
    inputs: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class _Formula:
    form: Expression
    kind: str
    attributes: Mapping[str, Expression]
    inputs: tuple[Expression, ...] = ()
    with_parameters: bool = False
    """Whether an input may be made of stored tensors, and not of numbers alone."""
    of_cells: bool = False
    """Whether it is only what a cell names: its operation loses digits that an expression keeps."""


def named(part: Expression, *, in_cell: bool = False) -> Named | None:
    """The operation that an expression is; None where ONNX has none for it.

    ``Elu`` takes 1 from an exponential, which leaves few digits of a small value. Cells have
    nothing else.
    """
    for formula in _formulas():
        if formula.of_cells and not in_cell:
            continue
        found: dict[Expression, Expression] = {}
        if _fits(formula.form, part, found, with_parameters=formula.with_parameters):
            attributes = {}
            if formula.attributes:
                numbers = [combine(found[one], ()) for one in (A, B) if one in found]
                attributes = {n: float(combine(e, numbers)) for n, e in formula.attributes.items()}
            inputs = tuple(found[one] for one in formula.inputs)
            return Named(formula.kind, attributes, found[Variable()], inputs)
    return None


X, ZERO, ONE = Variable(), Number(0.0), Number(1.0)
A, B = Parameter(0), Parameter(1)


@cache
def _formulas() -> tuple[_Formula, ...]:
    positive, below = Compare(">", X, ZERO), Call("expm1", (X,))
    relus = ACTIVATIONS["relu"], theano_relu()
    line = Binary("+", Binary("*", A, X), B)
    share = Binary("+", Binary("/", X, A), B)
    alpha = {"alpha": A}
    return (
        *(_Formula(relu, "Relu", {}) for relu in (*relus, Call("relu", (X,)))),
        *(_Formula(one, "Sigmoid", {}) for one in (ACTIVATIONS["sigmoid"], Call("sigmoid", (X,)))),
        _Formula(ACTIVATIONS["softplus"], "Softplus", {}),
        _Formula(ACTIVATIONS["softsign"], "Softsign", {}),
        _Formula(Call("clip", (line, ZERO, ONE)), "HardSigmoid", {"alpha": A, "beta": B}),
        _Formula(
            Call("clip", (share, ZERO, ONE)),
            "HardSigmoid",
            {"alpha": Binary("/", ONE, A), "beta": B},
        ),
        _Formula(ACTIVATIONS["elu"], "Elu", {"alpha": ONE}, of_cells=True),
        _Formula(Where(positive, X, Binary("*", A, below)), "Elu", alpha, of_cells=True),
        _Formula(Where(positive, X, Binary("*", A, X)), "LeakyRelu", alpha),
        _Formula(theano_leaky_relu(X, A), "LeakyRelu", alpha),
        _Formula(Where(Compare(">", X, A), X, Binary("*", ZERO, X)), "ThresholdedRelu", alpha),
        *(_Formula(prelu(relu), "PRelu", {}, (A,), True) for relu in relus),
        _Formula(Call("clip", (X, A, B)), "Clip", {}, (A, B)),
        _Formula(Call("min", (Call("max", (X, A)), B)), "Clip", {}, (A, B)),
    )


def _fits(
    form: Node, part: Node, found: dict[Expression, Expression], *, with_parameters: bool
) -> bool:
    """Whether a part has the form of a formula; what stands for its names is put into ``found``."""
    if isinstance(form, Variable | Parameter):
        if isinstance(part, Compare | Logical | Not):
            return False
        if isinstance(form, Variable) != has(part, Variable):
            return False
        if isinstance(form, Parameter) and not with_parameters and has(part, Parameter):
            return False
        return found.setdefault(form, part) == part
    if type(form) is not type(part) or _head(form) != _head(part):
        return False
    inner, others = children(form), children(part)
    return len(inner) == len(others) and all(
        _fits(one, other, found, with_parameters=with_parameters)
        for one, other in zip(inner, others, strict=True)
    )


def _head(node: Node) -> object:
    """What a node says itself, without its parts."""
    match node:
        case Number(value):
            return value
        case Binary(symbol) | Compare(symbol) | Logical(symbol):
            return symbol
        case Call(function):
            return function
        case _:
            return None


def has(node: Node, kind: type[Variable] | type[Parameter]) -> bool:
    """Whether a node or a part of it is x, or a parameter."""
    return isinstance(node, kind) or any(has(part, kind) for part in children(node))


GAMMA, BETA, MEAN, VARIANCE = map(Parameter, range(4))


def epsilon_of(formula: Expression) -> float | None:
    """The epsilon of ``(x - mean) / sqrt(variance + epsilon) * gamma + beta``, if it is that."""
    match formula:
        case Binary("+", Binary("*", Binary("/", centred, Call("sqrt", (under,))), scale), shift):
            known = (centred, scale, shift) == (Binary("-", Variable(), MEAN), GAMMA, BETA)
            match under:
                case Binary("+", variance, Number(epsilon)) if known and variance == VARIANCE:
                    return epsilon
    return None
