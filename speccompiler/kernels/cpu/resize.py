"""Up-sampling and zero padding of any rank (as 3-D): each output position reads one input.

A padded row is zeros, a run of the input's row, zeros. In an up-sampled one every vector
is loaded once and written at each of its places. The last vector of a run overlaps the one
before. Channels that fill no vector are written as one that reaches into the next position; a
row of one channel twice as wide is its vectors, zipped with themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.codegen.vector_math import with_functions
from speccompiler.kernels.cpu.kernel import CpuKernel, Wanted, fitting_lanes
from speccompiler.planning.candidate import KnownShape, known, op_of, three


class Geometry(NamedTuple):
    """Lengths of the input and the output; factors; zeros before, or below 0 what is left out."""

    depth: int
    height: int
    width: int
    channels: int
    out_depth: int
    out_height: int
    out_width: int
    factor_d: int
    factor_h: int
    factor_w: int
    pd: int
    ph: int
    pw: int


DRIVER = '''

@jit
def copy(x, xo, y, yo, count):
    if count < @LANES:
        some = first_lanes(count)
        store_where(y, yo, some, load_where(x, xo, some))
        return
    for i in range(0, count, @LANES):
        j = min(i, count - @LANES)
        store(y, yo + j, load(x, xo + j))


@jit
def spread(x, xo, y, yo, width, count, factor):
    """``width`` neighbours of ``count`` values each, every one written ``factor`` times."""
    more = factor - 2
    if count >= @LANES:
        for _ in range(width):
            for i in range(0, count, @LANES):
                j = min(i, count - @LANES)
                values, to = load(x, xo + j), yo + j
                store(y, to, values)
                store(y, to + count, values)
                for _ in range(more):
                    store(y, to + 2 * count, values)
                    to += count
            xo += count
            yo += factor * count
        return
    if count == 1 and factor == 2 and width >= @LANES:
        for i in range(0, width, @LANES):
            j = min(i, width - @LANES)
            values, to = load(x, xo + j), yo + 2 * j
            store(y, to, zip_low(values, values))
            store(y, to + @LANES, zip_high(values, values))
        return
    # What a vector writes beyond its values is overwritten by those that follow it.
    inside = max(width - (@LANES + count - 1) // count + 1, 0)
    if count == 1:
        for v in range(inside):
            values, to = broadcast(x, xo + v), yo + v * factor
            store(y, to, values)
            for i in range(@LANES, factor, @LANES):
                store(y, to + i, values)
    else:
        for v in range(inside):
            values, to = load(x, xo + v * count), yo + v * factor * count
            store(y, to, values)
            store(y, to + count, values)
            for _ in range(more):
                store(y, to + 2 * count, values)
                to += count
    some = first_lanes(count)
    for v in range(inside, width):
        values, to = load_where(x, xo + v * count, some), yo + v * factor * count
        for _ in range(factor):
            store_where(y, to, some, values)
            to += count


@jit
def clear(y, yo, count):
    zero = splat(np.float32(0))
    whole = count - count % @LANES
    for i in range(0, whole, @LANES):
        store(y, yo + i, zero)
    if whole < count:
        store_where(y, yo + whole, first_lanes(count - whole), zero)


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: rows of the output. Position p reads ``(p - before) // factor``, or is zero."""
    @GEOMETRY
    row, at = width * channels, -1
    # Columns are repeated or padded, never both.
    first = min(max(pw, 0), out_width)
    last = max(min(pw + width, out_width), first)
    # Divisions take longer than a short row does.
    h, d = lo % out_height - ph, lo // out_height % out_depth - pd
    sample = lo // (out_height * out_depth)
    for task in range(lo, hi):
        to = task * out_width * channels
        if d < 0 or d >= depth * factor_d or h < 0 or h >= height * factor_h:
            clear(y, to, out_width * channels)
        else:
            above = at
            at = (sample * depth + (d // factor_d if factor_d > 1 else d)) * height * row
            at += (h // factor_h if factor_h > 1 else h) * row
            if factor_w > 1 and at == above and channels < @LANES:
                # The row above has just been made of the same one.
                copy(y, to - out_width * channels, y, to, out_width * channels)
            elif factor_w > 1:
                spread(x, at, y, to, width, channels, factor_w)
            else:
                clear(y, to, first * channels)
                clear(y, to + last * channels, (out_width - last) * channels)
                copy(x, at + (first - pw) * channels, y, to + first * channels,
                     (last - first) * channels)
        h += 1
        if h + ph == out_height:
            h, d = -ph, d + 1
            if d + pd == out_depth:
                d, sample = -pd, sample + 1
'''


@cache
def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    return fill(HEADER + with_functions(DRIVER), Geometry._fields, LANES=lanes)


class ResizeKernel(CpuKernel):
    """Tasks are rows of the output."""

    name = "resize"
    ops = (ir.Upsample, ir.Pad)
    fields = Geometry._fields
    narrows = True

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        op = node.op
        factors = three(op.factors, 1) if isinstance(op, ir.Upsample) else (1, 1, 1)
        before = three([b for b, _ in op.padding], 0) if isinstance(op, ir.Pad) else (0, 0, 0)
        return Geometry(
            *three(shape[:-1], 1), shape[-1], *three(node.shape[:-1], 1), *factors, *before
        )

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return n * prod(three(node.shape[:-1], 1)[:2])

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """The written values decide; few channels are spread one value at a time."""
        return prod(known(node)) / (4 if shape[-1] >= 4 else 2)

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes)]

    def text(self, wanted: Wanted) -> str:
        *_, width, channels = wanted.shape
        op = op_of(wanted.node)
        factor = op.factors[-1] if isinstance(op, ir.Upsample) else 1
        # What is not spread along a row is copied in runs that are longer than the channels.
        filled = wanted.lanes
        if factor > 1:
            one = width if factor == 2 else factor
            filled = max(4, one if channels == 1 else channels)
        return source(fitting_lanes(filled, wanted.lanes))
