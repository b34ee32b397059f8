"""What makes new states of the sums of a scan: activations and cells, as text.

Sums of a position are vectors of units, with all gates of a vector side by side. Usual gates, a
kind of sigmoid beside tanh, are done in registers; others through the activations of ``f``, which
go over all sums of a block. What functions are given together is

* ``memory``: where sums lie, and where states do,
* ``places``: for each position where its state lies (in bytes), its input and its output, and
  where it says whether this step is kept, and whether one was kept so far,
* ``reading``: the input, where the step's part begins, and how far on that of the next one is,
* ``writing``: the output, where the step's part begins, and whether it is a sequence,
* ``block``: the first vector of units, how many there are, and all units.
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
def quick_lstm_@KIND(memory, places, reading, writing, block, sums, other, filled, now, then, i0,
                     positions):
    """All of an LSTM's step that comes after the sums of its state."""
    scratch, states = memory
    offsets, xs, ys, keep, seen = places
    x, xt, ahead = reading
    y, yt, sequences = writing
    u0, blocks, units = block
    for i in range(positions):
        xo, first = xs[i0 + i] + xt, sums + i * blocks * 4 * @LANES
        co, at = other + (i0 + i) * filled, offsets[i0 + i] >> 2
        kept, shown = scratch[keep + i0 + i] != 0, scratch[seen + i0 + i] != 0
        o = first
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            for k in range(4):
                prefetch_near(x, xo + ahead + k * units + u)
            i_at, c_at = xo + u, xo + 2 * units + u
            f_at, o_at = i_at + units, c_at + units
            if u + @LANES <= units:
                i_sum, f_sum, c_sum, o_sum = (
                    load(x, i_at), load(x, f_at), load(x, c_at), load(x, o_at)
                )
            else:
                some = first_lanes(units - u)
                i_sum, f_sum = load_where(x, i_at, some), load_where(x, f_at, some)
                c_sum, o_sum = load_where(x, c_at, some), load_where(x, o_at, some)
            i_gate = @GATE(add(load(scratch, o), i_sum))
            f_gate = @GATE(add(load(scratch, o + @LANES), f_sum))
            o_gate = @GATE(add(load(scratch, o + 2 * @LANES), o_sum))
            added = mul(i_gate, tanh(add(load(scratch, o + 3 * @LANES), c_sum)))
            cell = fma(f_gate, load(states, co + u), added)
            if kept:
                store(states, co + u, cell)
            store(scratch, o, cell)
            store(scratch, o + @LANES, o_gate)
            o += 4 * @LANES
        o = first
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            value = mul(load(scratch, o + @LANES), tanh(load(scratch, o)))
            put(value, states, now + at, then + at, y, ys[i0 + i] + yt, kept, shown, sequences,
                u, units)
            o += 4 * @LANES


@jit
def quick_gru_@KIND(memory, places, reading, writing, block, gates, sums, now, then, i0, positions):
    """The same of a GRU whose reset gate comes after the product."""
    scratch, states = memory
    offsets, xs, ys, keep, seen = places
    x, xt, ahead = reading
    y, yt, sequences = writing
    u0, blocks, units = block
    one = splat(np.float32(1))
    for i in range(positions):
        xo, at = xs[i0 + i] + xt, offsets[i0 + i] >> 2
        first, to = gates + i * blocks * 2 * @LANES, sums + i * blocks * @LANES
        kept, shown = scratch[keep + i0 + i] != 0, scratch[seen + i0 + i] != 0
        zo, o = first, to
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            for k in range(3):
                prefetch_near(x, xo + ahead + k * units + u)
            z_at, r_at, h_at = xo + u, xo + units + u, xo + 2 * units + u
            if u + @LANES <= units:
                z_sum, r_sum, h_sum = load(x, z_at), load(x, r_at), load(x, h_at)
            else:
                some = first_lanes(units - u)
                z_sum, r_sum = load_where(x, z_at, some), load_where(x, r_at, some)
                h_sum = load_where(x, h_at, some)
            store(scratch, zo, @GATE(add(load(scratch, zo), z_sum)))
            r = @GATE(add(load(scratch, zo + @LANES), r_sum))
            store(scratch, o, fma(r, load(scratch, o), h_sum))
            zo += 2 * @LANES
            o += @LANES
        zo, o = first, to
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            z, candidate = load(scratch, zo), tanh(load(scratch, o))
            old = values_of(states, now + at, u, units)
            value = fma(z, old, mul(sub(one, z), candidate))
            put(value, states, now + at, then + at, y, ys[i0 + i] + yt, kept, shown, sequences,
                u, units)
            zo += 2 * @LANES
            o += @LANES


