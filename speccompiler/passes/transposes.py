"""Moves transposes towards the outputs, where they meet their inverses and cancel."""

from __future__ import annotations

from dataclasses import replace

from speccompiler.graph.ir import (
    Combine,
    Concat,
    Constant,
    Graph,
    Map,
    MapWith,
    Node,
    Op,
    Operand,
    Transpose,
    Weight,
)
from speccompiler.graph.permutations import one_go, permuted
from speccompiler.graph.shapes import infer
from speccompiler.passes.identities import changes_nothing
from speccompiler.passes.rewrite import bypass, rewrite, with_op


def sink_transposes(graph: Graph) -> Graph:
    """Push each Transpose down, merge two in a row, drop those that undo each other.

    t = Transpose(conv)       m = Map(conv)
    m = Map(t)           ->   t = Transpose(m)
    u = Transpose(m)          u = Transpose(t), then nothing

    Down is below a Map, and below a Combine or a Concat whose values are all transposed alike.
    """
    graph = bypass(rewrite(graph, _merge), changes_nothing)
    while True:
        # Where two have met and cancelled, others may now go further down.
        moved = bypass(rewrite(_below(graph), _merge), changes_nothing)
        if moved == graph:
            return graph
        graph = moved


def _below(graph: Graph) -> Graph:
    """``Map(Transpose(x))`` to ``Transpose(Map(x))``, keeping the names of both values."""
    done: dict[str, Node] = {}
    taken = set(graph.by_name())
    for node in graph:
        sources = [done[name] for name in node.inputs]
        transposes = {source.op for source in sources}
        merged = not any(isinstance(done[s.inputs[0]].op, Transpose) for s in sources if s.inputs)
        if merged and len(transposes) == 1 and isinstance(transpose := transposes.pop(), Transpose):
            op = _on_origins(node.op, transpose)
            if op is not None:
                origins = [done[source.inputs[0]] for source in sources]
                name = f"{node.name}:{type(op).__name__.lower()}"
                while name in taken:
                    name += "'"
                taken.add(name)
                shape = infer(op, *(origin.shape for origin in origins))
                inner = Node(name, op, tuple(o.name for o in origins), shape, node.layer)
                done[name] = inner
                node = with_op(node, transpose, inner)
        done[node.name] = node
    return Graph(tuple(done.values()), graph.outputs)


def _on_origins(op: Op, transpose: Transpose) -> Op | None:
    """The operation on what was transposed; None where it is not the same for every order."""
    match op:
        case Map() | Combine():
            return op
        case MapWith(parameters=parameters):
            moved = tuple(_moved(one, transpose.axes) for one in parameters)
            return replace(op, parameters=moved)
        case Concat(axis):
            return replace(op, axis=transpose.axes[axis])
        case _:
            return None


def _moved(parameter: Operand, axes: tuple[int, ...]) -> Operand:
    """A parameter of a transposed value as one of the value before."""
    back = tuple(axes.index(axis) for axis in range(len(axes)))
    shape = tuple(parameter.shape[axis] for axis in back)
    assert isinstance(parameter, Weight | Constant), "nothing is derived before transposes moved"
    if sum(n != 1 for n in shape) < 2:
        return replace(parameter, shape=shape)  # the same values in the same order
    if isinstance(parameter, Constant):
        values = permuted(parameter.values, parameter.shape, back)
        return replace(parameter, values=values, shape=shape)
    return replace(parameter, axes=tuple(parameter.axes[axis] for axis in back), shape=shape)


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
