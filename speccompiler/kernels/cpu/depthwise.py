"""Depthwise convolution of any rank (as 3-D): every channel with kernels of its own.

Bound by loads, not by multiply-adds: eight or four neighbouring positions of a row are done
together, so that weights are loaded once for them. In the common kernels of three columns at stride
1 the values that several windows see are loaded once, too. A position's sum is one chain of
multiply-adds over the taps that lie in the data, whoever its neighbours are; a long one is a chain
for each row (``long_sums``). The last vector of channels overlaps the one before.

w: [kernel][KD][KH][KW][channel], and a vector's length behind
"""

from __future__ import annotations

from collections.abc import Iterable
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


TOGETHER = (8, 4)
"""Positions whose windows lie in the data, done at once: as many chains hide a sum's latency."""
DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: rows of the output."""
    @GEOMETRY
    filters, row = kernels * channels, width * channels
    size, ahead = kd * kh * kw * channels, sw * channels
    # Positions whose windows lie in the data from the first column to the last.
    inner, outer = -(-pw // sw), min((width - kw + pw) // sw + 1, out_width)
    some = first_lanes(channels % @LANES)
    for task in range(lo, hi):
        front = task // out_height % out_depth * sd - pd
        top = task % out_height * sh - ph
        sample = task // (out_height * out_depth)
        d0, d1 = max(0, -front), min(kd, depth - front)
        h0, h1 = max(0, -top), min(kh, height - top)
        base = ((sample * depth + front) * height + top) * row
        for m in range(kernels):
            column = 0
            while column < out_width:
                left = column * sw - pw
                k0, k1 = max(0, -left), min(kw, width - left)
                here = outer - column if column >= inner else 0
                at, wo = base + left * channels, m * size
                to = (task * out_width + column) * filters + m * channels
                if channels < @LANES:
                    part(x, at, w, wo, d0, d1, h0, h1, k0, k1, kw, kh, row, height, channels,
                         y, to, some)
                    column += 1
                    continue
                positions = 8 if here >= 8 else 4 if here >= 4 else 1
                for i in range(0, channels, @LANES):
                    c = min(i, channels - @LANES)
                    if positions == 1:
                        one(x, at + c, w, wo + c, d0, d1, h0, h1, k0, k1, kw, kh, row, height,
                            channels, y, to + c, some)
                    @THREES
                    elif positions == 8:
                        whole_8(x, at + c, w, wo + c, d0, d1, h0, h1, kw, kh, row, height,
                                channels, ahead, y, to + c, filters)
                    else:
                        whole_4(x, at + c, w, wo + c, d0, d1, h0, h1, kw, kh, row, height,
                                channels, ahead, y, to + c, filters)
                column += positions
'''

THREES = """
elif kw == 3 and sw == 1 and positions == 8:
    three_8(x, at + c, w, wo + c, d0, d1, h0, h1, kh, row, height, channels, y, to + c, filters)
elif kw == 3 and sw == 1:
    three_4(x, at + c, w, wo + c, d0, d1, h0, h1, kh, row, height, channels, y, to + c, filters)
"""

WHOLE = """

@jit
def whole_@POSITIONS(
    x, at, w, wo, d0, d1, h0, h1, kw, kh, row, height, channels, ahead, y, to, pitch
):
    @STARTS
    over = row - (kw - 1) * channels
    for d in range(d0, d1):
        p, q, k = at + (d * height + h0) * row, wo + (d * kh + h0) * kw * channels, 1
        for _ in range((h1 - h0) * kw):
            a = load(w, q)
            @ADDS
            q += channels
            p += channels if k < kw else over
            k = k + 1 if k < kw else 1
    @STORES
"""

LONG_WHOLE = """

@jit
def whole_@POSITIONS(
    x, at, w, wo, d0, d1, h0, h1, kw, kh, row, height, channels, ahead, y, to, pitch
):
    @STARTS
    for d in range(d0, d1):
        for h in range(h0, h1):
            p, q = at + (d * height + h) * row, wo + (d * kh + h) * kw * channels
            for first in range(0, kw, @SHORT):
                @BEGINS
                for _ in range(first, min(kw, first + @SHORT)):
                    a = load(w, q)
                    @ADDS
                    q += channels
                    p += channels
                @CARRIES
    @STORES