@jit
def quick_reset_@KIND(memory, places, reading, block, sums, gate, filled, now, left, i0, positions):
    """``reset`` and all before it."""
    scratch, states = memory
    offsets, xs, ys, keep, seen = places
    x, xt, ahead = reading
    u0, blocks, units = block
    for i in range(positions):
        xo, o = xs[i0 + i] + xt, sums + i * blocks * 2 * @LANES
        at, zo = offsets[i0 + i] >> 2, gate + (i0 + i) * filled
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            for k in range(3):
                prefetch_near(x, xo + ahead + k * units + u)
            z_at, r_at, old_at = xo + u, xo + units + u, now + at + u
            if u + @LANES <= units:
                z_sum, r_sum, old = load(x, z_at), load(x, r_at), load(states, old_at)
            else:
                some = first_lanes(units - u)
                z_sum, r_sum = load_where(x, z_at, some), load_where(x, r_at, some)
                old = load_where(states, old_at, some)
            store(states, zo + u, @GATE(add(load(scratch, o), z_sum)))
            value = mul(@GATE(add(load(scratch, o + @LANES), r_sum)), old)
            put(value, states, now + at, left + at, states, 0, True, True, False, u, units)
            o += 2 * @LANES
'''
"""The usual gates: a loop for each kind, without jumps, has its constants in registers.

What waits for gates is done in a loop of its own, so that many vectors are on their way at once.
"""

_STATES = '''

@jit
def put(value, states, before, to, y, yo, kept, shown, sequences, u, units):
    """Write a vector of the next state, and of the output; what is not kept stays as before."""
    zero = splat(np.float32(0))
    if u + @LANES <= units:
        if not kept:
            value = load(states, before + u)
        store(states, to + u, value)
        if sequences:
            store(y, yo + u, value if shown else zero)
    else:
        some = first_lanes(units - u)
        if not kept:
            value = load_where(states, before + u, some)
        store_where(states, to + u, some, value)
        if sequences:
            store_where(y, yo + u, some, value if shown else zero)


@jit
def cells_of(memory, places, block, sums, other, filled, i0, positions):
    """The next cell states of an LSTM, from i, f, o, c; they also take the place of i."""
    scratch, states = memory
    offsets, xs, ys, keep, seen = places
    u0, blocks, units = block
    for i in range(positions):
        o, kept = sums + i * blocks * 4 * @LANES, scratch[keep + i0 + i] != 0
        co = other + (i0 + i) * filled
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            added = mul(load(scratch, o), load(scratch, o + 3 * @LANES))
            cell = fma(load(scratch, o + @LANES), load(states, co + u), added)
            if kept:
                store(states, co + u, cell)
            store(scratch, o, cell)
            o += 4 * @LANES


@jit
def outputs_of(memory, places, writing, block, sums, now, then, i0, positions):
    """The next states h of an LSTM: o by the activated cell state, which is in the place of i."""
    scratch, states = memory
    offsets, xs, ys, keep, seen = places
    y, yt, sequences = writing
    u0, blocks, units = block
    for i in range(positions):
        o, at = sums + i * blocks * 4 * @LANES, offsets[i0 + i] >> 2
        kept, shown = scratch[keep + i0 + i] != 0, scratch[seen + i0 + i] != 0
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            value = mul(load(scratch, o + 2 * @LANES), load(scratch, o))
            put(value, states, now + at, then + at, y, ys[i0 + i] + yt, kept, shown, sequences,
                u, units)
            o += 4 * @LANES


