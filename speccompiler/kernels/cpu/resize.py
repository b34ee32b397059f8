"""Up-sampling and zero padding of any rank (as 3-D): each output position reads one input.

A padded row is zeros, a run of the input's row, zeros. In an up-sampled one every vector
is loaded once and written at each of its places. The last vector of a run overlaps the one
before.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
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
    pd: int
    ph: int
    pw: int


DRIVER = '''

@jit
def spread(x, xo, y, yo, width, count):
    """``width`` neighbours of ``count`` values each, every one written @FACTOR times."""
    for v in range(width):
        if count < @LANES:
            for i in range(count):
                value = x[xo + i]
                for f in range(@FACTOR):
                    y[yo + f * count + i] = value
        else:
            for i in range(0, count, @LANES):
                j = min(i, count - @LANES)
                values = load(x, xo + j)
                for f in range(@FACTOR):
                    store(y, yo + f * count + j, values)
        xo += count
        yo += @FACTOR * count


@jit
def clear(y, yo, count):
    zero = splat(np.float32(0))
    whole = count - count % @LANES
    for i in range(0, whole, @LANES):
        store(y, yo + i, zero)
    for i in range(whole, count):
        y[yo + i] = np.float32(0)


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: rows of the output. Position p reads ``(p - before) // factor``, or is zero."""
    @GEOMETRY
    # Columns are repeated or padded, never both.
    first = min(max(pw, 0), out_width)
    last = max(min(pw + width, out_width), first)
    for task in range(lo, hi):
        h = task % out_height - ph
        d = task // out_height % out_depth - pd
        sample = task // (out_height * out_depth)
        to = task * out_width * channels
        if d < 0 or d >= depth * factor_d or h < 0 or h >= height * factor_h:
            clear(y, to, out_width * channels)
            continue
        row = ((sample * depth + d // factor_d) * height + h // factor_h) * width
        if @FACTOR > 1:
            spread(x, row * channels, y, to, width, @COUNT)
            continue
        clear(y, to, first * channels)
        spread(x, (row + first - pw) * channels, y, to + first * channels,
               1, (last - first) * channels)
        clear(y, to + last * channels, (out_width - last) * channels)
'''


def source(lanes: int, factor: int, channels: int) -> str:
    """The module's text, for one vector width and repetition along a row.

    The number of channels that fill no vector is in the text, for LLVM to write them out.
    """
    count = str(channels) if channels < lanes else "channels"
    return fill(
        HEADER + DRIVER.replace("@COUNT", count),
        Geometry._fields,
        LANES=lanes,
        FACTOR=factor,
    )


class ResizeKernel(CpuKernel):
    """Tasks are rows of the output."""

    name = "resize"
    ops = (ir.Upsample, ir.Pad)
    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        op = node.op
        factors = three(op.factors, 1) if isinstance(op, ir.Upsample) else (1, 1, 1)
        before = three([b for b, _ in op.padding], 0) if isinstance(op, ir.Pad) else (0, 0, 0)
        return Geometry(
            *three(shape[:-1], 1), shape[-1], *three(node.shape[:-1], 1), *factors[:2], *before
        )

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return n * prod(three(node.shape[:-1], 1)[:2])

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """The written values decide; few channels are spread one value at a time."""
        return prod(known(node)) / (4 if shape[-1] >= 4 else 2)

    def text(self, wanted: Wanted) -> str:
        op, channels = wanted.node.op, wanted.shape[-1]
        factor = op_of(wanted.node).factors[-1] if isinstance(op, ir.Upsample) else 1
        # What is not spread along a row is copied in runs that are longer than the channels.
        lanes = fitting_lanes(channels, wanted.lanes) if factor > 1 else wanted.lanes
        return source(lanes, factor, channels)
