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
from speccompiler.kernels.cpu.recurrent_cells import CELLS
from speccompiler.kernels.cpu.recurrent_sums import FEW, SUMS
from speccompiler.kernels.cpu.row_kernel import over_lanes
from speccompiler.kernels.long_sums import SHORT

SIMPLE, GRU, GRU_RESET_AFTER, LSTM = range(4)
"""Cells, as the geometry numbers them."""
SOFT, HARD = 1, 2
"""Which of the usual gates there are beside tanh: done in registers."""
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
    soft, quick, hard = gate_softmax or cell_softmax, usual != 0, usual == @HARD
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
            ahead = (-places if reverse else places) * gates * units
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
                        ahead = (-places if reverse else places) * gates * units
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
                    if not quick or cell == @SIMPLE:
                        add_input(x, xs, xt, i0, some, scratch, sums, u0, blocks, slots, 0, units)
                        if cell != @SIMPLE:
                            end(f, @GATES, gate_softmax, scratch, sums, some, blocks, slots, 0,
                                3 if cell == @LSTM else 2, units)
                    elif cell != @LSTM:
                        quick_gates(x, xs, xt, ahead, scratch, sums, i0, some, u0, blocks, units,
                                    hard)
                    if cell == @LSTM:
                        if quick:
                            quick_cells(x, xs, xt, ahead, scratch, sums, keep, other, filled, i0,
                                        some, u0, blocks, units, hard)
                        else:
                            end(f, @CELL, cell_softmax, scratch, sums, some, blocks, 4, 3, 1,
                                units)
                            cells_of(scratch, sums, keep, other, filled, i0, some, u0, blocks)
                            end(f, @CELL, cell_softmax, scratch, sums, some, blocks, 4, 0, 1,
                                units)
                        outputs_of(scratch, sums, keep, seen, offsets, now + centre,
                                   then + centre, i0, some, y, ys, yt, sequences, u0, blocks,
                                   units, quick)
                    elif cell == @SIMPLE:
                        end(f, @CELL, cell_softmax, scratch, sums, some, blocks, 1, 0, 1, units)
                        take(scratch, sums, keep, seen, offsets, now + centre, then + centre, i0,
                             some, y, ys, yt, sequences, u0, blocks, units)
                    elif cell == @GRU:
                        reset(scratch, sums, other, filled, offsets, now + centre, then + centre,
                              i0, some, u0, blocks, units)
                    else:
                        reset_after(x, xs, xt, scratch, sums, candidates, i0, some, u0, blocks,
                                    units)
                        if not quick:
                            end(f, @CELL, cell_softmax, scratch, candidates, some, blocks, 1, 0,
                                1, units)
                        mix(x, xs, xt, scratch, sums, blocks * 2 * @LANES, 2 * @LANES, candidates,
                            keep, seen, offsets, now + centre, then + centre, i0, some, y, ys, yt,
                            sequences, u0, blocks, units, quick, False)
            if cell == @GRU:
                # All reset gates come first: the candidates' sums read what they leave.
                for i0 in range(0, many, chunk):
                    some = min(chunk, many - i0)
                    for u0 in range(0, vectors, together):
                        blocks = min(together, vectors - u0)
                        product(a, f, scratch, then, offsets, i0, some, b,
                                second + u0 * @LANES * terms, blocks, sums, nought,
                                kd, kh, kw * units, row, plane)
                        if not quick:
                            add_input(x, xs, xt, i0, some, scratch, sums, u0, blocks, 1, 2, units)
                            end(f, @CELL, cell_softmax, scratch, sums, some, blocks, 1, 0, 1,
                                units)
                        mix(x, xs, xt, scratch, other + i0 * filled + u0 * @LANES, filled, @LANES,
                            sums, keep, seen, offsets, now + centre, now + centre, i0, some, y,
                            ys, yt, sequences, u0, blocks, units, quick, quick)
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
    "HARD": HARD,
    "GATES": GATES,
    "CELL": CELL,
    "LEAST_POSITIONS": LEAST_POSITIONS,
    "MOST_POSITIONS": MOST_POSITIONS,
    "TASKS": TASKS,
    "CHUNK": CHUNK,
    "ROOM": ROOM,
    "FEW": FEW,
}


@cache
def source(lanes: int, fields: tuple[str, ...]) -> str:
    """The module's text, for one vector width; ``fields`` are those of the geometry."""
    rows = over_lanes("largest_lane", "largest", lanes) + over_lanes("sum_of_lanes", "add", lanes)
    text = "\n".join([rows, SUMS, CELLS, _KERNEL])
    constants = {**CONSTANTS, "LANES": lanes, "WIDE": 2 * lanes, "MOST": tile_columns(lanes)}
    return fill(HEADER + _WORDS + with_functions(text), fields, **constants)
