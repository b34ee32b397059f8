"""Max and average pooling of any rank (as 3-D).

Padding is never counted. The zeros of a folded ZeroPadding are: they lie between
the data and the padding, count for the mean and take part in the maximum.

A window is summed up in registers, for up to four vectors of channels at once. At stride
1 the channels of neighbouring positions lie side by side in both arrays and are taken as
one long run. Where channels are fewer than lanes and the stride is not 1, the rows of the
windows are first brought together, whole and as vectors, in scratch.

Means add up shares: every value times the largest power of two that is no more than
1 / count, which rounds nothing and cannot overflow, then divided by what is left of the count.

g: D H W C, OD OH OW, KD KH KW, SD SH SW, PD PH PW (padding before), then the
counted range of each axis: first and one past the last, in the input's coordinates
(0 and the length when nothing was folded)
scratch: one row of the input
"""

from __future__ import annotations

from .register_tile import HEADER, JIT, fill
from .vector_math import with_functions

BLOCK = 4
"""Vectors of channels in registers together: loops and window arithmetic once for all."""

LARGER = '''

@JIT
def larger(a, b):
    """NaN when either is, as in the originals."""
    return select(not_equal(a, a), a, maximum(a, b))


@JIT
def larger_value(a, b):
    return a if a > b or a != a else b
'''

DRIVER = '''

@JIT
def run(x, xo, planes, plane, rows, row, columns, step, first, scale, rest, y, yo, count):
    """``count`` neighbours, each with its window; the last vector overlaps the one before."""
    if count < @LANES:
        for i in range(count):
            pool_value(x, xo + i, planes, plane, rows, row, columns, step, first, scale, rest,
                       y, yo + i)
        return
    i = 0
    while i + @BLOCK * @LANES <= count:
        pool_block(x, xo + i, planes, plane, rows, row, columns, step, first, scale, rest,
                   y, yo + i)
        i += @BLOCK * @LANES
    while i < count:
        j = min(i, count - @LANES)
        pool_vector(x, xo + j, planes, plane, rows, row, columns, step, first, scale, rest,
                    y, yo + j)
        i += @LANES


@JIT
def share(count):
    """The largest power of two that is no more than ``1 / count``."""
    scale = 1.0
    while scale * count > 1.0:
        scale *= 0.5
    return scale


@JIT
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: rows of the output."""
    depth, height, width, channels = g[0], g[1], g[2], g[3]
    out_depth, out_height, out_width = g[4], g[5], g[6]
    kw, sw, pw = g[9], g[12], g[15]
    row = width * channels
    nothing = np.float32(@NOTHING)
    gathered = channels < @LANES and 1 < sw and sw <= kw and g[7] * g[8] > 1
    # Positions whose windows lie in the data from the first column to the last.
    left, right = max(g[20], 0), min(g[21], width)
    inner, outer = -((-left - pw) // sw), (right - kw + pw) // sw + 1
    for task in range(lo, hi):
        oh = task % out_height
        od = task // out_height % out_depth
        sample = task // (out_height * out_depth)
        d_from = od * g[10] - g[13]
        h_from = oh * g[11] - g[14]
        d_lo, d_hi = max(d_from, g[16]), min(d_from + g[7], g[17])
        h_lo, h_hi = max(h_from, g[18]), min(h_from + g[8], g[19])
        d0, h0 = max(d_lo, 0), max(h_lo, 0)
        planes, rows = max(min(d_hi, depth) - d0, 0), max(min(h_hi, height) - h0, 0)
        counted_rows = (d_hi - d_lo) * (h_hi - h_lo)
        row_share = share(counted_rows)
        base = ((sample * depth + d0) * height + h0) * row
        if gathered:
            run(x, base, planes, height * row, rows, row, 1, 0, nothing, np.float32(row_share),
                np.float32(1), scratch, 0, row)
        ow = 0
        while ow < out_width:
            w_from = ow * sw - pw
            w_lo, w_hi = max(w_from, g[20]), min(w_from + kw, g[21])
            v0 = max(w_lo, 0)
            columns = max(min(w_hi, width) - v0, 0)
            counted = counted_rows * (w_hi - w_lo)
            first = nothing if planes * rows * columns == counted else np.float32(0)
            positions = 1
            if sw == 1 and ow >= inner and ow < outer:
                positions = min(outer, out_width) - ow
            column_share = share(w_hi - w_lo)
            rest = np.float32(counted * row_share * column_share)
            at = (task * out_width + ow) * channels
            if gathered:
                run(scratch, v0 * channels, 1, 0, 1, 0, columns, channels, first,
                    np.float32(column_share), rest, y, at, channels)
            else:
                run(x, base + v0 * channels, planes, height * row, rows, row, columns, channels,
                    first, np.float32(row_share * column_share), rest, y, at,
                    positions * channels)
            ow += positions
'''


def _window(name: str, count: int, lanes: int, largest: bool) -> str:
    """A function for the windows of ``count`` vectors, or of one value where it is 0."""
    sums = range(max(count, 1))
    lines = [
        f"\n\n{JIT}",
        f"def {name}(x, xo, planes, plane, rows, row, columns, step, first, scale, rest, y, yo):",
        *(f"    s{i} = {'splat(first)' if count else 'first'}" for i in sums),
        "    for d in range(planes):",
        "        for h in range(rows):",
        "            p = xo + d * plane + h * row",
        "            for c in range(columns):",
    ]
    for i in sums:
        seen = f"load(x, p + {i * lanes})" if count else "x[p]"
        if largest:
            value = f"larger{'' if count else '_value'}(s{i}, {seen})"
        else:
            value = f"fma({seen}, splat(scale), s{i})" if count else f"{seen} * scale + s{i}"
        lines.append(f"                s{i} = {value}")
    lines.append("                p += step")
    if not largest:
        lines.append("    if rest != 1:")
        lines += [
            f"        s{i} = {f'div(s{i}, splat(rest))' if count else f's{i} / rest'}" for i in sums
        ]
    lines += [
        f"    store(y, yo + {i * lanes}, s{i})" if count else f"    y[yo] = s{i}" for i in sums
    ]
    return "\n".join(lines)


def source(lanes: int, largest: bool) -> str:
    """The module's text, for one vector width and kind of pooling."""
    windows = [
        _window("pool_block", BLOCK, lanes, largest),
        _window("pool_vector", 1, lanes, largest),
        _window("pool_value", 0, lanes, largest),
    ]
    text = (LARGER if largest else "") + "".join(windows) + "\n" + DRIVER
    text = text.replace("@NOTHING", "-np.inf" if largest else "0")
    return fill(HEADER + with_functions(text), LANES=lanes, BLOCK=BLOCK)
