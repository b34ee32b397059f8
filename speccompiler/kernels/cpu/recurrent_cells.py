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
def gates_lstm_@KIND(scratch, o, apart, i_sum, f_sum, c_sum, o_sum, old):
    """A vector of cell states, and of output gates, of the parts that the input adds."""
    i_gate = @GATE(add(load(scratch, o), i_sum))
    f_gate = @GATE(add(load(scratch, o + apart), f_sum))
    o_gate = @GATE(add(load(scratch, o + 2 * apart), o_sum))
    candidate = tanh(add(load(scratch, o + 3 * apart), c_sum))
    return fma(f_gate, old, mul(i_gate, candidate)), o_gate


@jit
def quick_lstm_@KIND(memory, places, reading, writing, block, sums, pitch, other, filled, now,
                     then, i0, positions):
    """All of an LSTM's step that comes after the sums of its state."""
    scratch, states = memory
    offsets, xs, ys, keep, seen = places
    x, xt, ahead = reading
    y, yt, sequences = writing
    u0, blocks, units = block
    whole = min(u0 + blocks, units // @LANES) * @LANES
    for i in range(positions):
        xo, o = xs[i0 + i] + xt, sums + i * pitch
        co, at, yo = other + (i0 + i) * filled, offsets[i0 + i] >> 2, ys[i0 + i] + yt
        kept, shown = scratch[keep + i0 + i] != 0, scratch[seen + i0 + i] != 0
        for u in range(u0 * @LANES, whole, @LANES):
            for k in range(4):
                prefetch_near(x, xo + ahead + k * units + u)
            i_at, c_at = xo + u, xo + 2 * units + u
            cell, o_gate = gates_lstm_@KIND(
                scratch, o, @LANES, load(x, i_at), load(x, i_at + units), load(x, c_at),
                load(x, c_at + units), load(states, co + u)
            )
            if kept:
                store(states, co + u, cell)
            store(scratch, o, cell)
            store(scratch, o + @LANES, o_gate)
            o += 4 * @LANES
        o = sums + i * pitch
        for u in range(u0 * @LANES, whole, @LANES):
            value = mul(load(scratch, o + @LANES), tanh(load(scratch, o)))
            put(value, states, now + at, then + at, y, yo, kept, shown, sequences, u, units)
            o += 4 * @LANES
        if whole < (u0 + blocks) * @LANES:
            some, i_at, c_at = first_lanes(units - whole), xo + whole, xo + 2 * units + whole
            cell, o_gate = gates_lstm_@KIND(
                scratch, o, units - whole, load_where(x, i_at, some),
                load_where(x, i_at + units, some), load_where(x, c_at, some),
                load_where(x, c_at + units, some), load(states, co + whole)
            )
            if kept:
                store(states, co + whole, cell)
            value = mul(o_gate, tanh(cell))
            put(value, states, now + at, then + at, y, yo, kept, shown, sequences, whole, units)


@jit
def quick_gru_@KIND(memory, places, reading, writing, block, gates, pitch, sums, now, then, i0,
                    positions):
    """The same of a GRU whose reset gate comes after the product."""
    scratch, states = memory
    offsets, xs, ys, keep, seen = places
    x, xt, ahead = reading
    y, yt, sequences = writing
    u0, blocks, units = block
    whole = min(u0 + blocks, units // @LANES) * @LANES
    one = splat(np.float32(1))
    for i in range(positions):
        xo, at, yo = xs[i0 + i] + xt, offsets[i0 + i] >> 2, ys[i0 + i] + yt
        zo, o = gates + i * pitch, sums + i * blocks * @LANES
        kept, shown = scratch[keep + i0 + i] != 0, scratch[seen + i0 + i] != 0
        for u in range(u0 * @LANES, whole, @LANES):
            for k in range(3):
                prefetch_near(x, xo + ahead + k * units + u)
            z_at = xo + u
            store(scratch, zo, @GATE(add(load(scratch, zo), load(x, z_at))))
            r = @GATE(add(load(scratch, zo + @LANES), load(x, z_at + units)))
            store(scratch, o, fma(r, load(scratch, o), load(x, z_at + 2 * units)))
            zo += 2 * @LANES
            o += @LANES
        zo, o = gates + i * pitch, sums + i * blocks * @LANES
        for u in range(u0 * @LANES, whole, @LANES):
            z, candidate = load(scratch, zo), tanh(load(scratch, o))
            value = fma(z, load(states, now + at + u), mul(sub(one, z), candidate))
            put(value, states, now + at, then + at, y, yo, kept, shown, sequences, u, units)
            zo += 2 * @LANES
            o += @LANES
        if whole < (u0 + blocks) * @LANES:
            apart, some, z_at = units - whole, first_lanes(units - whole), xo + whole
            z = @GATE(add(load(scratch, zo), load_where(x, z_at, some)))
            r = @GATE(add(load(scratch, zo + apart), load_where(x, z_at + units, some)))
            candidate = tanh(fma(r, load(scratch, o), load_where(x, z_at + 2 * units, some)))
            old = load_where(states, now + at + whole, some)
            value = fma(z, old, mul(sub(one, z), candidate))
            put(value, states, now + at, then + at, y, yo, kept, shown, sequences, whole, units)


@jit
def quick_reset_@KIND(memory, places, reading, block, sums, pitch, gate, filled, now, left, i0,
                      positions):
    """``reset`` and all before it."""
    scratch, states = memory
    offsets, xs, ys, keep, seen = places
    x, xt, ahead = reading
    u0, blocks, units = block
    for i in range(positions):
        xo, o = xs[i0 + i] + xt, sums + i * pitch
        at, zo = offsets[i0 + i] >> 2, gate + (i0 + i) * filled
        for u in range(u0 * @LANES, (u0 + blocks) * @LANES, @LANES):
            for k in range(3):
                prefetch_near(x, xo + ahead + k * units + u)
            z_sum, r_sum = values_of(x, xo, u, units), values_of(x, xo + units, u, units)
            apart = min(@LANES, units - u)
            store(states, zo + u, @GATE(add(load(scratch, o), z_sum)))
            r = @GATE(add(load(scratch, o + apart), r_sum))
            value = mul(r, values_of(states, now + at, u, units))
            put(value, states, now + at, left + at, states, 0, True, True, False, u, units)
            o += 2 * @LANES
'''
"""The usual gates: a loop for each kind, without jumps, has its constants in registers.

What waits for gates is done in a loop of its own, so that many vectors are on their way at once.
Gates of the last units stand together, without room between them, where these fill no vector.
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

_KINDS = "".join(
    _QUICK.replace("@KIND", kind).replace("@GATE", gate)
    for kind, gate in (("soft", "sigmoid"), ("hard", "hard_sigmoid"))
)

CELLS = _USUAL + _ACTIVATIONS + _STATES + _KINDS
