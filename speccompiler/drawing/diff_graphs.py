"""The graphs of two models in one layout: what is the same stands at the same place in both.

The layout is of the union: a node for each pair of layers, a line for each connection that either
model has. Each side shows what it has of that, so an insertion leaves a gap on the other side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from speccompiler.comparing.model_diff import LayerPair
from speccompiler.drawing.layer_graph import LayerGraph, LayerNode, layer_graph
from speccompiler.drawing.placement import HEIGHT, node_width, placement
from speccompiler.frozen import dataclass
from speccompiler.reports.shape_report import ShapeReport
from speccompiler.reports.shape_table import batched

Edge = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Side:
    """One model's nodes, and which node of the union each is."""

    graph: LayerGraph
    union: Mapping[str, int]
    """By the keys of the graph's nodes."""

    @property
    def edges(self) -> dict[Edge, None]:
        return {
            (self.union[source], self.union[target]): None for source, target in self.graph.edges
        }


def both_graphs(
    old_report: ShapeReport, new_report: ShapeReport, pairs: Sequence[LayerPair]
) -> dict[str, Any]:
    """Both sides: places, lines with what became of them, and the pair that each node is of.

    A pair of -1 is an input that no layer stands for.
    """
    old, new = layer_graph(old_report), layer_graph(new_report)
    bare = max(_bare(old), _bare(new))
    sides = [
        _side(old, {p.old.name: i for i, p in enumerate(pairs, bare) if p.old is not None}),
        _side(new, {p.new.name: i for i, p in enumerate(pairs, bare) if p.new is not None}),
    ]
    widths = [0.0] * (bare + len(pairs))
    for side in sides:
        for node in side.graph.nodes:
            at = side.union[node.key]
            widths[at] = max(widths[at], node_width(_lines(node)))
    edges = dict.fromkeys(edge for side in sides for edge in side.edges if edge[0] < edge[1])
    whole = placement(widths, list(edges))
    lines = {(source, target): points for source, target, points in whole["edges"]}
    before, after = (side.edges for side in sides)
    return {
        "old": _shown(sides[0], whole, lines, bare, after, "removed"),
        "new": _shown(sides[1], whole, lines, bare, before, "added"),
    }


def _bare(graph: LayerGraph) -> int:
    return sum(node.layer is None for node in graph.nodes)


def _side(graph: LayerGraph, layers: Mapping[str, int]) -> _Side:
    """Inputs that no layer stands for are the same in both models by their order."""
    inputs = [node.key for node in graph.nodes if node.layer is None]
    return _Side(graph, {**layers, **{key: i for i, key in enumerate(inputs)}})


def _shown(
    side: _Side,
    whole: Mapping[str, Any],
    lines: Mapping[Edge, Sequence[float]],
    bare: int,
    others: Mapping[Edge, None],
    kind: str,
) -> dict[str, Any]:
    """What one side has of the union."""
    union = sorted(side.union.values())
    own = {at: i for i, at in enumerate(union)}
    edges = []
    for source, target in side.edges:
        points = lines.get((source, target)) or _straight(whole["nodes"], source, target)
        shown = [own[source], own[target], points]
        edges.append(shown if (source, target) in others else [*shown, kind])
    nodes = sorted(side.graph.nodes, key=lambda node: side.union[node.key])
    return {
        **{name: whole[name] for name in ("width", "height", "nodeHeight")},
        "nodes": [whole["nodes"][at] for at in union],
        "edges": edges,
        "pairs": [at - bare if at >= bare else -1 for at in union],
        "shapes": [batched(node.output_shape) for node in nodes if node.layer is None],
    }


def _straight(places: Sequence[Sequence[float]], source: int, target: int) -> list[float]:
    """A line against the direction of the layout: of a layer that moved."""
    (x, y, width), (to_x, to_y, to_width) = places[source], places[target]
    return [x + width / 2, y + HEIGHT, to_x + to_width / 2, to_y]


def _lines(node: LayerNode) -> tuple[str, str]:
    kind = "" if node.layer is None else f"{node.type}  "
    return f"{node.name}   ", kind + batched(node.output_shape)
