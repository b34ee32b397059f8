"""The intermediate representation: a directed acyclic graph of rank-generic operations.

    graph    = nodes in topological order, outputs; its inputs are its Input nodes, in order
    node     = name, operation, inputs (names of nodes), shape of its value, layer
    op       = Input | Identity | Conv | Depthwise | Local | Lookup | Pool | GlobalPool | Upsample
             | Pad | Map | MapWith | Mask | Normalize | BatchNormalize | Softmax | Reshape
             | Transpose | Combine | Concat | Dot | Slice | Resize | Expand | Kept | Recurrent
    operand  = Weight | Derived | Constant | Joined | Row      (operands.py)
    shape    = a Dim for each axis: a number, or an expression of symbols  (dims.py)

Shapes are those of one sample: the batch axis is implied everywhere. Every spatial operation reads
and writes channels-last values ``(*spatial, channels)``. A layer with ``dim_ordering: th`` stands
between two ``Transpose`` nodes, which a pass moves and cancels. Dense is a ``Conv`` with a kernel
of length 1 over its positions, which are all axes but the last, made one axis by a ``Reshape``; on
a flat input it has no spatial axis at all. Nodes are immutable: a pass returns a new graph, and
``shapes.verify`` derives every shape again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from speccompiler.expressions.nodes import Expression
from speccompiler.frozen import dataclass
from speccompiler.graph.dims import Dim
from speccompiler.graph.operands import Constant as Constant
from speccompiler.graph.operands import Derived as Derived
from speccompiler.graph.operands import Joined as Joined
from speccompiler.graph.operands import Operand as Operand
from speccompiler.graph.operands import Row as Row
from speccompiler.graph.operands import UnsharedPlaces as UnsharedPlaces
from speccompiler.graph.operands import Weight as Weight
from speccompiler.graph.operands import stored_tensors as stored_tensors

Shape = tuple[Dim, ...]
Padding = tuple[tuple[Dim, Dim], ...]
"""(before, after) along each spatial axis. A negative amount leaves that many values unread."""


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

    Input ``(*n, C)``, weight ``(*kernel, C / groups, filters)``, output ``(*o, filters)``: the
    g-th of ``groups`` equal parts of the filters sees the g-th part of the channels.
    ``repeats`` is an up-sampling folded in: along each axis every input is read that often, as if
    it stood there repeated, inside the padding; empty for once. ``dilation`` is the distance of
    neighbouring places of the window along each axis; empty for 1.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Padding
    weight: Operand
    bias: Operand | None
    activation: Expression | None = None
    repeats: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1

    @property
    def filters(self) -> int:
        """Channels of the output."""
        return self.weight.shape[-1]

    @property
    def extent(self) -> tuple[int, ...]:
        """Length of the window along each axis, from its first place to its last."""
        return extent_of(self.kernel, self.dilation)


def extent_of(kernel: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[int, ...]:
    """Length of a window along each axis; no ``dilation`` is one of 1."""
    apart = dilation or (1,) * len(kernel)
    return tuple((k - 1) * d + 1 for k, d in zip(kernel, apart, strict=True))


@dataclass(frozen=True, slots=True)
class Depthwise:
    """Correlation of every channel with ``M`` kernels of its own, bias, activation.

    Input ``(*n, C)``, weight ``(*kernel, M, C)``, output ``(*o, M * C)``: channel ``m * C + c``
    is what the m-th kernel makes of channel c; bias ``(M * C,)``. ``dilation`` is that of ``Conv``.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Padding
    weight: Operand
    dilation: tuple[int, ...] = ()
    bias: Operand | None = None
    activation: Expression | None = None

    @property
    def extent(self) -> tuple[int, ...]:
        """Length of the window along each axis, from its first place to its last."""
        return extent_of(self.kernel, self.dilation)


