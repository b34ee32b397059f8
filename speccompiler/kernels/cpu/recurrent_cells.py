"""What makes new states of the sums of a scan: activations and cells, as text.

Sums of a position are vectors of units, with all gates of a vector side by side. Usual gates, a
kind of sigmoid beside tanh, are done in registers; others through the activations of ``f``, which
go over all sums of a block.
"""

from __future__ import annotations

from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.expressions.source import vector_source

_USUAL = "\n".join(
    "\n\n@as_written\n" + vector_source(ACTIVATIONS[name], name)
    for name in ("sigmoid", "hard_sigmoid")
)

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

_QUICK = '''

@jit
def gate_of(value, hard):
    """A gate of the usual kinds."""
    return hard_sigmoid(value) if hard else sigmoid(value)


@jit
def quick_cells(x, xs, xt, ahead, scratch, sums, keep, other, filled, i0, positions, u0, blocks,
                units, hard):
    """``cells_of`` and all before, of sigmoid or hard_sigmoid and tanh, in registers."""
    for i in range(positions):
        xo, o = xs[i0 + i] + xt, sums + i * blocks * 4 * @LANES
        co, kept = other + (i0 + i) * filled, scratch[keep + i0 + i] != 0
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            for k in range(4):
                prefetch_near(x, xo + ahead + k * units + u)
            i_sum = add(load(scratch, o), input_of(x, xo, u, units))
            f_sum = add(load(scratch, o + @LANES), input_of(x, xo + units, u, units))
            o_sum = add(load(scratch, o + 2 * @LANES), input_of(x, xo + 3 * units, u, units))
            c_sum = add(load(scratch, o + 3 * @LANES), input_of(x, xo + 2 * units, u, units))
            added = mul(gate_of(i_sum, hard), tanh(c_sum))
            cell = fma(gate_of(f_sum, hard), load(scratch, co + u), added)
            if kept:
                store(scratch, co + u, cell)
            store(scratch, o, cell)
            store(scratch, o + 2 * @LANES, gate_of(o_sum, hard))
            o += 4 * @LANES


@jit
def quick_gates(x, xs, xt, ahead, scratch, sums, i0, positions, u0, blocks, units, hard):
    """Both gates of a GRU, in registers."""
    for i in range(positions):
        xo, o = xs[i0 + i] + xt, sums + i * blocks * 2 * @LANES
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            for k in range(3):
                prefetch_near(x, xo + ahead + k * units + u)
            z_sum = add(load(scratch, o), input_of(x, xo, u, units))
            r_sum = add(load(scratch, o + @LANES), input_of(x, xo + units, u, units))
            store(scratch, o, gate_of(z_sum, hard))
            store(scratch, o + @LANES, gate_of(r_sum, hard))
            o += 2 * @LANES
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
               sequences, u0, blocks, units, quick):
    """The next states h of an LSTM: o by the activated cell state, which is in the place of i."""
    for i in range(positions):
        o, at = sums + i * blocks * 4 * @LANES, offsets[i0 + i] >> 2
        kept, shown = scratch[keep + i0 + i] != 0, scratch[seen + i0 + i] != 0
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            cell = load(scratch, o)
            if quick:
                cell = tanh(cell)
            value = mul(load(scratch, o + 2 * @LANES), cell)
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
def mix(x, xs, xt, scratch, gates, gate_pitch, gate_step, sums, keep, seen, offsets, now, then,
        i0, positions, y, ys, yt, sequences, u0, blocks, units, quick, adds):
    """The next states of a GRU, between the old ones and the candidates."""
    one = splat(np.float32(1))
    for i in range(positions):
        zo, o, at = gates + i * gate_pitch, sums + i * blocks * @LANES, offsets[i0 + i] >> 2
        kept, shown = scratch[keep + i0 + i] != 0, scratch[seen + i0 + i] != 0
        xo = xs[i0 + i] + xt + 2 * units
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            z, candidate = load(scratch, zo), load(scratch, o)
            if adds:
                candidate = add(candidate, input_of(x, xo, u, units))
            if quick:
                candidate = tanh(candidate)
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

CELLS = _USUAL + _ACTIVATIONS + _QUICK + _CELLS
