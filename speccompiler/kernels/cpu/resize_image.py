"""Images in another size: each output position weighs four inputs, or takes one of them.

Where a position looks is computed in float32, as TensorFlow does: which input a rounded place
falls on is part of the result.
"""

from __future__ import annotations

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


DRIVER = '''

@jit
def scale_of(length, size):
    """What a place is multiplied with to find where it looks."""
    if @ALIGNED and size > 1:
        return np.float32(length - 1) / np.float32(size - 1)
    return np.float32(length) / np.float32(size)


@jit
def looked_at(place, length):
    """The last input that is not behind the place, or the nearer one."""
    first = int(place)
    if @NEARER and place - np.float32(first) >= np.float32(0.5):
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
    down, across = scale_of(height, out_height), scale_of(width, out_width)
    for task in range(lo, hi):
        v = np.float32(task % out_height) * down
        top = looked_at(v, height)
        first = (task // out_height * height + top) * width * channels
        second = first + (min(top + 1, height - 1) - top) * width * channels
        for ox in range(out_width):
            u = np.float32(ox) * across
            left = looked_at(u, width)
            to = (task * out_width + ox) * channels
            l, r = left * channels, min(left + 1, width - 1) * channels
            @SAMPLE
'''
BILINEAR = (
    "blend(x, first + l, first + r, second + l, second + r, "
    "u - np.float32(left), v - np.float32(top), y, to, channels)"
)
NEAREST = "for i in range(channels):\n                y[to + i] = x[first + l + i]"


def source(lanes: int, bilinear: bool, align_corners: bool) -> str:
    """The module's text, for one vector width and way to look."""
    nearer = int(align_corners and not bilinear)
    text = DRIVER.replace("@SAMPLE", BILINEAR if bilinear else NEAREST)
    return fill(
        HEADER + with_functions(text),
        Geometry._fields,
        LANES=lanes,
        NEARER=nearer,
        ALIGNED=int(align_corners),
    )


class ResizeImageKernel(CpuKernel):
    """Tasks are rows of the output."""

    name = "resize_image"
    ops = (ir.Resize,)
    fields = Geometry._fields
    narrows = True

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        return Geometry(*shape[-3:], *known(node)[-3:-1])

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return n * prod(known(node)[:-2])

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """The values looked at decide; few channels are done one value at a time."""
        return prod(known(node)) / (1 if shape[-1] >= 4 else 0.3)

    def text(self, wanted: Wanted) -> str:
        op = op_of(wanted.node)
        lanes = fitting_lanes(wanted.shape[-1], wanted.lanes)
        return source(lanes, op.bilinear, op.align_corners)
