"""Keras 1.x initialisers by their documented formulas, one random stream a tensor.

A tensor's numbers depend on the seed, its stream name, its shape and its fans
alone: never on other tensors, on threads or on the order of calls.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import field
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass

ORTHOGONAL_LIMIT = 2**40
"""Most multiply-adds one orthogonal tensor may cost: minutes on one core."""

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Fans:
    """How many inputs feed one output value, and how many outputs one input value feeds."""

    fan_in: int
    fan_out: int


@dataclass(frozen=True, slots=True)
class Initializer:
    """What an initialiser may be given (name -> default) and what it draws."""

    formula: str
    parameters: Mapping[str, float] = field(default_factory=dict)


INITIALIZERS: Mapping[str, Initializer] = {
    "uniform": Initializer("uniform in [-scale, scale]", {"scale": 0.05}),
    "normal": Initializer("normal, mean 0, standard deviation scale", {"scale": 0.05}),
    "lecun_uniform": Initializer("uniform in [-a, a], a = sqrt(3 / fan_in)"),
    "glorot_normal": Initializer("normal, mean 0, standard deviation sqrt(2 / (fan_in + fan_out))"),
    "glorot_uniform": Initializer("uniform in [-a, a], a = sqrt(6 / (fan_in + fan_out))"),
    "he_normal": Initializer("normal, mean 0, standard deviation sqrt(2 / fan_in)"),
    "he_uniform": Initializer("uniform in [-a, a], a = sqrt(6 / fan_in)"),
    "orthogonal": Initializer(
        "scale times a random matrix with orthonormal rows or columns, whichever are fewer; "
        "the tensor is seen as a matrix of shape (first dimension, product of the rest)",
        {"scale": 1.1},
    ),
    "identity": Initializer("scale times the identity; square matrices only", {"scale": 1.0}),
    "zero": Initializer("all zeros"),
    "one": Initializer("all ones"),
}


def conv_fans(kernel_size: tuple[int, ...], in_channels: int, out_channels: int) -> Fans:
    """Fans of a convolution kernel: the receptive field counts in both.

    Depends on neither layout nor rank. Keras 1.x itself got these wrong for channels-last
    kernels up to 1.2.0, for Convolution1D from 1.1.0 and for the third axis of
    channels-last Convolution3D (initializations.py:7-29); those defects are not reproduced.
    """
    receptive_field = math.prod(kernel_size)
    return Fans(in_channels * receptive_field, out_channels * receptive_field)


def dense_fans(input_dim: int, output_dim: int) -> Fans:
    """Fans of a dense kernel of shape (input_dim, output_dim)."""
    return Fans(input_dim, output_dim)


def tensor_fans(kind: str, stored: tuple[int, ...], shape: tuple[int, ...]) -> Fans:
    """Fans of a tensor, by what it is (``schemas.tensors``).

    ``shape`` is that of the operand: a kernel's ends with channels and filters. A depthwise one
    ends with kernels and channels, a local one begins with positions, a stack of matrices is
    stored as such. Parameters that stand beside values are what Keras takes for shapes that it
    does not know: the square root of their number.
    """
    match kind:
        case "depthwise":
            *kernel, multiplier, _ = shape
            return conv_fans(tuple(kernel), 1, multiplier)
        case "stacked":
            return dense_fans(*stored[1:])
        case "elementwise":
            side = max(1, math.isqrt(math.prod(stored)))
            return Fans(side, side)
    *kernel, channels, filters = (1, *(shape[1:] if kind == "local" else shape))
    return conv_fans(tuple(kernel), channels, filters)


def initialize(
    name: str,
    parameters: Mapping[str, float],
    shape: tuple[int, ...],
    fans: Fans,
    *,
    seed: int,
    stream: str,
) -> NDArray[np.float32]:
    """Fill a tensor by the initialiser ``name``; a missing parameter takes its default.

    ``seed`` is in 0..2**63-1; ``stream`` names the tensor, e.g. ``conv1/W``. The normal
    distributions are not truncated (Keras 1.2.2, initializations.py:32-116).
    Raises CS091 for a shape the initialiser cannot fill.
    """
    assert name in INITIALIZERS, f"unknown initialiser {name}"
    allowed = INITIALIZERS[name].parameters
    assert set(parameters) <= set(allowed), f"{name} takes {sorted(allowed)}"
    assert 0 <= seed < 2**63, f"seed {seed} outside 0..2**63-1"
    scale = parameters.get("scale", allowed.get("scale", 1.0))
    rng = _generator(seed, stream)
    match name:
        case "uniform":
            return _uniform(rng, shape, scale)
        case "lecun_uniform":
            return _uniform(rng, shape, math.sqrt(3 / fans.fan_in))
        case "glorot_uniform":
            return _uniform(rng, shape, math.sqrt(6 / (fans.fan_in + fans.fan_out)))
        case "he_uniform":
            return _uniform(rng, shape, math.sqrt(6 / fans.fan_in))
        case "normal":
            return _normal(rng, shape, scale)
        case "glorot_normal":
            return _normal(rng, shape, math.sqrt(2 / (fans.fan_in + fans.fan_out)))
        case "he_normal":
            return _normal(rng, shape, math.sqrt(2 / fans.fan_in))
        case "orthogonal":
            return _orthogonal(rng, shape, scale)
        case "identity":
            return _identity(shape, scale)
        case "zero":
            return np.zeros(shape, np.float32)
        case _:
            return np.ones(shape, np.float32)


def _generator(seed: int, stream: str) -> np.random.Generator:
    """An own Philox sequence for every (seed, stream): its key is a hash of both."""
    digest = sha256(f"{seed}\0{stream}".encode("utf-8", "surrogatepass")).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], limit: float) -> NDArray[np.float32]:
    # A draw is k / 2**24, so 2 * draw - 1 is exact and one rounding is left:
    # the same bits on every platform, and never beyond float32(limit).
    values = np.empty(shape, np.float32)
    rng.random(out=values, dtype=np.float32)
    values *= np.float32(2)
    values -= np.float32(1)
    values *= np.float32(limit)
    return values


def _normal(rng: np.random.Generator, shape: tuple[int, ...], std: float) -> NDArray[np.float32]:
    # Drawn in float64: a last-digit difference between math libraries is lost in the rounding.
    # In chunks, so that a large kernel needs no float64 copy of itself.
    values = np.empty(math.prod(shape), np.float32)
    for start in range(0, values.size, _CHUNK):
        part = values[start : start + _CHUNK]
        part[:] = rng.standard_normal(part.size) * std
    return values.reshape(shape)


def _orthogonal(
    rng: np.random.Generator, shape: tuple[int, ...], scale: float
) -> NDArray[np.float32]:
    """The orthonormal factor of a Gaussian matrix, times ``scale``.

    Keras takes the factor of matching shape of the singular value decomposition. Its signs
    are left to the LAPACK build, and it costs about ten times a QR; the QR factor with a
    positive diagonal is unique and has the same (Haar) distribution.
    """
    rows, columns = shape[0], math.prod(shape[1:])
    if 0 in (rows, columns):
        return np.zeros(shape, np.float32)
    if rows * columns * min(rows, columns) > ORTHOGONAL_LIMIT:
        raise Problem(
            "CS091",
            f"'orthogonal' on a matrix of {rows} x {columns} would take too long",
            "use another initialiser, such as 'glorot_uniform', or give the weights",
        )
    tall, short = max(rows, columns), min(rows, columns)
    q, r = np.linalg.qr(rng.standard_normal((tall, short)))
    q *= np.where(np.diagonal(r) < 0, -scale, scale)
    matrix = q if rows >= columns else q.T
    return np.ascontiguousarray(matrix, dtype=np.float32).reshape(shape)


def _identity(shape: tuple[int, ...], scale: float) -> NDArray[np.float32]:
    if len(shape) != 2 or shape[0] != shape[1]:
        raise Problem(
            "CS091",
            f"'identity' needs a square matrix; this tensor has shape {shape}",
            "use 'orthogonal' or 'glorot_uniform', or give the weights",
        )
    return np.eye(shape[0], dtype=np.float32) * np.float32(scale)
