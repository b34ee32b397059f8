"""Depthwise convolution of any rank (as 3-D): every channel with kernels of its own.

Bound by loads, not by multiply-adds: eight or four neighbouring positions of a row are done
together, so that weights are loaded once for them, and so are values that several windows see. A
position's sum is one chain of multiply-adds over the taps that lie in the data, whoever its
neighbours are; a long one is a chain for each row (``long_sums``). The last vector of channels
overlaps the one before.

w: [kernel][KD][KH][KW][channel], and a vector's length behind
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
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
UNROLLED = 16
"""Columns of the kernel up to which they are written out: registers hold no more weights, and
the time that compiling takes grows with the square of the text."""

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: rows of the output."""
    @GEOMETRY
    filters, row = kernels * channels, width * channels
    size = kd * kh * @KW * channels
    # Positions whose windows lie in the data from the first column to the last.
    inner, outer = -(-pw // sw), (width - @KW + pw) // sw + 1
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
                k0, k1 = max(0, -left), min(@KW, width - left)
                here = min(outer, out_width) - column if column >= inner else 0
                positions = 1
                at, wo = base + left * channels, m * size
                to = (task * out_width + column) * filters + m * channels
                if channels < @LANES:
                    part(x, at, w, wo, d0, d1, h0, h1, k0, k1, kh, row, height, channels, y, to,
                         some)
                    column += 1
                    continue
                if here >= 4:
                    positions = 8 if here >= 8 else 4
                for i in range(0, channels, @LANES):
                    c = min(i, channels - @LANES)
                    if positions == 8:
                        whole_8(x, at + c, w, wo + c, d0, d1, h0, h1, kh, row, height, channels,
                                y, to + c, filters)
                    elif positions == 4:
                        whole_4(x, at + c, w, wo + c, d0, d1, h0, h1, kh, row, height, channels,
                                y, to + c, filters)
                    else:
                        one(x, at + c, w, wo + c, d0, d1, h0, h1, k0, k1, kh, row, height,
                            channels, y, to + c, some)
                column += positions
'''


def _whole(positions: int, columns: int, stride: int, long: bool) -> str:
    """Whole windows of neighbouring positions, for one vector of channels."""
    span = "range(first, end)" if long else "range(@KW)"
    row = _columns(positions, columns, stride)
    if columns > UNROLLED:
        row = _loop(positions, stride, span)
    zeros = [f"s{t} = splat(np.float32(0))" for t in range(positions)]
    if long:
        return _long_whole(positions, row, zeros)
    lines = [
        "\n\n@jit",
        f"def whole_{positions}(",
        "    x, at, w, wo, d0, d1, h0, h1, kh, row, height, channels, y, to, pitch",
        "):",
        *(f"    {zero}" for zero in zeros),
        "    for d in range(d0, d1):",
        "        for h in range(h0, h1):",
        "            p = at + (d * height + h) * row",
        "            q = wo + (d * kh + h) * @KW * channels",
        *(f"            {line}" for line in row),
        *(f"    store(y, to + {t} * pitch, s{t})" for t in range(positions)),
    ]
    return "\n".join(lines) + "\n"


def _long_whole(positions: int, row: list[str], zeros: list[str]) -> str:
    """The same with sums that are carried on after each row."""
    every = range(positions)
    lines = [
        "\n\n@jit",
        f"def whole_{positions}(",
        "    x, at, w, wo, d0, d1, h0, h1, kh, row, height, channels, y, to, pitch",
        "):",
        *(f"    t{t} = r{t} = splat(np.float32(0))" for t in every),
        "    for d in range(d0, d1):",
        "        for h in range(h0, h1):",
        "            p = at + (d * height + h) * row",
        "            q = wo + (d * kh + h) * @KW * channels",
        "            for first in range(0, @KW, @SHORT):",
        "                end = min(@KW, first + @SHORT)",
        *(f"                {line}" for line in (*zeros, *row)),
        *(f"                t{t}, r{t} = carried(t{t}, r{t}, s{t})" for t in every),
        *(f"    store(y, to + {t} * pitch, rounded(t{t}, r{t}))" for t in every),
    ]
    return "\n".join(lines) + "\n"


def _columns(positions: int, columns: int, stride: int) -> list[str]:
    """A row of the windows, written out.

    A value is loaded once for all windows that see it, from the left to the right: each sum
    takes its taps in the order that ``_one`` has.
    """
    seen: dict[int, list[tuple[int, int]]] = {}
    for t in range(positions):
        for k in range(columns):
            seen.setdefault(t * stride + k, []).append((t, k))
    lines = [f"w{k} = load(w, q + {k} * channels)" for k in range(columns)]
    for column in sorted(seen):
        lines.append(f"a = load(x, p + {column} * channels)")
        lines += [f"s{t} = fma(a, w{k}, s{t})" for t, k in seen[column]]
    return lines


def _loop(positions: int, stride: int, span: str) -> list[str]:
    """A row of the windows, or a ``span`` of it, tap by tap."""
    taps = [
        f"    s{t} = fma(load(x, p + (k + {t * stride}) * channels), a, s{t})"
        for t in range(positions)
    ]
    return [f"for k in {span}:", "    a = load(w, q + k * channels)", *taps]


ROW = """            for k in range(k0, k1):
                s = fma({value}, {weight}, s)
"""
LONG_ROW = """            for first in range(0, @KW, @SHORT):
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
def {name}(x, at, w, wo, d0, d1, h0, h1, k0, k1, kh, row, height, channels, y, to, some):
    {begin}
    for d in range(d0, d1):
        for h in range(h0, h1):
            p = at + (d * height + h) * row
            q = wo + (d * kh + h) * @KW * channels
{row}    {stored}
"""


def source(lanes: int, columns: int, stride: int, long: bool = False) -> str:
    """The module's text, for a vector width and the width and horizontal stride of the kernel."""
    windows = "".join(_whole(positions, columns, stride, long) for positions in TOGETHER)
    windows += _one("one", masked=False, long=long) + _one("part", masked=True, long=long)
    text = HEADER + CARRY * long + windows + DRIVER
    return fill(text, Geometry._fields, LANES=lanes, KW=columns, SHORT=SHORT)


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
            *three(op.kernel, 1)[:2], *three(op.stride, 1), *three([b for b, _ in op.padding], 0),
            op.weight.shape[-2],
        )  # fmt: skip

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return n * prod(three(node.shape[:-1], 1)[:2])

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """Loads decide: one of a value for each tap, and of a weight for every fourth position."""
        taps: int = prod(op_of(node).kernel) * prod(known(node))
        return (prod(shape) + prod(known(node))) / 5 + taps / 2 / min(shape[-1], 16)

    def text(self, wanted: Wanted) -> str:
        op = op_of(wanted.node)
        lanes = fitting_lanes(wanted.shape[-1], wanted.lanes)
        return source(lanes, op.kernel[-1], op.stride[-1], is_long(prod(op.kernel)))

    def pack(self, node: ir.Node, given: Given, lanes: int) -> tuple[Array, Array]:
        import numpy as np

        kernels = np.moveaxis(given[0], -2, 0).reshape(-1)
        return np.concatenate([kernels, np.zeros(lanes)], dtype=np.float32), no_values()
