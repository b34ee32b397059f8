"""Maximum, mean, sum or product of every channel over all positions.

Up to four vectors of channels are carried in registers down the positions. Means add up
shares, as in ``pool.py``: every value times the largest power of two that is no more than
1 / count, which cannot overflow. The sums of each 128 positions are added up by themselves, and
what these round off is carried on (``long_sums``). Products, which hardly anyone takes, are of
one value at a time, in float64: neither their length nor what they grow to on the way matters.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.codegen.vector_math import with_functions
from speccompiler.kernels.cpu.kernel import CpuKernel, Wanted
from speccompiler.kernels.long_sums import CARRY
from speccompiler.planning.candidate import KnownShape, op_of


class Geometry(NamedTuple):
    """Positions of a group that is pooled into one, and their channels."""

    positions: int
    channels: int


TASK_CHANNELS = 64
"""Channels of a task."""

DRIVER = '''

@jit
def share(count):
    """The largest power of two that is no more than ``1 / count``."""
    scale = 1.0
    while scale * count > 1.0:
        scale *= 0.5
    return scale


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: blocks of @TASK channels of every group."""
    @GEOMETRY
    blocks = (channels + @TASK - 1) // @TASK
    scale = @SHARE
    part, rest = splat(np.float32(scale)), splat(np.float32(@REST))
    for task in range(lo, hi):
        group, start = task // blocks, task % blocks * @TASK
        stop = min(channels, start + @TASK)
        at, to = group * positions * channels, group * channels
        c = start
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
    """Tasks: blocks of @TASK channels of every group."""
    @GEOMETRY
    blocks = (channels + @TASK - 1) // @TASK
    for task in range(lo, hi):
        group, start = task // blocks, task % blocks * @TASK
        for c in range(start, min(channels, start + @TASK)):
            at, product = group * positions * channels + c, 1.0
            for _ in range(positions):
                product *= x[at]
                at += channels
            y[group * channels + c] = np.float32(product)
'''


def _columns(name: str, vectors: int, lanes: int, largest: bool, masked: bool = False) -> str:
    """Some vectors of channels, from the first position to the last."""

    def seen(s: int) -> str:
        return "load_where(x, p, some)" if masked else f"load(x, p + {s * lanes})"

    some = ", some" if masked else ""
    lines = ["\n\n@jit", f"def {name}(x, at, channels, positions, part, rest, y, to{some}):"]
    start = "splat(np.float32(-np.inf))" if largest else "splat(np.float32(0))"
    lines += [f"    t{s} = {start}" for s in range(vectors)]
    lines += [f"    r{s} = {start}" for s in range(vectors) if not largest]
    lines += ["    for first in range(0, positions, 128):"]
    lines += [f"        s{s} = {start}" for s in range(vectors)]
    lines += [
        "        p = at + first * channels",
        "        for _ in range(first, min(positions, first + 128)):",
    ]
    for s in range(vectors):
        step = f"largest(s{s}, {seen(s)})" if largest else f"fma({seen(s)}, part, s{s})"
        lines.append(f"            s{s} = {step}")
    lines += ["            p += channels"]
    if largest:
        lines += [f"        t{s} = largest(t{s}, s{s})" for s in range(vectors)]
    else:
        lines += [f"        t{s}, r{s} = carried(t{s}, r{s}, s{s})" for s in range(vectors)]
    for s in range(vectors):
        value = f"t{s}" if largest else f"div(rounded(t{s}, r{s}), rest)"
        if masked:
            lines.append(f"    store_where(y, to, some, {value})")
        else:
            lines.append(f"    store(y, to + {s * lanes}, {value})")
    return "\n".join(lines) + "\n"


def source(lanes: int, mode: str) -> str:
    """The module's text, for one vector width and kind of pooling."""
    if mode == "product":
        return fill(HEADER + PRODUCTS, Geometry._fields, LANES=lanes, TASK=TASK_CHANNELS)
    largest = mode == "max"
    scale, rest = ("1.0", "1.0") if mode == "sum" else ("share(positions)", "positions * scale")
    four = max(1, min(4, TASK_CHANNELS // lanes))
    text = (
        ("" if largest else CARRY)
        + _columns(f"columns_{four}", four, lanes, largest)
        + (_columns("columns_1", 1, lanes, largest) if four > 1 else "")
        + _columns("last_columns", 1, lanes, largest, masked=True)
        + DRIVER
    )
    return fill(
        HEADER + with_functions(text),
        Geometry._fields,
        LANES=lanes,
        TASK=TASK_CHANNELS,
        FOUR=four,
        WIDE=four * lanes,
        SHARE=scale,
        REST=rest,
    )


class GlobalPoolKernel(CpuKernel):
    """Tasks are blocks of channels of every group."""

    name = "global_pool"
    ops = (ir.GlobalPool,)
    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        return Geometry(prod(shape[op_of(node).kept : -1]), shape[-1])

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return n * prod(shape[: op_of(node).kept]) * -(-shape[-1] // TASK_CHANNELS)

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        return prod(shape) / 5

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes, op_of(wanted.node).mode)
