"""What is computed of constants and shapes, with NumPy: a rule for each operation.

Lengths that are open stay dimensions in arrays of objects, so that a shape can be taken apart and
put together again. What is larger than ``MOST`` numbers is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.dims import Dim
from speccompiler.graph.rounding import ceil_div
from speccompiler.lowering.onnx.scope import Scope
from speccompiler.lowering.onnx.stored import loaded
from speccompiler.lowering.onnx.values import BATCH, Array, Known, dims

MOST = 1 << 27
"""Numbers of a known value."""
_DTYPES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool"}
_DTYPES |= {10: "float16", 11: "float64", 5: "int16", 4: "uint16", 12: "uint32", 13: "uint64"}

NONE = Known.of("", np.zeros(0, np.int64))
"""What an input that is left out is here."""


def _sizes(array: Array) -> list[int]:
    """A shape as numbers. What is alike for all samples stands once; readers repeat it."""
    return [1 if n == BATCH else int(n) for n in array.ravel().tolist()]


def _is_none(array: Array) -> bool:
    return array is NONE.array()


def _few(count: int) -> None:
    """CS266 for more numbers than are ever computed."""
    if count > MOST:
        raise Problem("CS266", f"a constant of {count} numbers is not computed")


# --- rules: (scope, arrays) -> an array, or a list of them


def _elementwise(op: Callable[..., Any]) -> Callable[[Scope, Sequence[Array]], Array]:
    def rule(scope: Scope, arrays: Sequence[Array]) -> Array:
        _few(math.prod(np.broadcast_shapes(*(a.shape for a in arrays))))
        found = op(*arrays)
        return np.asarray(found)

    return rule


def _typed(op: Callable[..., Any]) -> Callable[[Scope, Sequence[Array]], Array]:
    """An operation whose result has the type of its first operand."""

    def rule(scope: Scope, arrays: Sequence[Array]) -> Array:
        found = _elementwise(op)(scope, arrays)
        if found.dtype == object or arrays[0].dtype == object:
            return found
        return found.astype(arrays[0].dtype)

    return rule


def _floor_div(a: Dim, b: Dim) -> Dim:
    if isinstance(b, int) and b > 0:
        # As the lengths of windows are written, so that both are seen to be one length.
        return ceil_div(a - (b - 1), b)
    if isinstance(a, int) and isinstance(b, int):
        return int(a / b)
    if a == b:
        return 1
    raise ValueError("a length is divided by one that is open")


def _divide(a: Array, b: Array) -> Array:
    if a.dtype == object or b.dtype == object:
        pairs = np.broadcast(a, b)
        values = [_floor_div(_plain(x), _plain(y)) for x, y in pairs]
        return np.array([*values, None], object)[:-1].reshape(pairs.shape)
    if a.dtype.kind in "iu":
        if (b == 0).any():
            raise ZeroDivisionError("division by zero")
        return np.asarray(np.trunc(a / b)).astype(a.dtype)
    return np.asarray(a / b)


def _plain(n: Any) -> Any:
    return int(n) if isinstance(n, np.integer) else n


def _cast(scope: Scope, arrays: Sequence[Array]) -> Array:
    kind = scope.node.attributes.get("to", 1)
    name = _DTYPES.get(kind) if isinstance(kind, int) else None
    if isinstance(kind, bytes):
        name = {b"FLOAT": "float32", b"INT64": "int64", b"INT32": "int32"}.get(kind)
    if name is None:
        raise scope.refuse("the type that it casts to is not supported")
    if arrays[0].dtype == object and name.startswith("int"):
        return arrays[0]
    return arrays[0].astype(name)


def _cast_like(scope: Scope, arrays: Sequence[Array]) -> Array:
    """As another constant; every value that a run computes is float32."""
    kind = arrays[1].dtype if len(arrays) > 1 else np.dtype(np.float32)
    return arrays[0].astype(kind)


def _axes(scope: Scope, arrays: Sequence[Array], place: int = 1) -> tuple[int, ...] | None:
    if len(arrays) > place and not _is_none(arrays[place]):
        return tuple(int(n) for n in arrays[place].ravel().tolist())
    return scope.integers("axes", None)


def _unsqueeze(scope: Scope, arrays: Sequence[Array]) -> Array:
    return np.expand_dims(arrays[0], _axes(scope, arrays) or ())


def _squeeze(scope: Scope, arrays: Sequence[Array]) -> Array:
    return np.squeeze(arrays[0], _axes(scope, arrays))


def _gather(scope: Scope, arrays: Sequence[Array]) -> Array:
    axis = scope.integer("axis")
    _few(arrays[1].size * max(1, arrays[0].size // max(1, arrays[0].shape[axis])))
    return np.take(arrays[0], arrays[1].astype(np.int64), axis)


def _slice(scope: Scope, arrays: Sequence[Array]) -> Array:
    data = arrays[0]
    if len(arrays) > 1:
        starts, ends = (a.ravel().tolist() for a in arrays[1:3])
    else:
        starts, ends = (
            list(scope.integers("starts", ()) or ()),
            list(scope.integers("ends", ()) or ()),
        )
    axes = _axes(scope, arrays, 3) or tuple(range(len(starts)))
    named = len(arrays) > 4 and not _is_none(arrays[4])
    steps = arrays[4].ravel().tolist() if named else [1] * len(starts)
    places = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        stop: int | None = int(end)
        if step < 0 and stop is not None and stop < -data.shape[axis]:
            stop = None
        places[axis] = slice(int(start), stop, int(step))
    return data[tuple(places)]


def _concat(scope: Scope, arrays: Sequence[Array]) -> Array:
    _few(sum(a.size for a in arrays))
    return np.concatenate(arrays, scope.integer("axis", 1))


def _reshape(scope: Scope, arrays: Sequence[Array]) -> Array:
    target = arrays[1].ravel().tolist() if len(arrays) > 1 else scope.integers("shape", ())
    shape = [int(n) for n in target or ()]
    if not scope.integer("allowzero"):
        shape = [arrays[0].shape[i] if n == 0 else n for i, n in enumerate(shape)]
    return arrays[0].reshape(shape)


def _expand(scope: Scope, arrays: Sequence[Array]) -> Array:
    shape = np.broadcast_shapes(arrays[0].shape, tuple(_sizes(arrays[1])))
    _few(math.prod(shape))
    return np.broadcast_to(arrays[0], shape).copy()


def _tile(scope: Scope, arrays: Sequence[Array]) -> Array:
    repeats = [int(n) for n in arrays[1].tolist()]
    _few(arrays[0].size * math.prod(max(0, n) for n in repeats))
    return np.tile(arrays[0], repeats)


def _constant_of_shape(scope: Scope, arrays: Sequence[Array]) -> Array:
    shape = _sizes(arrays[0])
    _few(math.prod(shape))
    tensor = scope.tensor("value")
    if tensor is None:
        return np.zeros(shape, np.float32)
    value = loaded(scope.model, tensor, "value")
    return np.full(shape, value.ravel()[0], value.dtype)


def _range(scope: Scope, arrays: Sequence[Array]) -> Array:
    start, limit, step = (a.ravel()[0] for a in arrays)
    _few(int(max(0, math.ceil((limit - start) / step))))
    return np.arange(start, limit, step).astype(arrays[0].dtype)


def _transpose(scope: Scope, arrays: Sequence[Array]) -> Array:
    return np.transpose(arrays[0], scope.integers("perm", None))


def _split(scope: Scope, arrays: Sequence[Array]) -> list[Array]:
    axis = scope.integer("axis")
    count = len(scope.node.outputs)
    lengths = scope.integers("split", None)
    if len(arrays) > 1 and not _is_none(arrays[1]):
        lengths = tuple(int(n) for n in arrays[1].tolist())
    if lengths is None:
        each = -(-arrays[0].shape[axis] // count)
        lengths = (each,) * (count - 1)
        return list(np.split(arrays[0], np.cumsum(lengths), axis))
    return list(np.split(arrays[0], np.cumsum(lengths)[:-1], axis))


def _reduced(op: Callable[..., Any]) -> Callable[[Scope, Sequence[Array]], Array]:
    def rule(scope: Scope, arrays: Sequence[Array]) -> Array:
        axes = _axes(scope, arrays)
        if not axes and scope.integer("noop_with_empty_axes"):
            return arrays[0]
        keep = bool(scope.integer("keepdims", 1))
        found = op(arrays[0], axis=axes or None, keepdims=keep)
        return np.asarray(found, arrays[0].dtype)

    return rule


def _matmul(scope: Scope, arrays: Sequence[Array]) -> Array:
    one, other = arrays[0].shape, arrays[1].shape
    _few(math.prod(one[:-1]) * math.prod(other[-1:]))
    return np.asarray(arrays[0] @ arrays[1])


def _where(scope: Scope, arrays: Sequence[Array]) -> Array:
    _few(math.prod(np.broadcast_shapes(*(a.shape for a in arrays))))
    return np.where(arrays[0], arrays[1], arrays[2])


def _clip(scope: Scope, arrays: Sequence[Array]) -> Array:
    """Bounds are inputs or, up to operator set 10, attributes."""
    low, high = ([*arrays, NONE.array(), NONE.array()])[1:3]
    said = scope.node.attributes
    if "min" in said:
        low = np.asarray(scope.number("min", 0.0), arrays[0].dtype)
    if "max" in said:
        high = np.asarray(scope.number("max", 0.0), arrays[0].dtype)
    found = arrays[0]
    found = found if _is_none(low) else np.maximum(found, low)
    return found if _is_none(high) else np.minimum(found, high)


def _mod(scope: Scope, arrays: Sequence[Array]) -> Array:
    """The sign is that of the divisor, or with ``fmod`` that of the dividend, as in C."""
    return _typed(np.fmod if scope.integer("fmod") else np.mod)(scope, arrays)


def _cumsum(scope: Scope, arrays: Sequence[Array]) -> Array:
    return np.cumsum(arrays[0], int(arrays[1].ravel()[0]))


def _flatten(scope: Scope, arrays: Sequence[Array]) -> Array:
    axis = scope.integer("axis", 1)
    axis += arrays[0].ndim if axis < 0 else 0
    return arrays[0].reshape(math.prod(arrays[0].shape[:axis]), -1)


def _shape_of(scope: Scope, arrays: Sequence[Array]) -> Array:
    start, end = scope.integer("start"), scope.said("end", int, None)
    return arrays[0][start:end]


def _size_of(scope: Scope, arrays: Sequence[Array]) -> Array:
    count: Dim = 1
    for length in dims(arrays[0]):
        count = count * length
    return np.array([count, None], object)[:-1].reshape(())


def _first(scope: Scope, arrays: Sequence[Array]) -> Array:
    return arrays[0]


def _add(*arrays: Array) -> Array:
    total = arrays[0]
    for array in arrays[1:]:
        total = total + array
    return total


def _equal(a: Array, b: Array) -> Array:
    return np.asarray(a == b, bool)


KNOWN: Mapping[str, Callable[[Scope, Sequence[Array]], Any]] = {
    "Constant": _first,
    "Identity": _first,
    "Dropout": _first,
    "Shape": _shape_of,
    "Size": _size_of,
    "Cast": _cast,
    "CastLike": _cast_like,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concat,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Expand": _expand,
    "Tile": _tile,
    "ConstantOfShape": _constant_of_shape,
    "Range": _range,
    "Transpose": _transpose,
    "Split": _split,
    "Where": _where,
    "Clip": _clip,
    "CumSum": _cumsum,
    "MatMul": _matmul,
    "Add": _typed(lambda a, b: a + b),
    "Sub": _typed(lambda a, b: a - b),
    "Mul": _typed(lambda a, b: a * b),
    "Div": _typed(_divide),
    "Mod": _mod,
    "Pow": _typed(lambda a, b: np.power(a, b)),
    "Min": _typed(lambda *a: np.minimum.reduce(np.broadcast_arrays(*a))),
    "Max": _typed(lambda *a: np.maximum.reduce(np.broadcast_arrays(*a))),
    "Sum": _typed(_add),
    "Neg": _typed(lambda a: -a),
    "Abs": _typed(np.abs),
    "Sqrt": _typed(np.sqrt),
    "Exp": _typed(np.exp),
    "Log": _typed(np.log),
    "Sin": _typed(np.sin),
    "Cos": _typed(np.cos),
    "Tanh": _typed(np.tanh),
    "Sigmoid": _typed(lambda a: 1 / (1 + np.exp(-a))),
    "Relu": _typed(lambda a: np.maximum(a, 0)),
    "Floor": _typed(np.floor),
    "Ceil": _typed(np.ceil),
    "Round": _typed(np.round),
    "Reciprocal": _typed(lambda a: 1 / a),
    "Sign": _typed(np.sign),
    "Equal": _elementwise(_equal),
    "Less": _elementwise(lambda a, b: a < b),
    "Greater": _elementwise(lambda a, b: a > b),
    "LessOrEqual": _elementwise(lambda a, b: a <= b),
    "GreaterOrEqual": _elementwise(lambda a, b: a >= b),
    "And": _elementwise(np.logical_and),
    "Or": _elementwise(np.logical_or),
    "Not": _elementwise(np.logical_not),
    "ReduceProd": _reduced(np.prod),
    "ReduceSum": _reduced(np.sum),
    "ReduceMean": _reduced(np.mean),
    "ReduceMax": _reduced(np.max),
    "ReduceMin": _reduced(np.min),
    "ReduceL1": _reduced(lambda a, **how: np.sum(np.abs(a), **how)),
    "ReduceL2": _reduced(lambda a, **how: np.sqrt(np.sum(a * a, **how))),
    "ReduceSumSquare": _reduced(lambda a, **how: np.sum(a * a, **how)),
}
"""What can be computed before a run."""
