"""Depthwise convolution of any rank (as 3-D): every channel with kernels of its own.

Bound by loads, not by multiply-adds: eight or four neighbouring positions of a row are done
together (``depthwise_functions``), so that weights are loaded once for them. A position's sum is
one chain of multiply-adds from the bias on, over the taps that lie in the data, whoever its
neighbours are; a long one is a chain for each row (``long_sums``). The last vector of channels
overlaps the one before.

w: [kernel][KD][KH][KW][channel], and a vector's length behind
b: [kernel][channel], the same
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import HEADER, fill, filled
from speccompiler.kernels.cpu.depthwise_blocks import NARROW, STRIP, blocks
from speccompiler.kernels.cpu.functions import RELU, TOP, Functions, functions
from speccompiler.kernels.cpu.kernel import (
    MOST_LANES,
    Array,
    CpuKernel,
    Given,
    Wanted,
    fitting_lanes,
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
    apart_d: int
    """The distance of neighbouring places of the window: its dilation."""
    apart_h: int
    apart_w: int
    kernels: int
    """Kernels of each channel."""
    slides: int
    """Whether windows slide down strips, and how tasks are cut (``depthwise_blocks``)."""
    row_blocks: int
    parts: int
    y_pitch: int


WORDS = """
from speccompiler.kernels.cpu.codegen.calls import finish, floating, floor_of, spoiled_by
from speccompiler.kernels.cpu.depthwise_functions import windows_of

windows, rectify, capped = windows_of(@LANES, {long}), v.rectify, v.minimum
"""
SLIDING_WORDS = """
from speccompiler.kernels.cpu.depthwise_sliding import strip_of

