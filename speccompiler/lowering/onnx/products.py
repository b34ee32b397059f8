"""Gemm and MatMul: with a constant a matrix product of each position, else sums of products."""

from __future__ import annotations

import numpy as np

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.dims import is_known
from speccompiler.graph.ir import Conv, Dot, Node, Operand
from speccompiler.graph.shapes import element_count, may_be_equal
from speccompiler.lowering.onnx.elementwise import combined, expanded, longer
from speccompiler.lowering.onnx.parts import cut, joined
from speccompiler.lowering.onnx.scope import Scope
from speccompiler.lowering.onnx.values import Array, Known, Value

MOST_HEADS = 64
"""Products of matrices that are computed one by one."""


def lower_gemm(scope: Scope) -> Value:
    """``alpha * A' @ B' + beta * C``."""
    a, b, c = scope.input(0), scope.input(1), scope.input(2)
    alpha, beta = scope.number("alpha", 1.0), scope.number("beta", 1.0)
    first, second = scope.integer("transA"), scope.integer("transB")
    if not isinstance(a, Value) or not isinstance(b, Known):
        raise scope.refuse("A is a constant, or B is none")
    if a.rank != 2 or len(b.shape) != 2:
        raise Problem("CS269", "A and B are no matrices")
    if a.batch != (1 if first else 0):
        raise scope.mixes(f"the product sums over axis {a.batch}")
    if alpha != 1:
        b = b.changed(f"times {alpha!r}", lambda m: _scaled(m, alpha))
    bias: Known | None = None
    if isinstance(c, Known) and beta != 0:
        width = b.shape[0 if second else 1]
        if c.size in {1, width} and (len(c.shape) < 2 or c.shape[0] == 1):
            bias = c
            if c.shape != (width,):
                bias = bias.changed(
                    f"{width} times", lambda v: np.broadcast_to(np.reshape(v, -1), (width,))
                )
            if beta != 1:
                bias = bias.changed(f"times {beta!r}", lambda v: _scaled(v, beta))
        else:
            raise scope.mixes(f"C has shape {c.shape}, with an own value along the axis")
    y = product(scope, a.node, b, bias, transposed=bool(second))
    found = Value(y, 2, 0)
    if isinstance(c, Value) and beta != 0:
        if beta != 1:
            raise scope.refuse(f"beta is {beta:g}, and C depends on the model's input")
        found = combined(scope, "sum", [found, c])
    return found


def _scaled(array: Array, factor: float) -> Array:
    return np.asarray(array * np.float64(factor), np.float32)


def product(
    scope: Scope, x: Node, matrix: Known, bias: Known | None = None, *, transposed: bool = False
) -> Node:
    """The last axis of a node times a matrix ``(K, M)``, or ``(M, K)`` where it is transposed."""
    inner, width = reversed(matrix.shape) if transposed else matrix.shape
    channels = x.shape[-1]
    if not is_known(channels) or channels != inner:
        raise Problem("CS269", f"the matrix is for {inner} values, and its input has {channels}")
    if width < 1 or inner < 1:
        raise Problem("CS269", f"a matrix of shape {matrix.shape} holds nothing")
    positions = x.shape[:-1]
    rank = min(len(positions), 1)
    if len(positions) > 1:
        x = scope.reshaped(x, (element_count(positions), channels))
    axes = (1, 0) if transposed else (0, 1)
    weight = scope.weight(matrix, axes, (*(1,) * rank, inner, width))
    beside: Operand | None = None if bias is None else scope.weight(bias, (0,), (width,))
    op = Conv((1,) * rank, (1,) * rank, ((0, 0),) * rank, weight, beside)
    y = scope.add(op, x)
    return scope.reshaped(y, (*positions, width))


