"""A model as a graph of boxes and lines: its inputs, its layers, what each reads."""

from __future__ import annotations

from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Shape
from speccompiler.reports.layer_report import LayerReport
from speccompiler.reports.shape_report import ShapeReport

INPUT = "InputLayer"
"""The type of a node that stands for an input of the model, whether it has a layer or not."""


@dataclass(frozen=True, slots=True)
class LayerNode:
    """A call of a layer, or an input that no InputLayer stands for."""

    key: str
    """Its own in the graph: the layer's name, or for such an input a name that no layer has."""
    name: str
    type: str
    output_shape: Shape
    layer: LayerReport | None
    """None for an input that no InputLayer stands for."""
    reads: tuple[str, ...]
    """Keys. The same one may stand here twice."""

    @property
    def is_input(self) -> bool:
        """Whether it is an input of the model."""
        return self.type == INPUT


@dataclass(frozen=True, slots=True)
class LayerGraph:
    """Inputs and layers; each stands after those that it reads, layers in the order of calls."""

    nodes: tuple[LayerNode, ...]

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """From what is read to what reads it; twice where a layer reads a value twice."""
        return tuple((source, node.key) for node in self.nodes for source in node.reads)

    @property
    def is_chain(self) -> bool:
        """Whether every node reads just the one before it."""
        before: tuple[str, ...] = ()
        for node in self.nodes:
            if node.reads != before:
                return False
            before = (node.key,)
        return True


def layer_graph(report: ShapeReport) -> LayerGraph:
    """The graph of a shape report."""
    shapes = dict(report.inputs)
    taken = {layer.name for layer in report.layers}
    nodes: list[LayerNode] = []
    for layer in report.layers:
        reads = layer.reads
        if not reads and layer.type != INPUT:
            # It reads an input of its own name, which needs another to be told from it.
            key = f"{layer.name} (input)"
            while key in taken:
                key += "'"
            taken.add(key)
            nodes.append(LayerNode(key, "input", INPUT, shapes[layer.name], None, ()))
            reads = (key,)
        nodes.append(
            LayerNode(layer.name, layer.name, layer.type, layer.output_shape, layer, reads)
        )
    return LayerGraph(tuple(nodes))
