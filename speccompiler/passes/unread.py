"""Removes nodes whose value nobody reads."""

from __future__ import annotations

from speccompiler.graph.ir import Graph


def drop_unread(graph: Graph) -> Graph:
    """Keep the outputs and what they depend on.

    p = Pad(x)
    c = Conv(x)   ->   c = Conv(x)
    """
    needed = set(graph.outputs)
    kept = []
    for node in reversed(graph.nodes):
        if node.name in needed or not node.inputs:
            needed.update(node.inputs)
            kept.append(node)
    return Graph(tuple(reversed(kept)), graph.outputs)
