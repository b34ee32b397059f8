"""Which values lie in the place of another, so that no step has to add or copy them.

A convolution adds its result to what already lies in its place, if that is the other value of a
sum. It writes into a part of a joined value, if only a Concat reads it:

    a, b = Conv(x), Conv(a)        a = Conv(x)
    s = Combine(sum, a, b)    ->   s = a + Conv(a), in the place of a
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Combine, Concat, Graph, Input, Node
from speccompiler.planning.candidate import Candidate, known
from speccompiler.planning.kernel_table import is_view


@dataclass(frozen=True, slots=True)
class Work:
    """A node, the kernel that computes it, and what the kernel does as well.

    That is a pool or a sum, or to read or write channels first: a Transpose before or after.
    """

    node: Node
    candidate: Candidate
    pool: Node | None = None
    added: Node | None = None
    turned: Node | None = None
    turned_back: Node | None = None

    @property
    def last(self) -> Node:
        """The node whose value is written."""
        return self.turned_back or self.pool or self.added or self.node

    @property
    def reads(self) -> tuple[str, ...]:
        """The values that are read."""
        return self.node.inputs if self.turned is None else self.turned.inputs


@dataclass(frozen=True, slots=True)
class Part:
    """Where a value lies in a joined one: ``at`` values into each position, ``pitch`` apart."""

    whole: str
    at: int
    pitch: int


def storage(graph: Graph, work: Sequence[Work], parts: Mapping[str, Part]) -> dict[str, str]:
    """For each value, the node that its memory belongs to.

    A view lies in the memory of what it views, a sum in that of the value to which its convolution
    adds, a part in that of the joined value.
    """
    origins = {name: part.whole for name, part in parts.items()}
    for w in work:
        if w.added is not None:
            origins[w.added.name] = _other(w.added, w.node)
    origins |= {node.name: node.inputs[0] for node in graph if is_view(node)}

    return {node.name: _root(origins, node.name) for node in graph}


def _root(origins: dict[str, str], name: str) -> str:
    """Where a chain of origins ends. The chain is shortened, so that the next search is quick."""
    root = name
    while root in origins:
        root = origins[root]
    while name in origins:
        origins[name], name = root, origins[name]
    return root


class _Memory:
    """Which work still has to read the values of each place, while work is done in order.

    A place is named after the node that it belongs to.
    """

    def __init__(self, graph: Graph) -> None:
        outputs = frozenset(graph.outputs)
        self._origins = {n.name: n.inputs[0] for n in graph if is_view(n)}
        self._views = dict.fromkeys(self._origins)
        self._made: set[str] = set()
        self._kept: set[str] = set()
        self._waiting: Counter[str] = Counter()
        """For each place, how often work that is not done yet reads it."""
        for node in graph:
            if isinstance(node.op, Input) or node.name in outputs:
                self._kept.add(self.place(node.name))
            if node.name not in self._views:
                self._waiting.update(map(self.place, node.inputs))

    def place(self, name: str) -> str:
        """Where a value lies."""
        return _root(self._origins, name)

    def is_free_but_for(self, total: Node, other: str) -> bool:
        """Whether a value is computed, and nothing but a sum still has to read its place."""
        place = self.place(other)
        alone = self._waiting[place] == sum(self.place(name) == place for name in total.inputs)
        return place in self._made and place not in self._kept and alone

    def join(self, total: Node, other: str) -> None:
        """Put a sum into the place of one of its values."""
        mine, place = self.place(total.name), self.place(other)
        self._origins[mine] = place
        self._waiting[place] += self._waiting.pop(mine, 0)
        if mine in self._kept:
            self._kept.add(place)

    def done(self, work: Work) -> None:
        """Note that a kernel has run."""
        for node in dict.fromkeys((work.turned or work.node, work.node, work.last)):
            self._made.add(self.place(node.name))
            for name in node.inputs:
                self._waiting[self.place(name)] -= 1


def add_in_place(graph: Graph, work: Sequence[Work]) -> list[Work]:
    """Let a convolution do the sum that reads its result, if nothing else reads it.

    The later one of the two values does the sum. Nothing else may still have to read the earlier
    one: it is neither an input nor an output of the model, and its other readers come before.
    """
    if not any(isinstance(w.node.op, Combine) for w in work):
        return list(work)
    readers, outputs, memory = graph.readers(), frozenset(graph.outputs), _Memory(graph)
    taken: set[str] = set()
    done: list[Work] = []
    for w in work:
        if w.node.name in taken:
            continue
        total = None if w.node.name in outputs else _sum_of(w, readers)
        if total is not None and memory.is_free_but_for(total, other := _other(total, w.node)):
            assert isinstance(total.op, Combine), f"{total.name} is no sum"
            memory.join(total, other)
            taken.add(total.name)
            w = replace(w, candidate=replace(w.candidate, added=total.op), added=total)
        memory.done(w)
        done.append(w)
    return done


def _sum_of(w: Work, readers: Mapping[str, Sequence[Node]]) -> Node | None:
    """The sum of two values that is the only reader of a convolution; else None."""
    found = readers[w.node.name]
    if len(found) != 1 or not w.candidate.adds or w.pool:
        return None
    op = found[0].op
    two = isinstance(op, Combine) and op.mode == "sum" and len(found[0].inputs) == 2
    return found[0] if two else None


def _other(total: Node, conv: Node) -> str:
    (other,) = (name for name in total.inputs if name != conv.name)
    return other


def join_in_place(graph: Graph, work: Sequence[Work]) -> tuple[list[Work], dict[str, Part]]:
    """Leave out each Concat of channels whose values can all be written to their places in it.

    Nothing else may read these values, and their kernels must be able to leave gaps between
    positions. Returns the work that is left, and where the values lie.
    """
    nodes, readers, outputs = graph.by_name(), graph.readers(), frozenset(graph.outputs)
    makers = {w.last.name: w for w in work}
    joined: set[str] = set()

    def fits(name: str) -> bool:
        maker = makers.get(name)
        alone = len(readers[name]) == 1 and name not in outputs
        if maker is None or not alone or maker.added or maker.turned_back:
            return False
        return maker.candidate.strided or name in joined

    for node in graph:
        last = isinstance(node.op, Concat) and node.op.axis == len(node.shape) - 1
        if last and all(map(fits, node.inputs)):
            joined.add(node.name)

    parts: dict[str, Part] = {}
    for node in reversed(graph.nodes):
        if node.name not in makers or node.name not in joined:
            continue
        inside = parts.get(node.name)
        at, pitch = (0, known(node)[-1]) if inside is None else (inside.at, inside.pitch)
        for name in node.inputs:
            parts[name] = Part(node.name, at, pitch)
            at += known(nodes[name])[-1]
    wholes = {part.whole for part in parts.values()}
    return [w for w in work if w.last.name not in wholes], parts
