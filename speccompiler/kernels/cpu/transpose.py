"""Permutes up to four axes of every sample, as transpositions of matrices in registers.

Axes that stay together are merged before, so that moving the channels of an image is a
matrix transpose whatever its rank. Along one axis, ``u``, the input lies side by side,
along another, ``v``, the output; the other two only move the matrix. Squares of one vector
by one are loaded along u, shuffled and stored along v; the last of a row overlaps the one
before. Where the last axis stays the last, both go along v, and rows are copied.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.axes import transpose_plan
from speccompiler.kernels.cpu.codegen.text import HEADER, LINE, fill
from speccompiler.kernels.cpu.codegen.vector_math import with_functions
from speccompiler.kernels.cpu.kernel import CpuKernel, Wanted, fitting_lanes
from speccompiler.planning.candidate import KnownShape


class Geometry(NamedTuple):
    """Lengths of the two outer axes, of u and of v; along each the strides of input and output."""

    outer: int
    inner: int
    across: int
    along: int
    x_outer: int
    x_inner: int
    x_across: int
    x_along: int
    y_outer: int
    y_inner: int
    y_across: int
    values: int
    """Values of one sample."""


TASK_SIDE = 256
"""Side of the block of a matrix that a task transposes."""

DRIVER = '''

@jit
def copy(x, xo, y, yo, count):
    if count < @LANES:
        for i in range(count):
            y[yo + i] = x[xo + i]
        return
    for i in range(0, count, @LANES):
        j = min(i, count - @LANES)
        store(y, yo + j, load(x, xo + j))


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: blocks of at most @BLOCK by @BLOCK of every matrix."""
    @GEOMETRY
    u_blocks = (across + @BLOCK - 1) // @BLOCK
    v_blocks = (along + @BLOCK - 1) // @BLOCK
    for task in range(lo, hi):
        v0 = task % v_blocks * @BLOCK
        u0 = task // v_blocks % u_blocks * @BLOCK
        matrix = task // (v_blocks * u_blocks)
        i1 = matrix % inner
        i0 = matrix // inner % outer
        sample = matrix // (inner * outer)
        u1, v1 = min(u0 + @BLOCK, across), min(v0 + @BLOCK, along)
        source = sample * values + i0 * x_outer + i1 * x_inner
        target = sample * values + i0 * y_outer + i1 * y_inner
        if x_along == 1:
            for u in range(u0, u1):
                copy(x, source + u * x_across + v0, y, target + u * y_across + v0, v1 - v0)
        elif across >= @LANES and along >= @LANES:
            # Whole lines of the rows that are near each other, then on along the others.
            near_u = y_across > x_along
            first, last = (u0, u1) if near_u else (v0, v1)
            begin, end = (v0, v1) if near_u else (u0, u1)
            for line in range(first, last, @LINE):
                for far in range(begin, end, @LANES):
                    for near in range(line, min(line + @LINE, last), @LANES):
                        i, j = (near, far) if near_u else (far, near)
                        i, j = min(i, across - @LANES), min(j, along - @LANES)
                        transpose(x, source + i + j * x_along, x_along,
                                  y, target + i * y_across + j, y_across)
        elif across < along:
            for u in range(u0, u1):
                for v in range(v0, v1):
                    y[target + u * y_across + v] = x[source + u + v * x_along]
        else:
            for v in range(v0, v1):
                for u in range(u0, u1):
                    y[target + u * y_across + v] = x[source + u + v * x_along]
'''


@cache
def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    return fill(
        HEADER + with_functions(DRIVER),
        Geometry._fields,
        LANES=lanes,
        BLOCK=TASK_SIDE,
        LINE=LINE,
    )


class TransposeKernel(CpuKernel):
    """Tasks are blocks of matrices."""

    name = "transpose"
    ops = (ir.Transpose,)
    fields = Geometry._fields
    narrows = True

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        plan = transpose_plan(node, shape)
        return Geometry(*plan.lengths, *plan.source_strides, *plan.target_strides[:3], prod(shape))

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        *outer, across, along = transpose_plan(node, shape).lengths
        return n * prod(outer) * -(-across // TASK_SIDE) * -(-along // TASK_SIDE)

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        return prod(shape) / 2

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes)]

    def text(self, wanted: Wanted) -> str:
        *_, across, along = transpose_plan(wanted.node, wanted.shape).lengths
        return source(fitting_lanes(min(across, along), wanted.lanes))
