"""Max and average pooling of any rank (as 3-D).

Padding is never counted. The zeros of a folded ZeroPadding are: they lie between
the data and the padding, count for the mean and take part in the maximum.

A window is summed up in registers, for up to four vectors of channels at once. The size of
whole windows is in the text, for LLVM to write them out; an edge cuts others off. At
stride 1 the channels of neighbouring positions lie side by side in both arrays and are
taken as one long run. Where channels are fewer than lanes and the stride is not 1, the rows
of the windows are first brought together, whole and as vectors, in scratch.

Means add up shares: every value times the largest power of two that is no more than
1 / count, which rounds nothing and cannot overflow, then divided by what is left of the count.
Of windows of more than 256 values the rows are added up by themselves (``long_sums``).

scratch: one row of the input, where rows are brought together
"""

from __future__ import annotations

from math import prod
from typing import Literal, NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.codegen.vector_math import with_functions
from speccompiler.kernels.cpu.kernel import CpuKernel, Wanted, fitting_lanes
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
    counted_d0: int
    """The first plane that is counted, in the input's coordinates: 0, or below it where zeros
    were folded in."""
    counted_d1: int
    """One past the last plane that is counted."""
    counted_h0: int
    counted_h1: int
    counted_w0: int
    counted_w1: int
    y_pitch: int


BLOCK = 4
"""Vectors of channels in registers together."""

LARGER_VALUE = '''

@jit
def larger_value(a, b):
    """NaN when either is, as in the originals."""
    return a if a > b or a != a else b
'''

DRIVER = '''

@jit
def share(count):
    """The largest power of two that is no more than ``1 / count``."""
    scale = 1.0
    while scale * count > 1.0:
        scale *= 0.5
    return scale


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: rows of the output."""
    @GEOMETRY
    row = width * channels
    nothing = np.float32(@NOTHING)
    # Positions whose windows lie in the data from the first column to the last.
    left, right = max(counted_w0, 0), min(counted_w1, width)
    inner, outer = -((-left - pw) // sw), (right - kw + pw) // sw + 1
    for task in range(lo, hi):
        oh = task % out_height
        od = task // out_height % out_depth
        sample = task // (out_height * out_depth)
        d_from = od * sd - pd
        h_from = oh * sh - ph
        d_lo, d_hi = max(d_from, counted_d0), min(d_from + kd, counted_d1)
        h_lo, h_hi = max(h_from, counted_h0), min(h_from + kh, counted_h1)
        d0, h0 = max(d_lo, 0), max(h_lo, 0)
        planes, rows = max(min(d_hi, depth) - d0, 0), max(min(h_hi, height) - h0, 0)
        real_rows, counted_rows = planes * rows, (d_hi - d_lo) * (h_hi - h_lo)
        row_share = share(counted_rows)
        base = ((sample * depth + d0) * height + h0) * row
        source, scale = x, row_share
        if @GATHERED:
            clipped(x, base, planes, height * row, rows, row, 1, 0, nothing,
                    np.float32(row_share), np.float32(1), scratch, 0, row, 1, 0, 0)
            source, scale, base, planes, rows = scratch, 1.0, 0, 1, 1
        all_rows = planes == @KD and rows == @KH
        ow = 0
        while ow < out_width:
            w_from = ow * sw - pw
            w_lo, w_hi = max(w_from, counted_w0), min(w_from + kw, counted_w1)
            v0 = max(w_lo, 0)
            columns = max(min(w_hi, width) - v0, 0)
            counted = counted_rows * (w_hi - w_lo)
            first = nothing if real_rows * columns == counted else np.float32(0)
            column_share = share(w_hi - w_lo)
            rest = np.float32(counted * row_share * column_share)
            positions = min(outer, out_width) - ow if inner <= ow and ow < outer else 1
            together = sw == 1 and y_pitch == channels
            count, times = (positions * channels, 1) if together else (channels, positions)
            at, to = base + v0 * channels, (task * out_width + ow) * y_pitch
            share_here = np.float32(scale * column_share)
            if all_rows and columns == kw:
                whole(source, at, planes, height * row, rows, row, columns, channels, first,
                      share_here, rest, y, to, count, times, sw * channels, y_pitch)
            else:
                clipped(source, at, planes, height * row, rows, row, columns, channels, first,
                        share_here, rest, y, to, count, times, sw * channels, y_pitch)
            ow += positions
'''

Window = tuple[int, int, int]
Kind = Literal["max", "mean", "long mean"]


def _neighbours(name: str, window: tuple[int | str, ...], lanes: int, kind: Kind) -> str:
    """``times`` times ``count`` neighbours, each with its window, at input and output.

    From one time to the next the input moves on by ``advance`` and the output by ``pitch``. The
    last vector overlaps the one before.
    """
    lines = [
        "\n\n@jit",
        f"def {name}(",
        "    x, xo, planes, plane, rows, row, columns, step, first, scale, rest, y, yo, count,",
        "    times, advance, pitch",
        "):",
        "    for time in range(times):",
        "        if count < @LANES:",
        "            for i in range(count):",
        *_window("i", 0, window, lanes, kind),
        "        else:",
        "            i = 0",
        "            while i + @BLOCK * @LANES <= count:",
        *_window("i", BLOCK, window, lanes, kind),
        "                i += @BLOCK * @LANES",
        "            while i < count:",
        "                j = min(i, count - @LANES)",
        *_window("j", 1, window, lanes, kind),
        "                i += @LANES",
        "        xo += advance",
        "        yo += pitch",
    ]
    return "\n".join(lines) + "\n"


