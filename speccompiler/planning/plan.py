"""Graph to plan: the order of kernel calls and the buffers they share.

Buffers are parts of one arena: a value's place is free again after its last reader. Sizes are
of one sample; a batch multiplies them all. Inputs and outputs are the caller's arrays and take
no place in the arena. ``placement`` says which values lie in the place of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Literal

from speccompiler.frozen import dataclass
from speccompiler.graph.dims import known_shape
from speccompiler.graph.ir import Graph, Input, Node, Pool, operands
from speccompiler.planning.arena import Arena
from speccompiler.planning.candidate import Candidate, KnownShape
from speccompiler.planning.kernel_table import RECKONED_THREADS, KernelTable, Measured, is_view
from speccompiler.planning.placement import Work, add_in_place, join_in_place, storage
from speccompiler.planning.turned import take_in_transposes

ALIGNMENT = 16
"""Buffers start at multiples of 16 float32 values: a cache line."""
_HALF_PAGE, _APART, _LARGE = 32, 5, 1024
"""Lines of half a page, and those that a large buffer of whole halves has behind it. Otherwise the
next buffer would begin where it does in its page, and processors, which compare these bits alone
at first, would take what a kernel reads for what it has just written at the same position."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """A value's place: ``elements`` float32 a sample from ``offset``, for steps first to last."""

    name: str
    shape: KnownShape
    elements: int
    offset: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value lies: input, output or buffer number ``index``.

    The positions of a part of a joined value are ``pitch`` values apart, and the first is ``at``
    values behind the beginning of the place. For a whole value both are 0.
    """

    kind: Literal["input", "output", "buffer"]
    index: int = 0
    at: int = 0
    pitch: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One kernel call. ``candidate`` is None for a plain copy; the names are for people.

    ``pool`` is a pooling that the kernel does as well; the target is then the pool's value.
    ``added`` likewise is a sum with the value that lies in the step's place already. Where
    planes are read, the value lies with its channels first, and ``source_shapes`` have them last.
    """

    node: Node
    candidate: Candidate | None
    sources: tuple[str, ...]
    target: str
    source_shapes: tuple[KnownShape, ...]
    target_shape: KnownShape
    reads: tuple[Place, ...]
    writes: Place
    pool: Node | None = None
    added: Node | None = None
    reads_planes: bool = False
    writes_planes: bool = False
    held: Place | None = None
    """Where its tasks leave values for one another."""

    @property
    def source_shape(self) -> KnownShape:
        """Shape of the first value that is read."""
        return self.source_shapes[0]

    @property
    def kernel(self) -> str:
        """Name of the kernel."""
        return self.candidate.kernel if self.candidate is not None else "copy"


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order, the arena they share, and what goes in and out (of one sample).

    ``inputs`` are named as a run is given them, ``outputs`` by their layers.
    """

    graph: Graph
    steps: tuple[Step, ...]
    buffers: tuple[Buffer, ...]
    arena_elements: int
    inputs: tuple[tuple[str, KnownShape], ...]
    outputs: tuple[tuple[str, KnownShape], ...]

    @property
    def stored_bytes(self) -> int:
        """Bytes of all weights before they are packed, as float32; those of a shared layer once."""
        read = dict.fromkeys(self.graph.operands())
        return 4 * sum(prod(operand.shape) for operand in read)

    @property
    def weight_bytes(self) -> int:
        """Bytes of all packed weights; those of a shared layer once for each order."""
        packed: dict[object, float] = {}
        for step in self.steps:
            if step.candidate is not None:
                read = operands(step.node.op)
                sizes = [prod(operand.shape) for operand in read]
                more = (step.candidate.growth - 1) * sum(sizes[:1])
                packed[step.candidate.layout, read] = sum(sizes) + more
        return 4 * round(sum(packed.values()))

    @property
    def scratch_elements(self) -> int:
        """float32 values that one thread needs for itself while a step runs."""
        return max((_scratch(step) for step in self.steps), default=0)

    def peak_bytes(self, batch: int, threads: int = 1) -> int:
        """Most bytes that a run takes: arena, scratch, weights, inputs and outputs of a batch."""
        ends = sum(prod(shape) for _, shape in (*self.inputs, *self.outputs))
        scratch = 4 * threads * self.scratch_elements
        return 4 * batch * (self.arena_elements + ends) + self.weight_bytes + scratch


def _scratch(step: Step) -> int:
    if step.candidate is None:
        return 0
    return step.candidate.scratch(step.node, step.source_shape)


def end_number(inputs: int, place: Place) -> int:
    """The number of the caller's array that a place is: inputs are counted first, then outputs."""
    return place.index if place.kind == "input" else inputs + place.index


