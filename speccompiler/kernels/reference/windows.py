"""Operations that look through a window: convolutions and pooling."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import numpy as np

from speccompiler.expressions.evaluate import evaluate
from speccompiler.graph import ir
from speccompiler.kernels.reference.moving import extend, repeat
from speccompiler.kernels.reference.values import Array, Weights


def _taps(
    x: Array, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...] = ()
) -> Iterator[tuple[tuple[int, ...], Array]]:
    """For every place in the window, the input seen from every output position."""
    apart = dilation or (1,) * len(kernel)
    lengths = [
        (n - (k - 1) * d - 1) // s + 1
        for n, k, s, d in zip(x.shape[1:-1], kernel, stride, apart, strict=True)
    ]
    for place in itertools.product(*map(range, kernel)):
        window = tuple(
            slice(p * d, p * d + (length - 1) * s + 1, s)
            for p, length, s, d in zip(place, lengths, stride, apart, strict=True)
        )
        yield place, x[(slice(None), *window)]


def correlate(x: Array, kernel: Array, padding: ir.Padding, stride: tuple[int, ...]) -> Array:
    """Correlation of ``x`` ``(batch, *n, C)`` with ``(*kernel, C, filters)``."""
    taps = _taps(extend(x, padding, 0.0), kernel.shape[:-2], stride)
    return np.asarray(sum(seen @ kernel[place] for place, seen in taps))


def conv(op: ir.Conv, weights: Weights, x: Array) -> Array:
    kernel = weights[op.weight]
    x = repeat(x, op.repeats)
    padded = extend(x, op.padding, 0.0)
    y: Array = sum(
        (
            _product(seen, kernel[place], op.groups)
            for place, seen in _taps(padded, op.kernel, op.stride, op.dilation)
        ),
        start=np.zeros(()),
    )
    if op.bias is not None:
        y = y + weights[op.bias]
    return y if op.activation is None else evaluate(op.activation, y)


def _product(x: Array, matrix: Array, groups: int) -> Array:
    """``x @ matrix``, where each group of columns takes its part of the channels."""
    parts = zip(np.split(x, groups, axis=-1), np.split(matrix, groups, axis=-1), strict=True)
    return np.concatenate([part @ columns for part, columns in parts], axis=-1)


def depthwise(op: ir.Depthwise, weights: Weights, x: Array) -> Array:
    kernel = weights[op.weight]
    padded = extend(x, op.padding, 0.0)
    taps = _taps(padded, op.kernel, op.stride, op.dilation)
    y: Array = sum((seen[..., None, :] * kernel[place] for place, seen in taps), start=np.zeros(()))
    y = y.reshape(*y.shape[:-2], -1)
    if op.bias is not None:
        y = y + weights[op.bias]
    return y if op.activation is None else evaluate(op.activation, y)


def local(op: ir.Local, weights: Weights, x: Array) -> Array:
    first = x.ndim - 1 - len(op.kernel)
    samples = x.reshape(-1, *x.shape[first:])
    taps = [seen for _, seen in _taps(samples, op.kernel, op.stride)]
    seen = np.stack(taps, axis=-2)  # (samples, *o, places, C)
    places = seen.reshape(*seen.shape[: 1 + len(op.kernel)], -1)
    kernel = weights[op.weight].reshape(*places.shape[1:], op.weight.shape[-1])
    y = np.asarray((places[..., None, :] @ kernel)[..., 0, :])
    if op.bias is not None:
        y = y + weights[op.bias].reshape(y.shape[1:])
    return y.reshape(*x.shape[:first], *y.shape[1:])


def pool(op: ir.Pool, weights: Weights, x: Array) -> Array:
    x = extend(x, op.zeros, 0.0)
    if op.mode == "max":
        padded = extend(x, op.padding, -np.inf)
        return functools.reduce(np.maximum, _seen(op, padded))
    total = sum(_seen(op, extend(x, op.padding, 0.0)))
    count = sum(_seen(op, extend(np.ones_like(x), op.padding, 0.0)))
    return np.asarray(total / count)


def _seen(op: ir.Pool, x: Array) -> Iterator[Array]:
    return (seen for _, seen in _taps(x, op.kernel, op.stride, op.dilation))
