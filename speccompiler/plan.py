"""Graph to plan: the order of kernel calls and the buffers they share.

Buffers are parts of one arena, placed by lifetime: a value's place is free again
after its last reader. Sizes are of one sample; a batch multiplies them all. The
input and the outputs are the caller's arrays and take no place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from .ir import Graph, Input, Node
from .kernels.cpu.choices import VIEWS, Candidate, KnownShape, choose

ALIGNMENT = 16
"""Buffers start at multiples of 16 float32 values: a cache line."""


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
class Step:
    """One kernel call. ``candidate`` is None for a plain copy."""

    node: Node
    candidate: Candidate | None
    source: str
    target: str
    source_shape: KnownShape
    target_shape: KnownShape

    @property
    def kernel(self) -> str:
        """Name of the kernel."""
        return self.candidate.kernel if self.candidate is not None else "copy"


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order, the arena they share, and what goes in and out (of one sample)."""

    graph: Graph
    steps: tuple[Step, ...]
    buffers: tuple[Buffer, ...]
    arena_elements: int
    input_shape: KnownShape
    outputs: tuple[tuple[str, KnownShape], ...]

    @property
    def weight_bytes(self) -> int:
        """Packed weights, float32."""
        return 4 * sum(prod(weight.shape) for weight in self.graph.weights())

    def peak_bytes(self, batch: int) -> int:
        """Memory of a run: arena and weights, with the input and the outputs of a batch."""
        ends = prod(self.input_shape) + sum(prod(shape) for _, shape in self.outputs)
        return 4 * batch * (self.arena_elements + ends) + self.weight_bytes


def known(shape: Sequence[object]) -> KnownShape:
    """A shape without symbols."""
    assert all(isinstance(d, int) for d in shape), f"{shape} has open lengths"
    return tuple(shape)  # type: ignore[arg-type]


def make_plan(graph: Graph) -> Plan:
    """Choose kernels and place buffers. Every length of the graph must be known."""
    nodes = graph.by_name()
    root = _storage(graph)
    outside = {node.name for node in graph if isinstance(node.op, Input)}
    owner: dict[str, str] = {}
    for name in graph.outputs:
        if root[name] not in outside and root[name] not in owner:
            owner[root[name]] = name
    steps: list[Step] = []
    for node in graph:
        if isinstance(node.op, (Input, *VIEWS)):
            continue
        source = node.inputs[0]
        shape = known(nodes[source].shape)
        steps.append(
            Step(node, choose(node, shape), root[source], node.name, shape, known(node.shape))
        )
    for name in graph.outputs:
        if owner.get(root[name]) != name:
            shape = known(nodes[name].shape)
            steps.append(Step(nodes[name], None, root[name], name + " (copy)", shape, shape))
    buffers, elements = _place(steps, set(owner))
    input_node = next(node for node in graph if isinstance(node.op, Input))
    return Plan(
        graph,
        tuple(steps),
        buffers,
        elements,
        known(input_node.shape),
        tuple((name, known(nodes[name].shape)) for name in graph.outputs),
    )


def output_targets(plan: Plan) -> dict[str, int]:
    """For each step target that is a caller's array: the output's index."""
    root = _storage(plan.graph)
    targets: dict[str, int] = {}
    copies = {step.target for step in plan.steps if step.candidate is None}
    for index, (name, _) in enumerate(plan.outputs):
        copied = name + " (copy)"
        targets[copied if copied in copies else root[name]] = index
    return targets


def _storage(graph: Graph) -> dict[str, str]:
    """The node that a value's memory belongs to: a view's is what it views."""
    root: dict[str, str] = {}
    for node in graph:
        root[node.name] = root[node.inputs[0]] if isinstance(node.op, VIEWS) else node.name
    return root


def _place(steps: Sequence[Step], outside: set[str]) -> tuple[tuple[Buffer, ...], int]:
    """Largest first, each at the lowest offset that is free during its life."""
    wanted: list[tuple[int, Step, int]] = []
    for index, step in enumerate(steps):
        if step.candidate is None or step.target in outside:
            continue
        last = max((i for i, s in enumerate(steps) if s.source == step.target), default=index)
        wanted.append((index, step, last))
    placed: list[Buffer] = []
    for first, step, last in sorted(wanted, key=lambda w: (-prod(w[1].target_shape), w[0])):
        elements = prod(step.target_shape)
        offset = 0
        for other in sorted(placed, key=lambda b: b.offset):
            alive = other.first <= last and first <= other.last
            if alive and offset + elements <= other.offset:
                break
            if alive:
                end = other.offset + other.elements
                offset = max(offset, -(-end // ALIGNMENT) * ALIGNMENT)
        placed.append(Buffer(step.target, step.target_shape, elements, offset, first, last))
    total = max((b.offset + b.elements for b in placed), default=0)
    return tuple(sorted(placed, key=lambda b: b.first)), -(-total // ALIGNMENT) * ALIGNMENT
