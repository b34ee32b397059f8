"""The text of direct sums around the register tile, which convolutions and products share.

A task has packed its input, in blocks of channels, and says by tables where the window of each
of its positions begins and where its values are written. Its positions are cut evenly into tiles.
A group of filters is done a few tiles at a time, and these a few planes of the window at a time,
so that weights come from L1 and not from L2 for all tiles but the first; the sums wait in
between. A position's sum is added up in one order, whatever its task, tile or batch, so that the
bits do not depend on them.
"""

from __future__ import annotations

from speccompiler.kernels.cpu import functions
from speccompiler.kernels.cpu.codegen.register_tile import (
    PACK,
    VECTORS,
    TileArguments,
    tile_columns,
)
from speccompiler.kernels.cpu.codegen.text import HEADER, LINE
from speccompiler.kernels.cpu.convolution import TASK_FILTERS, WALK
from speccompiler.kernels.cpu.kernel import WIDTHS
from speccompiler.kernels.long_sums import CARRY, CARRY_SUMS, SHORT, STRETCH

_WORDS = """
from speccompiler.kernels.cpu.codegen.calls import (
    address_of, call_activation, call_tile, finish, floor_of, integers_at, spoiled_by
)

from speccompiler.kernels.cpu.codegen.turning import turn_of

rectify, turn = v.rectify, turn_of(@LANES)
"""

_COPY_OUT = '''

@jit
def copy_out(made, so, width, y, at, places, positions, count, f):
    """Bring some positions from scratch to their places, or add them to what is there."""
    adds, relu = f[@ADDS] != 0, f[@SUM_RELU]
    floor, spoiled = splat(floor_of(relu)), splat(spoiled_by(relu))
    for t in range(positions):
        to = at + (places[t] >> 2)
        for j in range(0, count, @LANES):
            value = load(made, so + t * width + j)
            if j + @LANES <= count:
                if adds:
                    value = rectify(add(value, load(y, to + j)), floor, spoiled)
                store(y, to + j, value)
            else:
                some = first_lanes(count - j)
                if adds:
                    value = rectify(add(value, load_where(y, to + j, some)), floor, spoiled)
                store_where(y, to + j, some, value)
        if f[@SUM_ACTIVATION] != 0:
            call_activation(f[@SUM_ACTIVATION], y, to, y, to, 1, 0, 0, count, f[@SUM_CONSTANTS])


@jit
def copy_to_planes(made, so, width, y, at, y_channel, places, positions, count):
    """The same to planes, of which each filter has one."""
    together = places[positions - 1] - places[0] == 4 * (positions - 1)
    for j in range(0, count, @LANES):
        some = min(count - j, @LANES)
        t = 0
        while t < positions:
            run = min(@LANES, positions - t) if together else 1
            turn(made, so + t * width + j, width, run,
                 y, at + (places[t] >> 2) + j * y_channel, y_channel, some, run)
            t += run


@jit
def ask_for(y, at, places, positions, count):
    """Prefetch what some positions will be added to."""
    for t in range(positions):
        for j in range(0, count, @LINE):
            prefetch_near(y, at + (places[t] >> 2) + j)
'''

