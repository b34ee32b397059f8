"""The one way that passes change a graph: visit in order, replace, keep outputs' names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from speccompiler.graph.ir import Graph, Node, Op
from speccompiler.graph.shapes import infer


def with_op(node: Node, op: Op, *inputs: Node) -> Node:
    """The node with another operation on other inputs, its shape derived."""
    shape = infer(op, *(i.shape for i in inputs))
    return replace(node, op=op, inputs=tuple(i.name for i in inputs), shape=shape)


def rewrite(graph: Graph, rule: Callable[[Node, dict[str, Node]], Node]) -> Graph:
    """Each node replaced by what ``rule(node, earlier nodes by name)`` returns."""
    done: dict[str, Node] = {}
    for node in graph:
        done[node.name] = rule(node, done)
    return Graph(tuple(done.values()), graph.outputs)


def bypass(graph: Graph, is_identity: Callable[[Node], bool]) -> Graph:
    """Remove nodes that equal their input; an output among them keeps its name.

    Where the identity is an output, the node it reads takes its name, unless that
    is an output too (or the array that the run was given): then it stays.
    """
    outputs = frozenset(graph.outputs)
    kept: dict[str, Node] = {}
    instead: dict[str, str] = {}  # the node that a removed one equals
    titles: dict[str, str] = {}  # the output whose name a node takes
    for node in graph:
        kept[node.name] = node
        if not is_identity(node):
            continue
        (source,) = (instead.get(name, name) for name in node.inputs)
        if node.name in outputs:
            if source in outputs or source in titles or not kept[source].inputs:
                continue
            titles[source] = node.name
        instead[node.name] = source
        del kept[node.name]

    def final(name: str) -> str:
        name = instead.get(name, name)
        return titles.get(name, name)

    nodes = (
        replace(n, name=final(n.name), inputs=tuple(final(name) for name in n.inputs))
        for n in kept.values()
    )
    return Graph(tuple(nodes), graph.outputs)
