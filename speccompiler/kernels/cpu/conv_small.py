"""Convolution, or matrix product, of so little that packing its input is a waste.

A position's sum over one vector of filters is one chain of multiply-adds from the bias on,
over the taps that lie in the data; a long one is several (``long_sums``). There is nothing to pack
and nothing to share.

w: [part][KD][KH][KW][channel][filter], filled with zeros to whole vectors
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.register_tile import VECTORS
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.convolution import Convolution, count_multiply_adds, is_small
from speccompiler.kernels.cpu.functions import RELU, Functions, functions
from speccompiler.kernels.cpu.kernel import MOST_LANES, Array, Wanted
from speccompiler.kernels.cpu.packing import in_whole_vectors
from speccompiler.kernels.long_sums import CARRY, SHORT
from speccompiler.planning.candidate import KnownShape, known, op_of, three

if TYPE_CHECKING:
    import numpy.typing as npt


class Geometry(NamedTuple):
    """Lengths of the input and the output; window, stride, padding before, and more."""

    depth: int
    height: int
    width: int
    channels: int
    out_depth: int
    out_height: int
    out_width: int
    filters: int
    kd: int
    kh: int
    kw: int
    sd: int
    sh: int
    sw: int
    pd: int
    ph: int
    pw: int
    repeat_d: int
    """How often each plane of the input is read: an up-sampling before."""
    repeat_h: int
    repeat_w: int
    apart_d: int
    """The distance of neighbouring places of the window: its dilation."""
    apart_h: int
    apart_w: int
    groups: int
    """Parts of the channels, each with filters of its own; ``channels`` and ``filters`` are those
    of a part."""
    y_pitch: int


DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: rows of the output."""
    @GEOMETRY
    padded = (filters + @LANES - 1) // @LANES * @LANES
    part_bias, x_pitch = (filters + @GROUP - 1) // @GROUP * @GROUP, groups * channels
    part_weights = kd * kh * kw * channels * padded
    deep, tall, wide = depth * repeat_d, height * repeat_h, width * repeat_w
    zero = splat(np.float32(0))
    floor, spoiled = splat(floor_of(f[@RELU])), splat(spoiled_by(f[@RELU]))
    # One chain begins with the bias; several are added to it.
    long = kd * kh * kw * channels > @SHORT
    for task in range(lo, hi):
        top = task % out_height * sh - ph
        front = task // out_height % out_depth * sd - pd
        sample = task // (out_height * out_depth)
        d0, d1 = max(0, -(front // apart_d)), min(kd, -((front - deep) // apart_d))
        h0, h1 = max(0, -(top // apart_h)), min(kh, -((top - tall) // apart_h))
        for column in range(out_width):
            left = column * sw - pw
            k0, k1 = max(0, -(left // apart_w)), min(kw, -((left - wide) // apart_w))
            to = (task * out_width + column) * y_pitch
            part, first = 0, 0
            for _ in range(0, groups * padded, @LANES):
                s = load(b, part * part_bias + first)
                total, rest, done = s, zero, 0
                if long:
                    s = zero
                for d in range(d0, d1):
                    plane = sample * depth + (front + d * apart_d) // repeat_d
                    for h in range(h0, h1):
                        row = plane * height + (top + h * apart_h) // repeat_h
                        for k in range(k0, k1):
                            at = (row * width + (left + k * apart_w) // repeat_w) * x_pitch
                            at += part * channels
                            wo = ((d * kh + h) * kw + k) * channels * padded + first
                            wo += part * part_weights
                            i = 0
                            while i < channels:
                                more = min(channels - i, @SHORT - done) if long else channels
                                for i in range(i, i + more):
                                    s = fma(broadcast(x, at + i), load(w, wo + i * padded), s)
                                i += 1
                                done += more
                                if long and done == @SHORT:
                                    total, rest = carried(total, rest, s)
                                    s, done = zero, 0
                if long:
                    total, rest = carried(total, rest, s)
                    s = rounded(total, rest)
                s = rectify(s, floor, spoiled)
                if first + @LANES <= filters:
                    store(y, to + part * filters + first, s)
                else:
                    some = first_lanes(filters - first)
                    store_where(y, to + part * filters + first, some, s)
                first += @LANES
                if first == padded:
                    part, first = part + 1, 0
        finish(f, y, task * out_width * y_pitch, out_width, y_pitch, groups * filters)
'''

_WORDS = """
from speccompiler.kernels.cpu.codegen.calls import finish, floor_of, spoiled_by

rectify = v.rectify
"""


@cache
def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    text = HEADER + _WORDS + CARRY + DRIVER
    group = VECTORS * lanes
    return fill(text, Geometry._fields, LANES=lanes, GROUP=group, SHORT=SHORT, RELU=RELU)


class ConvSmallKernel(Convolution):
    """Tasks are rows of the output."""

    name = "conv_small"
    fields = Geometry._fields

    def fits(self, node: ir.Node, shape: KnownShape) -> bool:
        return is_small(node)

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        op, out = op_of(node), known(node)
        channels, filters = shape[-1] // op.groups, out[-1] // op.groups
        return Geometry(
            *three(shape[:-1], 1), channels, *three(out[:-1], 1), filters,
            *three(op.kernel, 1), *three(op.stride, 1), *three([b for b, _ in op.padding], 0),
            *three(op.repeats, 1), *three(op.dilation, 1), op.groups, out[-1],
        )  # fmt: skip

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return n * prod(three(known(node)[:-1], 1)[:2])

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """A chain of multiply-adds waits four cycles for each."""
        groups: int = op_of(node).groups
        filters = known(node)[-1]
        vectors = -(-filters // groups // MOST_LANES) * groups
        return 20 + 1.3 * count_multiply_adds(node) / filters * vectors

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes)

    @classmethod
    def texts(cls, lanes: int) -> Sequence[str]:
        return (source(lanes),)

    def functions(self, wanted: Wanted) -> Functions:
        return functions(op_of(wanted.node).activation)

    def pack_kernel(self, weight: npt.NDArray[Any], lanes: int) -> Array:
        return in_whole_vectors(weight, lanes)