strip = strip_of(@LANES)
"""
DRIVER = '''

@jit
def missing(left, length, count, apart):
    """Which of some columns lie in the data: the first, and one past the last."""
    if apart == 1:
        return max(0, -left), min(count, length - left)
    return max(0, -(left // apart)), min(count, -((left - length) // apart))


@jit
def line(task, x, y, w, b, g, f):
    """A row of the output, of all rows the one numbered ``task``."""
    @GEOMETRY
    row, relu, top_value = width * channels, f[@RELU], f[@TOP]
    row_weights = kw * channels
    size = kd * kh * row_weights
    # Positions are done together whose windows have columns in common: under a dilation they are
    # ``classes`` apart, and ``stride`` columns of the window.
    shared, rest = apart_w, sw
    while rest:
        shared, rest = rest, shared % rest
    classes, stride = apart_w // shared, sw // shared
    # Windows that are written out may have half of their columns beside the data.
    edge = kw // 2 if stride <= 2 and (kw == 3 or kw == 5 or kw == 7) and @EDGES else 0
    some = first_lanes(channels % @LANES)
    front = task // out_height % out_depth * sd - pd
    top = task % out_height * sh - ph
    sample = task // (out_height * out_depth)
    d0, d1 = max(0, -(front // apart_d)), min(kd, -((front - depth) // apart_d))
    h0, h1 = max(0, -(top // apart_h)), min(kh, -((top - height) // apart_h))
    base = ((sample * depth + front + d0 * apart_d) * height + top + h0 * apart_h) * row
    for m in range(kernels):
        wo = m * size + (d0 * kh + h0) * row_weights
        for begin in range(min(classes, out_width)):
            i, count = 0, (out_width - begin + classes - 1) // classes
            while i < count:
                positions, k0, k1 = 1, 0, 0
                if channels >= @LANES and i + 4 > count and i > 0 and count >= 4:
                    # The last four together, some of them once more: these are fewer loads.
                    left = (begin + (count - 4) * classes) * sw - pw
                    seen = 3 * stride + kw
                    k0, k1 = missing(left, width, seen, apart_w)
                    fewer = 3 * stride < 2 * kw * (count - i - 1)
                    if k0 <= edge and k1 >= seen - edge and fewer:
                        i, positions = count - 4, 4
                left = (begin + i * classes) * sw - pw
                together = 8
                while positions == 1 and together > 1 and channels >= @LANES:
                    seen = (together - 1) * stride + kw
                    k0, k1 = missing(left, width, seen, apart_w)
                    if i + together <= count and k0 <= edge and k1 >= seen - edge:
                        positions = together
                    together //= 2
                    together = 0 if together == 2 else together
                if positions == 1:
                    k0, k1 = missing(left, width, kw, apart_w)
                at = base + left * channels
                to = (task * out_width + begin + i * classes) * y_pitch + m * channels
                if channels < @LANES:
                    part(x, at, w, wo, b, m * channels, d1 - d0, h1 - h0, k0, k1, kw, kh,
                         apart_h * row, apart_d * height * row, apart_w * channels, channels,
                         y, to, some, f)
                else:
                    windows(positions, stride, x, at, w, wo, b, m * channels, y, to,
                            d1 - d0, h1 - h0, k0, k1, kw, apart_d * height * row,
                            apart_h * row, apart_w * channels, channels, kh * row_weights,
                            classes * y_pitch, relu, top_value)
                i += positions
    finish(f, y, task * out_width * y_pitch, out_width, y_pitch, kernels * channels)
'''
SLIDE = '''

@jit
def slide(image, block, part, x, y, w, b, g, f):
    """A block of rows of an image, whose windows slide down strips, and a part of the channels."""
    @GEOMETRY
    row, vectors = width * channels, channels // @MOST_LANES
    first_row = block * out_height // row_blocks
    rows = (block + 1) * out_height // row_blocks - first_row
    # All parts but the last have whole vectors, and the last has one at least.
    first = part * vectors // parts * @MOST_LANES
    end = channels if part + 1 == parts else (part + 1) * vectors // parts * @MOST_LANES
    front, top = image % out_depth * sd - pd, first_row * sh - ph
    base = ((image // out_depth * depth + front) * height + top) * row
    begin = (image * out_height + first_row) * out_width
    for m in range(kernels):
        i = 0
        while i < out_width:
            positions = @STRIP
            if i + positions > out_width:
                # The last together, some of them once more.
                if out_width < positions or out_width - i <= @NARROW:
                    positions = @NARROW
                i = min(i, out_width - positions)
            left = i * sw - pw
            strip(positions, sw, x, base + left * channels, w, m * kh * kw * channels,
                  b, m * channels, y, (begin + i) * y_pitch + m * channels, rows,
                  max(0, -top), height - top, max(0, -left), width - left, row, channels, channels,
                  first, end, out_width * y_pitch, y_pitch, f[@RELU], f[@TOP])
            i += positions
        finish(f, y, begin * y_pitch + m * channels + first, rows * out_width, y_pitch,
               end - first)
'''
KERNEL = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: blocks of rows of the output, by parts of the channels; or as many blocks of rows."""
    @GEOMETRY
    cuts = row_blocks * parts
    for task in range(lo, hi):
        image, cut = task // cuts, task % cuts
        @SLIDING
        for row in range(cut * out_height // cuts, (cut + 1) * out_height // cuts):
            line(image * out_height + row, x, y, w, b, g, f)
'''
SLIDING = """
if slides:
    slide(image, cut // parts, cut % parts, x, y, w, b, g, f)
    continue
"""

PART = """

@jit
def part(
    x, at, w, wo, b, bo, planes, rows, k0, k1, kw, kh, row, plane, across, channels, y, to, some, f
):
    '''The window of one position whose channels fill no vector.'''
    relu, start = f[@RELU], load_where(b, bo, some)
    floor, spoiled = splat(floor_of(relu)), splat(spoiled_by(relu))
    @BEGIN
    for d in range(planes):
        for h in range(rows):
            p = at + d * plane + h * row
            q = wo + (d * kh + h) * kw * channels
            @ROW
    @STORE
"""
TAP = "s = fma(load_where(x, p + k * across, some), load_where(w, q + k * channels, some), s)"
STORE = """s = capped(splat(floating(f[@TOP])), rectify(@SUM, floor, spoiled))
store_where(y, to, some, s)"""


def _part(long: bool) -> str:
    if not long:
        return filled(
            PART,
            begin=["s = start"],
            row=["for k in range(k0, k1):", f"    {TAP}"],
            store=STORE.replace("@SUM", "s").split("\n"),
        )
    return filled(
        PART,
        begin=["total, rest = start, splat(np.float32(0))"],
        row=[
            "for first in range(0, kw, @SHORT):",
            "    s = splat(np.float32(0))",
            "    for k in range(max(k0, first), min(k1, first + @SHORT)):",
            f"        {TAP}",
            "    total, rest = carried(total, rest, s)",
        ],
        store=STORE.replace("@SUM", "rounded(total, rest)").split("\n"),
    )


@cache
def source(lanes: int, long: bool = False) -> str:
    """The module's text, for one vector width, and for sums that are ``long`` or not."""
    text = HEADER + WORDS.format(long=long)
    text += CARRY * long + _part(long) + DRIVER
    slides = lanes == MOST_LANES and not long
    if slides:
        text += SLIDING_WORDS + SLIDE
    text += filled(KERNEL, sliding=SLIDING.strip().split("\n") if slides else [])
    return fill(
        text,
        Geometry._fields,
        LANES=lanes,
        MOST_LANES=MOST_LANES,
        STRIP=STRIP,
        NARROW=NARROW,
        SHORT=SHORT,
        RELU=RELU,
        TOP=TOP,
        # A long window is done by chains, tap by tap.
        EDGES=str(not long),
    )


class DepthwiseKernel(CpuKernel):
    """Tasks are rows of the output, or blocks of rows by parts of the channels."""

    name = "depthwise"
    ops = (ir.Depthwise,)
    fields = Geometry._fields
    narrows = True

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        op, out = op_of(node), known(node)
        # One place has no distance from another.
        apart = [d if k > 1 else 1 for k, d in zip(op.kernel, op.dilation, strict=False)]
        return Geometry(
            *three(shape[:-1], 1), shape[-1], *three(out[:-1], 1),
            *three(op.kernel, 1), *three(op.stride, 1), *three([b for b, _ in op.padding], 0),
            *three(apart, 1), op.weight.shape[-2], *blocks(node, shape), out[-1],
        )  # fmt: skip

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        _, row_blocks, parts = blocks(node, shape)
        return n * three(node.shape[:-1], 1)[0] * row_blocks * parts

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

    def functions(self, wanted: Wanted) -> Functions:
        return functions(op_of(wanted.node).activation, capped=True)

    def pack(self, node: ir.Node, given: Given, lanes: int) -> tuple[Array, Array]:
        import numpy as np

        weight = given[0]
        count = prod(weight.shape[-2:])
        bias = np.zeros(count) if len(given) == 1 else given[1]
        kernels = np.moveaxis(weight, -2, 0).reshape(-1)
        behind = np.zeros(lanes)
        return (
            np.concatenate([kernels, behind], dtype=np.float32),
            np.concatenate([bias, behind], dtype=np.float32),
        )
