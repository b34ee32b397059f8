"""Activations that are layers (Keras 1.2.2 layers/advanced_activations.py)."""

from __future__ import annotations

from typing import Literal

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.grammar import parse
from speccompiler.expressions.nodes import (
    Binary,
    Call,
    Compare,
    Expression,
    Number,
    Parameter,
    Variable,
    Where,
    substitute,
)
from speccompiler.graph.dims import is_known
from speccompiler.graph.ir import Map, MapWith, Node, Weight
from speccompiler.graph.shapes import format_shape
from speccompiler.lowering.builder import Builder
from speccompiler.lowering.convolution import relu
from speccompiler.schemas.advanced_activations import (
    ELU,
    LeakyReLU,
    ParametricSoftplus,
    PReLU,
    SReLU,
    ThresholdedReLU,
)

X, ZERO = Variable(), Number(0.0)


def lower_leaky_relu(b: Builder, layer: LeakyReLU, x: Node) -> Node:
    """A slope of its own below 0, as the backend's ``relu`` adds it."""
    if layer.alpha == 0:
        return b.add(Map(relu(b.semantics)), x)
    if b.semantics.infinities == "theano":
        return b.add(Map(_leaky(X, parse(repr(layer.alpha)))), x)
    return b.add(Map(parse(f"where(x > 0, x, {layer.alpha!r} * x)")), x)


def lower_elu(b: Builder, layer: ELU, x: Node) -> Node:
    """The exponential, scaled."""
    return b.add(Map(parse(f"where(x > 0, x, {layer.alpha!r} * expm1(x))")), x)


def lower_thresholded_relu(b: Builder, layer: ThresholdedReLU, x: Node) -> Node:
    """Times 0 up to theta: of an infinity, or a NaN, that is NaN."""
    return b.add(Map(parse(f"where(x > {layer.theta!r}, x, 0 * x)")), x)


def lower_prelu(b: Builder, layer: PReLU, x: Node) -> Node:
    """A slope below 0 for every value, or for those that share it.

    Keras adds ``alphas * (x - |x|) * 0.5`` to ``relu(x)``: at infinity it is NaN. Half the
    difference is written so that it does not overflow.
    """
    below = Where(Compare(">", X, ZERO), Binary("-", X, X), X)
    formula = Binary("+", relu(b.semantics), Binary("*", Parameter(0), below))
    return b.add(MapWith(formula, _parameters(b, layer, x)), x)


def lower_parametric_softplus(b: Builder, layer: ParametricSoftplus, x: Node) -> Node:
    """Scaled outside and inside."""
    inner = Call("softplus", (Binary("*", Parameter(1), X),))
    return b.add(MapWith(Binary("*", Parameter(0), inner), _parameters(b, layer, x)), x)


def lower_srelu(b: Builder, layer: SReLU, x: Node) -> Node:
    """Slopes outside two thresholds; the right one is |t_right| above the left.

    The part left of it is cut off at the distance of the two. Theano does so with both of its
    lines, TensorFlow with the middle one alone (their ``relu`` with ``max_value``), which differs
    for a negative left slope.
    """
    t_left, a_left, t_right, a_right = map(Parameter, range(4))
    distance = Call("abs", (t_right,))
    inside = Binary("-", X, t_left)
    middle: Expression
    if b.semantics.theano:
        middle = Call("min", (_leaky(inside, a_left), distance))
    else:
        cut, left = Call("min", (inside, distance)), Binary("*", a_left, inside)
        middle = Where(Compare(">", inside, ZERO), cut, left)
    beyond = substitute(relu(b.semantics), Binary("-", X, Binary("+", t_left, distance)))
    formula = Binary("+", Binary("+", t_left, middle), Binary("*", beyond, a_right))
    return b.add(MapWith(formula, _parameters(b, layer, x)), x)


def _leaky(x: Expression, alpha: Expression) -> Expression:
    """Theano's ``relu(x, alpha)``: ``0.5 * (1 + alpha) * x + 0.5 * (1 - alpha) * |x|``."""
    half, one = Number(0.5), Number(1.0)
    line = Binary("*", Binary("*", half, Binary("+", one, alpha)), x)
    bend = Binary("*", Binary("*", half, Binary("-", one, alpha)), Call("abs", (x,)))
    return Binary("+", line, bend)


def _parameters(
    b: Builder, layer: PReLU | ParametricSoftplus | SReLU, x: Node
) -> tuple[Weight, ...]:
    """One parameter for every value of a sample; where an axis is open it has to be shared."""
    rank = len(x.shape)
    given = layer.shared_axes or ()
    if any(axis > rank for axis in given):
        raise Problem(
            "CS057",
            f"shared_axes names axis {max(given)}, but a sample has shape {format_shape(x.shape)}",
            f"axes are 1 to {rank}",
            argument="shared_axes",
        )
    shared = {axis - 1 for axis in given}
    shape = tuple(n if is_known(n) and axis not in shared else 1 for axis, n in enumerate(x.shape))
    variants: Literal["", "shared"] = "shared" if layer.shared_axes is None else ""
    return tuple(
        Weight(b.layer, name, shape, tuple(range(rank)), shape, variants=variants)
        for name in layer.tensors
    )
