"""Which values lie in the place of another: sums and joined values that no step copies.

A convolution adds its result to what lies in its place, where that is the other value of a sum,
and writes into a part of a joined value, where a Concat alone reads it:

    a, b = Conv(x), Conv(a)        a = Conv(x)
    s = Combine(sum, a, b)    ->   s = a + Conv(a), in the place of a
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .ir import Combine, Concat, Graph, Input, Node
from .kernels.cpu.candidate import Candidate, known
from .kernels.cpu.choices import VIEWS


@dataclass(frozen=True, slots=True)
class Work:
    """A node, the kernel that computes it, and a pool or a sum that the kernel takes in."""

    node: Node
    candidate: Candidate
    pool: Node | None = None
    added: Node | None = None

    @property
    def last(self) -> Node:
        """The node whose value is written."""
        return self.pool or self.added or self.node


@dataclass(frozen=True, slots=True)
class Part:
    """Where a value lies in a joined one: ``at`` in each position, these ``pitch`` apart."""

    whole: str
    at: int
    pitch: int


def storage(graph: Graph, work: Sequence[Work], parts: Mapping[str, Part]) -> dict[str, str]:
    """The node that a value's memory belongs to: a view's is what it views.

    A sum's is that of the value to which its convolution adds, a part's the joined value's.
    """
    origins = {name: part.whole for name, part in parts.items()}
    for w in work:
        if w.added is not None:
            origins[w.added.name] = _other(w.added, w.node)
    origins |= {node.name: node.inputs[0] for node in graph if isinstance(node.op, VIEWS)}

    def root(name: str) -> str:
        while name in origins:
            name = origins[name]
        return name

    return {node.name: root(node.name) for node in graph}


def add_in_place(graph: Graph, work: Sequence[Work]) -> list[Work]:
    """Let convolutions take in the sums that alone read them.

    A sum goes to the later of its two values. Nothing else may still want the earlier one: it
    is no input of the model and no output, and all that read it are done before.
    """
    readers, views = graph.readers(), {n.name for n in graph if isinstance(n.op, VIEWS)}
    taken: set[str] = set()
    done: list[Work] = []
    for w in work:
        if w.node.name in taken:
            continue
        total = _sum_of(w, graph, readers)
        if total is not None:
            root = storage(graph, done, {})
            other = _other(total, w.node)
            sharing = [n for n in graph if root[n.name] == root[other]]
            over = views | {d.node.name for d in done} | {d.last.name for d in done}
            made = _viewed(graph, other) in over - views
            wanted = any(
                n.name in graph.outputs
                or isinstance(n.op, Input)
                or any(reader.name not in over for reader in readers[n.name] if reader != total)
                for n in sharing
            )
            if made and not wanted:
                assert isinstance(total.op, Combine), f"{total.name} is no sum"
                taken.add(total.name)
                w = replace(w, candidate=replace(w.candidate, added=total.op), added=total)
        done.append(w)
    return done


def _sum_of(w: Work, graph: Graph, readers: Mapping[str, Sequence[Node]]) -> Node | None:
    """The sum of two values that alone reads what a convolution makes."""
    found = readers[w.node.name]
    if len(found) != 1 or w.node.name in graph.outputs or not w.candidate.adds or w.pool:
        return None
    op = found[0].op
    two = isinstance(op, Combine) and op.mode == "sum" and len(found[0].inputs) == 2
    return found[0] if two else None


def _viewed(graph: Graph, name: str) -> str:
    """The node that computes a value."""
    nodes = graph.by_name()
    while isinstance(nodes[name].op, VIEWS):
        (name,) = nodes[name].inputs
    return name


def _other(total: Node, conv: Node) -> str:
    (other,) = (name for name in total.inputs if name != conv.name)
    return other


def join_in_place(graph: Graph, work: Sequence[Work]) -> tuple[list[Work], dict[str, Part]]:
    """Leave out each Concat of channels whose values can all be written to their places in it.

    Each is read by nothing else, and its kernel can write positions further apart than its
    channels. Returns the work that is left, and where the values lie.
    """
    nodes, readers = graph.by_name(), graph.readers()
    makers = {w.last.name: w for w in work}

    def fits(name: str) -> bool:
        maker = makers.get(name)
        alone = len(readers[name]) == 1 and name not in graph.outputs
        if maker is None or not alone or maker.added is not None:
            return False
        return maker.candidate.strided or joins(nodes[name])

    def joins(node: Node) -> bool:
        last = isinstance(node.op, Concat) and node.op.axis == len(node.shape) - 1
        return last and all(map(fits, node.inputs))

    parts: dict[str, Part] = {}
    for node in reversed(graph.nodes):
        if node.name not in makers or not joins(node):
            continue
        inside = parts.get(node.name)
        at, pitch = (0, known(node)[-1]) if inside is None else (inside.at, inside.pitch)
        for name in node.inputs:
            parts[name] = Part(node.name, at, pitch)
            at += known(nodes[name])[-1]
    wholes = {part.whole for part in parts.values()}
    return [w for w in work if w.last.name not in wholes], parts
