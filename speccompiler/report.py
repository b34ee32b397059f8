"""The shape report: what a reviewer wants to know of each layer, as data.

Sizes are of one sample and float32. Receptive field and stride are per spatial axis, in
input positions. Where an output sees the whole input the field is None, and empty where
it is unknown; values that are no grid, as after Flatten, have no stride (None).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, Any

from .dims import Dim, format_dim
from .ir import Graph, Shape
from .lower import layers_of
from .passes import optimize
from .plan import make_plan
from .reach import sights
from .shapes import element_count, multiply_adds

if TYPE_CHECKING:
    from .model import Model


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One layer."""

    name: str
    type: str
    output_shape: Shape
    parameters: int
    trainable: bool
    multiply_adds: Dim
    activation_bytes: Dim
    receptive_field: tuple[int, ...] | None
    stride: tuple[Fraction, ...] | None


@dataclass(frozen=True, slots=True)
class ShapeReport:
    """The whole model. ``peak_bytes`` is of a batch of 1, weights included; None if open."""

    model: str
    semantics: str | None
    input_shape: Shape
    layers: tuple[LayerReport, ...]
    peak_bytes: int | None

    @property
    def parameters(self) -> int:
        """All parameters."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def trainable_parameters(self) -> int:
        """Parameters of layers that are trainable."""
        return sum(layer.parameters for layer in self.layers if layer.trainable)

    @property
    def multiply_adds(self) -> Dim:
        """Of all layers, one sample."""
        total: Dim = 0
        for layer in self.layers:
            total = total + layer.multiply_adds
        return total

    @property
    def activation_bytes(self) -> Dim:
        """Of all layers' outputs together, one sample."""
        total: Dim = 0
        for layer in self.layers:
            total = total + layer.activation_bytes
        return total

    def to_data(self) -> dict[str, Any]:
        """Plain data for JSON; open sizes are text."""
        return {
            "model": self.model,
            "semantics": self.semantics,
            "input_shape": _data(self.input_shape),
            "layers": [_layer_data(layer) for layer in self.layers],
            "totals": {
                "parameters": self.parameters,
                "trainable_parameters": self.trainable_parameters,
                "multiply_adds": _datum(self.multiply_adds),
                "activation_bytes": _datum(self.activation_bytes),
                "weight_bytes": 4 * self.parameters,
                "peak_bytes": self.peak_bytes,
            },
        }


def _datum(dim: Dim) -> int | str:
    return dim if isinstance(dim, int) else format_dim(dim)


def _data(shape: Shape) -> list[int | str]:
    return [_datum(dim) for dim in shape]


def _layer_data(layer: LayerReport) -> dict[str, Any]:
    return {
        "name": layer.name,
        "type": layer.type,
        "output_shape": _data(layer.output_shape),
        "parameters": layer.parameters,
        "trainable": layer.trainable,
        "multiply_adds": _datum(layer.multiply_adds),
        "activation_bytes": _datum(layer.activation_bytes),
        "receptive_field": None if layer.receptive_field is None else list(layer.receptive_field),
        "stride": None if layer.stride is None else [str(s) for s in layer.stride],
    }


def shape_report(model: Model, graph: Graph) -> ShapeReport:
    """The report of a lowered graph (before any pass)."""
    nodes = graph.by_name()
    seen = sights(graph)
    parts = layers_of(graph.nodes)
    stored = dict.fromkeys(parts, 0)
    for weight in graph.weights():
        stored[weight.layer] += prod(weight.stored_shape)
    layers = []
    for layer in model.spec.layers:
        name = str(layer.name)
        mine = parts[name]
        work: Dim = 0
        for node in mine:
            work = work + multiply_adds(node)
        layers.append(
            LayerReport(
                name,
                layer.type,  # type: ignore[attr-defined]
                nodes[name].shape,
                stored[name],
                layer.trainable,
                work,
                4 * element_count(nodes[name].shape),
                seen[name].field,
                seen[name].stride,
            )
        )
    semantics = model.spec.semantics
    known = all(isinstance(d, int) for d in graph.nodes[0].shape)
    return ShapeReport(
        model.name,
        None if semantics is None else semantics.profile,
        graph.nodes[0].shape,
        tuple(layers),
        make_plan(optimize(graph)).peak_bytes(1) if known else None,
    )
