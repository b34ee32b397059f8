"""The texts of pooling: how windows are walked over and what is made of their values.

Up to four vectors are in registers together: four of channels, or those of four positions where
channels are few. At stride 1 the channels of neighbouring positions lie side by side in both arrays
and are taken as one long run.

Another text is for one channel, as planes of channels-first values are: its vectors are of
neighbouring positions, or of as many lines where there are too few. At stride 2 every load serves
two columns of a window. Of planes that become one value each, a vector takes several planes.

Rows whose windows lie in the data alike are done together: the driver decides once for them.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from speccompiler.kernels.cpu.codegen.text import HEADER, fill
from speccompiler.kernels.cpu.codegen.vector_math import with_functions
from speccompiler.kernels.cpu.pool_windows import SHARE, Kind, along, part, second, windows
from speccompiler.kernels.long_sums import CARRY, SHORT


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
"""Vectors that are in registers together."""

DRIVER = '''

@jit
def seen(begin, low, high, count, apart):
    """Which of ``count`` places from ``begin`` on lie within: the first, and one past the last."""
    if apart == 1:
        return max(0, low - begin), min(count, high - begin)
    return max(0, -((begin - low) // apart)), min(count, -((begin - high) // apart))


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: rows of the output."""
    @GEOMETRY
    row = width * channels
    nothing = np.float32(@NOTHING)
    # Positions whose windows lie in the data from the first column to the last.
    high, wide = (kh - 1) * apart_h + 1, (kw - 1) * apart_w + 1
    front, back = max(counted_d0, 0), min(counted_d1, depth)
    upper, lower = max(counted_h0, 0), min(counted_h1, height)
    left, right = max(counted_w0, 0), min(counted_w1, width)
    inner, outer = -((-left - pw) // sw), min((right - wide + pw) // sw + 1, out_width)
    # One past the last row of such windows: below it lies padding, or what was cut off.
    lowest = min((lower - high + ph) // sh + 1, out_height)
    # Planes of which one value is made each lie side by side.
    flat = kd == 1 and sd == 1 and pd == 0 and out_depth == depth
    planes_each = flat and out_height * out_width * y_pitch == 1
    # One plane's last window may be as far from the next one's first as two windows of a plane.
    even = flat and ph == 0 and high <= sh and sh * out_height == height
    task, taken = lo, 1
    rows_before, columns_before, row_share, column_share = 0, 0, 1.0, 1.0
    while task < hi:
        oh, od = task % out_height, task // out_height % out_depth
        sample = task // (out_height * out_depth)
        d_from, h_from = od * sd - pd, oh * sh - ph
        d_lo, d_hi = seen(d_from, counted_d0, counted_d1, kd, apart_d)
        h_lo, h_hi = seen(h_from, counted_h0, counted_h1, kh, apart_h)
        d0, d1 = seen(d_from, front, back, kd, apart_d)
        h0, h1 = seen(h_from, upper, lower, kh, apart_h)
        planes, rows = max(d1 - d0, 0), max(h1 - h0, 0)
        real_rows, counted_rows = planes * rows, (d_hi - d_lo) * (h_hi - h_lo)
        base = (sample * depth + d_from + d0 * apart_d) * height + h_from + h0 * apart_h
        base *= row
        # How many tasks are alike: the same rows of windows, further on.
        taken = lines = 1
        if planes_each:
            taken = min(hi - task, @LANES)
        elif even:
            taken = lines = hi - task
        elif rows == kh:
            taken = lines = min(hi - task, lowest - oh)
        ow = 0
        while ow < out_width:
            w_from = ow * sw - pw
            w_lo, w_hi = seen(w_from, counted_w0, counted_w1, kw, apart_w)
            v0, v1 = seen(w_from, left, right, kw, apart_w)
            columns = max(v1 - v0, 0)
            counted_columns = w_hi - w_lo
            counted = counted_rows * counted_columns
            first = nothing if real_rows * columns == counted else np.float32(0)
            if @MEAN and counted_rows != rows_before:
                rows_before, row_share = counted_rows, share(counted_rows)
            if @MEAN and counted_columns != columns_before:
                columns_before, column_share = counted_columns, share(counted_columns)
            scale = row_share * column_share
            positions, apart = 1, sw
            if planes_each:
                positions, apart = taken, height * width
            elif inner <= ow and ow < outer:
                positions = outer - ow
            windows(x, base + (w_from + v0 * apart_w) * channels, planes, apart_d * height * row,
                    rows, apart_h * row, columns, apart_w * channels, channels,
                    first, np.float32(scale), np.float32(counted * scale),
                    y, (task * out_width + ow) * y_pitch, positions, apart, y_pitch,
                    lines, sh * row, out_width * y_pitch)
            ow += 1 if planes_each else positions
        task += taken
'''

CHANNELS = '''

@jit
def windows(
    x, x_start, planes, plane, rows, row, columns, step, channels, first, scale, rest,
    y, y_start, positions, sw, y_pitch, lines, x_line, y_line
):
    """Positions that are ``sw`` apart, on some lines. Last vectors overlap those before."""
    count, times, ahead = channels, positions, sw * channels
    if sw == 1 and y_pitch == channels:
        count, times = positions * channels, 1
    whole = times
    if count < @LANES:
        # What a vector writes beyond its channels is overwritten by the next positions.
        whole = times - (@LANES - 1) // count if y_pitch == channels else 0
    some = first_lanes(count)
    for line in range(lines):
        xo, yo, time = x_start + line * x_line, y_start + line * y_line, 0
        while count < @WIDE and time + @BLOCK <= whole:
            for i in range(0, count, @LANES):
                j = max(min(i, count - @LANES), 0)
                window_@BLOCK(x, xo + j, planes, plane, rows, row, columns, step, first,
                              scale, rest, y, yo + j, ahead, y_pitch)
            time += @BLOCK
            xo += @BLOCK * ahead
            yo += @BLOCK * y_pitch
        while time < whole:
            i = 0
            while i + @WIDE <= count:
                window_@BLOCK(x, xo + i, planes, plane, rows, row, columns, step, first,
                              scale, rest, y, yo + i, @LANES, @LANES)
                i += @WIDE
            while i < count:
                # The second vector may be the first once more.
                j = max(min(i, count - @LANES), 0)
                apart = max(min(@LANES, count - @LANES - j), 0)
                window_2(x, xo + j, planes, plane, rows, row, columns, step, first,
                         scale, rest, y, yo + j, apart, apart)
                i += 2 * @LANES
            time += 1
            xo += ahead
            yo += y_pitch
        while time < times:
            part(x, xo, planes, plane, rows, row, columns, step, first, scale, rest,
                 y, yo, some)
            time += 1
            xo += ahead
            yo += y_pitch
'''

PLANES = '''

@jit
def windows(
    x, x_start, planes, plane, rows, row, columns, step, channels, first, scale, rest,
    y, y_start, positions, sw, y_pitch, lines, x_line, y_line
):
    """Positions of one channel, on some lines. Last vectors overlap those before."""
    line, narrow = 0, positions < @LANES or y_pitch != 1
    while narrow and line + @LANES <= lines:
        # Vectors across lines.
        xo, yo = x_start + line * x_line, y_start + line * y_line
        for i in range(positions):
            down(x, xo + i * sw, planes, plane, rows, row, columns, step, first, scale,
                 rest, y, yo + i * y_pitch, x_line, y_line)
        line += @LANES
    for here in range(line, lines):
        xo, yo, i = x_start + here * x_line, y_start + here * y_line, 0
        while narrow and i < positions:
            part(x, xo + i * sw, planes, plane, rows, row, columns, step, first, scale,
                 rest, y, yo + i * y_pitch, first_lanes(1))
            i += 1
        while i < positions:
            j, left = min(i, positions - @LANES), positions - i
            if sw == 1:
                # The second vector may be the first once more.
                apart = min(@LANES, positions - @LANES - j)
                window_2(x, xo + j, planes, plane, rows, row, columns, step, first, scale,
                         rest, y, yo + j, apart, apart)
                i += 2 * @LANES
            elif sw == 2 and step == 1 and columns > 1 and left > @LANES:
                second_2(x, xo + 2 * i, planes, plane, rows, row, columns, first, scale,
                         rest, y, yo + i, min(@LANES, left - @LANES))
                i += 2 * @LANES
            elif sw == 2 and step == 1 and columns > 1:
                second_1(x, xo + 2 * j, planes, plane, rows, row, columns, first, scale,
                         rest, y, yo + j, 0)
                i += @LANES
            else:
                along(x, xo + j * sw, planes, plane, rows, row, columns, step, first, scale,
                      rest, y, yo + j, sw, 1)
                i += @LANES
'''


@cache
def source(lanes: int, kind: Kind, planes: bool) -> str:
    """The module's text, for one vector width and kind of pooling.

    ``planes``: one channel.
    """
    if planes:
        text = (
            second(kind, 2) + second(kind, 1) + windows(kind, 2) + along(kind) + part(kind) + PLANES
        )
    else:
        text = windows(kind, BLOCK) + windows(kind, 2) + part(kind) + CHANNELS
    carry = CARRY if kind == "long mean" else ""
    return fill(
        HEADER + with_functions(carry + text + SHARE + DRIVER),
        Geometry._fields,
        LANES=lanes,
        BLOCK=BLOCK,
        WIDE=BLOCK * lanes,
        SHORT=SHORT,
        NOTHING="-np.inf" if kind == "max" else "0",
        MEAN=str(kind != "max"),
    )
