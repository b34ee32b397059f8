"""The shape report: what a reviewer wants to know of each layer, as data.

Sizes are of one sample and float32. Receptive field and stride are per spatial
axis, in input positions; where an output sees the whole input they are None.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, Any

from .dims import Dim, format_dim
from .ir import Conv, Graph, Input, Node, Pad, Pool, Reshape, Shape, Transpose, Upsample
from .lower import layers_of
from .passes import optimize
from .plan import make_plan
from .shapes import element_count, multiply_adds

if TYPE_CHECKING:
    from .model import Model


@dataclass(frozen=True, slots=True)
class Reach:
    """How one axis got from the input to here: (window, stride, factor) of each operation."""

    steps: tuple[tuple[int, int, int], ...] = ()

    def then(self, window: int = 1, stride: int = 1, factor: int = 1) -> Reach:
        """One more operation on this axis."""
        return Reach((*self.steps, (window, stride, factor)))

    @property
    def receptive_field(self) -> int:
        """Most input positions that one output can depend on.

        Followed backwards: a window of ``k`` at stride ``s`` seen by ``r`` neighbours
        spans ``(r - 1) * s + k``; of ``r`` neighbours made by repeating ``f`` times, at
        most ``ceil((r - 1) / f) + 1`` differ.
        """
        seen = 1
        for window, stride, factor in reversed(self.steps):
            seen = -(-(seen - 1) // factor) + 1
            seen = (seen - 1) * stride + window
        return seen

    @property
    def stride(self) -> Fraction:
        """Input positions between two neighbouring outputs."""
        total = Fraction(1)
        for _, stride, factor in self.steps:
            total = total * stride / factor
        return total


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
    reaches = _reaches(graph)
    parts = layers_of(graph.nodes)
    layers = []
    for layer in model.spec.layers:
        name = str(layer.name)
        mine = parts[name]
        work: Dim = 0
        for node in mine:
            work = work + multiply_adds(node, tuple(nodes[i].shape for i in node.inputs))
        stored = sum(prod(w.stored_shape) for w in graph.weights() if w.layer == name)
        reach = reaches[name]
        layers.append(
            LayerReport(
                name,
                layer.type,  # type: ignore[attr-defined]
                nodes[name].shape,
                stored,
                layer.trainable,
                work,
                4 * element_count(nodes[name].shape),
                None if reach is None else tuple(r.receptive_field for r in reach if r),
                None if reach is None else tuple(r.stride for r in reach if r),
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


AxisReaches = tuple[Reach | None, ...]


def _reaches(graph: Graph) -> dict[str, AxisReaches | None]:
    """For each node and axis, how far it reaches; None for a channel axis or a mixed value."""
    found: dict[str, AxisReaches | None] = {}
    for node in graph:
        if isinstance(node.op, Input):
            found[node.name] = tuple(Reach() for _ in node.shape)
            continue
        source = found[node.inputs[0]]
        found[node.name] = None if source is None else _reach(node, source)
    return found


def _reach(node: Node, axes: AxisReaches) -> AxisReaches | None:
    match node.op:
        case Conv(kernel, stride) | Pool(_, kernel, stride):
            spatial = zip(axes[:-1], kernel, stride, strict=True)
            return (*(None if r is None else r.then(k, s) for r, k, s in spatial), None)
        case Upsample(factors):
            pairs = zip(axes[:-1], factors, strict=True)
            return (*(None if r is None else r.then(factor=f) for r, f in pairs), None)
        case Pad():
            return (*axes[:-1], None)
        case Transpose(order):
            return tuple(axes[axis] for axis in order)
        case Reshape():
            return None
        case _:
            return axes
