"""Operations that move, repeat, cut or spread values."""

from __future__ import annotations

import numpy as np

from speccompiler.graph import ir
from speccompiler.graph.dims import known
from speccompiler.graph.places import resize_scale
from speccompiler.kernels.reference.values import Array, Weights


def extend(x: Array, padding: ir.Padding, value: float) -> Array:
    """``x`` with ``value`` around its spatial axes; a negative amount crops."""
    widths = [(known(b), known(a)) for b, a in padding]
    grown = [(0, 0), *((max(b, 0), max(a, 0)) for b, a in widths), (0, 0)]
    x = np.pad(x, grown, constant_values=value)
    spatial = (slice(max(-b, 0), min(a, 0) or None) for b, a in widths)
    crop = [slice(None), *spatial, slice(None)]
    return x[tuple(crop)]


def repeat(x: Array, factors: tuple[int, ...]) -> Array:
    """Every value ``factors`` times along each spatial axis."""
    for axis, factor in enumerate(factors, start=1):
        x = np.repeat(x, factor, axis)
    return x


def upsample(op: ir.Upsample, weights: Weights, x: Array) -> Array:
    return repeat(x, op.factors)


def reshape(op: ir.Reshape, weights: Weights, x: Array) -> Array:
    return x.reshape(len(x), *map(known, op.shape))


def transpose(op: ir.Transpose, weights: Weights, x: Array) -> Array:
    return x.transpose(0, *(axis + 1 for axis in op.axes))


def take_slice(op: ir.Slice, weights: Weights, x: Array) -> Array:
    for axis, (start, step, count) in enumerate(zip(op.start, op.step, op.count, strict=True), 1):
        places = known(start) + step * np.arange(known(count))
        x = np.take(x, places, axis)
    return x


def resize(op: ir.Resize, weights: Weights, x: Array) -> Array:
    """A place lies between two neighbours, and takes of each its share, or the nearer one.

    Behind the last neighbour lies none: it then counts as both.
    """
    for axis, size in zip((-2, -3), reversed(op.size), strict=True):
        length, count = x.shape[axis], known(size)
        scale = np.float32(resize_scale(length, count, op.align_corners))
        place = np.arange(count, dtype=np.float32) * scale
        if op.half_pixel:
            place = (np.arange(count, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
            place = np.maximum(place, np.float32(0)) if op.bilinear else place + np.float32(0.5)
        if not op.bilinear:
            whole = np.floor(place)
            whole += op.align_corners & (place - whole >= 0.5)
            x = np.take(x, np.minimum(whole.astype(np.int64), length - 1), axis)
            continue
        first = np.minimum(np.floor(place).astype(np.int64), length - 1)
        low, high = np.take(x, first, axis), np.take(x, np.minimum(first + 1, length - 1), axis)
        share = (place - first).astype(np.float64).reshape(-1, *(1,) * (-1 - axis))
        x = low + (high - low) * share
    return x


def expand(op: ir.Expand, weights: Weights, x: Array) -> Array:
    return np.broadcast_to(x, (len(x), *map(known, op.shape)))