def make_plan(
    graph: Graph,
    kernels: KernelTable,
    *,
    fast: bool = False,
    batch: int = 1,
    threads: int = RECKONED_THREADS,
    tuned: Measured | None = None,
) -> Plan:
    """Choose ``kernels`` and place buffers. Every length of the graph must be known.

    ``fast`` admits kernels whose rounding error is larger than the direct sum's; ``batch``
    is how many samples a call is expected to have, ``tuned`` what was measured on this machine.
    """
    nodes = graph.by_name()
    chosen = _choose_kernels(graph, kernels, fast, batch, threads, tuned)
    work = add_in_place(graph, take_in_transposes(graph, chosen))
    work, parts = join_in_place(graph, work)
    root = storage(graph, work, parts)
    places: dict[str, Place] = {
        node.name: Place("input", index) for index, node in enumerate(graph.inputs)
    }
    for index, name in enumerate(graph.outputs):
        places.setdefault(root[name], Place("output", index))
    lives = [
        (nodes[name], *life) for name, life in _lives(work, root).items() if name not in places
    ]
    buffers, elements = _place([*lives, *_held(work, nodes)])
    places.update((b.name, Place("buffer", i)) for i, b in enumerate(buffers))
    for name, part in parts.items():
        places[name] = replace(places[root[name]], at=part.at, pitch=part.pitch)
    steps = [_step(w, [nodes[name] for name in w.node.inputs], root, places) for w in work]
    for index, name in enumerate(graph.outputs):
        output = Place("output", index)
        if places[root[name]] != output:
            shape = known_shape(nodes[name].shape)
            reads = (places[root[name]],)
            label = f"{name} (copy)"
            copy = Step(nodes[name], None, (root[name],), label, (shape,), shape, reads, output)
            steps.append(copy)
    return Plan(
        graph,
        tuple(steps),
        buffers,
        elements,
        tuple((node.layer, known_shape(node.shape)) for node in graph.inputs),
        tuple((name, known_shape(nodes[name].shape)) for name in graph.outputs),
    )


def cut_again(
    plan: Plan,
    kernels: KernelTable,
    *,
    fast: bool,
    batch: int,
    threads: int,
    tuned: Measured | None = None,
) -> Plan:
    """The plan that ``make_plan`` makes of the same graph for another batch and other threads.

    These change how the tasks of a step are cut, and nothing else.
    """
    steps = []
    for step in plan.steps:
        before = step.candidate
        if before is not None and before.schedule is not None:
            node, shape, pool = step.node, step.source_shape, step.pool
            found = kernels.choose(node, shape, fast=fast, batch=batch, threads=threads, pool=pool)
            assert found is not None, f"no kernel for {node.name} in a larger batch"
            if tuned is not None:
                found = tuned.choice(node, shape, pool, found)
            if before.added is not None:
                found = replace(found, added=before.added)
            step = replace(step, candidate=found)
        steps.append(step)
    return replace(plan, steps=tuple(steps))