@jit
def reset(memory, places, block, sums, gate, filled, now, left, i0, positions):
    """Keep the update gate of a GRU, and write what its reset gate leaves of the state."""
    scratch, states = memory
    offsets, xs, ys, keep, seen = places
    u0, blocks, units = block
    for i in range(positions):
        o, at, zo = sums + i * blocks * 2 * @LANES, offsets[i0 + i] >> 2, gate + (i0 + i) * filled
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            store(states, zo + u, load(scratch, o))
            value = mul(load(scratch, o + @LANES), values_of(states, now + at, u, units))
            put(value, states, now + at, left + at, states, 0, True, True, False, u, units)
            o += 2 * @LANES


@jit
def reset_after(memory, places, reading, block, gates, sums, i0, positions):
    """The candidate's sums: the input's part, and what the reset gate leaves of the state's."""
    scratch, states = memory
    offsets, xs, ys, keep, seen = places
    x, xt, ahead = reading
    u0, blocks, units = block
    for i in range(positions):
        xo = xs[i0 + i] + xt + 2 * units
        ro, o = gates + i * blocks * 2 * @LANES + @LANES, sums + i * blocks * @LANES
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            r, s = load(scratch, ro), load(scratch, o)
            store(scratch, o, fma(r, s, values_of(x, xo, u, units)))
            ro += 2 * @LANES
            o += @LANES


@jit
def mix(memory, places, reading, writing, block, gates, gate_at, gate_pitch, gate_step, sums,
        now, then, i0, positions, quick):
    """The next states of a GRU, between the old ones and the candidates."""
    scratch, states = memory
    offsets, xs, ys, keep, seen = places
    x, xt, ahead = reading
    y, yt, sequences = writing
    u0, blocks, units = block
    one = splat(np.float32(1))
    for i in range(positions):
        zo, o, at = gate_at + i * gate_pitch, sums + i * blocks * @LANES, offsets[i0 + i] >> 2
        kept, shown = scratch[keep + i0 + i] != 0, scratch[seen + i0 + i] != 0
        xo = xs[i0 + i] + xt + 2 * units
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            z, candidate = load(gates, zo), load(scratch, o)
            if quick:
                candidate = tanh(add(candidate, values_of(x, xo, u, units)))
            old = values_of(states, now + at, u, units)
            value = fma(z, old, mul(sub(one, z), candidate))
            put(value, states, now + at, then + at, y, ys[i0 + i] + yt, kept, shown, sequences,
                u, units)
            zo += gate_step
            o += @LANES


@jit
def take(memory, places, writing, block, sums, now, then, i0, positions):
    """The next states of a simple cell: the activated sums."""
    scratch, states = memory
    offsets, xs, ys, keep, seen = places
    y, yt, sequences = writing
    u0, blocks, units = block
    for i in range(positions):
        o, at = sums + i * blocks * @LANES, offsets[i0 + i] >> 2
        kept, shown = scratch[keep + i0 + i] != 0, scratch[seen + i0 + i] != 0
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            put(load(scratch, o), states, now + at, then + at, y, ys[i0 + i] + yt, kept, shown,
                sequences, u, units)
            o += @LANES


@jit
def read_state(x, at, states, to, units):
    """Copy an initial state of one position."""
    for u in range(0, units, @LANES):
        some = first_lanes(units - u)
        store_where(states, to + u, some, load_where(x, at + u, some))


@jit
def write_state(states, at, y, to, shown, units):
    """Copy a state of one position to the output, or write zeros."""
    zero = splat(np.float32(0))
    for u in range(0, units, @LANES):
        some = first_lanes(units - u)
        store_where(y, to + u, some, load_where(states, at + u, some) if shown else zero)
'''

_QUICK_KINDS = "".join(
    _QUICK.replace("@KIND", kind).replace("@GATE", gate)
    for kind, gate in (("soft", "sigmoid"), ("hard", "hard_sigmoid"))
)

CELLS = _USUAL + _ACTIVATIONS + _STATES + _QUICK_KINDS
