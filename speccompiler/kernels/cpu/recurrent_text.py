"""The text of the scan: a task carries the states of some sequences through all of their steps.

States lie in scratch, and so do the sums of a block of units for some positions, with all of
their gates side by side: what the state adds comes from the register tile, then the input's part
is added, the gates' activation is applied, and the block's new states are made while all of it
is in L1. Every sum is one chain of products for each 256 terms, in one order, whatever positions
are beside it, so that the bits depend on neither batches nor tasks.
"""

from __future__ import annotations

from functools import cache

from speccompiler.kernels.cpu import functions
from speccompiler.kernels.cpu.codegen.register_tile import TileArguments, tile_columns
from speccompiler.kernels.cpu.codegen.text import HEADER, LINE, fill
from speccompiler.kernels.cpu.codegen.vector_math import with_functions
from speccompiler.kernels.cpu.direct_text import ARGUMENTS
from speccompiler.kernels.cpu.row_kernel import over_lanes
from speccompiler.kernels.long_sums import SHORT

SIMPLE, GRU, GRU_RESET_AFTER, LSTM = range(4)
"""Cells, as the geometry numbers them."""
GATES, CELL = 0, functions.SUM_RELU
"""Where ``f`` begins to say how gates end, and how the cell's own values do."""
LEAST_POSITIONS, MOST_POSITIONS, TASKS = 4, 12, 4
"""Sequences of a task, and how many tasks there should be before these become larger.

Fewer than four sequences wait for weights and for one another's sums as long as four do.
"""
CHUNK = 28
"""Positions of an image that are done together: all units of them, before the next."""
ROOM = 4096
"""float32 values of a block of sums, which should stay in L1 beside the weights of a tile."""

_WORDS = """
from speccompiler.kernels.cpu.codegen.calls import (
    address_of, call_activation, call_tile, floor_of, integers_at, spoiled_by
)
from speccompiler.kernels.cpu.codegen.simd import values_at

rectify = v.rectify
"""

_ACTIVATIONS = '''

@jit
def activate(f, kind, values, at, rows, pitch, count):
    """Apply an activation to rows of whole vectors."""
    if f[kind + @ACTIVATION] != 0:
        call_activation(
            f[kind + @ACTIVATION], values, at, values, at, rows, pitch, pitch, count,
            f[kind + @CONSTANTS]
        )
    elif f[kind + @RELU] != 0:
        floor, spoiled = splat(floor_of(f[kind + @RELU])), splat(spoiled_by(f[kind + @RELU]))
        for row in range(rows):
            for i in range(at + row * pitch, at + row * pitch + count, @LANES):
                store(values, i, rectify(load(values, i), floor, spoiled))


@jit
def softmax(values, at, step, units):
    """Over the units, which lie in vectors ``step`` apart."""
    lowest, zero = splat(np.float32(-np.inf)), splat(np.float32(0))
    top = lowest
    for u in range(0, units, @LANES):
        value = load(values, at + u // @LANES * step)
        top = largest(top, select(first_lanes(units - u), value, lowest))
    top, total = largest_lane(top), 0.0
    for u in range(0, units, @LANES):
        o = at + u // @LANES * step
        value = exp(sub(load(values, o), top))
        store(values, o, value)
        total += lane(sum_of_lanes(select(first_lanes(units - u), value, zero)), 0)
    share = splat(np.float32(1.0 / total))
    for u in range(0, units, @LANES):
        o = at + u // @LANES * step
        store(values, o, mul(load(values, o), share))


@jit
def end(f, kind, soft, values, at, positions, blocks, slots, slot, some, units):
    """Apply an activation to ``some`` gates of every vector of units, from ``slot`` on."""
    if soft:
        for i in range(positions):
            for k in range(slot, slot + some):
                softmax(values, at + (i * blocks * slots + k) * @LANES, slots * @LANES, units)
    else:
        activate(f, kind, values, at + slot * @LANES, positions * blocks, slots * @LANES,
                 some * @LANES)
'''

