"""The intermediate representation: a directed acyclic graph of rank-generic operations.

    graph  = nodes in topological order, outputs; its inputs are its Input nodes, in order
    node   = name, operation, inputs (names of nodes), shape of its value, layer
    op     = Input | Identity | Conv | Depthwise | Local | Lookup | Pool | GlobalPool | Upsample
           | Pad | Map | MapWith | Mask | Normalize | BatchNormalize | Softmax | Reshape | Transpose
           | Combine | Concat | Dot | Slice | Resize

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

from speccompiler.expressions.nodes import Expression
from speccompiler.graph.dims import Dim

Shape = tuple[Dim, ...]
Padding = tuple[tuple[Dim, Dim], ...]
"""(before, after) along each spatial axis. A negative amount leaves that many values unread."""


@dataclass(frozen=True, slots=True)
class Weight:
    """A stored tensor and how it becomes the operand of an operation.

    ``transpose(stored, axes).reshape(shape)``, then reversed along every spatial
    axis (all but the last two) when ``flip`` is set. ``split`` is a shape that the stored
    tensor is given first, where single axes of it are transposed apart.

    ``phases`` are the strides of a transposed convolution, whose outputs fall into as many
    classes: those of one class see every stride-th place of the kernel alone. The kernel
    ``(*k, C, F)`` becomes ``(*ceil(k / stride), C, stride * F)``, class by class and reversed
    along the spatial axes, so that correlating with it gives the outputs of all classes side by
    side; a bias is repeated for each. ``shape`` is then the result's.

    ``variants``: what else a file may hold. "conv1d" is a kernel that Keras up to 1.0.8 stored
    in another layout; of "shared" parameters any axis may have the length 1; "split" is the same
    numbers in the shape that ``split`` gives them.
    """

    layer: str
    tensor: str
    stored_shape: tuple[int, ...]
    axes: tuple[int, ...]
    shape: tuple[int, ...]
    flip: bool = False
    split: tuple[int, ...] = ()
    phases: tuple[int, ...] = ()
    variants: Literal["", "conv1d", "shared", "split"] = ""

    @property
    def name(self) -> tuple[str, str]:
        """Which stored tensor it is, however it is read."""
        return self.layer, self.tensor

    @property
    def whole_kernel(self) -> tuple[int, ...]:
        """Lengths of the kernel of a transposed convolution, before it falls into classes."""
        more = len(self.phases) + 2 - len(self.axes)
        return (1,) * more + tuple(self.stored_shape[axis] for axis in self.axes[:-2])


@dataclass(frozen=True, slots=True)
class Derived:
    """An operand computed once from others, such as a kernel with a normalisation folded in.

    ``formula`` is an expression whose parameters are ``operands``, which broadcast as NumPy's
    arrays do (along their last axes), in float64.
    """

    formula: Expression
    operands: tuple[Operand, ...]
    shape: tuple[int, ...]

    @property
    def layer(self) -> str:
        """The layer of its first tensor."""
        return self.operands[0].layer


@dataclass(frozen=True, slots=True)
class Constant:
    """An operand whose numbers a spec says itself, row by row: no tensor that anyone stores."""

    layer: str
    values: tuple[float, ...]
    shape: tuple[int, ...]


Operand = Weight | Derived | Constant


def stored_tensors(operand: Operand) -> tuple[Weight, ...]:
    """The tensors that an operand is made of, each once."""
    if isinstance(operand, Weight):
        return (operand,)
    if isinstance(operand, Constant):
        return ()
    return tuple(dict.fromkeys(w for part in operand.operands for w in stored_tensors(part)))


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
    as if it stood there repeated, inside the padding; empty for once. ``dilation`` is the
    distance of neighbouring places of the window; empty for 1.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Padding
    weight: Operand
    bias: Operand | None
    activation: Expression | None = None
    repeats: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()

    @property
    def filters(self) -> int:
        """Channels of the output."""
        return self.weight.shape[-1]

    @property
    def extent(self) -> tuple[int, ...]:
        """Length of the window along each axis, from its first place to its last."""
        apart = self.dilation or (1,) * len(self.kernel)
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, apart, strict=True))


@dataclass(frozen=True, slots=True)
class Depthwise:
    """Correlation of every channel with ``M`` kernels of its own; no bias, no activation.

    Input ``(*n, C)``, weight ``(*kernel, M, C)``, output ``(*o, M * C)``: channel ``m * C + c``
    is what the m-th kernel makes of channel c.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Padding
    weight: Operand


