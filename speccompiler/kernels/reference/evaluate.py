"""The reference target: every operation in float64 NumPy, written to be read.

Values are ``(batch, *spatial, channels)``. It runs the graph before any pass, so
it judges the passes as well as the kernels.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.expressions.evaluate import evaluate
from speccompiler.graph.dims import known as known_length
from speccompiler.graph.ir import (
    BatchNormalize,
    Combine,
    Concat,
    Conv,
    Depthwise,
    Dot,
    GlobalPool,
    Graph,
    Identity,
    Input,
    Local,
    Lookup,
    Map,
    MapWith,
    Mask,
    Normalize,
    Op,
    Operand,
    Pad,
    Padding,
    Pool,
    Reshape,
    Resize,
    Shape,
    Slice,
    Softmax,
    Transpose,
    Upsample,
)
from speccompiler.graph.places import resize_scale

Array = npt.NDArray[np.float64]
Weights = Mapping[Operand, Array]


def _extended(x: Array, padding: Padding, value: float) -> Array:
    """``x`` with ``value`` around its spatial axes; a negative amount crops."""
    widths = [(known_length(b), known_length(a)) for b, a in padding]
    grown = [(0, 0), *((max(b, 0), max(a, 0)) for b, a in widths), (0, 0)]
    x = np.pad(x, grown, constant_values=value)
    spatial = (slice(max(-b, 0), min(a, 0) or None) for b, a in widths)
    crop = [slice(None), *spatial, slice(None)]
    return x[tuple(crop)]


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


def _conv(op: Conv, weights: Weights, x: Array) -> Array:
    kernel = weights[op.weight]
    x = _repeated(x, op.repeats)
    padded = _extended(x, op.padding, 0.0)
    y: Array = sum(
        (seen @ kernel[place] for place, seen in _taps(padded, op.kernel, op.stride, op.dilation)),
        start=np.zeros(()),
    )
    if op.bias is not None:
        y = y + weights[op.bias]
    return y if op.activation is None else evaluate(op.activation, y)


def _depthwise(op: Depthwise, weights: Weights, x: Array) -> Array:
    kernel = weights[op.weight]
    padded = _extended(x, op.padding, 0.0)
    y: Array = sum(
        (seen[..., None, :] * kernel[place] for place, seen in _taps(padded, op.kernel, op.stride)),
        start=np.zeros(()),
    )
    return y.reshape(*y.shape[:-2], -1)


def _local(op: Local, weights: Weights, x: Array) -> Array:
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


def _lookup(op: Lookup, weights: Weights, x: Array) -> Array:
    table = weights[op.weight]
    whole = np.trunc(x)
    inside = (whole >= 0) & (whole < len(table))
    rows = table[np.where(inside, whole, 0).astype(np.int64)]
    return np.where(inside[..., None], rows, np.nan)


def _global_pool(op: GlobalPool, weights: Weights, x: Array) -> Array:
    axes = tuple(range(1 + op.kept, x.ndim - 1))
    pooled: Mapping[str, Callable[..., Any]] = {
        "max": x.max, "average": x.mean, "sum": x.sum, "product": x.prod,
    }  # fmt: skip
    return np.asarray(pooled[op.mode](axes))


def _mask(op: Mask, weights: Weights, x: Array) -> Array:
    return np.where((x != op.value).any(axis=-1, keepdims=True), x, 0.0)


def _normalize(op: Normalize, weights: Weights, x: Array) -> Array:
    deviation = np.sqrt(x.var(axis=-1, keepdims=True) + op.epsilon)
    return np.asarray((x - x.mean(axis=-1, keepdims=True)) / (deviation + op.added))


def _batch_normalize(op: BatchNormalize, weights: Weights, x: Array) -> Array:
    axes = tuple(range(x.ndim - 1))
    return np.asarray((x - x.mean(axes)) / np.sqrt(x.var(axes) + op.epsilon))


def _pool(op: Pool, weights: Weights, x: Array) -> Array:
    x = _extended(x, op.zeros, 0.0)
    if op.mode == "max":
        padded = _extended(x, op.padding, -np.inf)
        return functools.reduce(np.maximum, (v for _, v in _taps(padded, op.kernel, op.stride)))
    total = sum(seen for _, seen in _taps(_extended(x, op.padding, 0.0), op.kernel, op.stride))
    ones = _extended(np.ones_like(x), op.padding, 0.0)
    count = sum(seen for _, seen in _taps(ones, op.kernel, op.stride))
    return np.asarray(total / count)


def _repeated(x: Array, factors: tuple[int, ...]) -> Array:
    for axis, factor in enumerate(factors, start=1):
        x = np.repeat(x, factor, axis)
    return x


def _upsample(op: Upsample, weights: Weights, x: Array) -> Array:
    return _repeated(x, op.factors)


def _softmax(op: Softmax, weights: Weights, x: Array) -> Array:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _reshape(op: Reshape, weights: Weights, x: Array) -> Array:
    return x.reshape(len(x), *map(known_length, op.shape))


def _transpose(op: Transpose, weights: Weights, x: Array) -> Array:
    return x.transpose(0, *(axis + 1 for axis in op.axes))


def _combine(op: Combine, weights: Weights, *values: Array) -> Array:
    y = functools.reduce(_COMBINED[op.mode], values)
    y = y / len(values) if op.mode == "ave" else y
    return y if op.activation is None else evaluate(op.activation, y)


_COMBINED: Mapping[str, Callable[[Array, Array], Array]] = {
    "sum": np.add,
    "ave": np.add,
    "mul": np.multiply,
    "max": np.maximum,
    "quotient": np.divide,
}


def _concat(op: Concat, weights: Weights, *values: Array) -> Array:
    return np.concatenate(values, axis=op.axis + 1)


def _dot(op: Dot, weights: Weights, x: Array, y: Array) -> Array:
    samples, length = len(x), x.shape[-1]
    rows, columns = (v.reshape(samples, -1, length) for v in (x, y))
    shape = (*x.shape[1:-1], *y.shape[1:-1]) or (1,)
    return np.asarray((rows @ columns.transpose(0, 2, 1)).reshape(samples, *shape))


def _slice(op: Slice, weights: Weights, x: Array) -> Array:
    for axis, (start, step, count) in enumerate(zip(op.start, op.step, op.count, strict=True), 1):
        places = known_length(start) + step * np.arange(known_length(count))
        x = np.take(x, places, axis)
    return x


def _resize(op: Resize, weights: Weights, x: Array) -> Array:
    """``floor`` of the place is one neighbour, the next the other; the last has none beyond it."""
    for axis, size in zip((-2, -3), reversed(op.size), strict=True):
        length, count = x.shape[axis], known_length(size)
        scale = np.float32(resize_scale(length, count, op.align_corners))
        place = np.arange(count, dtype=np.float32) * scale
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


REFERENCE: Mapping[type[Op], Callable[..., Array]] = {
    Input: lambda op, weights, x: x,
    Identity: lambda op, weights, x: x,
    Conv: _conv,
    Depthwise: _depthwise,
    Local: _local,
    Lookup: _lookup,
    Pool: _pool,
    GlobalPool: _global_pool,
    Upsample: _upsample,
    Pad: lambda op, weights, x: _extended(x, op.padding, 0.0),
    Map: lambda op, weights, x: evaluate(op.activation, x),
    MapWith: lambda op, weights, x: evaluate(
        op.activation, x, [weights[parameter] for parameter in op.parameters]
    ),
    Mask: _mask,
    Normalize: _normalize,
    BatchNormalize: _batch_normalize,
    Softmax: _softmax,
    Reshape: _reshape,
    Transpose: _transpose,
    Combine: _combine,
    Concat: _concat,
    Dot: _dot,
    Slice: _slice,
    Resize: _resize,
}


def run_reference(graph: Graph, weights: Weights, *inputs: npt.NDArray[Any]) -> dict[str, Array]:
    """Every output of a graph over a batch of each input: a float64 array by node name."""
    values: dict[str, Array] = {}
    given = iter(inputs)
    last_use = {name: i for i, node in enumerate(graph) for name in node.inputs}
    for i, node in enumerate(graph):
        if isinstance(node.op, Input):
            read = [np.asarray(next(given), np.float64)]
        else:
            read = [values[name] for name in node.inputs]
        with np.errstate(all="ignore"):
            values[node.name] = REFERENCE[type(node.op)](node.op, weights, *read)
        for name in node.inputs:
            if last_use[name] == i and name not in graph.outputs:
                values.pop(name, None)
    return {name: values[name] for name in graph.outputs}


def reference_bytes(graph: Graph, batch: int) -> int:
    """Most memory that one operation needs for a batch: float64 input, padded, and output.

    Beside the output, one product or tap of its size is alive, and the sum of both.
    """
    nodes = graph.by_name()
    most = 0
    for node in graph:
        seen = [_elements(nodes[name].shape) for name in node.inputs]
        if isinstance(node.op, Conv | Depthwise | Pool | Pad):
            shape = nodes[node.inputs[0]].shape
            grown = [
                known_length(n + b + a) for n, (b, a) in zip(shape, node.op.padding, strict=False)
            ]
            seen.append(math.prod(grown) * known_length(shape[-1]))
        most = max(most, sum(seen) + 3 * _elements(node.shape))
    return 8 * batch * most


def _elements(shape: Shape) -> int:
    return math.prod(map(known_length, shape))
