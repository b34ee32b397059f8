"""Activations that are layers (Keras 1.2.2 layers/advanced_activations.py)."""

from __future__ import annotations

from typing import Literal

from speccompiler.diagnostics import Problem
from speccompiler.dims import is_known
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
)
from speccompiler.ir import Map, MapWith, Node, Weight
from speccompiler.schemas.advanced_activations import (
    ELU,
    LeakyReLU,
    ParametricSoftplus,
    PReLU,
    SReLU,
    ThresholdedReLU,
)
from speccompiler.shapes import format_shape

from .builder import Builder

X, ZERO = Variable(), Number(0.0)


def lower_leaky_relu(b: Builder, layer: LeakyReLU, x: Node) -> Node:
    """A slope of its own below 0."""
    return b.add(Map(parse(f"where(x > 0, x, {layer.alpha!r} * x)")), x)


def lower_elu(b: Builder, layer: ELU, x: Node) -> Node:
    """The exponential, scaled."""
    return b.add(Map(parse(f"where(x > 0, x, {layer.alpha!r} * expm1(x))")), x)


def lower_thresholded_relu(b: Builder, layer: ThresholdedReLU, x: Node) -> Node:
    """Nothing up to theta."""
    return b.add(Map(parse(f"where(x > {layer.theta!r}, x, 0)")), x)


def lower_prelu(b: Builder, layer: PReLU, x: Node) -> Node:
    """A slope below 0 for every value, or for those that share it."""
    slope = Binary("*", Parameter(0), X)
    formula = Where(Compare(">", X, ZERO), X, slope)
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
    left = Binary("*", a_left, inside)
    middle: Expression
    if b.semantics.theano:
        either = Where(Compare(">", inside, ZERO), inside, left)
        middle = Call("min", (either, distance))
    else:
        cut = Call("min", (inside, distance))
        middle = Where(Compare(">", inside, ZERO), cut, left)
    beyond = Call("max", (Binary("-", X, Binary("+", t_left, distance)), ZERO))
    formula = Binary("+", Binary("+", t_left, middle), Binary("*", beyond, a_right))
    return b.add(MapWith(formula, _parameters(b, layer, x)), x)


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
