"""Direct convolution of any rank (as 3-D) at the machine's multiply-add limit.

A task is some rows of output by 128 filters. It first copies the input rows that it reads
into a block that stays in L2: channels in blocks of one vector, zeros where the window
leaves the data, columns sorted by their phase of the stride. Padding, odd channel counts,
strides and the layout of the caller end there, and the inner loop has no condition. The
last tile of a row overlaps the one before it. A position's sum is added up in one order,
whatever its tile, task or batch, so that the bits do not depend on them.

g: D H W C, OD OH OW O, KD KH KW, SD SH SW, PD PH PW (padding before), rows of a task,
   FD FH FW (each input is read that often along an axis: an up-sampling before)
w: [group][channel block][KD][KH][KW][channel][filter of the group], zeros where it is padded
"""

from __future__ import annotations

from .register_tile import (
    HEADER,
    VECTORS,
    best_columns,
    block_depth,
    epilogue,
    fill,
    register_tile,
)

DRIVER = '''

@JIT
def pack(
    x, at, packed, to, rows, step, height, width, channels, top, stride_rows, lead, stride,
    phases, phase, first, repeat_h, repeat_w
):
    """One block of channels of some rows of a plane; ``at`` below 0 is a plane of zeros."""
    zero = np.float32(0)
    count = min(@DEPTH, channels - first)
    for r in range(rows):
        h = top + r // step * stride_rows + r % step
        outside = at < 0 or h < 0 or h >= height * repeat_h
        for f in range(phases):
            # Column j of phase f is the input's column j * stride + f - lead.
            left = max(lead - f + stride - 1, 0) // stride
            right = max(width * repeat_w + lead - f + stride - 1, 0) // stride
            left = phase if outside else min(left, phase)
            right = max(min(right, phase), left)
            for j in range(left * @DEPTH):
                packed[to + j] = zero
            for j in range(right * @DEPTH, phase * @DEPTH):
                packed[to + j] = zero
            source = at + h @TALL * width * channels + first
            if count == @DEPTH:
                for c in range(left, right):
                    seen = source + (c * stride + f - lead) @WIDE * channels
                    for i in range(@DEPTH):
                        packed[to + c * @DEPTH + i] = x[seen + i]
            else:
                for c in range(left, right):
                    seen = source + (c * stride + f - lead) @WIDE * channels
                    for i in range(count):
                        packed[to + c * @DEPTH + i] = x[seen + i]
                    for i in range(count, @DEPTH):
                        packed[to + c * @DEPTH + i] = zero
            to += phase * @DEPTH


@JIT
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: samples, planes, blocks of rows, blocks of filters; the last changes fastest."""
    depth, height, width, channels = g[0], g[1], g[2], g[3]
    out_depth, out_height, out_width, filters = g[4], g[5], g[6], g[7]
    kd, kh, kw, sh, sw, task_rows = g[8], g[9], g[10], g[12], g[13], g[17]
    blocks = (channels + @DEPTH - 1) // @DEPTH
    filter_blocks = (filters + 127) // 128
    row_blocks = (out_height + task_rows - 1) // task_rows
    phase = max(out_width, @COLUMNS) + (kw - 1) // sw
    # Where the stride is larger than the window, what lies between is not packed.
    phases, row_step = min(sw, kw), min(sh, kh)
    row_size = phases * phase * @DEPTH
    most_rows = (task_rows - 1) * row_step + kh
    # scratch holds the packed rows, then one tile.
    edge = blocks * kd * most_rows * row_size
    packed_place = -1
    for task in range(lo, hi):
        place = task // filter_blocks
        first_row = place % row_blocks * task_rows
        od = place // row_blocks % out_depth
        sample = place // (row_blocks * out_depth)
        last_row = min(out_height, first_row + task_rows)
        rows = (last_row - first_row - 1) * row_step + kh
        plane = rows * row_size
        if place != packed_place:
            packed_place = place
            top = first_row * sh - g[15]
            for block in range(blocks):
                for d in range(kd):
                    z = od * g[11] + d - g[14]
                    known = z >= 0 and z < depth * g[18]
                    at = (sample * depth + z @DEEP) * height * width * channels if known else -1
                    to = (block * kd + d) * plane
                    pack(x, at, scratch, to, rows, row_step, height, width, channels, top, sh,
                         g[16], sw, phases, phase, block * @DEPTH, g[19], g[20])
        start = task % filter_blocks * 128
        for first in range(start, min(filters, start + 128), @GROUP):
            wo = first * blocks * kd * kh * kw * @DEPTH
            count = min(@GROUP, filters - first)
            for r in range(first_row, last_row):
                row = ((sample * out_depth + od) * out_height + r) * out_width
                for c in range(0, out_width, @COLUMNS):
                    o = max(min(c, out_width - @COLUMNS), 0)
                    used = min(@COLUMNS, out_width)
                    p = (r - first_row) * row_step * row_size + o * @DEPTH
                    at = (row + o) * filters + first
                    if count == @GROUP and used == @COLUMNS:
                        tile(scratch, p, w, wo, blocks * kd, plane, kh, row_size, kw, sw,
                             phase * @DEPTH, b, first, y, at, filters)
                        finish(y, at, filters, count)
                    else:
                        tile(scratch, p, w, wo, blocks * kd, plane, kh, row_size, kw, sw,
                             phase * @DEPTH, b, first, scratch, edge, @GROUP)
                        finish(scratch, edge, @GROUP, count)
                        for t in range(used):
                            for j in range(count):
                                y[at + t * filters + j] = scratch[edge + t * @GROUP + j]
'''


def source(
    lanes: int,
    channels: int,
    out_width: int,
    relu: bool,
    activation: str | None,
    *,
    repeats: bool = False,
) -> str:
    """The module's text, for one vector width, block depth, tile width and activation.

    ``repeats`` is for an up-sampled input.
    """
    driver = DRIVER
    for name, factor in (("DEEP", "g[18]"), ("TALL", "repeat_h"), ("WIDE", "repeat_w")):
        driver = driver.replace(f" @{name}", f" // {factor}" if repeats else "")
    depth = block_depth(channels, lanes)
    columns = best_columns(out_width, lanes)
    return fill(
        HEADER
        + register_tile(lanes, columns, depth, relu)
        + epilogue(columns, activation)
        + driver,
        LANES=lanes,
        DEPTH=depth,
        COLUMNS=columns,
        GROUP=VECTORS * lanes,
    )