def _window(
    index: str, vectors: int, window: tuple[int | str, ...], lanes: int, kind: Kind
) -> list[str]:
    """The windows of some vectors, or of one value where ``vectors`` is 0."""
    planes, rows, columns = window
    lines, adds, shares, stores = [], [], [], []
    begins, carries, ends = [], [], []
    for s in range(max(vectors, 1)):
        if vectors:
            seen, start = f"load(x, p + {s * lanes})", "splat(first)"
            larger, add = f"largest(s{s}, {seen})", f"fma({seen}, splat(scale), s{s})"
            divided, store = (
                f"div(s{s}, splat(rest))",
                f"store(y, yo + {index} + {s * lanes}, s{s})",
            )
        else:
            seen, start = "x[p]", "first"
            larger, add = f"larger_value(s{s}, {seen})", f"{seen} * scale + s{s}"
            divided, store = f"s{s} / rest", f"y[yo + {index}] = s{s}"
        if kind == "long mean" and vectors:
            lines += [f"t{s} = r{s} = splat(np.float32(0))"]
            begins.append(f"            s{s} = splat(np.float32(0))")
            carries.append(f"            t{s}, r{s} = carried(t{s}, r{s}, s{s})")
            ends.append(f"s{s} = rounded(t{s}, r{s})")
        elif kind == "long mean":
            # One value alone is carried on in float64.
            lines += [f"t{s} = 0.0"]
            begins.append(f"            s{s} = np.float32(0)")
            carries.append(f"            t{s} += s{s}")
            ends.append(f"s{s} = np.float32(t{s})")
        lines.append(f"s{s} = {start}")
        adds.append(f"s{s} = {larger if kind == 'max' else add}")
        shares.append(f"    s{s} = {divided}")
        stores.append(store)
    lines += [
        f"for d in range({planes}):",
        f"    for h in range({rows}):",
        f"        p = xo + {index} + d * plane + h * row",
    ]
    if kind == "long mean":
        lines += [
            f"        for before in range(0, {columns}, {SHORT}):",
            *begins,
            f"            for c in range(before, min({columns}, before + {SHORT})):",
            *(f"                {line}" for line in (*adds, "p += step")),
            *carries,
        ]
    else:
        lines += [f"        for c in range({columns}):"]
        lines += [f"            {line}" for line in (*adds, "p += step")]
    lines += ends
    if kind != "max":
        lines += ["if rest != 1:", *shares]
    return [f"                {line}" for line in (*lines, *stores)]


def source(lanes: int, largest: bool, window: Window, gathered: bool) -> str:
    """The module's text, for one vector width, kind of pooling and size of window.

    ``gathered``: rows are brought together first, and what is left is one row.
    """
    whole = (1, 1, window[2]) if gathered else window
    kind: Kind = "max" if largest else "long mean" if is_long(prod(window)) else "mean"
    text = (
        {"max": LARGER_VALUE, "mean": "", "long mean": CARRY}[kind]
        + _neighbours("clipped", ("planes", "rows", "columns"), lanes, kind)
        + _neighbours("whole", whole, lanes, kind)
        + DRIVER
    )
    return fill(
        HEADER + with_functions(text),
        Geometry._fields,
        LANES=lanes,
        BLOCK=BLOCK,
        KD=whole[0],
        KH=whole[1],
        NOTHING="-np.inf" if largest else "0",
        GATHERED=str(gathered),
    )


class PoolKernel(CpuKernel):
    """Tasks are rows of the output."""

    name = "pool"
    ops = (ir.Pool,)
    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        op, out = op_of(node), known(node)
        lengths = three(shape[:-1], 1)
        zeros = ((0, 0),) * (4 - len(shape)) + op.zeros
        depth, height, width = ((-b, n + a) for n, (b, a) in zip(lengths, zeros, strict=True))
        # Positions of the text count from the data, so that the folded zeros shift them too.
        before = [b + z for (b, _), (z, _) in zip(op.padding, op.zeros, strict=True)]
        return Geometry(
            *lengths, shape[-1], *three(out[:-1], 1),
            *three(op.kernel, 1), *three(op.stride, 1), *three(before, 0),
            *depth, *height, *width, out[-1],
        )  # fmt: skip

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return n * prod(three(node.shape[:-1], 1)[:2])

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """About 20 GB/s to and from memory; few channels are looked at one value at a time."""
        looked_at: int = prod(known(node)) * prod(map(min, op_of(node).kernel, shape[:-1]))
        return (prod(shape) + prod(known(node))) / 5 + looked_at / (30 if shape[-1] >= 4 else 2)

    def scratch(self, node: ir.Node, shape: KnownShape) -> int:
        return prod(shape[-2:]) if _gathers_rows(node, shape) else 0

    def text(self, wanted: Wanted) -> str:
        op, gathered = op_of(wanted.node), _gathers_rows(wanted.node, wanted.shape)
        lanes = fitting_lanes(wanted.shape[-1], wanted.lanes)
        return source(lanes, op.mode == "max", three(op.kernel, 1), gathered)


def _gathers_rows(node: ir.Node, shape: KnownShape) -> bool:
    """Whether the rows of a window are brought together before its columns are looked at."""
    kernel, stride = three(op_of(node).kernel, 1), three(op_of(node).stride, 1)
    return shape[-1] < 4 and prod(kernel[:2]) > 1 and 1 < stride[2] <= kernel[2]