@dataclass(frozen=True, slots=True)
class Local:
    """A convolution without padding whose every position has weights of its own.

    Input ``(*n, C)``, weight ``(positions, *kernel, C, filters)`` in row-major order of the
    positions, bias ``(positions, filters)``, output ``(*o, filters)``. Axes of the value before
    the spatial ones are further samples.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    weight: Operand
    bias: Operand | None


@dataclass(frozen=True, slots=True)
class Lookup:
    """Rows of a table: input ``(*n)``, weight ``(rows, D)``, output ``(*n, D)``.

    A value is cut off to a whole number. One that is no row's gives NaN.
    """

    weight: Operand


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
    """Zeros before and after each spatial axis; a negative amount cuts off."""

    padding: Padding


@dataclass(frozen=True, slots=True)
class Map:
    """An elementwise expression of every value."""

    activation: Expression


@dataclass(frozen=True, slots=True)
class MapWith:
    """An elementwise expression of every value and of parameters that stand beside it.

    A parameter has a sample's rank, and its lengths or 1, for one that an axis shares.
    """

    activation: Expression
    parameters: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Mask:
    """0 instead of all values of the last axis where every one of them equals ``value``."""

    value: float


@dataclass(frozen=True, slots=True)
class Normalize:
    """``(x - mean) / (sqrt(variance + epsilon) + added)`` over the last axis of each sample.

    ``unread`` are tensors that the layer stores and a forward pass does not look at.
    """

    epsilon: float
    added: float
    unread: tuple[Weight, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchNormalize:
    """``(x - mean) / sqrt(variance + epsilon)`` of each channel over all samples of a batch.

    The one operation in which samples see each other: a batch is what one call is given.
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


@dataclass(frozen=True, slots=True)
class Slice:
    """Of each axis of a sample ``count`` values, ``step`` apart, from ``start`` on.

    A negative step goes backwards. Everything that is named lies within the axis.
    """

    start: Shape
    step: tuple[int, ...]
    count: Shape


@dataclass(frozen=True, slots=True)
class Resize:
    """An image sampled at other places: input ``(*n, H, W, C)``, output ``(*n, *size, C)``.

    By the rules of TensorFlow 1.x; see ``lengths.resize_scale`` for where it looks.
    """

    size: tuple[Dim, Dim]
    bilinear: bool
    align_corners: bool


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
)


def operands(op: Op) -> tuple[Operand, ...]:
    """What an operation reads beside its input, in the order in which kernels take it."""
    match op:
        case Conv(weight=weight, bias=bias) | Local(weight=weight, bias=bias):
            return (weight,) if bias is None else (weight, bias)
        case Depthwise(weight=weight) | Lookup(weight=weight):
            return (weight,)
        case MapWith(parameters=parameters):
            return parameters
        case _:
            return ()


def weights_of(op: Op) -> tuple[Weight, ...]:
    """The stored tensors that an operation reads or holds, in order."""
    held = op.unread if isinstance(op, Normalize | BatchNormalize) else ()
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

    def readers(self) -> Mapping[str, tuple[Node, ...]]:
        """For each node, those that read its value."""
        found: dict[str, list[Node]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in node.inputs:
                found[name].append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    def weights(self) -> tuple[Weight, ...]:
        """Every stored tensor, in order: those that are read, and those that layers just hold.

        One that layers share is there once.
        """
        return tuple(dict.fromkeys(w for node in self.nodes for w in weights_of(node.op)))

    def operands(self) -> tuple[Operand, ...]:
        """What all operations read beside their inputs, in order."""
        return tuple(operand for node in self.nodes for operand in operands(node.op))