_SUMS = '''

@jit
def product(a, f, scratch, state, offsets, i0, positions, b, wo, columns, sums, nought,
            kd, kh, run, row, plane):
    """What a state adds to so many vectors of columns, for positions from ``i0`` on.

    ``offsets`` say where their windows begin behind ``state``; sums of a position lie together.
    """
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
    for column in range(0, columns, 2):
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
                    a[@TILE_X] = address_of(scratch, state + d * plane + h * row + skip)
                    i = 0
                    for t in range(tiles):
                        size = share + 1 if t < larger else share
                        to = sums + i * pitch + column * @LANES
                        a[@TILE_OFFSETS] = address_of(offsets, i0 + i)
                        a[@TILE_Y] = address_of(scratch, to)
                        if begins:
                            a[@TILE_START], a[@TILE_START_STEP] = address_of(scratch, nought), 0
                        else:
                            a[@TILE_START] = address_of(scratch, to)
                            a[@TILE_START_STEP] = 4 * pitch
                        call_tile(f[@TILE], size, vectors, a)
                        i += size
                    begins = False


@jit
def input_of(x, at, u, units):
    """A vector of units of a gate of the input; zeros behind the last."""
    if u + @LANES <= units:
        return load(x, at + u)
    return load_where(x, at + u, first_lanes(units - u))


@jit
def add_input(x, xs, xt, i0, positions, values, at, u0, blocks, slots, gate, units):
    """Add the input's part to the sums of some gates. The last two of an LSTM are in turns."""
    for i in range(positions):
        xo, o = xs[i0 + i] + xt, at + i * blocks * slots * @LANES
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            for k in range(slots):
                one = gate + (k if k < 2 else 5 - k)
                store(values, o, add(load(values, o), input_of(x, xo + one * units, u, units)))
                o += @LANES


@jit
def add_bias(b, bo, values, at, positions, count):
    """Add the bias of a state's product to the sums of some positions."""
    for i in range(positions):
        o = at + i * count
        for j in range(0, count, @LANES):
            store(values, o + j, add(load(values, o + j), load(b, bo + j)))
'''

