"""Moves transposes towards the outputs, where they meet their inverses and cancel."""

from __future__ import annotations

from speccompiler.ir import Graph, Map, Node, Transpose
from speccompiler.permutations import one_go

from .identities import changes_nothing
from .rewrite import bypass, rewrite, with_op


def sink_transposes(graph: Graph) -> Graph:
    """Push each Transpose below a Map, merge two in a row, drop those that undo each other.

    t = Transpose(conv)       m = Map(conv)
    m = Map(t)           ->   t = Transpose(m)
    u = Transpose(m)          u = Transpose(t), then nothing
    """
    graph = _below_maps(graph)
    graph = rewrite(graph, _merge)
    return bypass(graph, changes_nothing)


def _below_maps(graph: Graph) -> Graph:
    """``Map(Transpose(x))`` to ``Transpose(Map(x))``, keeping the names of both values."""
    done: dict[str, Node] = {}
    taken = set(graph.by_name())
    for node in graph:
        source = done[node.inputs[0]] if node.inputs else None
        if isinstance(node.op, Map) and source is not None and isinstance(source.op, Transpose):
            origin = done[source.inputs[0]]
            name = node.name + ":map"
            while name in taken:
                name += "'"
            taken.add(name)
            inner = Node(name, node.op, (origin.name,), origin.shape, node.layer)
            done[name] = inner
            node = with_op(node, source.op, inner)
        done[node.name] = node
    return Graph(tuple(done.values()), graph.outputs)


def _merge(node: Node, done: dict[str, Node]) -> Node:
    if not isinstance(node.op, Transpose):
        return node
    source = done[node.inputs[0]]
    if not isinstance(source.op, Transpose):
        return node
    axes = tuple(source.op.axes[axis] for axis in node.op.axes)
    if not one_go(axes):
        return node
    return with_op(node, Transpose(axes), done[source.inputs[0]])
