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

from speccompiler.graph.dims import Dim, format_dim, total
from speccompiler.graph.ir import Graph, Shape
from speccompiler.graph.receptive_fields import sights
from speccompiler.graph.shapes import defined_multiply_adds, element_count
from speccompiler.kernels.cpu import table as cpu_kernels
from speccompiler.passes import optimize
from speccompiler.planning.plan import make_plan
from speccompiler.schemas.core import InputLayer
from speccompiler.schemas.fields import Layer

if TYPE_CHECKING:
    from speccompiler.model import Model


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One layer."""

    name: str
    type: str
    output_shape: Shape
    parameters: int
    non_trainable_parameters: int
    """Those that training leaves alone: all of a layer that is not trainable, and else what a
    layer keeps count of by itself, as BatchNormalization does of its mean and deviation."""
    trainable: bool
    multiply_adds: Dim
    activation_bytes: Dim
    receptive_field: tuple[int, ...] | None
    stride: tuple[Fraction, ...] | None
    inputs: tuple[str, ...] = ()
    """What it reads, where that is not the layer before it; several inputs always."""


@dataclass(frozen=True, slots=True)
class ShapeReport:
    """The whole model. ``peak_bytes`` is of a batch of 1, weights included; None if open."""

    model: str
    semantics: str | None
    inputs: tuple[tuple[str, Shape], ...]
    layers: tuple[LayerReport, ...]
    peak_bytes: int | None

    def __str__(self) -> str:
        from speccompiler.reports.shape_report_text import report_text

        return report_text(self)

    def _repr_html_(self) -> str:
        from speccompiler.reports.shape_report_text import report_text

        return report_text(self, "html")

    @property
    def parameters(self) -> int:
        """All parameters."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def trainable_parameters(self) -> int:
        """Parameters that training changes."""
        return self.parameters - self.non_trainable_parameters

    @property
    def non_trainable_parameters(self) -> int:
        """Parameters that training leaves alone."""
        return sum(layer.non_trainable_parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> Dim:
        """Of all layers, one sample."""
        return total(layer.multiply_adds for layer in self.layers)

    @property
    def activation_bytes(self) -> Dim:
        """Of all layers' outputs together, one sample."""
        return total(layer.activation_bytes for layer in self.layers)

    def _input_data(self) -> dict[str, Any]:
        if len(self.inputs) == 1:
            return {"input_shape": _data(self.inputs[0][1])}
        return {"inputs": {name: _data(shape) for name, shape in self.inputs}}

    def to_data(self) -> dict[str, Any]:
        """Plain data for JSON; open sizes are text."""
        return {
            "model": self.model,
            "semantics": self.semantics,
            **self._input_data(),
            "layers": [_layer_data(layer) for layer in self.layers],
            "totals": {
                "parameters": self.parameters,
                "trainable_parameters": self.trainable_parameters,
                "non_trainable_parameters": self.non_trainable_parameters,
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
        **({"inputs": list(layer.inputs)} if layer.inputs else {}),
        "output_shape": _data(layer.output_shape),
        "parameters": layer.parameters,
        "non_trainable_parameters": layer.non_trainable_parameters,
        "trainable": layer.trainable,
        "multiply_adds": _datum(layer.multiply_adds),
        "activation_bytes": _datum(layer.activation_bytes),
        "receptive_field": None if layer.receptive_field is None else list(layer.receptive_field),
        "stride": None if layer.stride is None else [str(s) for s in layer.stride],
    }


def _is_trained(layer: Layer, tensor: str) -> bool:
    """Whether training changes a tensor: a wrapper and the layer in it both have to allow it."""
    return layer.trainable and layer.inner.trainable and layer.inner.tensors[tensor].trainable


def shape_report(model: Model, graph: Graph) -> ShapeReport:
    """The report of a lowered graph (before any pass)."""
    nodes = graph.by_name()
    seen = sights(graph)
    parts = graph.by_call()
    called = model.spec.by_call()
    # A layer that is called again has its weights already.
    stored, fixed = dict.fromkeys(parts, 0), dict.fromkeys(parts, 0)
    for weight in graph.weights():
        count = prod(weight.stored_shape)
        stored[weight.layer] += count
        if not _is_trained(called[weight.layer], weight.tensor):
            fixed[weight.layer] += count
    layers = []
    before: tuple[str, ...] = ()
    for call in model.spec.calls:
        name, layer = call.name, called[call.name]
        elsewhere = call.inputs if call.inputs != before else ()
        if not call.inputs and before and not isinstance(layer, InputLayer):
            elsewhere = (name,)
        before = (name,)
        layers.append(
            LayerReport(
                name,
                layer.class_name,
                nodes[name].shape,
                stored[name],
                fixed[name],
                bool(layer.trainable and layer.inner.trainable),
                total(map(defined_multiply_adds, parts[name])),
                4 * element_count(nodes[name].shape),
                seen[name].field,
                seen[name].stride,
                elsewhere,
            )
        )
    semantics = model.spec.semantics
    inputs = tuple((node.layer, node.shape) for node in graph.inputs)
    known = all(isinstance(d, int) for _, shape in inputs for d in shape)
    return ShapeReport(
        model.name,
        None if semantics is None else semantics.profile,
        inputs,
        tuple(layers),
        make_plan(optimize(graph), cpu_kernels).peak_bytes(1) if known else None,
    )
