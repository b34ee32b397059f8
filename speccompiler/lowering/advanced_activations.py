"""Activations that are layers (Keras 1.2.2 layers/advanced_activations.py)."""

from __future__ import annotations

from typing import Literal

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.grammar import parse
from speccompiler.expressions.library import elu, leaky_relu, theano_leaky_relu, thresholded_relu
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
from speccompiler.lowering.activations import relu
from speccompiler.lowering.builder import Builder
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
    """A slope below 0, by the formula of the backend's ``relu``."""
    if layer.alpha == 0:
        return b.add(Map(relu(b.semantics)), x)
    if b.semantics.infinities == "theano":
        return b.add(Map(theano_leaky_relu(X, parse(repr(layer.alpha)))), x)
    return b.add(Map(leaky_relu(layer.alpha)), x)


def lower_elu(b: Builder, layer: ELU, x: Node) -> Node:
    """``alpha * (exp(x) - 1)`` below 0."""
    return b.add(Map(elu(layer.alpha)), x)


def lower_thresholded_relu(b: Builder, layer: ThresholdedReLU, x: Node) -> Node:
    """0 up to theta."""
    return b.add(Map(thresholded_relu(layer.theta)), x)


def lower_prelu(b: Builder, layer: PReLU, x: Node) -> Node:
    """A slope below 0 for every value of a sample, or for all along a shared axis.

    Keras adds ``alphas * (x - |x|) * 0.5`` to ``relu(x)``, which is NaN at infinity. Half the
    difference is written in a way that does not overflow.
    """
    below = Where(Compare(">", X, ZERO), Binary("-", X, X), X)
    formula = Binary("+", relu(b.semantics), Binary("*", Parameter(0), below))
    return b.add(MapWith(formula, _parameters(b, layer, x)), x)


def lower_parametric_softplus(b: Builder, layer: ParametricSoftplus, x: Node) -> Node:
    """``alpha * softplus(beta * x)``."""
    inner = Call("softplus", (Binary("*", Parameter(1), X),))
    return b.add(MapWith(Binary("*", Parameter(0), inner), _parameters(b, layer, x)), x)


def lower_srelu(b: Builder, layer: SReLU, x: Node) -> Node:
    """Slopes of their own beyond two thresholds, of which the right is |t_right| above the left.

    Keras cuts the part left of the right threshold off at the distance of the two, by ``relu``
    with ``max_value``. Theano's cuts both lines of that part, TensorFlow's only the middle one,
    which makes a difference for a negative left slope.
    """
    t_left, a_left, t_right, a_right = map(Parameter, range(4))
    distance = Call("abs", (t_right,))
    inside = Binary("-", X, t_left)
    middle: Expression
    if b.semantics.theano:
        middle = Call("min", (theano_leaky_relu(inside, a_left), distance))
    else:
        cut, left = Call("min", (inside, distance)), Binary("*", a_left, inside)
        middle = Where(Compare(">", inside, ZERO), cut, left)
    beyond = substitute(relu(b.semantics), Binary("-", X, Binary("+", t_left, distance)))
    formula = Binary("+", Binary("+", t_left, middle), Binary("*", beyond, a_right))
    return b.add(MapWith(formula, _parameters(b, layer, x)), x)


def _parameters(
    b: Builder, layer: PReLU | ParametricSoftplus | SReLU, x: Node
) -> tuple[Weight, ...]:
    """A parameter for every value of a sample; along open axes one is shared. CS057."""
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
