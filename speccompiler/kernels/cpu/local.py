"""A convolution whose every position has weights of its own.

Bound by reading the weights: those of a position are read once for up to four samples at a
time. A sum is one chain of multiply-adds from the bias on, whatever samples are beside it; a long
one is several (``long_sums``).

w: [position][KD][KH][KW][channel][filter], filters filled with zeros to whole vectors
b: [position][filter], filled likewise
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.kernel import Array, CpuKernel, Given, Wanted
from speccompiler.kernels.cpu.packing import in_whole_vectors
from speccompiler.kernels.long_sums import CARRY, SHORT, is_long
from speccompiler.planning.candidate import KnownShape, known, op_of, three


class Geometry(NamedTuple):
    """Lengths of the input and the output; window and stride."""

    inner_samples: int
    """How many the axes before the spatial ones make of one sample."""
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


SAMPLES = 4
VECTORS = 2

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: positions of the output."""
    @GEOMETRY
    samples = n * inner_samples
    positions = out_depth * out_height * out_width
    run, row = kw * channels, width * channels
    size, out = depth * height * row, positions * filters
    padded = (filters + @LANES - 1) // @LANES * @LANES
    for task in range(lo, hi):
        d = task // (out_width * out_height) * sd
        h = task // out_width % out_height * sh
        at = ((d * height + h) * width + task % out_width * sw) * channels
        wo = task * kd * kh * run * padded
        first = 0
        while first < filters:
            wide = first + @WIDE <= filters
            i = 0
            while i < samples:
                many = i + @SAMPLES <= samples
                p, to = i * size + at, i * out + task * filters + first
                bo = task * padded + first
                if wide and many:
                    dot_@VECTORS_@SAMPLES(x, p, size, w, wo + first, padded, b, bo, kd, kh,
                        run, row, height, y, to, out, filters - first)
                elif wide:
                    dot_@VECTORS_1(x, p, size, w, wo + first, padded, b, bo, kd, kh,
                        run, row, height, y, to, out, filters - first)
                elif many:
                    dot_1_@SAMPLES(x, p, size, w, wo + first, padded, b, bo, kd, kh,
                        run, row, height, y, to, out, filters - first)
                else:
                    dot_1_1(x, p, size, w, wo + first, padded, b, bo, kd, kh,
                        run, row, height, y, to, out, filters - first)
                i += @SAMPLES if many else 1
            first += @WIDE if wide else @LANES
'''


def _dot(vectors: int, samples: int, lanes: int, long: bool) -> str:
    """One position of some samples by some vectors of filters."""
    sums = [(t, v) for t in range(samples) for v in range(vectors)]
    lines = [
        "\n\n@jit",
        f"def dot_{vectors}_{samples}(",
        "    x, at, size, w, wo, padded, b, bo, kd, kh, run, row, height, y, to, out, left",
        "):",
        *(f"    s{t}_{v} = load(b, bo + {v * lanes})" for t, v in sums),
    ]
    if long:
        lines += [f"    total{t}_{v} = s{t}_{v}" for t, v in sums]
        lines += [f"    rest{t}_{v} = splat(np.float32(0))" for t, v in sums]
    lines += [
        "    for d in range(kd):",
        "        for h in range(kh):",
        "            p = at + (d * height + h) * row",
        f"            for first in range(0, run, {'@SHORT' if long else 'run'}):",
    ]
    if long:
        lines += [f"                s{t}_{v} = splat(np.float32(0))" for t, v in sums]
    end = "min(run, first + @SHORT)" if long else "run"
    lines += [
        f"                for i in range(first, {end}):",
        *(f"                    w{v} = load(w, wo + {v * lanes})" for v in range(vectors)),
    ]
    for t in range(samples):
        lines.append(f"                    a = broadcast(x, p + i + {t} * size)")
        lines += [f"                    s{t}_{v} = fma(a, w{v}, s{t}_{v})" for v in range(vectors)]
    lines.append("                    wo += padded")
    if long:
        for t, v in sums:
            carry = f"carried(total{t}_{v}, rest{t}_{v}, s{t}_{v})"
            lines.append(f"                total{t}_{v}, rest{t}_{v} = {carry}")
        lines += [f"    s{t}_{v} = rounded(total{t}_{v}, rest{t}_{v})" for t, v in sums]
    if vectors > 1:
        lines += [f"    store(y, to + {t} * out + {v * lanes}, s{t}_{v})" for t, v in sums]
    else:
        lines += [
            "    some = first_lanes(min(left, @LANES))",
            *(f"    store_where(y, to + {t} * out, some, s{t}_0)" for t in range(samples)),
        ]
    return "\n".join(lines) + "\n"


@cache
def source(lanes: int, long: bool) -> str:
    """The module's text, for one vector width, and for sums that are ``long`` or not."""
    dots = "".join(_dot(v, t, lanes, long) for v in (VECTORS, 1) for t in (SAMPLES, 1))
    return fill(
        HEADER + CARRY * long + dots + DRIVER,
        Geometry._fields,
        LANES=lanes,
        SHORT=SHORT,
        WIDE=VECTORS * lanes,
        VECTORS=VECTORS,
        SAMPLES=SAMPLES,
    )


class LocalKernel(CpuKernel):
    """Tasks are positions of the output."""

    name = "local"
    ops = (ir.Local,)
    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        op, out = op_of(node), known(node)
        first = len(shape) - 1 - len(op.kernel)
        return Geometry(
            prod(shape[:first]), *three(shape[first:-1], 1), shape[-1],
            *three(out[first:-1], 1), out[-1], *three(op.kernel, 1), *three(op.stride, 1),
        )  # fmt: skip

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return int(op_of(node).weight.shape[0])

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        weights: int = prod(op_of(node).weight.shape)
        return weights / 7

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes, long) for long in (False, True)]

    def text(self, wanted: Wanted) -> str:
        terms = prod(op_of(wanted.node).kernel) * wanted.shape[-1]
        return source(wanted.lanes, is_long(terms))

    def pack(self, node: ir.Node, given: Given, lanes: int) -> tuple[Array, Array]:
        import numpy as np

        weight, *rest = (in_whole_vectors(array, lanes) for array in given)
        bias = rest[0] if rest else np.zeros((len(weight), weight.shape[-1]), np.float32)
        return weight.reshape(-1), bias.reshape(-1)
