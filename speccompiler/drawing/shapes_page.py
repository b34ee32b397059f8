"""The page of one model: its graph, its table of layers, and what each layer is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from speccompiler.drawing.html_page import html_page
from speccompiler.drawing.input_axes import channel_axes
from speccompiler.drawing.layer_data import layer_data
from speccompiler.drawing.layer_facts import default_arguments, given_arguments, stored_tensors
from speccompiler.drawing.layer_graph import LayerGraph, LayerNode, layer_graph
from speccompiler.drawing.placement import node_width, placement
from speccompiler.graph.dims import Dim
from speccompiler.graph.shapes import format_shape
from speccompiler.reports.layer_report import shape_data
from speccompiler.reports.number_text import count, scaled, size
from speccompiler.reports.shape_report import ShapeReport
from speccompiler.reports.shape_table import batched
from speccompiler.reports.totals import Kind, totals

if TYPE_CHECKING:
    from speccompiler.validation.validated import ValidatedModel


MOST_TOTALS = 60
"""Blocks that are listed: more would only repeat the table of layers."""


def shapes_page(model: ValidatedModel, report: ShapeReport) -> str:
    """The whole file; ``report`` may be of another input shape than the model declares."""
    scripts = ("field", "overview", "details", "shapes")
    return html_page(report.model, "shapes", scripts, ("field",), shapes_data(model, report))


def shapes_data(model: ValidatedModel, report: ShapeReport) -> dict[str, Any]:
    """What the script of the page reads."""
    spec = model.spec
    layers = spec.by_call()
    channels = channel_axes(spec, dict(report.inputs))
    tensors = stored_tensors(model.graph)
    rows = []
    for call, layer in zip(spec.calls, report.layers, strict=True):
        row = layer_data(layer)
        row["arguments"] = given_arguments(layers[call.name])
        if call.layer != call.name:
            row["sharedWith"] = call.layer
        elif call.name in tensors:
            row["tensors"] = [[name, format_shape(shape)] for name, shape in tensors[call.name]]
        rows.append(row)
    return {
        "model": report.model,
        "about": about(report),
        "inputs": [
            {"name": name, "shape": shape_data(shape), "channels": channels[name]}
            for name, shape in report.inputs
        ],
        "outputs": list(spec.outputs),
        "amounts": amounts(report),
        "types": totals_data(report, "type"),
        "blocks": totals_data(report, "block"),
        "layers": rows,
        "defaults": {
            kind.__name__: default_arguments(kind) for kind in dict.fromkeys(map(type, spec.layers))
        },
        "graph": graph_data(layer_graph(report), report),
    }


def about(report: ShapeReport) -> str:
    """The line below the model's name."""
    several = len(report.inputs) > 1
    inputs = [f"{name} {batched(s)}" if several else batched(s) for name, s in report.inputs]
    layers = f"{count(len(report.layers))} layer{'s' if len(report.layers) != 1 else ''}"
    parts = [f"input{'s' if several else ''} {', '.join(inputs)}"]
    parts += [f"{report.semantics} semantics"] if report.semantics else []
    return " · ".join([*parts, layers])


def amounts(report: ShapeReport) -> list[list[str]]:
    """What is said of the model as a whole: a label, a number, more about it."""
    peak = "open" if report.peak_bytes is None else size(report.peak_bytes)
    fixed = report.non_trainable_parameters
    weights = size(4 * report.parameters) + (f", {count(fixed)} not trainable" if fixed else "")
    return [
        ["parameters", count(report.parameters), weights],
        ["multiply-adds", scaled(report.multiply_adds), "a sample"],
        ["activations", size(report.activation_bytes), "a sample, all layers"],
        ["peak memory", peak, "of the plan, a batch of 1, weights included"],
    ]


def totals_data(report: ShapeReport, kind: Kind) -> list[list[str]]:
    """Of each type or block its name, how many layers, their parameters and multiply-adds.

    One more than ``MOST_TOTALS`` says that there are more.
    """
    return [
        [each.name, count(each.calls), _or_none(each.parameters), _or_none(each.multiply_adds)]
        for each in totals(report.layers, kind)[: MOST_TOTALS + 1]
    ]


def _or_none(value: Dim) -> str:
    return scaled(value) if value != 0 else ""


def graph_data(graph: LayerGraph, report: ShapeReport) -> dict[str, Any]:
    """Where the nodes stand; ``layers`` has each one's number in the report, -1 of an input."""
    numbers = {layer.name: i for i, layer in enumerate(report.layers)}
    places = {node.key: i for i, node in enumerate(graph.nodes)}
    edges = [(places[source], places[target]) for source, target in graph.edges]
    return {
        **placement([node_width(node_lines(node)) for node in graph.nodes], edges),
        "layers": [-1 if node.layer is None else numbers[node.key] for node in graph.nodes],
        "shapes": [batched(node.output_shape) for node in graph.nodes if node.layer is None],
    }


def node_lines(node: LayerNode) -> tuple[str, str]:
    """The texts of a box: the name in bold with room for a share; type and shape below."""
    kind = "" if node.layer is None else f"{node.type}  "
    return f"{node.name}     ", kind + batched(node.output_shape)
