"""What the states add to the gates of a scan: its products, as text.

Many positions go through the register tile. Few are bound by reading the weights, from L2: then
many columns are done at once, as that many chains of sums that do not wait for one another. A sum
is the same chain of multiply-adds either way, so that it has the same bits.
"""

from __future__ import annotations

FEW = 3
"""Positions of a product that is bound by its weights."""


def _few(positions: int, vectors: int) -> str:
    """A product of few positions with ``vectors`` of columns, which are read from L2."""
    sums = [(t, v) for t in range(positions) for v in range(vectors)]
    given = "".join(f", x{t}" for t in range(positions))
    lines = [
        "\n\n@jit",
        f"def few_{positions}_{vectors}(memory{given}, run, b, wo, group, to, pitch, start,",
        "begins):",
        "    scratch, states = memory",
        "    begin, begin_at, step = start",
        *(f"    s{t}_{v} = splat(np.float32(0))" for t, v in sums),
        *(f"    w{v} = wo + {v // 2} * group + {v % 2} * @LANES" for v in range(vectors)),
        "    for k in range(run):",
    ]
    lines += [f"        a{t} = broadcast(states, x{t} + k)" for t in range(positions)]
    for v in range(vectors):
        lines.append(f"        column = load(b, w{v} + k * @WIDE)")
        lines += [f"        s{t}_{v} = fma(a{t}, column, s{t}_{v})" for t in range(positions)]
    for t, v in sums:
        at = f"to + {t} * pitch + {v} * @LANES"
        lines += [
            f"    first = load(begin, begin_at + {v} * step) if begins else load(scratch, {at})",
            f"    store(scratch, {at}, add(first, s{t}_{v}))",
        ]
    return "\n".join(lines) + "\n"


_PRODUCT = '''

@jit
def product_of_few(memory, state, offsets, i0, positions, b, wo, columns, sums, start, pitch, run):
    """The same for so few that weights from L2 are all it waits for; the columns that are done.

    Many columns at once are as many chains of sums, which do not wait for one another.
    """
    x0 = state + (offsets[i0] >> 2)
    x1 = state + (offsets[i0 + min(1, positions - 1)] >> 2)
    x2 = state + (offsets[i0 + positions - 1] >> 2)
    begin, begin_at, step = start
    column = 0
    for wide in (8, 4):
        # All sums are in registers: 16 of these hold the sums of eight columns for one position.
        while column + wide <= columns and (wide == 4 or positions <= @EIGHTS):
            for skip in range(0, run, @SHORT):
                some, to = min(run - skip, @SHORT), sums + column * @LANES
                at = wo + column * @LANES * run + skip * @WIDE
                begins = skip == 0
                size, here = run * @WIDE, (begin, begin_at + column * step, step)
                if wide == 8 and positions == 1:
                    few_1_8(memory, x0 + skip, some, b, at, size, to, pitch, here, begins)
                elif wide == 8 and positions == 2:
                    few_2_8(memory, x0 + skip, x1 + skip, some, b, at, size, to, pitch, here,
                            begins)
                elif wide == 8:
                    few_3_8(memory, x0 + skip, x1 + skip, x2 + skip, some, b, at, size, to, pitch,
                            here, begins)
                elif positions == 1:
                    few_1_4(memory, x0 + skip, some, b, at, size, to, pitch, here, begins)
                elif positions == 2:
                    few_2_4(memory, x0 + skip, x1 + skip, some, b, at, size, to, pitch, here,
                            begins)
                else:
                    few_3_4(memory, x0 + skip, x1 + skip, x2 + skip, some, b, at, size, to, pitch,
                            here, begins)
            column += wide
    return column


@jit
def product(a, f, memory, state, offsets, i0, positions, b, wo, columns, sums, start, window):
    """What a state adds to so many vectors of columns, for positions from ``i0`` on.

    ``offsets`` say where their windows begin behind ``state``; sums of a position lie together.
    ``start`` are the values that sums begin with: where they are, and those of the next vector.
    """
    begin, begin_at, step = start
    scratch, states = memory
    kd, kh, run, row, plane = window
    terms = kd * kh * run
    rows, pitch = min(kh, max(1, @SHORT // run)), columns * @LANES
    tiles = (positions + @MOST - 1) // @MOST
    share, larger = positions // tiles, positions % tiles
    waiting = integers_at(a, @LENGTH)
    for i in range(share + 1):
        waiting[i] = 4 * i * pitch
    a[@TILE_PLANES], a[@TILE_PLANE], a[@TILE_PLANE_WEIGHTS] = 1, 0, 0
    a[@TILE_ROW], a[@TILE_ASK_STEP], a[@TILE_RELU] = 4 * row, 0, 0
    a[@TILE_Y_OFFSETS] = address_of(waiting, 0)
    first = 0
    if positions <= @FEW and kd * kh == 1:
        first = product_of_few(memory, state, offsets, i0, positions, b, wo, columns, sums,
                               start, pitch, run)
    for column in range(first, columns, 2):
        vectors = min(2, columns - column)
        width = vectors * @LANES
        base = wo + column * @LANES * terms
        a[@TILE_ROW_WEIGHTS] = 4 * run * width
        begins = True
        for d in range(kd):
            for h in range(0, kh, rows):
                for skip in range(0, run, @SHORT):
                    at = base + ((d * kh + h) * run + skip) * width
                    a[@TILE_W] = a[@TILE_ASK] = address_of(b, at)
                    a[@TILE_ROWS], a[@TILE_RUN] = min(rows, kh - h), min(@SHORT, run - skip)
                    a[@TILE_X] = address_of(states, state + d * plane + h * row + skip)
                    i = 0
                    for t in range(tiles):
                        size = share + 1 if t < larger else share
                        to = sums + i * pitch + column * @LANES
                        a[@TILE_OFFSETS] = address_of(offsets, i0 + i)
                        a[@TILE_Y] = address_of(scratch, to)
                        if begins:
                            a[@TILE_START] = address_of(begin, begin_at + column * step)
                            a[@TILE_START_STEP] = 0
                        else:
                            a[@TILE_START] = address_of(scratch, to)
                            a[@TILE_START_STEP] = 4 * pitch
                        call_tile(f[@TILE], size, vectors, a)
                        i += size
                    begins = False


@jit
def values_of(x, at, u, units):
    """A vector of units; zeros behind the last."""
    if u + @LANES <= units:
        return load(x, at + u)
    return load_where(x, at + u, first_lanes(units - u))


@jit
def add_input(places, reading, block, values, at, slots, gate, i0, positions):
    """Add the input's part to the sums of some gates. The last two of an LSTM are in turns."""
    offsets, xs, ys, keep, seen = places
    x, xt, ahead = reading
    u0, blocks, units = block
    for i in range(positions):
        xo, o = xs[i0 + i] + xt, at + i * blocks * slots * @LANES
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            for k in range(slots):
                one = gate + (k if k < 2 else 5 - k)
                store(values, o, add(load(values, o), values_of(x, xo + one * units, u, units)))
                o += @LANES
'''

SUMS = (
    "".join(_few(positions, wide) for positions in range(1, FEW + 1) for wide in (8, 4)) + _PRODUCT
)
