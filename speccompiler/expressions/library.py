"""The elementwise activations of Keras 1.x, written in the expression grammar.

Source: keras/activations.py of 1.2.2. ``softmax`` looks along an axis and is
not elementwise. Each expression is also what the function of the same name
means inside other expressions, so it uses only functions that are not here
(``tanh`` is the function itself).

NaN stays NaN in all of them: ``max`` and ``clip`` propagate it. Infinities go through
each formula as it is written: softsign of one is NaN, as in Keras.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from speccompiler.expressions.grammar import parse
from speccompiler.expressions.nodes import (
    Binary,
    Call,
    Expression,
    Number,
    Variable,
)

ACTIVATIONS: Mapping[str, Expression] = MappingProxyType(
    {
        "elu": parse("where(x > 0, x, expm1(x))"),
        # log(1 + exp(x)) without its overflow.
        "softplus": parse("max(x, 0) + log1p(exp(-abs(x)))"),
        "softsign": parse("x / (1 + abs(x))"),
        "relu": parse("max(x, 0)"),
        "tanh": parse("tanh(x)"),
        # exp overflows to infinity for very negative x, and 1 / infinity is 0.
        "sigmoid": parse("1 / (1 + exp(-x))"),
        "hard_sigmoid": parse("clip(0.2 * x + 0.5, 0, 1)"),
        "linear": parse("x"),
    }
)

THEANO_RELU = parse("where(x > 0, x, 0 * abs(x))")
"""Theano's ``relu``, which is ``0.5 * (x + abs(x))`` (0.8 and 0.9, tensor/nnet/nnet.py).

Of a finite value that is the larger of it and +0; of -infinity it is NaN. Written so that
nothing overflows where the sum would.
"""


def leaky_relu(alpha: float) -> Expression:
    """``LeakyReLU``: the slope ``alpha`` below 0, as TensorFlow's backend has it."""
    return parse(f"where(x > 0, x, {alpha!r} * x)")


def theano_leaky_relu(x: Expression, alpha: Expression) -> Expression:
    """Theano's ``relu(x, alpha)``: ``0.5 * (1 + alpha) * x + 0.5 * (1 - alpha) * |x|``."""
    half, one = Number(0.5), Number(1.0)
    line = Binary("*", Binary("*", half, Binary("+", one, alpha)), x)
    bend = Binary("*", Binary("*", half, Binary("-", one, alpha)), Call("abs", (x,)))
    return Binary("+", line, bend)


def elu(alpha: float) -> Expression:
    """``ELU``: ``alpha * (exp(x) - 1)`` below 0."""
    return parse(f"where(x > 0, x, {alpha!r} * expm1(x))")


def thresholded_relu(theta: float) -> Expression:
    """``ThresholdedReLU``: 0 up to ``theta``, by a product with 0, so that -infinity and NaN
    become NaN as in Keras."""
    return parse(f"where(x > {theta!r}, x, 0 * x)")


def named_activations() -> tuple[Expression, ...]:
    """One of each form that a layer's own arguments can ask for, whatever their constants."""
    forms = (leaky_relu(0.3), theano_leaky_relu(Variable(), parse("0.3")), elu(1.0))
    return (*ACTIVATIONS.values(), THEANO_RELU, *forms, thresholded_relu(1.0))
