"""The scan over time of a recurrent layer whose states are vectors.

What the input adds comes from a matrix product over all steps; here is what the state adds, and
all that makes a new state of both. A task is a few sequences, whose states stay in the caches of
the thread that has them, from the first step to the last. Each step reads the weights anew: they
are in L2, and the sequences of a task share what is read.

scratch: the tile's arguments, tables of positions, flags, zeros, states, then sums
``scan`` says the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import prod
from typing import NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.text import LINE
from speccompiler.kernels.cpu.direct_text import ARGUMENTS, table_values
from speccompiler.kernels.cpu.kernel import MOST_LANES, Wanted
from speccompiler.kernels.cpu.recurrent_text import ROOM, scan_text
from speccompiler.kernels.cpu.scan import CELLS, Scan, is_soft, usual_gates
from speccompiler.planning.candidate import KnownShape, op_of


class Geometry(NamedTuple):
    """Steps, sequences of a sample, and units of a state; the cell, what is read and given."""

    steps: int
    places: int
    units: int
    cell: int
    reverse: int
    sequences: int
    carried: int
    gives_states: int
    shows_state: int
    """1 where a masked step that no other precedes gives the state."""
    biased: int
    gate_softmax: int
    cell_softmax: int
    usual: int
    """Which kind of sigmoid there is beside tanh, where the activations are the usual ones."""
    mask_pitch: int
    """Values of the mask for each step."""


LEAST_POSITIONS, MOST_POSITIONS, TASKS = 4, 12, 4
"""Sequences of a task, and how many tasks there should be before these become larger.

Fewer than four sequences wait for weights as long as four do.
"""

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: sequences, even shares of them."""
    @GEOMETRY
    gates = 1 if cell == @SIMPLE else 4 if cell == @LSTM else 3
    slots = 2 if gates == 3 else gates
    vectors = (units + @LANES - 1) // @LANES
    filled = vectors * @LANES
    positions = n * places
    share = max(@LEAST_POSITIONS, min(@MOST_POSITIONS, (positions + @TASKS - 1) // @TASKS))
    tasks = (positions + share - 1) // share
    share = (positions + tasks - 1) // tasks
    rows = (steps if sequences else 1) + gives_states * (2 if cell == @LSTM else 1)
    initial, masks = 2 if mask_pitch else 1, x
    if mask_pitch:
        masks = values_at(w, 1)
    table, flags = (2 * @MOST_POSITIONS + @LINE - 1) // @LINE * @LINE, @LINE
    a, offsets = integers_at(scratch, 0), integers_at(scratch, @ARGUMENTS)
    xs = integers_at(scratch, @ARGUMENTS + table)
    ys = integers_at(scratch, @ARGUMENTS + 2 * table)
    keep = @ARGUMENTS + 3 * table
    seen = keep + flags
    nought = seen + flags
    states, size = nought + 2 * @LINE, @MOST_POSITIONS * filled
    other = states + 2 * size
    sums = other + size
    soft = gate_softmax != 0 or cell_softmax != 0
    together = block_of(share, slots, vectors, soft)
    candidates = sums + max(@ROOM, share * together * slots * @LANES)
    memory, tables = (scratch, scratch), (offsets, xs, ys, keep, seen)
    ends = (gate_softmax != 0, cell_softmax != 0, usual != 0, usual == @HARD)
    window = (1, 1, units, 0, 0)
    layout = (cell, slots, units, vectors, together, biased != 0, 0)
    room = (sums, candidates, nought)
    for task in range(lo, hi):
        first = task * share
        many = min(share, positions - first)
        for i in range(nought, sums, @LANES):
            store(scratch, i, splat(np.float32(0)))
        now, then = states, states + size
        for i in range(many):
            sample, q = (first + i) // places, (first + i) % places
            at = i * filled
            offsets[i] = 4 * at
            xs[i] = (sample * steps * places + q) * gates * units
            ys[i] = (sample * rows * places + q) * units
            scratch[keep + i] = np.float32(1)
            scratch[seen + i] = np.float32(0 if mask_pitch > 0 and not shows_state else 1)
            if carried:
                so = (first + i) * units
                read_state(values_at(w, initial), so, scratch, now + at, units)
                if cell == @LSTM:
                    read_state(values_at(w, initial + 1), so, scratch, other + at, units)
        for s in range(steps):
            t = steps - 1 - s if reverse else s
            step_size = places * gates * units
            reading = (x, t * step_size, -step_size if reverse else step_size)
            writing = (y, s * places * units, sequences != 0)
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
                        write_state(scratch, now + i * filled, y, ys[i] + s * places * units,
                                    scratch[seen + i] != 0, units)
                continue
            step(a, f, b, memory, tables, reading, writing, ends, window, layout, room, now, then,
                 other, 0, many)
            if cell == @GRU:
                # All reset gates come first: the candidates' sums read what they leave.
                second_half(a, f, b, memory, tables, reading, writing, ends, window, layout,
                            room, now, then, other, 0, many)
            else:
                now, then = then, now
        for i in range(many):
            at, to = now + i * filled, ys[i]
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


@cache
def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    return scan_text(
        DRIVER,
        lanes,
        Geometry._fields,
        LEAST_POSITIONS=LEAST_POSITIONS,
        MOST_POSITIONS=MOST_POSITIONS,
        TASKS=TASKS,
    )


class RecurrentKernel(Scan):
    """Tasks are a few sequences."""

    name = "recurrent"
    fields = Geometry._fields

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        op: ir.Recurrent = op_of(node)
        return Geometry(
            shape[0], prod(shape[1:-1]), op.units, CELLS[op.cell], op.reverse, op.sequences,
            op.carried, op.gives_states, op.first_masked == "state", op.state_bias is not None,
            op.gate_activation == "softmax", op.activation == "softmax", usual_gates(op),
            op.masked,
        )  # fmt: skip

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        positions = n * prod(shape[1:-1])
        share = max(LEAST_POSITIONS, min(MOST_POSITIONS, -(-positions // TASKS)))
        return -(-positions // share)

    def scratch(self, node: ir.Node, shape: KnownShape) -> int:
        op: ir.Recurrent = op_of(node)
        size = MOST_POSITIONS * -(-op.units // MOST_LANES) * MOST_LANES
        tables = ARGUMENTS + 3 * table_values(MOST_POSITIONS) + 4 * LINE
        return tables + 3 * size + 4 * max(ROOM, size if is_soft(op) else 0) + ROOM

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes)]

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes)
