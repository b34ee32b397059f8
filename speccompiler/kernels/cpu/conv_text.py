"""The text of direct convolution: what a task does around the register tile.

A group of filters is done a few tiles at a time, and these a few planes of the window at a
time, so that weights come from L1 and not from L2 for all tiles but the first; the sums
wait in between. A position's sum is added up in one order, whatever its task or batch, so
that the bits do not depend on them.

Tiles are cut evenly from a row, or from several rows that are shorter than a tile; the last rows
may be fewer and have a tile of their own. Of a tile that hangs over the end of a row, zeros are
convolved and nothing is written.

w: [group][KD][channel block][KH][KW][channel][filter of the group], zeros where it is padded
scratch: the packed rows, then the sums
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from textwrap import indent
from typing import NamedTuple

from speccompiler.kernels.cpu.codegen.ending import Ending, copying_out, epilogue, rectifier
from speccompiler.kernels.cpu.codegen.register_tile import (
    PACK,
    VECTORS,
    block_depth,
    even_share,
    group_vectors,
    groups,
    register_tile,
    tile_columns,
)
from speccompiler.kernels.cpu.codegen.text import HEADER, LINE, fill
from speccompiler.kernels.cpu.convolution import (
    TASK_FILTERS,
    WALK,
)
from speccompiler.kernels.long_sums import CARRY, CARRY_SUMS, SHORT, STRETCH, is_carried


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
    task_rows: int
    task_columns: int
    repeat_d: int
    """How often each plane of the input is read: an up-sampling before."""
    repeat_h: int
    repeat_w: int
    apart_d: int
    """The distance of neighbouring places of the window: its dilation."""
    apart_h: int
    apart_w: int
    y_pitch: int


GROUP_DRIVER = '''

@jit
def group_@VECTORS(
    packed, w, wo, b, first, y, at, row_pitch, y_pitch, count, sums, q0, q1, plane, kh, run,
    left, taps, row_size, row_step, top, stride, bottom, rows, columns, apart
):
    """Compute one group of filters for all tiles of a task."""
    across = (columns + @COLUMNS - 1) // @COLUMNS
    tiles = (rows + @ROWS - 1) // @ROWS * across
    row_weights = run * @WIDTH
    # A step is one chain of products; on the widest vectors its weights fill two thirds of L1.
    # Longer rows are cut into ``pieces``.
    per_step = max(1, @SHORT // run)
    q_step, h_step = max(1, per_step // kh), min(kh, per_step)
    pieces = max(1, (taps + @SHORT - 1) // @SHORT)
    down = (kh + h_step - 1) // h_step * pieces
    steps = max(1, (q1 - q0 + q_step - 1) // q_step) * down
    for t0 in range(0, tiles, @WALK):
        for i in range(steps):
            q, h, skip = q0 + i // down * q_step, i % down // pieces * h_step, i % pieces * @SHORT
            some = min(taps - skip, @SHORT)
            begins, ends = i == 0, i == steps - 1
            low = np.float32(0) if ends else np.float32(-np.inf)
            after = (q + q_step) * kh if h_step == kh else q * kh + h + h_step
            ask = wo + after * row_weights
            if skip + some < taps:
                ask = wo + (q * kh + h) * row_weights + (left + skip + some) * @WIDTH
            if @CARRIED and i > 0 and i % @STRETCH == 0:
                size = min(tiles - t0, @WALK) * @POSITIONS * @WIDTH
                carry_sums(packed, sums, size, i == @STRETCH, i + @STRETCH >= steps)
            for t in range(t0, min(tiles, t0 + @WALK)):
                r, c = t // across * @ROWS, t % across * @COLUMNS
                # Rows of the window that are outside the data for every row of the tile.
                h0 = max(h, -((top + (r + @ROWS - 1) * stride) // apart))
                h1 = min(h + h_step, kh, -((top + r * stride - bottom) // apart))
                place = at + r * row_pitch + c * y_pitch
                used = min(@ROWS, rows - r) * min(@COLUMNS, columns - c)
                so = sums + (t - t0) * @POSITIONS * @WIDTH
                source, begin, step = packed, so, @WIDTH
                if begins:
                    source, begin, step = b, first, 0
                if ends:
                    ask_for(y, place, y_pitch, used, count)
                whole = @DIRECT and ends and used == @POSITIONS and count == @WIDTH
                target, end, pitch = packed, so, @WIDTH
                if whole:
                    target, end, pitch = y, place, y_pitch
@TILES                ask += (min(q + q_step, q1) - q) * max(h1 - h0, 0) * some * @LINE
                if ends:
                    finish(target, end, pitch, @WIDTH)
                    if not whole:
                        copy_out(packed, so, y, place, y_pitch, used, count, @WIDTH)
'''

TILE = """
@NAME_@VECTORS(
    packed, r * row_step * row_size + c * @PITCH + left + skip, w, wo + (left + skip) * @WIDTH,
    q, min(q + q_step, q1), plane, h0, h1, kh, apart * row_size, some, row_weights, source,
    begin, step, target, end, pitch, low, ask
)
"""

DRIVER = '''

@jit
def pack_rows(
    x, at, packed, to, plane, rows, row_step, stride_rows, top, wide, lead, height, width,
    channels, column_step, stride, repeat_h, repeat_w, apart
):
    """Pack some rows of a plane, every block of channels."""
    for r in range(rows):
        h = top + r // row_step * stride_rows + r % row_step
        inside = h >= 0 and h < height * repeat_h
        source = at + h @TALL * width * channels
        end = to + wide * @DEPTH
        if inside and @FLAT:
            # Blocks are all that a position has: a row is one run.
            before = min(max(-lead, 0), wide)
            run = max(min(width, lead + wide) - max(lead, 0), 0) * @DEPTH
            clear_run(packed, to, before * @DEPTH)
            copy_run(x, source + max(lead, 0) * channels, packed, to + before * @DEPTH, run)
            filled = to + before * @DEPTH + run
            clear_run(packed, filled, end - filled)
        else:
            for j in range(wide):
                c = lead + j
                if stride != column_step or apart > 1:
                    c = lead + j // column_step * stride + j % column_step * apart
                if inside and c >= 0 and c < width * repeat_w:
                    pack(x, source + c @WIDE * channels, packed, to + j * @DEPTH, plane, channels)
                else:
                    clear(packed, to + j * @DEPTH, plane, channels)
        to = end


@jit
def copy_run(x, at, packed, to, size):
    """Copy neighbouring values; the last vector is filled up with zeros."""
    whole = size // @LANES * @LANES
    for i in range(0, whole, @LANES):
        store(packed, to + i, load(x, at + i))
    if whole < size:
        store(packed, to + whole, load_where(x, at + whole, first_lanes(size - whole)))


@jit
def clear_run(packed, to, size):
    """Write zeros, in whole vectors."""
    for i in range(0, size, @LANES):
        store(packed, to + i, splat(np.float32(0)))


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: samples, planes, blocks of rows, of columns, of filters; the last changes fastest."""
    @GEOMETRY
    blocks = (channels + @DEPTH - 1) // @DEPTH
    filter_blocks = (filters + @FILTERS - 1) // @FILTERS
    row_blocks = (out_height + task_rows - 1) // task_rows
    column_blocks = (out_width + task_columns - 1) // task_columns
    # Where the stride is larger than the window, what lies between is not packed.
    reach = (kh - 1) * apart_h + 1
    row_step, column_step = min(sh, reach), kw if apart_w > 1 else min(sw, kw)
    # Taps beside the data for every column: those of a kernel much longer than the image.
    tap0 = 0 if apart_w > 1 else max(0, pw - (out_width - 1) * sw)
    tap1 = kw if apart_w > 1 else min(kw, width * repeat_w + pw)
    tiles_wide = (task_columns + @COLUMNS - 1) // @COLUMNS * @COLUMNS
    row_size = ((tiles_wide - 1) * column_step + kw) * @DEPTH
    # scratch holds the packed rows, then the sums.
    rows_packed = ((task_rows + @ROWS - 1) // @ROWS * @ROWS - 1) * row_step + reach
    plane = rows_packed * row_size + @LANES
    sums = kd * blocks * plane
    packed_place = -1
    for task in range(lo, hi):
        place = task // filter_blocks
        first_column = place % column_blocks * task_columns
        first_row = place // column_blocks % row_blocks * task_rows
        image = place // (column_blocks * row_blocks)
        od, sample = image % out_depth, image // out_depth
        front, end = od * sd - pd, depth * repeat_d
        d0, d1 = max(0, -(front // apart_d)), max(0, min(kd, -((front - end) // apart_d)))
        top = first_row * sh - ph
        if place != packed_place:
            packed_place = place
            for d in range(d0, d1):
                z = sample * depth + (front + d * apart_d) @DEEP
                pack_rows(x, z * height * width * channels, scratch, d * blocks * plane, plane,
                          rows_packed, row_step, sh, top, row_size // @DEPTH,
                          first_column * sw - pw, height, width, channels, column_step, sw,
                          repeat_h, repeat_w, apart_w)
        rows = min(task_rows, out_height - first_row)
        columns = min(task_columns, out_width - first_column)
        at = (image * out_height + first_row) * out_width + first_column
        start = task % filter_blocks * @FILTERS
        for first in range(start, min(filters, start + @FILTERS), @GROUP):
            wo = first * kd * blocks * kh * kw * @DEPTH
            count = min(@GROUP, filters - first)
            group(
                scratch, w, wo, b, first, y, at * y_pitch + first, out_width * y_pitch, y_pitch,
                count, sums, d0 * blocks, d1 * blocks, plane, kh, kw * @DEPTH, tap0 * @DEPTH,
                (tap1 - tap0) * @DEPTH, row_size, row_step, top, sh, height * repeat_h, rows,
                columns, apart_h
            )
'''


def tile_shape(height: int, width: int, lanes: int) -> tuple[int, int]:
    """Rows and columns of a tile: several rows only where these are whole."""
    most = tile_columns(lanes)
    return even_share(height, max(1, most // width)), even_share(width, most)


def window_steps(
    kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[int, int]:
    """Packed rows, and packed columns, from one output to the next."""
    rows = min((kernel[0] - 1) * dilation[0] + 1, stride[0])
    return rows, kernel[1] if dilation[1] > 1 else min(kernel[1], stride[1])


def _tile_call(last: int) -> str:
    """Statements that do one tile; ``last`` rows at the end have one of their own."""
    tile, few = (TILE.replace("@NAME", name).strip() for name in ("tile", "last"))
    if last:
        tile = f"if rows - r > {last}:\n{indent(tile, '    ')}\nelse:\n{indent(few, '    ')}"
    return indent(tile, " " * 16) + "\n"


@dataclass(frozen=True, slots=True)
class Variant:
    """What a text is written for, beside the width of vectors.

    ``out``, ``kernel``, ``stride`` and ``dilation`` are heights and widths.
    """

    channels: int
    filters: int
    out: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    planes: int
    """Places of the window along the depth."""
    repeats: bool
    """Whether the input is up-sampled."""
    ending: Ending


def source(lanes: int, layer: Variant) -> str:
    """The module's text."""
    depth = block_depth(layer.channels, lanes)
    height, width = layer.out
    rows, columns = tile_shape(height, width, lanes)
    row_step, column_step = window_steps(layer.kernel, layer.stride, layer.dilation)
    row_size = ((columns - 1) * column_step + layer.kernel[1]) * depth
    offsets = [
        r * row_step * row_size + c * column_step * depth
        for r in range(rows)
        for c in range(columns)
    ]
    last = height % rows
    relu, carried = (
        layer.ending.relu,
        is_carried(layer.planes * prod(layer.kernel) * layer.channels),
    )
    tiles = rectifier(relu) + "".join(
        register_tile(f"{name}_{count}", lanes, offsets[:positions], vectors=count, relu=relu)
        for count in group_vectors(layer.filters, lanes)
        for name, positions in (("tile", len(offsets)), ("last", last * columns))
        if positions
    )
    room = WALK * len(offsets) * VECTORS * lanes
    tiles += (CARRY + CARRY_SUMS.replace("@ROOM", str(room))) * carried
    tiles += epilogue(len(offsets), layer.ending.activation)
    tiles += PACK + copying_out(layer.ending.added)
    tiles += groups(GROUP_DRIVER.replace("@TILES", _tile_call(last)), layer.filters, lanes)
    driver = DRIVER
    for name, factor in (("DEEP", "repeat_d"), ("TALL", "repeat_h"), ("WIDE", "repeat_w")):
        driver = driver.replace(f" @{name}", f" // {factor}" if layer.repeats else "")
    plain = not layer.repeats and layer.dilation[1] == 1
    flat = depth == layer.channels and column_step == layer.stride[1] and plain
    return fill(
        HEADER + tiles + driver.replace("@FLAT", str(flat)),
        Geometry._fields,
        LANES=lanes,
        DEPTH=depth,
        COLUMNS=columns,
        ROWS=rows,
        POSITIONS=len(offsets),
        PITCH=column_step * depth,
        GROUP=VECTORS * lanes,
        WALK=WALK,
        LINE=LINE,
        DIRECT=str(layer.ending.added is None),
        CARRIED=str(carried),
        SHORT=SHORT,
        STRETCH=STRETCH,
        FILTERS=TASK_FILTERS,
    )