def lower_matmul(scope: Scope) -> Value:
    """As ``numpy.matmul``."""
    a, b = scope.input(0), scope.input(1)
    if a is None or b is None:
        raise Problem("CS269", "an input is missing")
    if isinstance(a, Value) and isinstance(b, Known):
        return _by_constant(scope, a, b)
    if isinstance(a, Known) and isinstance(b, Value):
        return _constant_by(scope, a, b)
    return _of_values(scope, scope.value(0), scope.value(1))


def _by_constant(scope: Scope, a: Value, b: Known) -> Value:
    if a.batch == a.rank - 1:
        raise scope.mixes(f"the product sums over axis {a.batch}")
    if len(b.shape) > 2 and all(n == 1 for n in b.shape[:-2]) and len(b.shape) <= a.rank:
        matrix = b.shape[-2:]
        b = b.changed("as a matrix", lambda m: m.reshape(matrix))
    if len(b.shape) == 1:
        column = (*b.shape, 1)
        y = product(scope, a.node, b.changed("as a column", lambda m: m.reshape(column)))
        return Value(scope.reshaped(y, y.shape[:-1] or (1,)), a.rank - 1, a.batch)
    if len(b.shape) != 2:
        raise scope.refuse(f"a constant of shape {b.shape} is multiplied, and is no matrix")
    return scope.like(a, product(scope, a.node, b))


def _constant_by(scope: Scope, a: Known, b: Value) -> Value:
    """``a @ b`` is the transpose of ``b' @ a'``."""
    if len(a.shape) != 2 or b.rank < 3:
        raise scope.refuse(f"a constant of shape {a.shape} is multiplied with {scope.shown(b)}")
    if b.batch >= b.rank - 2:
        raise scope.mixes(f"the product sums over axis {b.batch}, or makes it another")
    rank = b.rank - 1
    swap = (*range(rank - 2), rank - 1, rank - 2)
    y = product(scope, scope.transposed(b.node, swap), a, transposed=True)
    return scope.like(b, scope.transposed(y, swap))


def _of_values(scope: Scope, a: Value, b: Value) -> Value:
    """Matrices of each sample; those of several heads one by one."""
    if a.batch >= a.rank - 2 or b.batch >= b.rank - 2:
        raise scope.mixes("the product sums over the axis, or makes it another")
    heads, left, right = a.node.shape[:-2], a.node.shape[-2:], b.node.shape[-2:]
    if (a.rank, a.batch) != (b.rank, b.batch):
        raise scope.refuse(
            f"matrices of shapes {scope.shown(a)} and {scope.shown(b)} are multiplied",
            "the axes in front of the matrices have to be as many",
        )
    if not may_be_equal(left[1], right[0]):
        raise Problem("CS269", f"axes of lengths {left[1]} and {right[0]} are summed over")
    if not heads:
        return scope.like(a, _dot(scope, a.node, b.node))
    pairs = zip(heads, b.node.shape[:-2], strict=True)
    heads = tuple(longer(n, m) for n, m in pairs)
    a = scope.like(a, expanded(scope, a.node, (*heads, *left)))
    b = scope.like(b, expanded(scope, b.node, (*heads, *right)))
    count = element_count(heads)
    if not is_known(count) or count > MOST_HEADS:
        raise scope.refuse(f"more than {MOST_HEADS} matrices of a sample are multiplied")
    x = scope.reshaped(a.node, (count, *left))
    z = scope.reshaped(b.node, (count, *right))
    parts = []
    for head in range(count):
        first = scope.reshaped(cut(scope, x, 0, head, 1), left)
        second = scope.reshaped(cut(scope, z, 0, head, 1), right)
        y = _dot(scope, first, second)
        parts.append(scope.reshaped(y, (1, *y.shape)))
    y = joined(scope, parts, 0)
    return scope.like(a, scope.reshaped(y, (*heads, left[0], right[1])))


def _dot(scope: Scope, x: Node, y: Node) -> Node:
    return scope.add(Dot(x.shape[-1]), x, scope.transposed(y, (1, 0)))
