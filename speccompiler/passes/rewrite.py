"""The one way that passes change a graph: visit in order, replace, keep outputs' names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from speccompiler.ir import Graph, Node, Op
from speccompiler.shapes import infer


def rename_inputs(node: Node, names: dict[str, str]) -> Node:
    """The node reading the replacements of what it read."""
    return replace(node, inputs=tuple(names.get(name, name) for name in node.inputs))


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
    nodes: dict[str, Node] = {}
    names: dict[str, str] = {}
    for node in graph:
        node = rename_inputs(node, names)
        if not is_identity(node):
            nodes[node.name] = node
            continue
        (source,) = node.inputs
        if node.name not in graph.outputs:
            names[node.name] = source
        elif source not in graph.outputs and nodes[source].inputs:
            names[source] = node.name
            nodes = {
                (node.name if name == source else name): rename_inputs(
                    replace(n, name=node.name) if name == source else n, names
                )
                for name, n in nodes.items()
            }
        else:
            nodes[node.name] = node
    return Graph(tuple(nodes.values()), graph.outputs)