"""


THREE = """

@jit
def three_@POSITIONS(x, at, w, wo, d0, d1, h0, h1, kh, row, height, channels, y, to, pitch):
    @STARTS
    for d in range(d0, d1):
        for h in range(h0, h1):
            p, q = at + (d * height + h) * row, wo + (d * kh + h) * 3 * channels
            @ADDS
    @STORES
"""


def _three(positions: int) -> str:
    """Whole windows of three columns whose positions are side by side.

    A value is loaded once for all windows that see it, from the left to the right: each sum
    takes its taps in the order that ``_one`` has.
    """
    every = range(positions)
    lines = [f"w{k} = load(w, q + {k} * channels)" for k in range(3)]
    for column in range(positions + 2):
        lines.append(f"a = load(x, p + {column} * channels)")
        taps = [(column - k, k) for k in (2, 1, 0) if 0 <= column - k < positions]
        lines += [f"s{t} = fma(a, w{k}, s{t})" for t, k in taps]
    return filled(
        THREE.replace("@POSITIONS", str(positions)),
        starts=[f"s{t} = splat(np.float32(0))" for t in every],
        adds=lines,
        stores=[f"store(y, to + {t} * pitch, s{t})" for t in every],
    )


def _whole(positions: int, long: bool) -> str:
    """Whole windows of neighbouring positions, for one vector of channels."""
    every = range(positions)
    zeros = [f"s{t} = splat(np.float32(0))" for t in every]
    totals = [f"t{t} = r{t} = splat(np.float32(0))" for t in every]
    sums = [f"rounded(t{t}, r{t})" if long else f"s{t}" for t in every]
    return filled(
        (LONG_WHOLE if long else WHOLE).replace("@POSITIONS", str(positions)),
        starts=totals if long else zeros,
        begins=zeros,
        adds=[f"s{t} = fma(load(x, p + {t} * ahead), a, s{t})" for t in every],
        carries=[f"t{t}, r{t} = carried(t{t}, r{t}, s{t})" for t in every],
        stores=[f"store(y, to + {t} * pitch, {value})" for t, value in enumerate(sums)],
    )


ROW = """            for k in range(k0, k1):
                s = fma({value}, {weight}, s)
"""
LONG_ROW = """            for first in range(0, kw, @SHORT):
                s = splat(np.float32(0))
                for k in range(max(k0, first), min(k1, first + @SHORT)):
                    s = fma({value}, {weight}, s)
                total, rest = carried(total, rest, s)
"""


def _one(name: str, masked: bool, long: bool) -> str:
    """The window of one position, the taps from ``k0`` to ``k1`` of each row."""
    where = "{0}, {1}, some" if masked else "{0}, {1}"
    load = "load_where" if masked else "load"
    value = f"{load}({where.format('x', 'p + k * channels')})"
    weight = f"{load}({where.format('w', 'q + k * channels')})"
    result = "rounded(total, rest)" if long else "s"
    stored = f"store_where(y, to, some, {result})" if masked else f"store(y, to, {result})"
    begin = "total = rest = splat(np.float32(0))" if long else "s = splat(np.float32(0))"
    row = (LONG_ROW if long else ROW).format(value=value, weight=weight)
    return f"""

@jit
def {name}(x, at, w, wo, d0, d1, h0, h1, k0, k1, kw, kh, row, height, channels, y, to, some):
    {begin}
    for d in range(d0, d1):
        for h in range(h0, h1):
            p = at + (d * height + h) * row
            q = wo + (d * kh + h) * kw * channels
{row}    {stored}
"""


def source(lanes: int, long: bool = False) -> str:
    """The module's text, for one vector width, and for sums that are ``long`` or not."""
    windows = "".join(_whole(positions, long) for positions in TOGETHER)
    threes = "" if long else "".join(map(_three, TOGETHER))
    windows += _one("one", masked=False, long=long) + _one("part", masked=True, long=long)
    driver = filled(DRIVER, threes=[] if long else THREES.strip().split("\n"))
    text = HEADER + CARRY * long + threes + windows + driver
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
