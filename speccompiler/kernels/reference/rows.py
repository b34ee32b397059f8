"""Operations along whole axes: softmax, normalisations, global pooling, tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from speccompiler.expressions.evaluate import evaluate
from speccompiler.graph import ir
from speccompiler.kernels.reference.values import Array, Weights


def softmax(op: ir.Softmax, weights: Weights, x: Array) -> Array:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def map_with(op: ir.MapWith, weights: Weights, x: Array) -> Array:
    value = evaluate(op.activation, x, [weights[parameter] for parameter in op.parameters])
    return value if op.after is None else evaluate(op.after, value)


def mask(op: ir.Mask, weights: Weights, x: Array) -> Array:
    return np.where((x != op.value).any(axis=-1, keepdims=True), x, 0.0)


def kept(op: ir.Kept, weights: Weights, x: Array) -> Array:
    different = x.astype(np.float32) != np.float32(op.value)
    return np.asarray(different.any(axis=-1), np.float64)


def normalize(op: ir.Normalize, weights: Weights, x: Array) -> Array:
    deviation = np.sqrt(x.var(axis=-1, keepdims=True) + op.epsilon)
    return np.asarray((x - x.mean(axis=-1, keepdims=True)) / (deviation + op.added))


def batch_normalize(op: ir.BatchNormalize, weights: Weights, x: Array) -> Array:
    axes = tuple(range(x.ndim - 1))
    return np.asarray((x - x.mean(axes)) / np.sqrt(x.var(axes) + op.epsilon))


def global_pool(op: ir.GlobalPool, weights: Weights, x: Array) -> Array:
    axes = tuple(range(1 + op.kept, x.ndim - 1))
    pooled: Mapping[str, Callable[..., Any]] = {
        "max": x.max, "average": x.mean, "sum": x.sum, "product": x.prod,
    }  # fmt: skip
    return np.asarray(pooled[op.mode](axes))


def lookup(op: ir.Lookup, weights: Weights, x: Array) -> Array:
    table = weights[op.weight]
    whole = np.trunc(x)
    inside = (whole >= 0) & (whole < len(table))
    rows = table[np.where(inside, whole, 0).astype(np.int64)]
    return np.where(inside[..., None], rows, np.nan)
