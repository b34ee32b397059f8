"""Applies an activation in the operation before it, while the result is still in registers."""

from __future__ import annotations

from dataclasses import replace

from speccompiler.expressions.nodes import Expression
from speccompiler.graph.ir import Combine, Conv, Depthwise, Graph, Map, MapWith, Node, Op
from speccompiler.passes.rewrite import with_nodes

Ending = Conv | Depthwise | Combine | MapWith
"""What can end in an activation."""


def fuse_activations(graph: Graph) -> Graph:
    """Fuse a Map into what only it reads: a convolution, a combination, a map of parameters.

    c = Conv(x)        m = Conv(x, activation=f)
    m = Map(c, f) ->
    """
    readers = graph.readers()
    outputs = frozenset(graph.outputs)
    done: dict[str, Node] = {}
    for node in graph:
        source = done.get(node.inputs[0]) if node.inputs else None
        if (
            isinstance(node.op, Map)
            and source is not None
            and isinstance(source.op, Ending)
            and _has_none(source.op)
            and len(readers[source.name]) == 1
            and source.name not in outputs
        ):
            del done[source.name]
            op = _ending_in(source.op, node.op.activation)
            node = Node(node.name, op, source.inputs, source.shape, source.layer)
        done[node.name] = node
    return with_nodes(graph, done.values())


def _has_none(op: Ending) -> bool:
    return (op.after if isinstance(op, MapWith) else op.activation) is None


def _ending_in(op: Ending, activation: Expression) -> Op:
    if isinstance(op, MapWith):
        return replace(op, after=activation)
    return replace(op, activation=activation)
