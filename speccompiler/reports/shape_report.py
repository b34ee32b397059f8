"""The shape report: what a reviewer wants to know of each layer, and of all together."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

from speccompiler.diagnostics.wording import first_few, on_one_line
from speccompiler.frozen import dataclass
from speccompiler.graph.dims import Dim, total
from speccompiler.graph.ir import Graph, Shape
from speccompiler.graph.receptive_fields import sights
from speccompiler.graph.shapes import defined_multiply_adds, element_count
from speccompiler.kernels.cpu import table as cpu_kernels
from speccompiler.passes import optimize
from speccompiler.planning.plan import make_plan
from speccompiler.reports.blocks import blocks
from speccompiler.reports.layer_report import LayerReport, dim_data, shape_data
from speccompiler.reports.limits import Limit, limits_of
from speccompiler.reports.number_text import count, scaled, size
from speccompiler.reports.shape_table import Style, batched, formula, layer_table, page
from speccompiler.reports.totals import Kind, Total, totals, totals_table
from speccompiler.schemas.fields import Layer
from speccompiler.schemas.model import ModelSpec

if TYPE_CHECKING:
    from speccompiler.schemas.budget import Budget

FORMAT_VERSION = 1
"""Of the data: it changes only where a program that reads the one before would fail."""


@dataclass(frozen=True, slots=True)
class ShapeReport:
    """The whole model. ``peak_bytes`` is of a batch of 1, weights included; None if open."""

    model: str
    semantics: str | None
    inputs: tuple[tuple[str, Shape], ...]
    layers: tuple[LayerReport, ...]
    peak_bytes: int | None
    outputs: tuple[str, ...] = ()
    """The layers whose values the model gives, in its order."""
    budget: Budget | None = None
    """What the spec allows at most."""

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return self.text("html")

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
        """The sum over all layers, for one sample."""
        return total(layer.multiply_adds for layer in self.layers)

    @property
    def activation_bytes(self) -> Dim:
        """The bytes of all layers' outputs together, for one sample."""
        return total(layer.activation_bytes for layer in self.layers)

    @property
    def limits(self) -> tuple[Limit, ...]:
        """What the budget limits, beside what the model takes."""
        amounts: dict[str, Dim | None] = {
            "parameters": self.parameters,
            "multiply_adds": self.multiply_adds,
            "activations": self.activation_bytes,
            "peak": self.peak_bytes,
        }
        return limits_of(self.budget, amounts)

    def totals(self, kind: Kind) -> tuple[Total, ...]:
        """What the layers of each type, or of each block, are together.

        >>> speccompiler.load("examples/specs/lenet.yaml").shapes().totals("type")[0].name
        'Convolution2D'
        """
        return totals(self.layers, kind)

    def to_data(self) -> dict[str, Any]:
        """Plain data for JSON; open sizes are text."""
        shapes = {name: shape_data(shape) for name, shape in self.inputs}
        inputs: dict[str, Any] = {"inputs": shapes}
        if len(shapes) == 1:
            inputs = {"input_shape": shape_data(self.inputs[0][1])}
        names = blocks(self.layers)
        layers = [
            {**layer.to_data(), "block": block}
            for layer, block in zip(self.layers, names, strict=True)
        ]
        return {
            "format_version": FORMAT_VERSION,
            "model": self.model,
            "semantics": self.semantics,
            **inputs,
            "outputs": list(self.outputs),
            "layers": layers,
            "totals": {
                "parameters": self.parameters,
                "trainable_parameters": self.trainable_parameters,
                "non_trainable_parameters": self.non_trainable_parameters,
                "multiply_adds": dim_data(self.multiply_adds),
                "activation_bytes": dim_data(self.activation_bytes),
                "weight_bytes": 4 * self.parameters,
                "peak_bytes": self.peak_bytes,
            },
            **self._budget_data(),
            "by_type": [each.to_data() for each in self.totals("type")],
            "by_block": [each.to_data() for each in self.totals("block")],
        }

    def text(
        self,
        style: Style = "text",
        name: Callable[[str], str] = on_one_line,
        by: Kind | None = None,
    ) -> str:
        """Title, table and totals. ``name`` makes a name fit for where it is shown.

        The table has a row for each layer, or for each type or block.
        """
        if len(self.inputs) == 1:
            inputs = f"input {formula(batched(self.inputs[0][1]), style)}"
        else:
            shown = [
                f"{name(each)} {formula(batched(shape), style)}" for each, shape in self.inputs
            ]
            inputs = "inputs " + ", ".join(shown)
        title = f"{name(self.model)}: {inputs}"
        title += f", {self.semantics} semantics" if self.semantics else ""
        lines = [formula(line, style) for line in self._totals()]
        table = (
            layer_table(self.layers, style, name)
            if by is None
            else totals_table(self.totals(by), by, style, name)
        )
        return page(title, table, [*self._shared(name), *lines], style)

    def _shared(self, name: Callable[[str], str]) -> list[str]:
        """What is said of layers that are called again."""
        again = [
            f"{name(layer.name)} ({name(layer.shared_with)})"
            for layer in self.layers
            if layer.shared_with is not None
        ]
        if not again:
            return []
        return [f"called again, with the parameters counted once: {first_few(again, 5)}"]

    def _budget_data(self) -> dict[str, Any]:
        if self.budget is None:
            return {}
        return {"budget": {limit.name: limit.allowed for limit in self.limits}}

    def _totals(self) -> list[str]:
        of = {limit.name: f"; {limit.brief()}" for limit in self.limits}
        peak = "open until every length is known (--input-shape)"
        if self.peak_bytes is not None:
            peak = f"{size(self.peak_bytes)} for a batch of 1, weights included"
        return [
            f"parameters: {count(self.parameters)} ({size(4 * self.parameters)})"
            + of.get("parameters", ""),
            f"trainable parameters: {count(self.trainable_parameters)}",
            f"non-trainable parameters: {count(self.non_trainable_parameters)}",
            f"multiply-adds: {scaled(self.multiply_adds)} a sample" + of.get("multiply_adds", ""),
            f"activations: {size(self.activation_bytes)} a sample, all layers together"
            + of.get("activations", ""),
            f"peak memory of the plan: {peak}" + of.get("peak", ""),
        ]


