"""What nodes are called in other formats: the last that a layer was lowered to has its name."""

from __future__ import annotations

from collections.abc import Mapping

from speccompiler.graph.ir import Graph, Input, Transpose


def node_titles(graph: Graph) -> Mapping[str, str]:
    """Each node's title: its name, or that of its layer where it does the last of its work.

    Of a layer with its channels first the last node puts the axes back, and has the layer's name.
    In a file it is no node, or says nothing, if passes have left it at all.
    """
    titles = {node.name: node.name for node in graph}
    last = {node.layer: node.name for node in graph if not isinstance(node.op, Input | Transpose)}
    for layer, name in last.items():
        if layer in titles:
            titles[layer] = name
        titles[name] = layer
    return titles
