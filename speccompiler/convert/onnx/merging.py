"""Operations of several values, or of values and parameters that stand beside them."""

from __future__ import annotations

from itertools import zip_longest

import numpy as np

from speccompiler.convert.named_formulas import epsilon_of, has
from speccompiler.convert.onnx.activations import activated
from speccompiler.convert.onnx.builder import Builder
from speccompiler.convert.onnx.expressions import write
from speccompiler.convert.onnx.moving import Result
from speccompiler.convert.onnx.protobuf import Array
from speccompiler.convert.onnx.values import Layout, Value, agreed, natural
from speccompiler.expressions.affine import affine
from speccompiler.expressions.evaluate import combine as evaluated
from speccompiler.expressions.nodes import (
    Expression,
    Node,
    Number,
    Parameter,
    Where,
    children,
)
from speccompiler.graph import ir
from speccompiler.graph.operands import Derived, Operand

OF_MANY = {"sum": "Sum", "ave": "Mean", "max": "Max", "min": "Min"}
OF_TWO = {"sum": "Add", "mul": "Mul", "difference": "Sub", "quotient": "Div"}


def combine(b: Builder, node: ir.Node, op: ir.Combine, *values: Value) -> Result:
    layout = agreed(values)
    tensors = [b.read(value, layout) for value in values]
    kind = OF_TWO.get(op.mode)
    if kind is None or (len(tensors) > 2 and op.mode in OF_MANY):
        y = b.emit(OF_MANY[op.mode], *tensors)
    else:
        y = tensors[0]
        for tensor in tensors[1:]:
            y = b.emit(kind, y, tensor)
    return activated(b, y, op.activation), layout


def dot(b: Builder, node: ir.Node, op: ir.Dot, x: Value, y: Value) -> Result:
    made = natural(len(node.shape))
    if x.rank == y.rank == 1:
        product = b.emit("Mul", b.read(x), b.read(y))
        return b.emit("ReduceSum", product, b.integers([1]), keepdims=1), made
    if x.rank == y.rank == 2:
        return b.emit("MatMul", b.read(x), b.read(y, (0, 2, 1))), made
    letters = "abcdefghijklm"
    one, other = letters[: x.rank - 1], letters[x.rank - 1 : x.rank + y.rank - 2]
    equation = f"n{one}z,n{other}z->n{one}{other}"
    return b.emit("Einsum", b.read(x), b.read(y), equation=equation), made


def map_with(b: Builder, node: ir.Node, op: ir.MapWith, x: Value) -> Result:
    """A normalisation by stored statistics as ONNX has it; else one multiply-add; else as it is."""
    layout = _normalized_layout(op, x)
    if layout is not None:
        return activated(b, _normalized(b, op, x, layout), op.after), layout
    layout = x.layout
    tensor = b.read(x, layout)
    parts = affine(op.activation)
    if parts is not None and not any(map(_chooses, parts)):
        scale, shift = parts
        y = tensor
        if scale != Number(1.0):
            y = b.emit("Mul", y, _beside(b, op, scale, layout, "scale"))
        if shift != Number(0.0):
            y = b.emit("Add", y, _beside(b, op, shift, layout, "shift"))
    else:
        y = write(b, op.activation, tensor, lambda part: _beside(b, op, part, layout))
    return activated(b, y, op.after), layout


def _chooses(part: Node) -> bool:
    return isinstance(part, Where) or any(map(_chooses, children(part)))


def _beside(
    b: Builder, op: ir.MapWith, formula: Expression, layout: Layout, name: str | None = None
) -> str:
    """An expression of the parameters, computed now, with its axes in the layout's order."""
    wanted: Operand
    match formula:
        case Parameter(index):
            wanted, name = op.parameters[index], None
        case _ if not has(formula, Parameter):
            return b.number(float(evaluated(formula, ())))
        case _:
            used = [op.parameters[i] for i in sorted(_indices(formula))]
            reversed_shapes = zip_longest(*(p.shape[::-1] for p in used), fillvalue=1)
            shape = tuple(max(lengths) for lengths in reversed_shapes)[::-1]
            wanted = Derived(formula, op.parameters, shape)

    def laid_out(array: Array) -> Array:
        """The array as it stands beside a tensor, without the ones in front."""
        if array.ndim < len(layout) - 1:
            array = array.reshape((1,) * (len(layout) - 1 - array.ndim) + array.shape)
        moved = array[None].transpose(layout)
        filled = [axis for axis, n in enumerate(moved.shape) if n != 1]
        return moved.reshape(moved.shape[filled[0] :] if filled else ())

    return b.operand(wanted, f"beside {layout}", laid_out, name=name)


def _indices(part: Node) -> set[int]:
    if isinstance(part, Parameter):
        return {part.index}
    return set().union(*map(_indices, children(part)))


def _normalized_layout(op: ir.MapWith, x: Value) -> Layout | None:
    """A layout with the normalised axis in its second place, which ONNX wants; None for none."""
    if epsilon_of(op.activation) is None or len(op.parameters) != 4:
        return None
    axes = {i for p in op.parameters for i, n in enumerate(p.shape) if n != 1}
    if len(axes) > 1:
        return None
    axis = 1 + (axes.pop() if axes else x.rank - 1)
    if x.shape[axis - 1] != max(max(p.shape) for p in op.parameters):
        return None
    return next((layout for layout in x.tensors if layout[1] == axis and layout[0] == 0), None)


def _normalized(b: Builder, op: ir.MapWith, x: Value, layout: Layout) -> str:
    epsilon = epsilon_of(op.activation)
    length = max(max(p.shape) for p in op.parameters)

    def in_a_row(array: Array) -> Array:
        return np.broadcast_to(array.reshape(-1), (length,))

    statistics = [b.operand(p, f"row {length}", in_a_row) for p in op.parameters]
    return b.emit("BatchNormalization", b.read(x, layout), *statistics, epsilon=epsilon)