def _choose_kernels(
    graph: Graph,
    kernels: KernelTable,
    fast: bool,
    batch: int,
    threads: int,
    tuned: Measured | None,
) -> list[Work]:
    nodes, readers, outputs = graph.by_name(), graph.readers(), frozenset(graph.outputs)
    work: list[Work] = []
    taken: set[str] = set()
    for node in graph:
        if isinstance(node.op, Input) or is_view(node) or node.name in taken:
            continue
        shape = known_shape(nodes[node.inputs[0]].shape)
        alone = readers[node.name] if node.name not in outputs else ()
        pool = _taken_in(node, alone, kernels, fast, nodes)
        candidate = kernels.choose(node, shape, fast=fast, batch=batch, threads=threads, pool=pool)
        assert candidate is not None, f"no kernel for {node.name}"
        if tuned is not None:
            candidate = tuned.choice(node, shape, pool, candidate)
        work.append(Work(node, candidate, pool))
        taken |= set() if pool is None else {pool.name}
    return work


def _taken_in(
    node: Node,
    readers: Sequence[Node],
    kernels: KernelTable,
    fast: bool,
    nodes: Mapping[str, Node],
) -> Node | None:
    """The pool that alone reads a value, if one kernel for both is cheaper than two."""
    if len(readers) != 1 or not isinstance(readers[0].op, Pool):
        return None
    pool, shape, between = (
        readers[0],
        known_shape(nodes[node.inputs[0]].shape),
        known_shape(node.shape),
    )
    both = kernels.choose(node, shape, fast=fast, pool=pool)
    if both is None:
        return None
    alone = kernels.choose(node, shape, fast=fast)
    then = kernels.choose(pool, between, fast=fast)
    if alone is None or then is None:
        return None
    apart = alone.nanoseconds(node, shape) + then.nanoseconds(pool, between)
    return pool if both.nanoseconds(node, shape) < apart else None


def _step(
    work: Work, sources: Sequence[Node], root: dict[str, str], places: dict[str, Place]
) -> Step:
    read, last = tuple(root[name] for name in work.reads), work.last
    return Step(
        work.node,
        work.candidate,
        read,
        last.name,
        tuple(known_shape(source.shape) for source in sources),
        known_shape(last.shape),
        tuple(places[name] for name in read),
        places[last.name if last.name in places else root[last.name]],
        work.pool,
        work.added,
        work.turned is not None,
        work.turned_back is not None,
        places.get(_held_name(work.node)),
    )


def _held(work: Sequence[Work], nodes: Mapping[str, Node]) -> Iterator[tuple[Node, int, int]]:
    """What tasks of a step leave for one another, as a value that lives for this step."""
    for index, w in enumerate(work):
        shape = known_shape(nodes[w.node.inputs[0]].shape)
        count = w.candidate.held(w.node, shape)
        if count:
            yield replace(w.node, name=_held_name(w.node), shape=(count,)), index, index


def _held_name(node: Node) -> str:
    return f"{node.name} (states)"


def _lives(work: Sequence[Work], root: dict[str, str]) -> dict[str, tuple[int, int]]:
    """For each place, the first step that writes it and the last that writes or reads it."""
    lives: dict[str, tuple[int, int]] = {}
    for index, w in enumerate(work):
        name = root[w.last.name]
        lives[name] = (lives[name][0] if name in lives else index, index)
        for read in (root[name] for name in w.reads):
            if read in lives:
                lives[read] = (lives[read][0], index)
    return lives


def _place(wanted: Sequence[tuple[Node, int, int]]) -> tuple[tuple[Buffer, ...], int]:
    """Largest first, each at the lowest offset that is free during its life."""
    arena = Arena(1 + max((last for *_, last in wanted), default=0))
    placed: list[Buffer] = []
    for node, first, last in sorted(wanted, key=lambda w: (-prod(known_shape(w[0].shape)), w[1])):
        shape = known_shape(node.shape)
        elements = prod(shape)
        lines = -(-elements // ALIGNMENT)
        lines += _APART if lines >= _LARGE and lines % _HALF_PAGE == 0 else 0
        offset = ALIGNMENT * arena.place(lines, first, last)
        placed.append(Buffer(node.name, shape, elements, offset, first, last))
    total = max((b.offset + b.elements for b in placed), default=0)
    return tuple(sorted(placed, key=lambda b: b.first)), -(-total // ALIGNMENT) * ALIGNMENT
