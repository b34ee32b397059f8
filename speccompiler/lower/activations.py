"""LeakyReLU, ELU and ThresholdedReLU to ``Map`` (Keras 1.2.2 layers/advanced_activations.py)."""

from __future__ import annotations

from speccompiler.expressions.grammar import parse
from speccompiler.ir import Map, Node
from speccompiler.schemas.advanced_activations import ELU, LeakyReLU, ThresholdedReLU

from .builder import Builder


def lower_leaky_relu(b: Builder, layer: LeakyReLU, x: Node) -> Node:
    """A slope of its own below 0."""
    return b.add(Map(parse(f"where(x > 0, x, {layer.alpha!r} * x)")), x)


def lower_elu(b: Builder, layer: ELU, x: Node) -> Node:
    """The exponential, scaled."""
    return b.add(Map(parse(f"where(x > 0, x, {layer.alpha!r} * expm1(x))")), x)


def lower_thresholded_relu(b: Builder, layer: ThresholdedReLU, x: Node) -> Node:
    """Nothing up to theta."""
    return b.add(Map(parse(f"where(x > {layer.theta!r}, x, 0)")), x)
