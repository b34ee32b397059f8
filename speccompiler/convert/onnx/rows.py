"""Operations along whole axes: softmax, normalisations, global pools, tables, masks."""

from __future__ import annotations

import math

import numpy as np

from speccompiler.convert.onnx import protobuf
from speccompiler.convert.onnx.builder import Builder
from speccompiler.convert.onnx.moving import Result
from speccompiler.convert.onnx.values import Layout, Value, channels_first, natural, without
from speccompiler.graph import ir
from speccompiler.graph.dims import is_known

REDUCE = {
    "max": "ReduceMax", "average": "ReduceMean", "sum": "ReduceSum", "product": "ReduceProd",
}  # fmt: skip


def softmax(b: Builder, node: ir.Node, op: ir.Softmax, x: Value) -> Result:
    layout = x.layout
    return b.emit("Softmax", b.read(x, layout), axis=layout.index(x.rank)), layout


def global_pool(b: Builder, node: ir.Node, op: ir.GlobalPool, x: Value) -> Result:
    layout = x.layout
    gone = range(1 + op.kept, x.rank)
    axes = sorted(layout.index(axis) for axis in gone)
    tensor = b.read(x, layout)
    if not axes:
        return tensor, layout
    if op.mode == "average" and not op.kept and layout == channels_first(x.rank):
        # ReduceMean in onnxruntime may round equal channels differently.
        return b.emit("Flatten", b.emit("GlobalAveragePool", tensor), axis=1), natural(1)
    kind, left = REDUCE[op.mode], without(layout, gone)
    if kind == "ReduceSum":  # the only one whose axes are an input in opset 17
        return b.emit(kind, tensor, b.integers(axes), keepdims=0), left
    return b.emit(kind, tensor, axes=axes, keepdims=0), left


def normalize(b: Builder, node: ir.Node, op: ir.Normalize, x: Value) -> Result:
    layout = x.layout
    tensor, axis = b.read(x, layout), layout.index(x.rank)
    length = x.shape[-1]
    if op.added == 0 and axis == len(layout) - 1 and is_known(length):
        ones = b.constant(np.ones(length, np.float32))
        made = b.emit("LayerNormalization", tensor, ones, axis=-1, epsilon=float(op.epsilon))
        return made, layout
    centred, variance = _moments(b, tensor, [axis])
    deviation = b.emit("Sqrt", b.emit("Add", variance, b.number(op.epsilon)))
    if op.added:
        deviation = b.emit("Add", deviation, b.number(op.added))
    return b.emit("Div", centred, deviation), layout


def batch_normalize(b: Builder, node: ir.Node, op: ir.BatchNormalize, x: Value) -> Result:
    """The statistics are those of the batch, and so this is no ``BatchNormalization`` of ONNX."""
    layout = x.layout
    axes = [i for i, axis in enumerate(layout) if axis != x.rank]
    centred, variance = _moments(b, b.read(x, layout), axes)
    deviation = b.emit("Sqrt", b.emit("Add", variance, b.number(op.epsilon)))
    return b.emit("Div", centred, deviation), layout


def _moments(b: Builder, tensor: str, axes: list[int]) -> tuple[str, str]:
    """What the values differ from their mean by, and the mean of its square."""
    centred = b.emit("Sub", tensor, b.emit("ReduceMean", tensor, axes=axes, keepdims=1))
    square = b.emit("Mul", centred, centred)
    return centred, b.emit("ReduceMean", square, axes=axes, keepdims=1)


def lookup(b: Builder, node: ir.Node, op: ir.Lookup, x: Value) -> Result:
    """Rows by their numbers; NaN for the number of none, where ``Gather`` would fail or wrap."""
    layout = x.layout
    tensor, rows = b.read(x, layout), op.weight.shape[0]
    above = b.emit("Greater", tensor, b.number(-1.0))
    inside = b.emit("And", above, b.emit("Less", tensor, b.number(float(rows))))
    certain = b.emit("Where", inside, tensor, b.number(0.0))
    index = b.emit("Cast", certain, to=protobuf.INT64)
    found = b.emit("Gather", b.operand(op.weight), index, axis=0)
    each = b.emit("Unsqueeze", inside, b.integers([-1]))
    return b.emit("Where", each, found, b.number(math.nan)), (*layout, x.rank + 1)


def mask(b: Builder, node: ir.Node, op: ir.Mask, x: Value) -> Result:
    layout = x.layout
    tensor = b.read(x, layout)
    masked = _all_equal(b, tensor, op.value, layout, x.rank, keep=True)
    if not math.isfinite(op.value):
        return b.emit("Where", masked, b.number(0.0), tensor), layout
    kept = b.emit("Cast", b.emit("Not", masked), to=protobuf.FLOAT)
    return b.emit("Mul", tensor, kept), layout


def kept(b: Builder, node: ir.Node, op: ir.Kept, x: Value) -> Result:
    layout = x.layout
    masked = _all_equal(b, b.read(x, layout), op.value, layout, x.rank, keep=False)
    kept = b.emit("Cast", b.emit("Not", masked), to=protobuf.FLOAT)
    return kept, without(layout, [x.rank])


def _all_equal(
    b: Builder, tensor: str, value: float, layout: Layout, axis: int, *, keep: bool
) -> str:
    """Whether all values along an axis are this number."""
    same = b.emit("Cast", b.emit("Equal", tensor, b.number(value)), to=protobuf.FLOAT)
    least = b.emit("ReduceMin", same, axes=[layout.index(axis)], keepdims=int(keep))
    return b.emit("Cast", least, to=protobuf.BOOL)


def identity(b: Builder, node: ir.Node, op: ir.Identity, x: Value) -> Result:
    return b.read(x, x.layout), x.layout
