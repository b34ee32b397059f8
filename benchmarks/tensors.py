"""The numbers that every contender computes with: He-scaled weights, normal input."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod, sqrt

import numpy as np
import numpy.typing as npt

from .cases import Case, Conv
from .geometry import applied, output_shape

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Norm:
    """The tensors of a batch normalisation: a value for each filter."""

    gamma: Array
    beta: Array
    mean: Array
    variance: Array


@dataclass(frozen=True, slots=True)
class Parameters:
    """The weights of one layer, (filters, channels, lengths) or (outputs, inputs), and its bias."""

    weight: Array
    bias: Array
    norm: Norm | None = None
    depthwise: Array | None = None
    """The kernels of a separable convolution: (channels, 1, lengths)."""
    state: Array | None = None
    """What multiplies a state: (gates * units, units, lengths), gates as in Keras."""


@lru_cache(maxsize=1)
def parameters(case: Case) -> tuple[Parameters | None, ...]:
    """One for each layer, None where it has none. Shared by all who ask: not to be changed.

    Variance 2 / inputs keeps activations of one size through relu layers (He and others,
    2015), so that an error shows as large at the end as where it was made.
    """
    rng = np.random.default_rng(1)
    found: list[Parameters | None] = []
    for at in applied(case):
        shape = at.weight_shape
        if shape is None:
            found.append(None)
            continue
        scale = np.float32(sqrt(2 / prod(shape[1:])))
        weight = rng.standard_normal(shape, np.float32) * scale
        bias = rng.standard_normal(shape[0], np.float32) * np.float32(0.1)
        norm = _norm(at.layer, rng) if isinstance(at.layer, Conv) and at.layer.normalized else None
        depthwise = None
        if at.depthwise_shape is not None:
            scale = np.float32(1 / sqrt(prod(at.depthwise_shape[1:])))
            depthwise = rng.standard_normal(at.depthwise_shape, np.float32) * scale
        state = None
        if at.state_shape is not None:
            scale = np.float32(1 / sqrt(prod(at.state_shape[1:])))
            state = rng.standard_normal(at.state_shape, np.float32) * scale
        found.append(Parameters(weight, bias, norm, depthwise, state))
    return tuple(found)


def _norm(conv: Conv, rng: np.random.Generator) -> Norm:
    """Values keep their size; what is added to others without relu is half as large."""

    def around(centre: float, width: float) -> Array:
        return (centre + width * rng.uniform(-1, 1, conv.filters)).astype(np.float32)

    size = 1.0 if conv.relu else 0.5
    return Norm(around(size, 0.2), around(0, 0.2), around(0, 0.2), around(1, 0.3))


def input_array(case: Case) -> Array:
    """Channels first."""
    return np.random.default_rng(2).standard_normal(case.shape, np.float32)


def channels_last(x: Array) -> Array:
    """(n, c, ...) to (n, ..., c), contiguous; a matrix stays as it is."""
    return np.ascontiguousarray(np.moveaxis(x, 1, -1))


def channels_first(x: Array) -> Array:
    """The way back."""
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


def peer_input(case: Case) -> Array:
    """As a peer is given it: in the order that its kernels want, prepared outside the timing."""
    x = input_array(case)
    if case.steps_first:
        x = x.transpose(2, 0, 1)
    elif case.images_over_time:
        x = x.swapaxes(1, 2)
    return np.ascontiguousarray(x)


def peer_output_shape(case: Case) -> tuple[int, ...]:
    """Of what a peer gives."""
    samples, *rest = output_shape(case)
    if case.steps_first and len(rest) == 2:
        return (rest[1], samples, rest[0])
    if case.images_over_time:
        return (samples, rest[1], rest[0], *rest[2:])
    return (samples, *rest)


def from_peer(case: Case, y: Array) -> Array:
    """What a peer gave, channels first, of its own memory."""
    if case.steps_first and y.ndim == 3:
        y = y.transpose(1, 2, 0)
    elif case.images_over_time:
        y = y.swapaxes(1, 2)
    return np.array(y, np.float32)
