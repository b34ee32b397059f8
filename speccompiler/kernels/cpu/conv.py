"""Direct convolution of any rank (as 3-D) at the machine's multiply-add limit.

A task is a block of output rows and columns by 32 filters. The input that it reads is first
copied into a block that stays in L2, once for all tasks of the place: channels in even
blocks of at most a vector, zeros where the window leaves the data, and nothing that a stride
leaps over. A window dilated along rows has its columns packed side by side for each output.
Padding, odd channel counts, strides and the layout of the caller end there, and the inner
loop has no condition. Rows and planes of the window that see zeros alone are left out.

A group of filters is done a few tiles at a time, and these a few planes of the window at a
time, so that weights come from L1 and not from L2 for all tiles but the first; the sums
wait in between. A position's sum is added up in one order, whatever its task or batch, so
that the bits do not depend on them.

Tiles are cut evenly from a row, or from several rows that are shorter than a tile; the last rows
may be fewer and have a tile of their own. Of a tile that hangs over the end of a row, zeros are
convolved and nothing is written.

g: D H W C, OD OH OW O, KD KH KW, SD SH SW, PD PH PW (padding before), rows and columns of a
   task, FD FH FW (each input is read that often along an axis: an up-sampling before),
   AD AH AW (distance of neighbouring places of the window: its dilation), from one position of
   the output to the next
w: [group][KD][channel block][KH][KW][channel][filter of the group], zeros where it is padded
"""

from __future__ import annotations

from math import prod
from textwrap import indent

from speccompiler.kernels.cpu.codegen.register_tile import (
    HEADER,
    LINE,
    PACK,
    VECTORS,
    Relu,
    block_depth,
    copying_out,
    epilogue,
    even_share,
    fill,
    group_vectors,
    groups,
    rectifier,
    register_tile,
    tile_columns,
)
from speccompiler.kernels.long_sums import CARRY, CARRY_SUMS, SHORT, STRETCH, is_carried

WALK = 8
"""Tiles that share the weights which are in L1: more would push out the sums."""

