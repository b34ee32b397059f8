"""Depthwise convolution of any rank (as 3-D): every channel with kernels of its own.

Bound by loads, not by multiply-adds: eight or four neighbouring positions of a row are done
together (``depthwise_functions``), so that weights are loaded once for them. A position's sum is
one chain of multiply-adds over the taps that lie in the data, whoever its neighbours are; a long
one is a chain for each row (``long_sums``). The last vector of channels overlaps the one before.

w: [kernel][KD][KH][KW][channel], and a vector's length behind
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import HEADER, fill, filled
from speccompiler.kernels.cpu.kernel import (
    Array,
    CpuKernel,
    Given,
    Wanted,
    fitting_lanes,
    no_values,
)
from speccompiler.kernels.long_sums import CARRY, SHORT, is_long
from speccompiler.planning.candidate import KnownShape, known, op_of, three


class Geometry(NamedTuple):
    """Lengths of the input and the output; window, stride and padding before."""

    depth: int
    height: int
    width: int
    channels: int
    out_depth: int
    out_height: int
    out_width: int
    kd: int
    kh: int
    kw: int
    sd: int
    sh: int
    sw: int
    pd: int
    ph: int
    pw: int
    kernels: int
    """Kernels of each channel."""


WORDS = """
from speccompiler.kernels.cpu.depthwise_functions import windows_of

windows = windows_of(@LANES, {long})
"""
DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: rows of the output."""
    @GEOMETRY
    filters, row = kernels * channels, width * channels
    row_weights = kw * channels
    size = kd * kh * row_weights
    # Positions whose windows lie in the data from the first column to the last.
    inner, outer = max(0, -(-pw // sw)), min((width - kw + pw) // sw + 1, out_width)
    some = first_lanes(channels % @LANES)
    for task in range(lo, hi):
        front = task // out_height % out_depth * sd - pd
        top = task % out_height * sh - ph
        sample = task // (out_height * out_depth)
        d0, d1 = max(0, -front), min(kd, depth - front)
        h0, h1 = max(0, -top), min(kh, height - top)
        base = ((sample * depth + front + d0) * height + top + h0) * row
        for m in range(kernels):
            column, wo = 0, m * size + (d0 * kh + h0) * row_weights
            while column < out_width:
                here = outer - column if column >= inner else 0
                back = column + here - 4
                if 3 * sw < 2 * kw * (here - 1) and inner <= back < column and channels >= @LANES:
                    # The last four together, some of them once more: these are fewer loads.
                    column, here = back, 4
                left = column * sw - pw
                at = base + left * channels
                to = (task * out_width + column) * filters + m * channels
                k0, k1, positions = max(0, -left), min(kw, width - left), 1
                if channels < @LANES:
                    part(x, at, w, wo, d1 - d0, h1 - h0, k0, k1, kw, kh, row, height, channels,
                         y, to, some)
                else:
                    positions = 8 if here >= 8 else 4 if here >= 4 else 1
                    windows(positions, sw, x, at, w, wo, y, to, d1 - d0, h1 - h0, k0, k1, kw,
                            height * row, row, channels, kh * row_weights, filters)
                column += positions
'''

PART = """

@jit
def part(x, at, w, wo, planes, rows, k0, k1, kw, kh, row, height, channels, y, to, some):
    '''The window of one position whose channels fill no vector.'''
    @BEGIN
    for d in range(planes):
        for h in range(rows):
            p = at + (d * height + h) * row
            q = wo + (d * kh + h) * kw * channels
            @ROW
    @STORE
"""
TAP = "s = fma(load_where(x, p + k * channels, some), load_where(w, q + k * channels, some), s)"


def _part(long: bool) -> str:
    if not long:
        return filled(
            PART,
            begin=["s = splat(np.float32(0))"],
            row=["for k in range(k0, k1):", f"    {TAP}"],
            store=["store_where(y, to, some, s)"],
        )
    return filled(
        PART,
        begin=["total = rest = splat(np.float32(0))"],
        row=[
            "for first in range(0, kw, @SHORT):",
            "    s = splat(np.float32(0))",
            "    for k in range(max(k0, first), min(k1, first + @SHORT)):",
            f"        {TAP}",
            "    total, rest = carried(total, rest, s)",
        ],
        store=["store_where(y, to, some, rounded(total, rest))"],
    )


@cache
def source(lanes: int, long: bool = False) -> str:
    """The module's text, for one vector width, and for sums that are ``long`` or not."""
    text = HEADER + WORDS.format(long=long) + CARRY * long + _part(long) + DRIVER
    return fill(text, Geometry._fields, LANES=lanes, SHORT=SHORT)


class DepthwiseKernel(CpuKernel):
    """Tasks are rows of the output."""

    name = "depthwise"
    ops = (ir.Depthwise,)
    fields = Geometry._fields
    narrows = True

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        op, out = op_of(node), known(node)
        return Geometry(
            *three(shape[:-1], 1), shape[-1], *three(out[:-1], 1),
            *three(op.kernel, 1), *three(op.stride, 1), *three([b for b, _ in op.padding], 0),
            op.weight.shape[-2],
        )  # fmt: skip

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return n * prod(three(node.shape[:-1], 1)[:2])

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """Loads decide: one of a value for each tap, and of a weight for every fourth position."""
        taps: int = prod(op_of(node).kernel) * prod(known(node))
        return (prod(shape) + prod(known(node))) / 5 + taps / 2 / min(shape[-1], 16)

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes, long) for long in (False, True)]

    def text(self, wanted: Wanted) -> str:
        lanes = fitting_lanes(wanted.shape[-1], wanted.lanes)
        return source(lanes, is_long(prod(op_of(wanted.node).kernel)))

    def pack(self, node: ir.Node, given: Given, lanes: int) -> tuple[Array, Array]:
        import numpy as np

        kernels = np.moveaxis(given[0], -2, 0).reshape(-1)
        return np.concatenate([kernels, np.zeros(lanes)], dtype=np.float32), no_values()
