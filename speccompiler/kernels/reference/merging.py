"""Operations that make one value of several."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import numpy as np

from speccompiler.expressions.evaluate import evaluate
from speccompiler.graph import ir
from speccompiler.kernels.reference.values import Array, Weights

_COMBINED: Mapping[str, Callable[[Array, Array], Array]] = {
    "sum": np.add,
    "ave": np.add,
    "mul": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
    "difference": np.subtract,
    "quotient": np.divide,
}


def combine(op: ir.Combine, weights: Weights, *values: Array) -> Array:
    y = functools.reduce(_COMBINED[op.mode], values)
    y = y / len(values) if op.mode == "ave" else y
    return y if op.activation is None else evaluate(op.activation, y)


def concat(op: ir.Concat, weights: Weights, *values: Array) -> Array:
    return np.concatenate(values, axis=op.axis + 1)


def dot(op: ir.Dot, weights: Weights, x: Array, y: Array) -> Array:
    samples, length = len(x), x.shape[-1]
    rows, columns = (v.reshape(samples, -1, length) for v in (x, y))
    shape = (*x.shape[1:-1], *y.shape[1:-1]) or (1,)
    return np.asarray((rows @ columns.transpose(0, 2, 1)).reshape(samples, *shape))