def _is_trained(layer: Layer, tensor: str) -> bool:
    """Whether training changes a tensor: a wrapper and the layer in it both have to allow it."""
    return layer.trainable and layer.inner.trainable and layer.stored[tensor].trainable


def shape_report(spec: ModelSpec, graph: Graph) -> ShapeReport:
    """The report of a spec and what it was lowered to (before any pass)."""
    semantics = spec.semantics if spec.onnx is None else None  # it is its own
    inputs = tuple((node.layer, node.shape) for node in graph.inputs)
    known = all(isinstance(d, int) for _, shape in inputs for d in shape)
    return ShapeReport(
        spec.name,
        None if semantics is None else semantics.profile,
        inputs,
        layer_reports(spec, graph),
        make_plan(optimize(graph), cpu_kernels).peak_bytes(1) if known else None,
        spec.outputs,
        spec.budget,
    )


def layer_reports(spec: ModelSpec, graph: Graph) -> tuple[LayerReport, ...]:
    """What there is to say of each layer; those that the graph does not have are left out."""
    nodes = graph.by_name()
    seen = sights(graph)
    parts = graph.by_call()
    called = spec.by_call()
    # A layer that is called again has its weights already.
    stored, fixed = dict.fromkeys(parts, 0), dict.fromkeys(parts, 0)
    for weight in graph.weights():
        if weight.layer not in stored:  # of a graph in part: another call of it is known
            continue
        count = prod(weight.stored_shape)
        stored[weight.layer] += count
        if not _is_trained(called[weight.layer], weight.tensor):
            fixed[weight.layer] += count
    layers = []
    before: tuple[str, ...] = ()
    for call in spec.calls:
        if call.name not in nodes:
            continue
        name, layer = call.name, called[call.name]
        elsewhere = call.inputs if call.inputs != before else ()
        if not call.inputs and before and layer.class_name != "InputLayer":
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
                call.inputs,
                call.layer if call.layer != name else None,
            )
        )
    return tuple(layers)
