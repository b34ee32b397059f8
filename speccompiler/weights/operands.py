"""Operands of operations, made of the tensors that are stored.

A tensor is stored in the order of the layer that it belongs to. An operation reads it in its
own order, or reads what a formula makes of several.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.expressions.evaluate import combine
from speccompiler.graph.ir import Constant, Joined, Operand, Row, Weight


def operand(weight: Weight, stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A stored tensor as the operation reads it: permuted, reshaped, flipped, split by phases."""
    shape = weight.split or weight.stored_shape
    if stored.size < math.prod(shape):
        # Along an axis that was open one parameter is shared, which now has a length.
        stored = np.broadcast_to(stored, shape)
    value = stored.reshape(shape).transpose(weight.axes)
    if not weight.phases:
        value = value.reshape(weight.shape)
    elif value.ndim > 1:
        value = value[(None,) * (len(weight.shape) - value.ndim)]
    if weight.flip:
        spatial = value.ndim - 2
        value = value[(slice(None, None, -1),) * spatial]
    return _by_phase(value, weight.phases) if weight.phases else value


def _by_phase(value: npt.NDArray[Any], strides: tuple[int, ...]) -> npt.NDArray[Any]:
    """A transposed convolution's kernel, split as ``Weight.phases`` says; a bias is repeated."""
    if value.ndim == 1:
        return np.tile(value, math.prod(strides))
    rank = len(strides)
    counts = [-(-k // s) for k, s in zip(value.shape, strides, strict=False)]
    missing = [c * s - k for c, s, k in zip(counts, strides, value.shape, strict=False)]
    value = np.pad(value, [*((0, m) for m in missing), (0, 0), (0, 0)])
    pairs = [n for pair in zip(counts, strides, strict=True) for n in pair]
    value = value.reshape(*pairs, *value.shape[rank:])
    value = value[(slice(None, None, -1), slice(None)) * rank]
    taps, classes = range(0, 2 * rank, 2), range(1, 2 * rank, 2)
    value = value.transpose(*taps, 2 * rank, *classes, 2 * rank + 1)
    return value.reshape(*counts, value.shape[rank], -1)


def resolve(wanted: Operand, read: Callable[[Weight], npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """An operand as the operation reads it; ``read`` gives the stored tensors it is made of.

    What is derived from several tensors is computed in float64.
    """
    if isinstance(wanted, Weight):
        return operand(wanted, read(wanted))
    if isinstance(wanted, Constant):
        return np.array(wanted.values).reshape(wanted.shape)
    if isinstance(wanted, Joined):
        return np.concatenate([resolve(part, read) for part in wanted.parts], axis=wanted.axis)
    if isinstance(wanted, Row):
        return np.asarray(resolve(wanted.rows, read)[wanted.index])
    parts = [np.asarray(resolve(part, read), np.float64) for part in wanted.operands]
    value = combine(wanted.formula, parts)
    # Axes in front of those that are wanted are 1 long; one that is shared may be missing.
    value = value.reshape(value.shape[max(0, value.ndim - len(wanted.shape)) :])
    return np.broadcast_to(value, wanted.shape)
