"""The scan over time of a recurrent layer whose states are images, of which each value sees some
neighbours (ConvLSTM2D).

A task is some positions of one sample at one step, so that one sample has work for all threads:
no task of a step begins before all of the last step are done (``rounds``). States lie in a place
of the plan that all tasks share, with zeros around them, and the window of a position is some rows
of it, as in a direct convolution.

scratch: the tile's arguments, tables of positions, flags, zeros, then sums
shared: for each sample two images of states, then cell states or update gates, then flags
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
from speccompiler.planning.candidate import KnownShape, op_of, three


class Geometry(NamedTuple):
    """Lengths of time and of an image; the cell, its window, what is read and given."""

    steps: int
    depth: int
    height: int
    width: int
    units: int
    cell: int
    kd: int
    kh: int
    kw: int
    pd: int
    ph: int
    pw: int
    held: int
    """float32 values that the tasks of a sample share."""
    reverse: int
    sequences: int
    carried: int
    gives_states: int
    shows_state: int
    biased: int
    gate_softmax: int
    cell_softmax: int
    usual: int
    mask_pitch: int


CHUNK = 28
"""Positions of a task, at most: all units of them, before the next."""

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: rounds, samples, shares of the positions; the last changes fastest.

    Rounds are: zeros, initial states where there are any, the steps (of a GRU both halves of
    each), and at last what is given beside the steps.
    """
    @GEOMETRY
    places = depth * height * width
    gates = 1 if cell == @SIMPLE else 4 if cell == @LSTM else 3
    slots = 2 if gates == 3 else gates
    halves, kinds = 2 if cell == @GRU else 1, 2 if cell == @LSTM else 1
    vectors = (units + @LANES - 1) // @LANES
    filled = vectors * @LANES
    row = (width + kw - 1) * units
    plane = (height + kh - 1) * row
    image = ((depth + kd - 1) * plane + @LINE - 1) // @LINE * @LINE
    centre = pd * plane + ph * row + pw * units
    rows = (steps if sequences else 1) + gives_states * kinds
    initial, masks = 2 if mask_pitch else 1, x
    if mask_pitch:
        masks = values_at(w, 1)
    states = values_at(w, initial + (kinds if carried else 0))
    table = (2 * @CHUNK + @LINE - 1) // @LINE * @LINE
    a, offsets = integers_at(scratch, 0), integers_at(scratch, @ARGUMENTS)
    xs = integers_at(scratch, @ARGUMENTS + table)
    ys = integers_at(scratch, @ARGUMENTS + 2 * table)
    keep = @ARGUMENTS + 3 * table
    seen = keep + 2 * @LINE
    nought = seen + 2 * @LINE
    sums = nought + 2 * @LINE
    soft = gate_softmax != 0 or cell_softmax != 0
    together = block_of(min(places, @CHUNK), slots, vectors, soft)
    candidates = sums + max(@ROOM, min(places, @CHUNK) * together * slots * @LANES)
    memory, tables = (scratch, states), (offsets, xs, ys, keep, seen)
    ends = (gate_softmax != 0, cell_softmax != 0, usual != 0, usual == @HARD)
    window = (kd, kh, kw * units, row, plane)
    layout = (cell, slots, units, vectors, together, biased != 0, centre)
    room = (sums, candidates, nought)
    for i in range(nought, sums, @LANES):
        store(scratch, i, splat(np.float32(0)))
    shares = (places + @CHUNK - 1) // @CHUNK
    for task in range(lo, hi):
        turn, sample, part = task // (n * shares), task // shares % n, task % shares
        base = sample * held
        if turn == 0:
            # No value is nobody's: what is held is whole lines, and so is each part.
            lines = held // @LINE
            for i in range(part * lines // shares * @LINE, (part + 1) * lines // shares * @LINE,
                           @LANES):
                store(states, base + i, splat(np.float32(0)))
            continue
        first = part * places // shares
        many = (part + 1) * places // shares - first
        at_step = turn - 1 - (1 if carried else 0)
        s, half = at_step // halves, at_step % halves
        t = steps - 1 - s if reverse else s
        now, then = base, base + image
        if halves == 1 and s % 2 == 1:
            now, then = then, now
        other = base + 2 * image
        flags = other + places * filled
        other += first * filled
        for i in range(many):
            q = first + i
            at = q // (height * width) * plane + q // width % height * row + q % width * units
            offsets[i] = 4 * at
            xs[i] = (sample * steps * places + q) * gates * units
            ys[i] = (sample * rows * places + q) * units
            scratch[keep + i] = np.float32(1)
            scratch[seen + i] = np.float32(1)
            if mask_pitch:
                if at_step >= 0 and s < steps:
                    mo = (sample * steps + t) * mask_pitch + (q if mask_pitch > 1 else 0)
                    kept = masks[mo] != 0
                    scratch[keep + i] = np.float32(1 if kept else 0)
                    if kept:
                        states[flags + q] = np.float32(1)
                if not shows_state:
                    scratch[seen + i] = states[flags + q]
        if at_step < 0:
            for i in range(many):
                # Where the first step reads them.
                so, at = (sample * places + first + i) * units, base + centre + (offsets[i] >> 2)
                read_state(values_at(w, initial), so, states, at, units)
                if cell == @LSTM:
                    read_state(values_at(w, initial + 1), so, states, other + i * filled, units)
        elif s < steps:
            step_size = places * gates * units
            reading = (x, t * step_size, -step_size if reverse else step_size)
            writing = (y, s * places * units, sequences != 0)
            if half == 0:
                step(a, f, b, memory, tables, reading, writing, ends, window, layout, room, now,
                     then, other, 0, many)
            else:
                second_half(a, f, b, memory, tables, reading, writing, ends, window, layout,
                            room, now, then, other, 0, many)
        else:
            for i in range(many):
                at, to = now + centre + (offsets[i] >> 2), ys[i]
                if sequences:
                    to += steps * places * units
                else:
                    write_state(states, at, y, to, steps > 0 and scratch[seen + i] != 0, units)
                    to += places * units
                if gives_states:
                    write_state(states, at, y, to, True, units)
                    if cell == @LSTM:
                        to += places * units
                        write_state(states, other + i * filled, y, to, True, units)
