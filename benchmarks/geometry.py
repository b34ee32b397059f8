"""Shapes, operations and bytes of a case: what its time is held against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from .cases import Case, Conv, Dense, Layer, Pool, Shape, Up

FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True)
class Applied:
    """A layer where it stands in its case. Shapes are of one sample, channels first."""

    layer: Layer
    before: Shape
    after: Shape

    @property
    def weight_shape(self) -> Shape | None:
        """(filters, channels, lengths) or (outputs, inputs); None without weights."""
        layer = self.layer
        if isinstance(layer, Conv):
            return (layer.filters, self.before[0], *[layer.size] * (len(self.before) - 1))
        return (layer.outputs, prod(self.before)) if isinstance(layer, Dense) else None

    @property
    def multiply_adds(self) -> int:
        """Of one sample, by the direct algorithm; padding counts."""
        weight = self.weight_shape
        return 0 if weight is None else prod(weight) * prod(self.after[1:])


def applied(case: Case) -> Iterator[Applied]:
    """Every layer with the shapes on both sides."""
    before = case.shape[1:]
    for layer in case.layers:
        after = _after(layer, before)
        yield Applied(layer, before, after)
        before = after


def _after(layer: Layer, shape: Shape) -> Shape:
    channels, *lengths = shape
    match layer:
        case Conv(filters=filters, size=size, stride=stride):
            return (filters, *((n + 2 * layer.pad - size) // stride + 1 for n in lengths))
        case Pool(size=size, stride=stride):
            return (channels, *((n - size) // stride + 1 for n in lengths))
        case Up(size=size):
            return (channels, *(n * size for n in lengths))
        case Dense(outputs=outputs):
            return (outputs,)


def output_shape(case: Case) -> Shape:
    """Batch axis included."""
    *_, last = applied(case)
    return (case.shape[0], *last.after)


def flops(case: Case) -> int:
    """Two for each multiply-add of the direct algorithm, all samples."""
    return 2 * case.shape[0] * sum(a.multiply_adds for a in applied(case))


def least_bytes(case: Case) -> int:
    """What has to be moved even with everything fused: input, weights, output."""
    weights = sum(prod(a.weight_shape) + a.weight_shape[0] for a in applied(case) if a.weight_shape)
    return FLOAT_BYTES * (prod(case.shape) + weights + prod(output_shape(case)))
