"""What passes are made of: replace nodes one by one, bypass them, drop those that are dead."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import is_

from speccompiler.graph.ir import Graph, Node, Op
from speccompiler.graph.shapes import infer


def holds(graph: Graph, *kinds: type[Op]) -> bool:
    """Whether any node is an operation of these kinds: where none is, a pass has nothing to do."""
    return any(isinstance(node.op, kinds) for node in graph.nodes)


def with_nodes(graph: Graph, nodes: Iterable[Node]) -> Graph:
    """The graph of these nodes; ``graph`` itself where they are its own, so nobody looks again."""
    kept = tuple(nodes)
    same = len(kept) == len(graph.nodes) and all(map(is_, kept, graph.nodes))
    return graph if same else Graph(kept, graph.outputs)


def with_op(node: Node, op: Op, *inputs: Node) -> Node:
    """The node with another operation on other inputs, its shape derived."""
    shape = infer(op, *(i.shape for i in inputs))
    return Node(node.name, op, tuple([i.name for i in inputs]), shape, node.layer)


def rewrite(graph: Graph, rule: Callable[[Node, dict[str, Node]], Node]) -> Graph:
    """Each node replaced by what ``rule(node, earlier nodes by name)`` returns."""
    done: dict[str, Node] = {}
    for node in graph:
        done[node.name] = rule(node, done)
    return with_nodes(graph, done.values())


def without_dead_nodes(graph: Graph) -> Graph:
    """The outputs, what they depend on, and every input, since a run is given it anyway.

    p = Pad(x)
    c = Conv(x)   ->   c = Conv(x), the output
    """
    needed = set(graph.outputs)
    kept = []
    for node in reversed(graph.nodes):
        if node.name in needed or not node.inputs:
            needed.update(node.inputs)
            kept.append(node)
    return with_nodes(graph, reversed(kept))


def bypass(graph: Graph, is_identity: Callable[[Node], bool]) -> Graph:
    """Remove nodes that equal their input. Every output is still there, by its name.

    Where a removed node is an output, the node that it reads takes its name. If that one is an
    output too, or an input of the run, it cannot, and the identity stays.
    """
    outputs = frozenset(graph.outputs)
    kept: dict[str, Node] = {}
    instead: dict[str, str] = {}  # removed node: the one that it equals
    titles: dict[str, str] = {}  # node: the output whose name it takes
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

    if not instead:
        return graph

    def final(name: str) -> str:
        name = instead.get(name, name)
        return titles.get(name, name)

    def renamed(node: Node) -> Node:
        name, inputs = final(node.name), tuple(map(final, node.inputs))
        if name == node.name and inputs == node.inputs:
            return node
        return Node(name, node.op, inputs, node.shape, node.layer)

    return with_nodes(graph, map(renamed, kept.values()))
