"""Activations that are layers (Keras 1.2.2 layers/advanced_activations.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions.grammar import parse
from speccompiler.expressions.library import (
    bounded_relu,
    elu,
    leaky_relu,
    parametric_softplus,
    prelu,
    srelu,
    theano_leaky_relu,
    thresholded_relu,
)
from speccompiler.expressions.nodes import Variable
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

if TYPE_CHECKING:
    from speccompiler.schemas.relu_softmax import ReLU


def lower_leaky_relu(b: Builder, layer: LeakyReLU, x: Node) -> Node:
    """A slope below 0, by the formula of the backend's ``relu``."""
    if layer.alpha == 0:
        return b.add(Map(relu(b.semantics)), x)
    if b.semantics.infinities == "theano":
        return b.add(Map(theano_leaky_relu(Variable(), parse(repr(layer.alpha)))), x)
    return b.add(Map(leaky_relu(layer.alpha)), x)


def lower_relu(b: Builder, layer: ReLU, x: Node) -> Node:
    """The backend's own formula where no argument changes it."""
    if layer.max_value is None and layer.negative_slope == layer.threshold == 0:
        return b.add(Map(relu(b.semantics)), x)
    limits = layer.max_value, layer.negative_slope, layer.threshold
    return b.add(Map(bounded_relu(*limits)), x)


def lower_elu(b: Builder, layer: ELU, x: Node) -> Node:
    """``alpha * (exp(x) - 1)`` below 0."""
    return b.add(Map(elu(layer.alpha)), x)


def lower_thresholded_relu(b: Builder, layer: ThresholdedReLU, x: Node) -> Node:
    """0 up to theta."""
    return b.add(Map(thresholded_relu(layer.theta)), x)


def lower_prelu(b: Builder, layer: PReLU, x: Node) -> Node:
    """A slope below 0 for every value of a sample, or for all along a shared axis."""
    return b.add(MapWith(prelu(relu(b.semantics)), _parameters(b, layer, x)), x)


def lower_parametric_softplus(b: Builder, layer: ParametricSoftplus, x: Node) -> Node:
    """Two parameters of each value, or shared."""
    return b.add(MapWith(parametric_softplus(), _parameters(b, layer, x)), x)


def lower_srelu(b: Builder, layer: SReLU, x: Node) -> Node:
    """Slopes of their own beyond two thresholds, as the backend has them."""
    formula = srelu(relu(b.semantics), theano=b.semantics.theano)
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