_CELLS = '''

@jit
def put(value, scratch, before, to, y, yo, kept, shown, sequences, u, units):
    """Write a vector of the next state, and of the output; what is not kept stays as before."""
    zero = splat(np.float32(0))
    if u + @LANES <= units:
        if not kept:
            value = load(scratch, before + u)
        store(scratch, to + u, value)
        if sequences:
            store(y, yo + u, value if shown else zero)
    else:
        some = first_lanes(units - u)
        if not kept:
            value = load_where(scratch, before + u, some)
        store_where(scratch, to + u, some, value)
        if sequences:
            store_where(y, yo + u, some, value if shown else zero)


@jit
def old_of(scratch, at, u, units):
    """A vector of a state."""
    if u + @LANES <= units:
        return load(scratch, at + u)
    return load_where(scratch, at + u, first_lanes(units - u))


@jit
def cells_of(scratch, sums, keep, other, filled, i0, positions, u0, blocks):
    """The next cell states of an LSTM, from i, f, o, c; they also take the place of i."""
    for i in range(positions):
        o, kept = sums + i * blocks * 4 * @LANES, scratch[keep + i0 + i] != 0
        co = other + (i0 + i) * filled
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            added = mul(load(scratch, o), load(scratch, o + 3 * @LANES))
            cell = fma(load(scratch, o + @LANES), load(scratch, co + u), added)
            if kept:
                store(scratch, co + u, cell)
            store(scratch, o, cell)
            o += 4 * @LANES


@jit
def outputs_of(scratch, sums, keep, seen, offsets, now, then, i0, positions, y, ys, yt,
               sequences, u0, blocks, units):
    """The next states h of an LSTM: o by the activated cell state, which is in the place of i."""
    for i in range(positions):
        o, at = sums + i * blocks * 4 * @LANES, offsets[i0 + i] >> 2
        kept, shown = scratch[keep + i0 + i] != 0, scratch[seen + i0 + i] != 0
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            value = mul(load(scratch, o + 2 * @LANES), load(scratch, o))
            put(value, scratch, now + at, then + at, y, ys[i0 + i] + yt, kept, shown,
                sequences, u, units)
            o += 4 * @LANES


@jit
def reset(scratch, sums, gate, filled, offsets, now, product, i0, positions, u0, blocks, units):
    """Keep the update gate of a GRU, and write what its reset gate leaves of the state."""
    for i in range(positions):
        o, at, zo = sums + i * blocks * 2 * @LANES, offsets[i0 + i] >> 2, gate + (i0 + i) * filled
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            store(scratch, zo + u, load(scratch, o))
            left = mul(load(scratch, o + @LANES), old_of(scratch, now + at, u, units))
            if u + @LANES <= units:
                store(scratch, product + at + u, left)
            else:
                store_where(scratch, product + at + u, first_lanes(units - u), left)
            o += 2 * @LANES


@jit
def reset_after(x, xs, xt, scratch, gates, sums, i0, positions, u0, blocks, units):
    """The candidate's sums: the input's part, and what the reset gate leaves of the state's."""
    for i in range(positions):
        xo = xs[i0 + i] + xt + 2 * units
        ro, o = gates + i * blocks * 2 * @LANES + @LANES, sums + i * blocks * @LANES
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            r, s = load(scratch, ro), load(scratch, o)
            store(scratch, o, fma(r, s, input_of(x, xo, u, units)))
            ro += 2 * @LANES
            o += @LANES


@jit
def mix(scratch, gates, gate_pitch, gate_step, sums, keep, seen, offsets, now, then, i0,
        positions, y, ys, yt, sequences, u0, blocks, units):
    """The next states of a GRU, between the old ones and the candidates."""
    one = splat(np.float32(1))
    for i in range(positions):
        zo, o, at = gates + i * gate_pitch, sums + i * blocks * @LANES, offsets[i0 + i] >> 2
        kept, shown = scratch[keep + i0 + i] != 0, scratch[seen + i0 + i] != 0
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            z, candidate = load(scratch, zo), load(scratch, o)
            old = old_of(scratch, now + at, u, units)
            value = fma(z, old, mul(sub(one, z), candidate))
            put(value, scratch, now + at, then + at, y, ys[i0 + i] + yt, kept, shown,
                sequences, u, units)
            zo += gate_step
            o += @LANES


@jit
def take(scratch, sums, keep, seen, offsets, now, then, i0, positions, y, ys, yt, sequences,
         u0, blocks, units):
    """The next states of a simple cell: the activated sums."""
    for i in range(positions):
        o, at = sums + i * blocks * @LANES, offsets[i0 + i] >> 2
        kept, shown = scratch[keep + i0 + i] != 0, scratch[seen + i0 + i] != 0
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            put(load(scratch, o), scratch, now + at, then + at, y, ys[i0 + i] + yt, kept, shown,
                sequences, u, units)
            o += @LANES


@jit
def read_state(x, at, scratch, to, units):
    """Copy an initial state of one position."""
    for u in range(0, units, @LANES):
        some = first_lanes(units - u)
        store_where(scratch, to + u, some, load_where(x, at + u, some))


@jit
def write_state(scratch, at, y, to, shown, units):
    """Copy a state of one position to the output, or write zeros."""
    zero = splat(np.float32(0))
    for u in range(0, units, @LANES):
        some = first_lanes(units - u)
        store_where(y, to + u, some, load_where(scratch, at + u, some) if shown else zero)
'''

