"""Images in another size: each output position weighs four inputs, or takes one of them.

Where a position looks is computed in float32, as TensorFlow does: which input a rounded place
falls on is part of the result.
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
from speccompiler.planning.candidate import KnownShape, known, op_of


class Geometry(NamedTuple):
    """Lengths of the input, and of the output."""

    height: int
    width: int
    channels: int
    out_height: int
    out_width: int
    bilinear: int
    """Whether inputs are weighed."""
    aligned: int
    """Whether corners lie on corners."""
    centred: int
    """Whether places are the centres of pixels."""


DRIVER = '''

@jit
def scale_of(length, size, aligned):
    """What a place is multiplied with to find where it looks."""
    if aligned and size > 1:
        return np.float32(length - 1) / np.float32(size - 1)
    return np.float32(length) / np.float32(size)


@as_written
def place_of(output, scale, centred, bilinear):
    """Where an output looks; the nearest neighbour of a centre is the pixel that it falls into."""
    place = np.float32(output)
    if not centred:
        return place * scale
    place = (place + np.float32(0.5)) * scale
    return max(place - np.float32(0.5), np.float32(0)) if bilinear else place


@jit
def looked_at(place, length, nearer):
    """The last input that is not behind the place, or the nearer one."""
    first = int(place)
    if nearer and place - np.float32(first) >= np.float32(0.5):
        first += 1
    return min(first, length - 1)


@jit
def blend(x, a, b, c, d, across, down, y, to, count):
    """Two rows of two neighbours: across first, then down."""
    u, v = splat(across), splat(down)
    whole = count - count % @LANES
    for i in range(0, whole, @LANES):
        p, q = load(x, a + i), load(x, c + i)
        p = fma(sub(load(x, b + i), p), u, p)
        q = fma(sub(load(x, d + i), q), u, q)
        store(y, to + i, fma(sub(q, p), v, p))
    if whole < count:
        rest = first_lanes(count - whole)
        p, q = load_where(x, a + whole, rest), load_where(x, c + whole, rest)
        p = fma(sub(load_where(x, b + whole, rest), p), u, p)
        q = fma(sub(load_where(x, d + whole, rest), q), u, q)
        store_where(y, to + whole, rest, fma(sub(q, p), v, p))


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: rows of the output."""
    @GEOMETRY
    down, across = scale_of(height, out_height, aligned), scale_of(width, out_width, aligned)
    nearer, some = aligned and not bilinear, first_lanes(channels % @LANES)
    whole = channels - channels % @LANES
    for task in range(lo, hi):
        v = place_of(task % out_height, down, centred, bilinear)
        top = looked_at(v, height, nearer)
        first = (task // out_height * height + top) * width * channels
        second = first + (min(top + 1, height - 1) - top) * width * channels
        for ox in range(out_width):
            u = place_of(ox, across, centred, bilinear)
            left = looked_at(u, width, nearer)
            to = (task * out_width + ox) * channels
            l, r = left * channels, min(left + 1, width - 1) * channels
            if bilinear:
                blend(x, first + l, first + r, second + l, second + r,
                      u - np.float32(left), v - np.float32(top), y, to, channels)
                continue
            for i in range(0, whole, @LANES):
                store(y, to + i, load(x, first + l + i))
            if whole < channels:
                store_where(y, to + whole, some, load_where(x, first + l + whole, some))
'''


@cache
def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    return fill(HEADER + with_functions(DRIVER), Geometry._fields, LANES=lanes)


class ResizeImageKernel(CpuKernel):
    """Tasks are rows of the output."""

    name = "resize_image"
    ops = (ir.Resize,)
    fields = Geometry._fields
    narrows = True

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        op, (out_height, out_width) = op_of(node), known(node)[-3:-1]
        height, width, channels = shape[-3:]
        ways = int(op.bilinear), int(op.align_corners), int(op.half_pixel)
        return Geometry(height, width, channels, out_height, out_width, *ways)

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return n * prod(known(node)[:-2])

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """The values looked at decide; few channels are done one value at a time."""
        return prod(known(node)) / (1 if shape[-1] >= 4 else 0.3)

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes)]

    def text(self, wanted: Wanted) -> str:
        return source(fitting_lanes(max(4, wanted.shape[-1]), wanted.lanes))
