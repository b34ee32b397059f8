"""Each channel less its mean, over its deviation, both of all samples of the batch.

A vector of channels is carried down all positions of all samples, three times: for the mean,
the variance and the result. Sums of 128 positions, and of 128 such sums, are added up by
themselves: one long chain of additions would round too often.

w: what is added to the variance
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.codegen.vector_math import with_functions
from speccompiler.kernels.cpu.kernel import Array, CpuKernel, Given, Wanted, no_values
from speccompiler.planning.candidate import KnownShape, op_of


class Geometry(NamedTuple):
    """Positions of one sample, and the channels of each."""

    positions: int
    channels: int


TASK_CHANNELS = 16
"""Channels of a task."""

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: @TASK channels each."""
    @GEOMETRY
    rows = n * positions
    for c in range(lo * @TASK, min(hi * @TASK, channels), @LANES):
        if c + @LANES <= channels:
            whole(x, y, c, rows, channels, w[0], first_lanes(0))
        else:
            part(x, y, c, rows, channels, w[0], first_lanes(channels - c))
'''

COLUMN = '''

@jit
def @NAME_sum(x, c, rows, channels, mean, some):
    """The values of a vector of channels less ``mean``, added up; and their squares."""
    zero = splat(np.float32(0))
    u0, u1 = zero, zero
    for third in range(0, rows, 16384):
        t0, t1 = zero, zero
        for second in range(third, min(rows, third + 16384), 128):
            s0, s1 = zero, zero
            for row in range(second, min(rows, second + 128)):
                value = sub(@LOAD(x, c + row * channels@SOME), mean)
                s0 = add(s0, value)
                s1 = fma(value, value, s1)
            t0, t1 = add(t0, s0), add(t1, s1)
        u0, u1 = add(u0, t0), add(u1, t1)
    return u0, u1


@jit
def @NAME(x, y, c, rows, channels, epsilon, some):
    """One vector of channels."""
    count = splat(np.float32(rows))
    total, _ = @NAME_sum(x, c, rows, channels, splat(np.float32(0)), some)
    mean = div(total, count)
    # What the rounded mean is off by is taken out of the squares.
    off, squares = @NAME_sum(x, c, rows, channels, mean, some)
    off = div(off, count)
    variance = maximum(splat(np.float32(0)), sub(div(squares, count), mul(off, off)))
    mean = add(mean, off)
    deviation = sqrt(add(variance, splat(np.float32(epsilon))))
    for row in range(rows):
        at = c + row * channels
        @STORE(y, at@SOME, div(sub(@LOAD(x, at@SOME), mean), deviation))
'''


def _column(name: str, masked: bool) -> str:
    text = COLUMN.replace("@NAME", name)
    text = text.replace("@LOAD", "load_where" if masked else "load")
    text = text.replace("@STORE", "store_where" if masked else "store")
    return text.replace("@SOME", ", some" if masked else "")


@cache
def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    text = _column("whole", masked=False) + _column("part", masked=True) + DRIVER
    return fill(
        HEADER + with_functions(text),
        Geometry._fields,
        LANES=lanes,
        TASK=TASK_CHANNELS,
    )


class BatchNormalizeKernel(CpuKernel):
    """Tasks are vectors of channels."""

    name = "batch_normalize"
    ops = (ir.BatchNormalize,)
    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        return Geometry(prod(shape[:-1]), shape[-1])

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return -(-shape[-1] // TASK_CHANNELS)

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        return prod(shape)

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes)]

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes)

    def pack(self, node: ir.Node, given: Given, lanes: int) -> tuple[Array, Array]:
        import numpy as np

        op = op_of(node)
        return np.array([op.epsilon], np.float32), no_values()
