"""The intermediate representation: a directed acyclic graph of rank-generic operations.

    graph  = nodes in topological order, outputs; its inputs are its Input nodes, in order
    node   = name, operation, inputs (names of nodes), shape of its value, layer
    op     = Input | Identity | Conv | Pool | Upsample | Pad | Map | Softmax | Reshape | Transpose
             | Combine | Concat | Dot

Shapes are those of one sample: the batch axis is implied everywhere. Every spatial
operation reads and writes channels-last values ``(*spatial, channels)``; a layer
with ``dim_ordering: th`` stands between two ``Transpose`` nodes, which a pass moves
and cancels. Dense is ``Conv`` with kernel length 1 over its positions, every axis but
the last as one, between two ``Reshape`` nodes where there are several (no spatial axis
at all on a flat input). Nodes are immutable; a pass returns a new graph and ``verify``
re-derives every shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from .dims import Dim
from .expressions.nodes import Expression

Shape = tuple[Dim, ...]
Padding = tuple[tuple[Dim, Dim], ...]
"""(before, after) along each spatial axis. A negative amount leaves that many values unread."""


@dataclass(frozen=True, slots=True)
class Weight:
    """A stored tensor and how it becomes the operand of an operation.

    ``transpose(stored, axes).reshape(shape)``, then reversed along every spatial
    axis (all but the last two) when ``flip`` is set.
    """

    layer: str
    tensor: str
    stored_shape: tuple[int, ...]
    axes: tuple[int, ...]
    shape: tuple[int, ...]
    flip: bool = False


@dataclass(frozen=True, slots=True)
class Input:
    """An array that a run is given; the layer of its node is the input's name."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class Identity:
    """Passes its input on: a layer that does nothing in a forward pass."""


@dataclass(frozen=True, slots=True)
class Conv:
    """Correlation over the spatial axes, bias, activation.

    Input ``(*n, C)``, weight ``(*kernel, C, filters)``, output ``(*o, filters)``.
    ``repeats`` is an up-sampling folded in: each input is read that often along each axis,
    as if it stood there repeated, inside the padding; empty for once.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Padding
    weight: Weight
    bias: Weight | None
    activation: Expression | None = None
    repeats: tuple[int, ...] = ()

    @property
    def filters(self) -> int:
        """Channels of the output."""
        return self.weight.shape[-1]


@dataclass(frozen=True, slots=True)
class Pool:
    """Maximum or mean of windows. ``padding`` is never counted; ``zeros`` always is.

    ``zeros`` is a ZeroPadding folded in: real values of 0 around the input, inside
    the padding.
    """

    mode: str
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Padding
    zeros: Padding


@dataclass(frozen=True, slots=True)
class Upsample:
    """Repeats each element ``factors[i]`` times along spatial axis i."""

    factors: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pad:
    """Zeros before and after each spatial axis."""

    padding: Padding


@dataclass(frozen=True, slots=True)
class Map:
    """An elementwise expression of every value."""

    activation: Expression


@dataclass(frozen=True, slots=True)
class Softmax:
    """exp(x - max) / sum over the last axis."""


@dataclass(frozen=True, slots=True)
class Reshape:
    """The same values in row-major order, in another shape."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class Transpose:
    """Axis i of the output is axis ``axes[i]`` of the input."""

    axes: tuple[int, ...]


CombineMode = Literal["sum", "mul", "ave", "max", "quotient"]


@dataclass(frozen=True, slots=True)
class Combine:
    """An elementwise operation on values of one shape, from first to last, then an activation.

    ``ave`` is the sum divided by their number; a maximum with a NaN is NaN.
    """

    mode: CombineMode
    activation: Expression | None = None


@dataclass(frozen=True, slots=True)
class Concat:
    """Values one after the other along ``axis``, where each is ``lengths[i]`` long."""

    axis: int
    lengths: tuple[Dim, ...]


@dataclass(frozen=True, slots=True)
class Dot:
    """Sums of products over the last axis of two values: ``(*a, k)``, ``(*b, k)`` to ``(*a, *b)``.

    Two flat values give ``(1,)``. ``length`` is ``k``.
    """

    length: Dim


Op = (
    Input
    | Identity
    | Conv
    | Pool
    | Upsample
    | Pad
    | Map
    | Softmax
    | Reshape
    | Transpose
    | Combine
    | Concat
    | Dot
)


@dataclass(frozen=True, slots=True)
class Node:
    """One operation and its value. ``layer`` names the call of a layer that it came from.

    That is the layer's name, or ``conv1@2`` for the second call of a shared one.
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    shape: Shape
    layer: str


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in topological order. ``outputs`` are the model's, then the taps."""

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    @property
    def inputs(self) -> tuple[Node, ...]:
        """What a run is given, in the model's order."""
        return tuple(node for node in self.nodes if isinstance(node.op, Input))

    def by_name(self) -> Mapping[str, Node]:
        """Every node by its name."""
        return {node.name: node for node in self.nodes}

    def readers(self) -> Mapping[str, tuple[Node, ...]]:
        """For each node, those that read its value."""
        found: dict[str, tuple[Node, ...]] = {node.name: () for node in self.nodes}
        for node in self.nodes:
            for name in node.inputs:
                found[name] += (node,)
        return found

    def weights(self) -> tuple[Weight, ...]:
        """Every tensor that the graph reads, in order; one that layers share once."""
        return tuple(dict.fromkeys(w for node in self.nodes for w in weights_of(node.op)))


def weights_of(op: Op) -> tuple[Weight, ...]:
    """The tensors that an operation reads, in order."""
    if isinstance(op, Conv):
        return (op.weight,) if op.bias is None else (op.weight, op.bias)
    return ()