'''


@cache
def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    return scan_text(DRIVER, lanes, Geometry._fields, CHUNK=CHUNK)


class RecurrentImageKernel(Scan):
    """Tasks are some positions of a sample at a step."""

    name = "recurrent_image"
    fields = Geometry._fields
    convolved = True

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        op: ir.Recurrent = op_of(node)
        return Geometry(
            shape[0], *three(shape[1:-1], 1), op.units, CELLS[op.cell],
            *three(op.kernel, 1), *three([before for before, _ in op.padding], 0),
            self.held(node, shape), op.reverse, op.sequences, op.carried, op.gives_states,
            op.first_masked == "state", op.state_bias is not None,
            op.gate_activation == "softmax", op.activation == "softmax", usual_gates(op),
            op.masked,
        )  # fmt: skip

    def rounds(self, node: ir.Node, shape: KnownShape) -> int:
        op: ir.Recurrent = op_of(node)
        steps = shape[0] * (2 if op.cell == "gru" else 1)
        return 1 + op.carried + steps + (op.gives_states or not op.sequences)

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        return self.rounds(node, shape) * n * -(-prod(shape[1:-1]) // CHUNK)

    def held(self, node: ir.Node, shape: KnownShape) -> int:
        op: ir.Recurrent = op_of(node)
        places, lengths = prod(shape[1:-1]), zip(shape[1:-1], op.kernel, strict=True)
        image = op.units * prod(length + k - 1 for length, k in lengths)
        filled = places * -(-op.units // MOST_LANES) * MOST_LANES
        return 2 * _whole_lines(image) + filled + _whole_lines(places)

    def scratch(self, node: ir.Node, shape: KnownShape) -> int:
        op: ir.Recurrent = op_of(node)
        size = CHUNK * -(-op.units // MOST_LANES) * MOST_LANES
        tables = ARGUMENTS + 3 * table_values(CHUNK) + 6 * LINE
        return tables + 4 * max(ROOM, size if is_soft(op) else 0) + ROOM

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes)]

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes)


def _whole_lines(values: int) -> int:
    return -(-values // LINE) * LINE
