"""Moves transposes towards the outputs, where they meet their inverses and cancel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from speccompiler.graph import ir
from speccompiler.graph.permutations import one_go, permuted
from speccompiler.graph.shapes import infer
from speccompiler.passes.drop_identities import changes_nothing
from speccompiler.passes.rewrite import bypass, holds, rewrite, with_nodes, with_op


def sink_transposes(graph: ir.Graph) -> ir.Graph:
    """Push each Transpose down, merge two in a row, drop those that undo each other.

    t = Transpose(conv)       m = Map(conv)
    m = Map(t)           ->   t = Transpose(m)
    u = Transpose(m)          u = Transpose(t), then nothing

    Down is below a Map, and below a Combine or a Concat whose values are all transposed alike.
    """
    graph = bypass(rewrite(graph, merged), changes_nothing)
    while holds(graph, ir.Transpose):
        # Where two have cancelled, another may now go further down.
        moved = bypass(rewrite(_below(graph), merged), changes_nothing)
        if moved == graph:
            return graph
        graph = moved
    return graph


def _below(graph: ir.Graph) -> ir.Graph:
    """``Map(Transpose(x))`` to ``Transpose(Map(x))``, keeping the names of both values."""
    done: dict[str, ir.Node] = {}
    taken = set(graph.by_name())
    for node in graph:
        sources = [done[name] for name in node.inputs]
        transpose = _shared_transpose(sources)
        if transpose is not None and not any(_is_transpose(done[s.inputs[0]]) for s in sources):
            op = _on_origins(node.op, transpose)
            if op is not None:
                origins = [done[source.inputs[0]] for source in sources]
                name = f"{node.name}:{type(op).__name__.lower()}"
                while name in taken:
                    name += "'"
                taken.add(name)
                shape = infer(op, *(origin.shape for origin in origins))
                inner = ir.Node(name, op, tuple(o.name for o in origins), shape, node.layer)
                done[name] = inner
                node = with_op(node, transpose, inner)
        done[node.name] = node
    return with_nodes(graph, done.values())


def _shared_transpose(sources: Sequence[ir.Node]) -> ir.Transpose | None:
    """The transpose that all of these values come from, if it is one."""
    op = sources[0].op if sources else None
    alike = isinstance(op, ir.Transpose) and all(source.op == op for source in sources)
    return op if alike and isinstance(op, ir.Transpose) else None


def _is_transpose(node: ir.Node) -> bool:
    return isinstance(node.op, ir.Transpose)


def _on_origins(op: ir.Op, transpose: ir.Transpose) -> ir.Op | None:
    """The operation as it is done before the transpose; None where it depends on the layout."""
    match op:
        case ir.Map() | ir.Combine():
            return op
        case ir.MapWith(parameters=parameters):
            moved = tuple(_moved(one, transpose.axes) for one in parameters)
            return replace(op, parameters=moved)
        case ir.Concat(axis):
            return replace(op, axis=transpose.axes[axis])
        case _:
            return None


def _moved(parameter: ir.Operand, axes: tuple[int, ...]) -> ir.Operand:
    """A parameter that stood beside the transposed value, for the value before the transpose."""
    back = tuple(axes.index(axis) for axis in range(len(axes)))
    shape = tuple(parameter.shape[axis] for axis in back)
    assert isinstance(parameter, ir.Weight | ir.Constant), (
        "operands are derived only after transposes have moved"
    )
    if sum(n != 1 for n in shape) < 2:
        return replace(parameter, shape=shape)  # the same values in the same order
    if isinstance(parameter, ir.Constant):
        values = permuted(parameter.values, parameter.shape, back)
        return replace(parameter, values=values, shape=shape)
    return replace(parameter, axes=_stored_axes(parameter, back), shape=shape)


def _stored_axes(weight: ir.Weight, back: tuple[int, ...]) -> tuple[int, ...]:
    """The axes that make a stored tensor the moved one; it may have fewer than the value has.

    Axes of length 1 may stand anywhere.
    """
    if len(weight.axes) == len(back):
        return tuple(weight.axes[axis] for axis in back)
    long = [axis for axis in weight.axes if weight.stored_shape[axis] != 1]
    stored = dict(zip((p for p, n in enumerate(weight.shape) if n != 1), long, strict=True))
    moved = [stored[place] for place in back if place in stored]
    return (*moved, *(axis for axis in weight.axes if axis not in long))


def merged(node: ir.Node, done: dict[str, ir.Node]) -> ir.Node:
    if not isinstance(node.op, ir.Transpose):
        return node
    source = done[node.inputs[0]]
    if not isinstance(source.op, ir.Transpose):
        return node
    axes = tuple(source.op.axes[axis] for axis in node.op.axes)
    if not one_go(axes):
        return node
    return with_op(node, ir.Transpose(axes), done[source.inputs[0]])