_GROUP = '''

@jit
def cut_window(kh, run, taps):
    """How a window is cut into steps: planes and rows of one, pieces of a row, steps of a plane.

    A step is one chain of products; on the widest vectors its weights fill two thirds of L1.
    Longer rows are cut into pieces.
    """
    per_step = max(1, @SHORT // run)
    h_step, pieces = min(kh, per_step), max(1, (taps + @SHORT - 1) // @SHORT)
    return max(1, per_step // kh), h_step, pieces, (kh + h_step - 1) // h_step * pieces


@jit
def group(
    a, f, source, start, offsets, places, scratch, sums, room, w, wo, b, first, y, at, y_channel,
    count, positions, columns, q0, q1, plane, kh, run, left, taps, row, top, stride, bottom, apart,
    cut
):
    """Compute one group of filters for all positions of a task; ``a`` are the tile's arguments.

    Windows begin in ``source``, sums wait in ``scratch``; ``cut`` is that of the window.
    """
    vectors = 1 if count <= @LANES else 2
    width = vectors * @LANES
    row_weights = run * width
    q_step, h_step, pieces, down = cut
    steps = max(1, (q1 - q0 + q_step - 1) // q_step) * down
    tiles = (positions + @MOST - 1) // @MOST
    share, larger = positions // tiles, positions % tiles
    # Planes that follow each other are read as one run.
    joined = kh == 1 and plane == run and taps == run
    straight = f[@ADDS] == 0 and f[@ACTIVATION] == 0 and count == width and y_channel == 0
    waiting = integers_at(a, @LENGTH)
    if steps > 1 or not straight:
        for t in range(@MOST):
            waiting[t] = 4 * t * width
    a[@TILE_PLANE], a[@TILE_PLANE_WEIGHTS] = 4 * plane, 4 * kh * row_weights
    a[@TILE_ROW], a[@TILE_ROW_WEIGHTS] = 4 * row, 4 * row_weights
    a[@TILE_ASK_STEP], a[@TILE_TOP] = 4 * @LINE, f[@TOP]
    walks = (tiles + @WALK - 1) // @WALK
    for walk in range(walks):
        t0, t1 = walk * tiles // walks, (walk + 1) * tiles // walks
        p0 = t0 * share + min(t0, larger)
        for i in range(steps):
            q, h, skip = q0, 0, 0
            if i > 0:
                q += i // down * q_step
                h, skip = i % down // pieces * h_step, i % pieces * @SHORT
            some, ends = min(taps - skip, @SHORT), i == steps - 1
            a[@TILE_RELU] = f[@RELU] if ends else 0
            after = (q + q_step) * kh if h_step == kh else q * kh + h + h_step
            ask = wo + after * row_weights
            if skip + some < taps:
                ask = wo + (q * kh + h) * row_weights + (left + skip + some) * width
            if room > 0 and i > 0 and i % @STRETCH == 0:
                size = (t1 * share + min(t1, larger) - p0) * width
                carry_sums(scratch, sums, size, room, i == @STRETCH, i + @STRETCH >= steps)
            p, r, c = p0, 0, p0
            if c >= columns:
                r, c = c // columns, c % columns
            for t in range(t0, t1):
                size = share + 1 if t < larger else share
                # Rows of the window that are outside the data for every row of the tile.
                above = top + r * stride - bottom
                c += size - 1
                while c >= columns:
                    c -= columns
                    r += 1
                below = top + r * stride
                c += 1
                if apart > 1:
                    above, below = above // apart, below // apart
                h0, h1 = max(h, -below), min(h + h_step, kh, -above)
                so, begin = sums + (p - p0) * width, start + q * plane + left + skip
                a[@TILE_X] = address_of(source, begin + h0 * row)
                a[@TILE_OFFSETS] = address_of(offsets, p)
                a[@TILE_W] = address_of(w, wo + (q * kh + h0) * row_weights + (left + skip) * width)
                a[@TILE_PLANES], a[@TILE_ROWS] = min(q_step, q1 - q), h1 - h0
                a[@TILE_RUN], a[@TILE_ASK] = some, address_of(w, ask)
                if joined:
                    a[@TILE_PLANES], a[@TILE_RUN] = 1, min(q_step, q1 - q) * run
                if i == 0:
                    a[@TILE_START], a[@TILE_START_STEP] = address_of(b, first), 0
                else:
                    a[@TILE_START], a[@TILE_START_STEP] = address_of(scratch, so), 4 * width
                if ends and straight:
                    a[@TILE_Y], a[@TILE_Y_OFFSETS] = address_of(y, at), address_of(places, p)
                else:
                    a[@TILE_Y], a[@TILE_Y_OFFSETS] = address_of(scratch, so), address_of(waiting, 0)
                if ends and f[@ADDS] != 0:
                    ask_for(y, at, integers_at(places, p), size, count)
                call_tile(f[@TILE], size, vectors, a)
                if ends and not straight:
                    finish(f, scratch, so, size, width, width)
                    here = integers_at(places, p)
                    if y_channel == 0:
                        copy_out(scratch, so, width, y, at, here, size, count, f)
                    else:
                        copy_to_planes(scratch, so, width, y, at, y_channel, here, size, count)
                ask += min(q_step, q1 - q) * max(h1 - h0, 0) * some * @LINE
                p += size
'''

DIRECT = HEADER + _WORDS + CARRY + CARRY_SUMS + PACK + _COPY_OUT + _GROUP
"""What both texts begin with. ``group`` takes counts of float32 values, and tables of bytes."""

ARGUMENTS = 80
"""float32 values at the beginning of scratch: the tile's arguments, and where its sums wait."""
assert 2 * (len(TileArguments._fields) + max(map(tile_columns, WIDTHS))) <= ARGUMENTS

CONSTANTS = {
    **{f"TILE_{name.upper()}": at for at, name in enumerate(TileArguments._fields)},
    "TILE": functions.TILE,
    "RELU": functions.RELU,
    "TOP": functions.TOP,
    "ACTIVATION": functions.ACTIVATION,
    "ADDS": functions.ADDS,
    "SUM_RELU": functions.SUM_RELU,
    "SUM_ACTIVATION": functions.SUM_ACTIVATION,
    "SUM_CONSTANTS": functions.SUM_CONSTANTS,
    "ARGUMENTS": ARGUMENTS,
    "CARRIED": SHORT * STRETCH,
    "LENGTH": len(TileArguments._fields),
    "WALK": WALK,
    "LINE": LINE,
    "SHORT": SHORT,
    "STRETCH": STRETCH,
    "FILTERS": TASK_FILTERS,
}
"""Constants of the texts on every width of vectors."""


def constants(lanes: int) -> dict[str, int]:
    """Constants of the texts on one width of vectors."""
    most = tile_columns(lanes)
    return {**CONSTANTS, "LANES": lanes, "GROUP": VECTORS * lanes, "MOST": most}


def table_values(positions: int) -> int:
    """float32 values that so many places take in a table of int64, in whole cache lines."""
    return -(-2 * positions // LINE) * LINE
