"""Runs layers of channels-first images on their planes, where that saves a transpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from speccompiler.graph import ir
from speccompiler.graph.dims import known_shape
from speccompiler.graph.shapes import infer
from speccompiler.passes.drop_identities import changes_nothing
from speccompiler.passes.rewrite import bypass, holds, rewrite, with_op, without_dead_nodes
from speccompiler.passes.sink_transposes import merged

LAST, FIRST = ir.Transpose((1, 2, 0)), ir.Transpose((2, 0, 1))
"""An image with its channels brought behind its rows and columns, and before them."""
Moved = ir.Pool | ir.GlobalPool | ir.Upsample | ir.Pad


def keep_planes(graph: ir.Graph) -> ir.Graph:
    """Move a Transpose over a layer that does the same on planes, to where it is smaller.

    t = Transpose(x)        p = Pool(planes of x)
    p = Pool(t)        ->   t = Transpose(p)

    u = Upsample(c)         t = Transpose(c)
    t = Transpose(u)   ->   u = Upsample(planes of t)

    A plane is an image of one channel: (C, H, W) is looked at as (C, H, W, 1), in which no window
    is longer than 1 along C. Only images have planes here, not volumes.
    """
    while holds(graph, ir.Transpose):
        moved = _below(_above(graph))
        moved = without_dead_nodes(bypass(rewrite(moved, merged), changes_nothing))
        if moved == graph:
            return graph
        graph = moved
    return graph


def _below(graph: ir.Graph) -> ir.Graph:
    """Transposes to the end, below layers that make a value smaller."""
    readers, made = graph.readers(), _Made(graph)
    for node in graph:
        source = made.nodes[node.inputs[0]] if node.inputs else None
        if (
            isinstance(node.op, Moved)
            and source is not None
            and source.op == LAST
            and _is_plain(node.op)
            and _values(node) <= _values(source)
            and all(_goes_on_planes(reader.op) for reader in readers[source.name])
        ):
            planes = made.on_planes(node, made.nodes[source.inputs[0]])
            last = ir.Identity() if isinstance(node.op, ir.GlobalPool) else LAST
            node = with_op(node, last, planes)
        made.add(node)
    return made.graph(graph.outputs)


def _above(graph: ir.Graph) -> ir.Graph:
    """Transposes to channels first, above layers that make a value larger."""
    readers, outputs, made = graph.readers(), frozenset(graph.outputs), _Made(graph)
    for node in graph:
        source = made.nodes[node.inputs[0]] if node.inputs else None
        if (
            node.op == FIRST
            and source is not None
            and isinstance(source.op, ir.Upsample | ir.Pad)
            and source.name not in outputs
            and len(readers[source.name]) == 1
        ):
            origin = made.nodes[source.inputs[0]]
            if _values(source) > _values(origin):
                first = made.new(source, FIRST, origin)
                planes = made.on_planes(source, first)
                node = with_op(node, ir.Identity(), planes)
        made.add(node)
    return made.graph(graph.outputs)


def _values(node: ir.Node) -> int:
    return prod(known_shape(node.shape))


def _is_plain(op: ir.Op) -> bool:
    return not isinstance(op, ir.GlobalPool) or op.kept == 0


def _goes_on_planes(op: ir.Op) -> bool:
    return op == FIRST or (isinstance(op, Moved) and _is_plain(op))


class _Made:
    """The nodes of a new graph, and names that nobody has."""

    def __init__(self, graph: ir.Graph) -> None:
        self.nodes: dict[str, ir.Node] = {}
        self._taken = set(graph.by_name())

    def add(self, node: ir.Node) -> None:
        """A node of the old graph, or what takes its place."""
        self.nodes[node.name] = node

    def graph(self, outputs: Sequence[str]) -> ir.Graph:
        """All nodes."""
        return ir.Graph(tuple(self.nodes.values()), tuple(outputs))

    def new(self, like: ir.Node, op: ir.Op, source: ir.Node) -> ir.Node:
        """A node beside ``like``, under a name of its own."""
        name = f"{like.name}:{type(op).__name__.lower()}"
        while name in self._taken:
            name += "'"
        self._taken.add(name)
        node = ir.Node(name, op, (source.name,), infer(op, source.shape), like.layer)
        self.add(node)
        return node

    def on_planes(self, node: ir.Node, source: ir.Node) -> ir.Node:
        """The operation of ``node`` on the planes of ``source``: channels, rows, columns."""
        assert isinstance(node.op, Moved), f"{node.name} does not go on planes"
        planes = self.new(node, ir.Reshape((*source.shape, 1)), source)
        done = self.new(node, _of_planes(node.op), planes)
        return self.new(node, ir.Reshape(done.shape[:-1]), done)


def _of_planes(op: Moved) -> ir.Op:
    match op:
        case ir.Pool(kernel=kernel, stride=stride, padding=padding, zeros=zeros):
            return replace(
                op,
                kernel=(1, *kernel),
                stride=(1, *stride),
                padding=((0, 0), *padding),
                zeros=((0, 0), *zeros),
                dilation=(1, *op.dilation) if op.dilation else (),
            )
        case ir.GlobalPool():
            return replace(op, kept=1)
        case ir.Upsample(factors):
            return ir.Upsample((1, *factors))
        case ir.Pad(padding):
            return ir.Pad(((0, 0), *padding))
