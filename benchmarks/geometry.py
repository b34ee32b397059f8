"""Shapes, operations and bytes of a case: what its time is held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from .cases import (
    Branches,
    Case,
    Conv,
    ConvLstm,
    Dense,
    Layer,
    Pool,
    Recurrent,
    Separable,
    Shape,
    Squeeze,
    Up,
)

FLOAT_BYTES = 4
EPSILON = 1e-3
"""What a batch normalisation adds to the variance."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A layer where it stands in its case. Shapes are of one sample, channels first."""

    layer: Layer
    inputs: tuple[int, ...]
    """What it reads: 0 is the input of the case, i what the i-th layer makes."""
    befores: tuple[Shape, ...]
    after: Shape

    @property
    def before(self) -> Shape:
        """The shape of the first value that is read; only where branches meet are there several."""
        return self.befores[0]

    @property
    def weight_shape(self) -> Shape | None:
        """(filters, channels, lengths) or (outputs, inputs); None without weights.

        Of a separable convolution it is what goes from channels to filters.
        """
        layer = self.layer
        if isinstance(layer, Separable):
            return (layer.filters, self.before[0], *[1] * (len(self.before) - 1))
        if isinstance(layer, Recurrent):
            return (layer.gates * layer.units, self.before[0])
        if isinstance(layer, ConvLstm):
            return (layer.gates * layer.filters, self.before[0], layer.size, layer.size)
        if isinstance(layer, Conv):
            seen = self.before[0] // layer.groups
            return (layer.filters, seen, *[layer.size] * (len(self.before) - 1))
        return (layer.outputs, prod(self.before)) if isinstance(layer, Dense) else None

    @property
    def depthwise_shape(self) -> Shape | None:
        """(channels, 1, lengths), the kernels of a separable convolution."""
        if not isinstance(self.layer, Separable):
            return None
        return (self.before[0], 1, *[self.layer.size] * (len(self.before) - 1))

    @property
    def state_shape(self) -> Shape | None:
        """Of the weights that a state is multiplied with: as ``weight_shape``, with its units."""
        layer, shape = self.layer, self.weight_shape
        if shape is None or not isinstance(layer, Recurrent | ConvLstm):
            return None
        return (shape[0], shape[0] // layer.gates, *shape[2:])

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds for one sample, by the direct algorithm; padding counts."""
        shapes = (self.weight_shape, self.depthwise_shape, self.state_shape)
        places = self.before[1:] if isinstance(self.layer, Recurrent) else self.after[1:]
        return sum(prod(shape) for shape in shapes if shape is not None) * prod(places)


def applied(case: Case) -> list[Applied]:
    """Every layer with the shapes on both sides; branches come before the place they meet at."""
    found: list[Applied] = []
    _apply(case.layers, 0, case.shape[1:], found)
    return found


def _apply(layers: Sequence[Layer], at: int, first: Shape, found: list[Applied]) -> int:
    """Add a chain that reads value ``at``; the number of the value that it makes."""
    for layer in layers:
        inputs: tuple[int, ...] = (at,)
        if isinstance(layer, Branches):
            inputs = tuple(_apply(chain, at, first, found) for chain in layer.chains)
        befores = tuple(found[i - 1].after if i else first for i in inputs)
        found.append(Applied(layer, inputs, befores, _after(layer, befores)))
        at = len(found)
    return at


def hanging(pool: Pool, length: int) -> tuple[int, int]:
    """How far the windows of an axis hang over its beginning and its end, as in Keras."""
    if not pool.same:
        return (0, 0)
    count = -(-length // pool.stride)
    over = max(0, (count - 1) * pool.stride + pool.size - length)
    return (over // 2, over - over // 2)


def _after(layer: Layer, befores: tuple[Shape, ...]) -> Shape:
    channels, *lengths = befores[0]
    match layer:
        case Branches(join=join):
            return (sum(b[0] for b in befores) if join == "concat" else channels, *lengths)
        case Conv(filters=filters, stride=stride):
            window = layer.dilation * (layer.size - 1) + 1
            return (filters, *((n + 2 * layer.pad - window) // stride + 1 for n in lengths))
        case Separable(filters=filters, size=size, stride=stride):
            padded = (n + size // 2 * 2 for n in lengths)
            return (filters, *((n - size) // stride + 1 for n in padded))
        case Pool(size=size, stride=stride) as pool:
            padded = (n + sum(hanging(pool, n)) for n in lengths)
            return (channels, *((n - size) // stride + 1 for n in padded))
        case Up(size=size):
            return (channels, *(n * size for n in lengths))
        case Squeeze():
            assert lengths[0] == 1, "more than one value is left"
            return (channels, *lengths[1:])
        case Recurrent(units=units, sequences=sequences):
            return (units, *lengths) if sequences else (units,)
        case ConvLstm(filters=filters):
            return (filters, *lengths)
        case Dense(outputs=outputs):
            return (outputs,)


def output_shape(case: Case) -> Shape:
    """Batch axis included."""
    return (case.shape[0], *applied(case)[-1].after)


def flops(case: Case) -> int:
    """Two for each multiply-add of the direct algorithm, all samples."""
    return 2 * case.shape[0] * sum(a.multiply_adds for a in applied(case))


def least_bytes(case: Case) -> int:
    """What has to be moved even with everything fused: input, weights, output."""
    layers = applied(case)
    weights = sum(prod(a.weight_shape) + a.weight_shape[0] for a in layers if a.weight_shape)
    weights += sum(prod(a.depthwise_shape) for a in layers if a.depthwise_shape)
    weights += sum(prod(a.state_shape) for a in layers if a.state_shape)
    return FLOAT_BYTES * (prod(case.shape) + weights + prod(output_shape(case)))
