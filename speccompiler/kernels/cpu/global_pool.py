"""Maximum, mean, sum or product of every channel over all positions.

Up to four vectors of channels are carried in registers down the positions. Means add up
shares, as in ``pool.py``: every value times the largest power of two that is no more than
1 / count, which cannot overflow. The sums of each 128 positions are added up by themselves, and
what these round off is carried on (``long_sums``). Products, which hardly anyone takes, are of
one value at a time, in float64: neither their length nor what they grow to on the way matters.

Groups of one channel, as planes of channels-first values are, lie side by side: squares of as many
groups as positions are transposed into scratch, and pooled from there like channels.

scratch: a square of vectors, for groups of one channel
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.codegen.vector_math import with_functions
from speccompiler.kernels.cpu.kernel import MOST_LANES, CpuKernel, Wanted
from speccompiler.kernels.cpu.pool_windows import SHARE
from speccompiler.kernels.long_sums import CARRY
from speccompiler.planning.candidate import KnownShape, op_of


class Geometry(NamedTuple):
    """Groups of a sample, and positions of a group, which is pooled into one."""

    groups: int
    positions: int
    channels: int
    divisor: int
    """Of a sum or a product."""


TASK = 64
"""Channels of a task, or groups of one channel."""

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: blocks of @TASK channels of every group, or of @TASK groups of one channel."""
    @GEOMETRY
    blocks = (channels + @TASK - 1) // @TASK
    scale = share(divisor)
    part, rest = splat(np.float32(scale)), splat(np.float32(divisor * scale))
    for task in range(lo, hi):
        first, start = task // blocks, task % blocks * @TASK
        last, stop = first + 1, min(channels, start + @TASK)
        if channels == 1:
            first, last = task * @TASK, min(n * groups, task * @TASK + @TASK)
            while first + @LANES <= last:
                planes(x, first * positions, positions, part, rest, y, first, scratch)
                first += @LANES
            start, stop = 0, 1
        for group in range(first, last):
            at, to, c = group * positions * channels, group * channels, start
            while c < stop:
                if c + @WIDE <= stop:
                    columns_@FOUR(x, at + c, channels, positions, part, rest, y, to + c)
                    c += @WIDE
                elif c + @LANES <= stop:
                    columns_1(x, at + c, channels, positions, part, rest, y, to + c)
                    c += @LANES
                else:
                    last_columns(x, at + c, channels, positions, part, rest, y, to + c,
                                 first_lanes(stop - c))
                    c = stop
'''

PRODUCTS = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: blocks of @TASK channels of every group, or of @TASK groups of one channel."""
    @GEOMETRY
    blocks = (channels + @TASK - 1) // @TASK
    for task in range(lo, hi):
        first, start = task // blocks, task % blocks * @TASK
        last, stop = first + 1, min(channels, start + @TASK)
        if channels == 1:
            first, last = task * @TASK, min(n * groups, task * @TASK + @TASK)
            start, stop = 0, 1
        for group in range(first, last):
            for c in range(start, stop):
                at, product = group * positions * channels + c, 1.0
                for _ in range(positions):
                    product *= x[at]
                    at += channels
                y[group * channels + c] = np.float32(product / divisor)
'''

PLANES = '''

@jit
def planes(x, at, positions, part, rest, y, to, scratch):
    """As many groups as a vector has lanes, each of one channel."""
    t0 = r0 = @START
    for first in range(0, positions, 128):
        s0, last = @START, min(positions, first + 128)
        whole = last - (last - first) % @LANES
        for p in range(first, whole, @LANES):
            transpose(x, at + p, positions, scratch, 0, @LANES)
            for i in range(0, @LANES * @LANES, @LANES):
                s0 = taken(s0, load(scratch, i), part)
        for p in range(whole, last):
            s0 = taken(s0, load_every(x, at + p, positions), part)
        t0, r0 = joined(t0, r0, s0)
    store(y, to, ended(t0, r0, rest))
'''

LARGEST = """

@jit
def taken(s, value, part):
    return largest(s, value)


@jit
def joined(total, rest, s):
    return largest(total, s), rest


@jit
def ended(total, rest, count):
    return total
"""

SUM = """

@jit
def taken(s, value, part):
    return fma(value, part, s)


@jit
def joined(total, rest, s):
    return carried(total, rest, s)


@jit
def ended(total, rest, count):
    return div(rounded(total, rest), count)
"""


def _columns(name: str, vectors: int, lanes: int, masked: bool = False) -> str:
    """Some vectors of channels, from the first position to the last."""
    every, some = range(vectors), ", some" if masked else ""
    lines = [
        "\n\n@jit",
        f"def {name}(x, at, channels, positions, part, rest, y, to{some}):",
        *(f"    t{s} = r{s} = @START" for s in every),
        "    for first in range(0, positions, 128):",
        *(f"        s{s} = @START" for s in every),
        "        p = at + first * channels",
        "        for _ in range(first, min(positions, first + 128)):",
    ]
    for s in every:
        value = "load_where(x, p, some)" if masked else f"load(x, p + {s * lanes})"
        lines.append(f"            s{s} = taken(s{s}, {value}, part)")
    lines += [
        "            p += channels",
        *(f"        t{s}, r{s} = joined(t{s}, r{s}, s{s})" for s in every),
    ]
    for s in every:
        value = f"ended(t{s}, r{s}, rest)"
        stored = f"store_where(y, to, some, {value})"
        lines.append(f"    {stored if masked else f'store(y, to + {s * lanes}, {value})'}")
    return "\n".join(lines) + "\n"


@cache
def source(lanes: int, mode: str) -> str:
    """The module's text, for one vector width: of the ``max``, a ``sum`` or a ``product``."""
    if mode == "product":
        return fill(HEADER + PRODUCTS, Geometry._fields, LANES=lanes, TASK=TASK)
    four = max(1, min(4, TASK // lanes))
    text = (
        (LARGEST if mode == "max" else CARRY + SUM)
        + _columns(f"columns_{four}", four, lanes)
        + _columns("columns_1", 1, lanes)
        + _columns("last_columns", 1, lanes, masked=True)
        + PLANES
        + SHARE
        + DRIVER
    )
    return fill(
        HEADER + with_functions(text),
        Geometry._fields,
        LANES=lanes,
        TASK=TASK,
        FOUR=four,
        WIDE=four * lanes,
        START=f"splat(np.float32({'-np.inf' if mode == 'max' else '0'}))",
    )


class GlobalPoolKernel(CpuKernel):
    """Tasks are blocks of channels of every group, or blocks of groups of one channel."""

    name = "global_pool"
    ops = (ir.GlobalPool,)
    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        kept, positions = op_of(node).kept, prod(shape[op_of(node).kept : -1])
        divisor = positions if op_of(node).mode == "average" else 1
        return Geometry(prod(shape[:kept]), positions, shape[-1], divisor)

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        groups = n * prod(shape[: op_of(node).kept])
        return groups * -(-shape[-1] // TASK) if shape[-1] > 1 else -(-groups // TASK)

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        return prod(shape) / 5

    def scratch(self, node: ir.Node, shape: KnownShape) -> int:
        return MOST_LANES * MOST_LANES if shape[-1] == 1 else 0

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes, mode) for mode in ("max", "sum", "product")]

    @classmethod
    def texts_for(cls, node: ir.Node, lanes: int) -> Iterable[str]:
        mode = op_of(node).mode
        return [source(lanes, "sum" if mode == "average" else mode)]

    def text(self, wanted: Wanted) -> str:
        (text,) = self.texts_for(wanted.node, wanted.lanes)
        return text