GROUP_DRIVER = '''

@jit
def group_@VECTORS(
    packed, w, wo, b, first, y, at, row_pitch, y_pitch, count, sums, q0, q1, plane, kh, run,
    left, taps, row_size, row_step, top, stride, bottom, rows, columns, apart
):
    """One group of filters over all tiles of a task."""
    across = (columns + @COLUMNS - 1) // @COLUMNS
    tiles = (rows + @ROWS - 1) // @ROWS * across
    row_weights = run * @WIDTH
    # One chain of products; on the widest vectors its weights fill two thirds of L1. A row that
    # is longer is cut: ``pieces``.
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
    """Some rows of a plane, every block of channels."""
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
    """Neighbouring values; of the last vector zeros are written too."""
    whole = size // @LANES * @LANES
    for i in range(0, whole, @LANES):
        store(packed, to + i, load(x, at + i))
    if whole < size:
        store(packed, to + whole, load_where(x, at + whole, first_lanes(size - whole)))


@jit
def clear_run(packed, to, size):
    """Zeros, in whole vectors."""
    for i in range(0, size, @LANES):
        store(packed, to + i, splat(np.float32(0)))


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: samples, planes, blocks of rows, of columns, of filters; the last changes fastest."""
    depth, height, width, channels = g[0], g[1], g[2], g[3]
    out_depth, out_height, out_width, filters = g[4], g[5], g[6], g[7]
    kd, kh, kw, sh, sw = g[8], g[9], g[10], g[12], g[13]
    task_rows, task_columns = g[17], g[18]
    blocks = (channels + @DEPTH - 1) // @DEPTH
    filter_blocks = (filters + 31) // 32
    row_blocks = (out_height + task_rows - 1) // task_rows
    column_blocks = (out_width + task_columns - 1) // task_columns
    # Where the stride is larger than the window, what lies between is not packed.
    ad, ah, aw, y_pitch = g[22], g[23], g[24], g[25]
    reach = (kh - 1) * ah + 1
    row_step, column_step = min(sh, reach), kw if aw > 1 else min(sw, kw)
    # Taps beside the data for every column: those of a kernel much longer than the image.
    tap0 = 0 if aw > 1 else max(0, g[16] - (out_width - 1) * sw)
    tap1 = kw if aw > 1 else min(kw, width * g[21] + g[16])
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
        front = od * g[11] - g[14]
        d0, d1 = max(0, -(front // ad)), max(0, min(kd, -((front - depth * g[19]) // ad)))
        top = first_row * sh - g[15]
        if place != packed_place:
            packed_place = place
            for d in range(d0, d1):
                z = sample * depth + (front + d * ad) @DEEP
                pack_rows(x, z * height * width * channels, scratch, d * blocks * plane, plane,
                          rows_packed, row_step, sh, top, row_size // @DEPTH,
                          first_column * sw - g[16], height, width, channels, column_step, sw,
                          g[20], g[21], aw)
        rows = min(task_rows, out_height - first_row)
        columns = min(task_columns, out_width - first_column)
        at = (image * out_height + first_row) * out_width + first_column
        start = task % filter_blocks * 32
        for first in range(start, min(filters, start + 32), @GROUP):
            wo = first * kd * blocks * kh * kw * @DEPTH
            count = min(@GROUP, filters - first)
            group(
                scratch, w, wo, b, first, y, at * y_pitch + first, out_width * y_pitch, y_pitch,
                count, sums, d0 * blocks, d1 * blocks, plane, kh, kw * @DEPTH, tap0 * @DEPTH,
                (tap1 - tap0) * @DEPTH, row_size, row_step, top, sh, height * g[20], rows, columns,
                ah
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


def source(
    lanes: int,
    channels: int,
    filters: int,
    out: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    relu: Relu,
    activation: str | None,
    *,
    repeats: bool = False,
    dilation: tuple[int, ...] = (1, 1),
    added: str | None = None,
    planes: int = 1,
) -> str:
    """The module's text, for one vector width, block depth, tile and activation.

    ``out``, ``kernel``, ``stride`` and ``dilation`` are heights and widths. ``repeats`` is for an
    up-sampled input; ``added`` as in ``copying_out``; ``planes`` are the kernel's.
    """
    depth = block_depth(channels, lanes)
    height, width = out
    rows, columns = tile_shape(height, width, lanes)
    row_step, column_step = window_steps(kernel, stride, dilation)
    row_size = ((columns - 1) * column_step + kernel[1]) * depth
    offsets = [
        r * row_step * row_size + c * column_step * depth
        for r in range(rows)
        for c in range(columns)
    ]
    last = height % rows
    tiles = rectifier(relu) + "".join(
        register_tile(f"{name}_{count}", lanes, offsets[:positions], vectors=count, relu=relu)
        for count in group_vectors(filters, lanes)
        for name, positions in (("tile", len(offsets)), ("last", last * columns))
        if positions
    )
    carried = is_carried(planes * prod(kernel) * channels)
    room = WALK * len(offsets) * VECTORS * lanes
    tiles += (CARRY + CARRY_SUMS.replace("@ROOM", str(room))) * carried
    tiles += epilogue(len(offsets), activation) + PACK + copying_out(added)
    tiles += groups(GROUP_DRIVER.replace("@TILES", _tile_call(last)), filters, lanes)
    driver = DRIVER
    for name, factor in (("DEEP", "g[19]"), ("TALL", "repeat_h"), ("WIDE", "repeat_w")):
        driver = driver.replace(f" @{name}", f" // {factor}" if repeats else "")
    flat = depth == channels and column_step == stride[1] and not repeats and dilation[1] == 1
    return fill(
        HEADER + tiles + driver.replace("@FLAT", str(flat)),
        LANES=lanes,
        DEPTH=depth,
        COLUMNS=columns,
        ROWS=rows,
        POSITIONS=len(offsets),
        PITCH=column_step * depth,
        GROUP=VECTORS * lanes,
        WALK=WALK,
        LINE=LINE,
        DIRECT=str(added is None),
        CARRIED=str(carried),
        SHORT=SHORT,
        STRETCH=STRETCH,
    )
