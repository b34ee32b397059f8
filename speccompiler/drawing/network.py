"""The network of a shape report, for a picture of it: a node for each layer and each input."""

from __future__ import annotations

from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Shape
from speccompiler.reports.shape_report import ShapeReport


@dataclass(frozen=True, slots=True)
class Network:
    """Nodes are numbered: first ``inputs`` that are no layers, then the layers in order."""

    inputs: tuple[tuple[str, Shape], ...]
    """Of an input without an InputLayer: the name of the layer that it goes into, its shape."""
    layers: tuple[str, ...]
    reads: tuple[tuple[int, ...], ...]
    """For each node the nodes whose values it reads, in order."""

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Every connection, from what is read to who reads it; each comes after what it reads."""
        return tuple((src, dst) for dst, read in enumerate(self.reads) for src in read)


def network(report: ShapeReport) -> Network:
    """Who reads whom. A layer says it only where that is not the layer before it."""
    types = {layer.name: layer.type for layer in report.layers}
    bare = tuple(given for given in report.inputs if types.get(given[0]) != "InputLayer")
    places = {layer.name: i for i, layer in enumerate(report.layers, len(bare))}
    entries = {name: i for i, (name, _) in enumerate(bare)}
    fed = {name for name, _ in report.inputs}
    reads: list[tuple[int, ...]] = [() for _ in bare]
    for i, layer in enumerate(report.layers):
        if layer.inputs and layer.inputs != (layer.name,):
            reads.append(tuple(places[name] for name in layer.inputs))
        elif layer.inputs or i == 0 or layer.name in fed:
            entry = entries.get(layer.name)
            reads.append(() if entry is None else (entry,))
        else:
            reads.append((len(bare) + i - 1,))
    return Network(bare, tuple(layer.name for layer in report.layers), tuple(reads))