_KERNEL = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: sequences, even shares of them; where the state is convolved, one sample."""
    @GEOMETRY
    places, terms = depth * height * width, kd * kh * kw * units
    convolves = kd * kh * kw > 1
    gates = 1 if cell == @SIMPLE else 4 if cell == @LSTM else 3
    slots = 2 if gates == 3 else gates
    vectors = (units + @LANES - 1) // @LANES
    filled = vectors * @LANES
    soft = gate_softmax or cell_softmax
    # Windows of an image lie in rows, which are units side by side.
    pitch = units if convolves else filled
    row = (width + kw - 1) * pitch
    plane = (height + kh - 1) * row
    centre = pd * plane + ph * row + pw * pitch if convolves else 0
    positions = n * places
    share = max(@LEAST_POSITIONS, min(@MOST_POSITIONS, (positions + @TASKS - 1) // @TASKS))
    tasks = (positions + share - 1) // share
    share = places if convolves else (positions + tasks - 1) // tasks
    most = places if convolves else @MOST_POSITIONS
    image = (depth + kd - 1) * plane if convolves else @MOST_POSITIONS * filled
    image = (image + @LINE - 1) // @LINE * @LINE
    rows = (steps if sequences else 1) + gives_states * (2 if cell == @LSTM else 1)
    initial, masks = 2 if mask_pitch else 1, x
    if mask_pitch:
        masks = values_at(w, 1)
    # Scratch: tables, flags, zeros to start from, states, sums.
    table, flags = (2 * most + @LINE - 1) // @LINE * @LINE, (most + @LINE - 1) // @LINE * @LINE
    a, offsets = integers_at(scratch, 0), integers_at(scratch, @ARGUMENTS)
    xs = integers_at(scratch, @ARGUMENTS + table)
    ys = integers_at(scratch, @ARGUMENTS + 2 * table)
    keep = @ARGUMENTS + 3 * table
    seen = keep + flags
    nought = seen + flags
    states = nought + 2 * @LINE
    other = states + 2 * image
    sums = other + most * filled
    # The chunk of positions and the block of units that are done together.
    chunk = min(share, @CHUNK)
    together = max(2, @ROOM // (chunk * slots * @LANES) // 2 * 2)
    if soft:
        together = vectors
    candidates = sums + max(@ROOM, chunk * together * slots * @LANES)
    second = gates * filled * terms if gates != 3 else 2 * filled * terms
    bias = gates * filled * terms
    for task in range(lo, hi):
        first = task * share
        many = min(share, positions - first)
        for i in range(nought, sums, @LANES):
            store(scratch, i, splat(np.float32(0)))
        now, then = states, states + image
        for i in range(many):
            sample, q = (first + i) // places, (first + i) % places
            at = i * pitch
            if convolves:
                at = q // (height * width) * plane
                at += q // width % height * row + q % width * pitch
            offsets[i] = 4 * at
            xs[i] = (sample * steps * places + q) * gates * units
            ys[i] = (sample * rows * places + q) * units
            scratch[keep + i] = np.float32(1)
            scratch[seen + i] = np.float32(0 if mask_pitch > 0 and not shows_state else 1)
            if carried:
                so = (first + i) * units
                read_state(values_at(w, initial), so, scratch, now + centre + at, units)
                if cell == @LSTM:
                    read_state(values_at(w, initial + 1), so, scratch, other + i * filled, units)
        for s in range(steps):
            t = steps - 1 - s if reverse else s
            xt, yt = t * places * gates * units, s * places * units
            anything = True
            if mask_pitch:
                anything = False
                for i in range(many):
                    sample, q = (first + i) // places, (first + i) % places
                    at = (sample * steps + t) * mask_pitch + (q if mask_pitch > 1 else 0)
                    kept = masks[at] != 0
                    scratch[keep + i] = np.float32(1 if kept else 0)
                    if kept:
                        scratch[seen + i] = np.float32(1)
                        anything = True
            if not anything:
                if sequences:
                    for i in range(many):
                        write_state(scratch, now + centre + (offsets[i] >> 2), y, ys[i] + yt,
                                    scratch[seen + i] != 0, units)
                continue
            for i0 in range(0, many, chunk):
                some = min(chunk, many - i0)
                for u0 in range(0, vectors, together):
                    blocks = min(together, vectors - u0)
                    product(a, f, scratch, now, offsets, i0, some, b, u0 * slots * @LANES * terms,
                            blocks * slots, sums, nought, kd, kh, kw * units, row, plane)
                    if cell == @GRU_RESET_AFTER:
                        product(a, f, scratch, now, offsets, i0, some, b,
                                second + u0 * @LANES * terms, blocks, candidates, nought,
                                kd, kh, kw * units, row, plane)
                        if biased:
                            add_bias(b, bias + u0 * 2 * @LANES, scratch, sums, some,
                                     blocks * 2 * @LANES)
                            add_bias(b, bias + 2 * filled + u0 * @LANES, scratch, candidates,
                                     some, blocks * @LANES)
                    add_input(x, xs, xt, i0, some, scratch, sums, u0, blocks, slots, 0, units)
                    if cell == @LSTM:
                        end(f, @GATES, gate_softmax, scratch, sums, some, blocks, 4, 0, 3, units)
                        end(f, @CELL, cell_softmax, scratch, sums, some, blocks, 4, 3, 1, units)
                        cells_of(scratch, sums, keep, other, filled, i0, some, u0, blocks)
                        end(f, @CELL, cell_softmax, scratch, sums, some, blocks, 4, 0, 1, units)
                        outputs_of(scratch, sums, keep, seen, offsets, now + centre,
                                   then + centre, i0, some, y, ys, yt, sequences, u0, blocks,
                                   units)
                    elif cell == @SIMPLE:
                        end(f, @CELL, cell_softmax, scratch, sums, some, blocks, 1, 0, 1, units)
                        take(scratch, sums, keep, seen, offsets, now + centre, then + centre, i0,
                             some, y, ys, yt, sequences, u0, blocks, units)
                    elif cell == @GRU:
                        end(f, @GATES, gate_softmax, scratch, sums, some, blocks, 2, 0, 2, units)
                        reset(scratch, sums, other, filled, offsets, now + centre, then + centre,
                              i0, some, u0, blocks, units)
                    else:
                        end(f, @GATES, gate_softmax, scratch, sums, some, blocks, 2, 0, 2, units)
                        reset_after(x, xs, xt, scratch, sums, candidates, i0, some, u0, blocks,
                                    units)
                        end(f, @CELL, cell_softmax, scratch, candidates, some, blocks, 1, 0, 1,
                            units)
                        mix(scratch, sums, blocks * 2 * @LANES, 2 * @LANES, candidates, keep,
                            seen, offsets, now + centre, then + centre, i0, some, y, ys, yt,
                            sequences, u0, blocks, units)
            if cell == @GRU:
                # All reset gates come first: the candidates' sums read what they leave.
                for i0 in range(0, many, chunk):
                    some = min(chunk, many - i0)
                    for u0 in range(0, vectors, together):
                        blocks = min(together, vectors - u0)
                        product(a, f, scratch, then, offsets, i0, some, b,
                                second + u0 * @LANES * terms, blocks, sums, nought,
                                kd, kh, kw * units, row, plane)
                        add_input(x, xs, xt, i0, some, scratch, sums, u0, blocks, 1, 2, units)
                        end(f, @CELL, cell_softmax, scratch, sums, some, blocks, 1, 0, 1, units)
                        mix(scratch, other + i0 * filled + u0 * @LANES, filled, @LANES, sums,
                            keep, seen, offsets, now + centre, now + centre, i0, some, y, ys, yt,
                            sequences, u0, blocks, units)
            else:
                now, then = then, now
        for i in range(many):
            at, to = now + centre + (offsets[i] >> 2), ys[i]
            if sequences:
                to += steps * places * units
            else:
                write_state(scratch, at, y, to, steps > 0 and scratch[seen + i] != 0, units)
                to += places * units
            if gives_states:
                write_state(scratch, at, y, to, True, units)
                if cell == @LSTM:
                    write_state(scratch, other + i * filled, y, to + places * units, True, units)
'''

CONSTANTS = {
    **{f"TILE_{name.upper()}": at for at, name in enumerate(TileArguments._fields)},
    "TILE": functions.TILE,
    "RELU": functions.RELU,
    "ACTIVATION": functions.ACTIVATION,
    "CONSTANTS": functions.CONSTANTS,
    "ARGUMENTS": ARGUMENTS,
    "LENGTH": len(TileArguments._fields),
    "LINE": LINE,
    "SHORT": SHORT,
    "SIMPLE": SIMPLE,
    "GRU": GRU,
    "GRU_RESET_AFTER": GRU_RESET_AFTER,
    "LSTM": LSTM,
    "GATES": GATES,
    "CELL": CELL,
    "LEAST_POSITIONS": LEAST_POSITIONS,
    "MOST_POSITIONS": MOST_POSITIONS,
    "TASKS": TASKS,
    "CHUNK": CHUNK,
    "ROOM": ROOM,
}


@cache
def source(lanes: int, fields: tuple[str, ...]) -> str:
    """The module's text, for one vector width; ``fields`` are those of the geometry."""
    rows = over_lanes("largest_lane", "largest", lanes) + over_lanes("sum_of_lanes", "add", lanes)
    text = rows + "\n" + _ACTIVATIONS + _SUMS + _CELLS + _KERNEL
    constants = {**CONSTANTS, "LANES": lanes, "MOST": tile_columns(lanes)}
    return fill(HEADER + _WORDS + with_functions(text), fields, **constants)