@dataclass(frozen=True, slots=True)
class Local:
    """A convolution without padding whose every position has weights of its own.

    Input ``(*n, C)``, weight ``(positions, *kernel, C, filters)`` in row-major order of the
    positions, bias ``(positions, filters)``, output ``(*o, filters)``. Axes in front of the
    spatial ones hold further samples.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    weight: Operand
    bias: Operand | None


@dataclass(frozen=True, slots=True)
class Lookup:
    """Rows of a table: input ``(*n)``, weight ``(rows, D)``, output ``(*n, D)``.

    Values are cut off to whole numbers. The number of no row gives NaN.
    """

    weight: Operand


@dataclass(frozen=True, slots=True)
class Pool:
    """Maximum or mean of windows. ``padding`` is never counted; ``zeros`` always is.

    ``zeros`` is a ZeroPadding folded in: real values of 0 around the input, inside
    the padding. ``dilation`` is that of ``Conv``.
    """

    mode: str
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Padding
    zeros: Padding
    dilation: tuple[int, ...] = ()

    @property
    def extent(self) -> tuple[int, ...]:
        """Length of the window along each axis, from its first place to its last."""
        return extent_of(self.kernel, self.dilation)


@dataclass(frozen=True, slots=True)
class GlobalPool:
    """Over every axis but the first ``kept`` and the last: max, average, sum or product."""

    mode: str
    kept: int = 0


@dataclass(frozen=True, slots=True)
class Upsample:
    """Repeats each element ``factors[i]`` times along spatial axis i."""

    factors: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pad:
    """Zeros before and after each spatial axis; a negative amount cuts values off."""

    padding: Padding


@dataclass(frozen=True, slots=True)
class Map:
    """An elementwise expression of every value."""

    activation: Expression


@dataclass(frozen=True, slots=True)
class MapWith:
    """An elementwise expression of every value and of parameters that stand beside it.

    A parameter has a sample's rank; each of its axes has the sample's length, or 1 to be shared.
    ``after`` is an activation of what the expression gives.
    """

    activation: Expression
    parameters: tuple[Operand, ...]
    after: Expression | None = None


@dataclass(frozen=True, slots=True)
class Mask:
    """0 instead of all values of the last axis where every one of them equals ``value``."""

    value: float


@dataclass(frozen=True, slots=True)
class Normalize:
    """``(x - mean) / (sqrt(variance + epsilon) + added)`` over the last axis of each sample.

    ``unread`` are tensors that the layer stores and a forward pass does not use.
    """

    epsilon: float
    added: float
    unread: tuple[Weight, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchNormalize:
    """``(x - mean) / sqrt(variance + epsilon)`` of each channel over all samples of a batch.

    The only operation in which samples depend on each other: a batch is what one call is given.
    """

    epsilon: float
    unread: tuple[Weight, ...] = ()


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


CombineMode = Literal["sum", "mul", "ave", "max", "min", "difference", "quotient"]


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


@dataclass(frozen=True, slots=True)
class Slice:
    """Takes ``count`` values of each axis of a sample, ``step`` apart, from ``start`` on.

    A negative step goes backwards. All of them lie within the axis.
    """

    start: Shape
    step: tuple[int, ...]
    count: Shape


@dataclass(frozen=True, slots=True)
class Resize:
    """An image sampled at other places: input ``(*n, H, W, C)``, output ``(*n, *size, C)``.

    By the rules of TensorFlow 1.x; see ``places.resize_scale`` for where it reads. With
    ``half_pixel`` places are centres, as in TensorFlow 2: output ``o`` is read at
    ``(o + 0.5) * scale - 0.5``, held within the image.
    """

    size: tuple[Dim, Dim]
    bilinear: bool
    align_corners: bool
    half_pixel: bool = False


@dataclass(frozen=True, slots=True)
class Expand:
    """Repeats the only value of each axis of length 1 as often as ``shape`` says.

    All other lengths stay. The rank stays too: a ``Reshape`` gives missing axes.
    """

    shape: Shape


@dataclass(frozen=True, slots=True)
class Kept:
    """A mask: 1 where any value of the last axis differs from ``value``, else 0.

    Input ``(*n, C)``, output ``(*n)``. NaN differs from everything. Both are float32, so that an
    inexact ``value`` matches what was stored as float32 (Keras 1.2.2 layers/core.py:58-65).
    """

    value: float


Cell = Literal["simple", "gru", "gru_reset_after", "lstm"]
CellActivation = Expression | Literal["softmax"]
"""An elementwise expression, or a softmax over the units."""


@dataclass(frozen=True, slots=True)
class Recurrent:
    """A scan: a loop over the first axis, the steps, with a state that it carries.

    Its inputs are, in this order,

    * ``(T, *n, G * U)``: what the input adds to each of the ``G`` gates, with the bias; a ``Conv``
      has computed it for all steps in one product,
    * where ``masked``, a mask ``(T,)`` or ``(T, *n)``: at a step of 0 the states stay as they are
      and the output is the one before,
    * where ``carried``, each initial state ``(*n, U)``: h, and for "lstm" then c. Without, they
      are zeros.

    ``weight`` is ``(*kernel, U, G * U)``, what the state adds: a matrix product where ``kernel`` is
    empty, else a correlation with ``padding`` that keeps the lengths of ``n``. The gates are side
    by side: i, f, c, o in "lstm", z, r, h in "gru". "gru_reset_after" also reads ``state_bias``
    ``(G * U,)``, which is added to the state's product before the reset gate multiplies it.

    With ``sequences`` the value is ``(T, *n, U)``, the outputs in the order in which they were
    computed, which begins with the last step where ``reverse``; else ``(1, *n, U)``, the last
    of them. Where ``gives_states`` the final states follow as further rows: h, and for "lstm" c.
    ``first_masked`` is what a masked step gives that no other precedes: zeros, or the state h.

    Rules: Keras 1.2.2 layers/recurrent.py:367-873; no steps give the initial states and zeros.
    """

    cell: Cell
    steps: Dim
    """``T``: the length of the first axis."""
    weight: Operand
    state_bias: Operand | None
    activation: CellActivation
    gate_activation: CellActivation
    kernel: tuple[int, ...] = ()
    padding: Padding = ()
    reverse: bool = False
    sequences: bool = False
    masked: bool = False
    carried: bool = False
    gives_states: bool = False
    first_masked: Literal["zeros", "state"] = "zeros"

    @property
    def units(self) -> int:
        """Values of a state at each place: the ``U`` above."""
        return self.weight.shape[-2]

    @property
    def gates(self) -> int:
        """How many parts the input has: the ``G`` above."""
        return {"simple": 1, "gru": 3, "gru_reset_after": 3, "lstm": 4}[self.cell]

    @property
    def states(self) -> int:
        """How many states are carried."""
        return 2 if self.cell == "lstm" else 1


Op = (
    Input
    | Identity
    | Conv
    | Depthwise
    | Local
    | Lookup
    | Pool
    | GlobalPool
    | Upsample
    | Pad
    | Map
    | MapWith
    | Mask
    | Normalize
    | BatchNormalize
    | Softmax
    | Reshape
    | Transpose
    | Combine
    | Concat
    | Dot
    | Slice
    | Resize
    | Expand
    | Kept
    | Recurrent
)


_READING = (Conv, Local, Depthwise, Lookup, MapWith, Recurrent)
"""The operations that read more than their input."""


def operands(op: Op) -> tuple[Operand, ...]:
    """What an operation reads beside its input, in the order in which kernels take it."""
    if not isinstance(op, _READING):
        return ()
    match op:
        case (
            Conv(weight=weight, bias=bias)
            | Depthwise(weight=weight, bias=bias)
            | Local(weight=weight, bias=bias)
        ):
            return (weight,) if bias is None else (weight, bias)
        case Lookup(weight=weight):
            return (weight,)
        case MapWith(parameters=parameters):
            return parameters
        case Recurrent(weight=weight, state_bias=bias):
            return (weight,) if bias is None else (weight, bias)


def weights_of(op: Op) -> tuple[Weight, ...]:
    """The stored tensors that an operation reads or holds, in order."""
    held = op.unread if isinstance(op, (Normalize, BatchNormalize)) else ()
    if not isinstance(op, _READING):
        return held
    return (*(w for operand in operands(op) for w in stored_tensors(operand)), *held)


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

    def by_call(self) -> Mapping[str, list[Node]]:
        """The nodes of each call of a layer, in order."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            found.setdefault(node.layer, []).append(node)
        return found

    def readers(self) -> Mapping[str, tuple[Node, ...]]:
        """For each node, those that read its value."""
        found: dict[str, list[Node]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in node.inputs:
                found[name].append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    def weights(self) -> tuple[Weight, ...]:
        """Every stored tensor, in order, those that a forward pass does not use as well.

        A tensor that several calls share is there once.
        """
        return tuple(dict.fromkeys(w for node in self.nodes for w in weights_of(node.op)))

    def operands(self) -> tuple[Operand, ...]:
        """What all operations read beside their inputs, in order."""
        return tuple(operand for node in self.nodes for operand in operands(node.op))
