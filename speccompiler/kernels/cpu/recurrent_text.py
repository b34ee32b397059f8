"""The text that scans share: one step of a recurrent layer for some positions.

Sums of a block of units lie in scratch, with all of their gates side by side: what the state adds
comes first, then the input's part is added, the gates' activation is applied, and the block's new
states are made while all of it is in L1. Every sum is one chain of products for each 256 terms,
in one order, whatever positions are beside it, so that bits depend on neither batches nor tasks.
"""

from __future__ import annotations

from speccompiler.kernels.cpu import functions
from speccompiler.kernels.cpu.codegen.register_tile import TileArguments, tile_columns
from speccompiler.kernels.cpu.codegen.text import HEADER, LINE, fill
from speccompiler.kernels.cpu.codegen.vector_math import with_functions
from speccompiler.kernels.cpu.direct_text import ARGUMENTS
from speccompiler.kernels.cpu.kernel import MOST_LANES
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
ROOM = 4096
"""float32 values of a block of sums, which should stay in L1 beside the weights of a tile."""

_WORDS = """
from speccompiler.kernels.cpu.codegen.calls import (
    address_of, call_activation, call_tile, floor_of, integers_at, spoiled_by
)
from speccompiler.kernels.cpu.codegen.simd import values_at

rectify = v.rectify
passes = 1
"""
"""The code is written as it shall be: LLVM's other passes gain nothing, and take a second more."""

_STEP = '''

@jit
def block_of(positions, slots, vectors, soft):
    """Vectors of units whose sums are made together; a softmax looks at all of them."""
    return vectors if soft else max(2, @ROOM // (positions * slots * @LANES) // 2 * 2)


@jit
def columns_of(u0, blocks, units, slots, quick):
    """Vectors of the gates of some vectors of units; the usual gates' last ones are closer."""
    last = units - (u0 + blocks - 1) * @LANES
    if not quick or last >= @LANES:
        return blocks * slots
    return (blocks - 1) * slots + (last * slots + @LANES - 1) // @LANES


@jit
def step(a, f, b, memory, places, reading, writing, ends, window, layout, room, now, then, other,
         i0, positions):
    """One step for some positions; of a GRU all up to what its reset gates leave.

    The states at ``now`` become those at ``then``; ``other`` are cell states or update gates.
    """
    scratch, states = memory
    gate_softmax, cell_softmax, quick, hard = ends
    cell, slots, units, vectors, together, biased, centre = layout
    sums, candidates, nought = room
    kd, kh, run, row, plane = window
    offsets, xs, ys, keep, seen = places
    terms, filled, nothing = kd * kh * run, vectors * @LANES, (scratch, nought, 0)
    h0, h1 = now + centre, then + centre
    gates = columns_of(0, vectors, units, slots, quick) * @LANES
    for u0 in range(0, vectors, together):
        blocks = min(together, vectors - u0)
        block = (u0, blocks, units)
        first, second = nothing, nothing
        if biased:
            bias = (gates + filled) * terms
            first = (b, bias + u0 * 2 * @LANES, @LANES)
            second = (b, bias + gates + u0 * @LANES, @LANES)
        columns = columns_of(u0, blocks, units, slots, quick)
        pitch = columns * @LANES
        product(a, f, memory, now, offsets, i0, positions, b, u0 * slots * @LANES * terms,
                columns, sums, first, window)
        if cell == @GRU_RESET_AFTER:
            product(a, f, memory, now, offsets, i0, positions, b,
                    (gates + u0 * @LANES) * terms, blocks, candidates, second, window)
        if quick and cell == @LSTM:
            if hard:
                quick_lstm_hard(memory, places, reading, writing, block, sums, pitch, other,
                                filled, h0, h1, i0, positions)
            else:
                quick_lstm_soft(memory, places, reading, writing, block, sums, pitch, other,
                                filled, h0, h1, i0, positions)
            continue
        if quick and cell == @GRU:
            if hard:
                quick_reset_hard(memory, places, reading, block, sums, pitch, other, filled, h0,
                                 h1, i0, positions)
            else:
                quick_reset_soft(memory, places, reading, block, sums, pitch, other, filled, h0,
                                 h1, i0, positions)
            continue
        if quick:
            if hard:
                quick_gru_hard(memory, places, reading, writing, block, sums, pitch, candidates,
                               h0, h1, i0, positions)
            else:
                quick_gru_soft(memory, places, reading, writing, block, sums, pitch, candidates,
                               h0, h1, i0, positions)
            continue
        add_input(places, reading, block, scratch, sums, slots, 0, i0, positions)
        if cell != @SIMPLE:
            end(f, @GATES, gate_softmax, scratch, sums, positions, blocks, slots, 0,
                3 if cell == @LSTM else 2, units)
        if cell == @LSTM:
            end(f, @CELL, cell_softmax, scratch, sums, positions, blocks, 4, 3, 1, units)
            cells_of(memory, places, block, sums, other, filled, i0, positions)
            end(f, @CELL, cell_softmax, scratch, sums, positions, blocks, 4, 0, 1, units)
            outputs_of(memory, places, writing, block, sums, h0, h1, i0, positions)
        elif cell == @SIMPLE:
            end(f, @CELL, cell_softmax, scratch, sums, positions, blocks, 1, 0, 1, units)
            take(memory, places, writing, block, sums, h0, h1, i0, positions)
        elif cell == @GRU:
            reset(memory, places, block, sums, other, filled, h0, h1, i0, positions)
        else:
            reset_after(memory, places, reading, block, sums, candidates, i0, positions)
            end(f, @CELL, cell_softmax, scratch, candidates, positions, blocks, 1, 0, 1, units)
            mix(memory, places, reading, writing, block, scratch, sums, blocks * 2 * @LANES,
                2 * @LANES, candidates, h0, h1, i0, positions, False)


@jit
def second_half(a, f, b, memory, places, reading, writing, ends, window, layout, room, now, left,
                gate, i0, positions):
    """The rest of a GRU's step: the candidates, of what the reset gates left, and new states."""
    scratch, states = memory
    gate_softmax, cell_softmax, quick, hard = ends
    cell, slots, units, vectors, together, biased, centre = layout
    sums, candidates, nought = room
    kd, kh, run, row, plane = window
    offsets, xs, ys, keep, seen = places
    terms, filled, nothing = kd * kh * run, vectors * @LANES, (scratch, nought, 0)
    gates = columns_of(0, vectors, units, slots, quick) * @LANES
    for u0 in range(0, vectors, together):
        blocks = min(together, vectors - u0)
        block = (u0, blocks, units)
        product(a, f, memory, left, offsets, i0, positions, b,
                (gates + u0 * @LANES) * terms, blocks, sums, nothing, window)
        if not quick:
            add_input(places, reading, block, scratch, sums, 1, 2, i0, positions)
            end(f, @CELL, cell_softmax, scratch, sums, positions, blocks, 1, 0, 1, units)
        mix(memory, places, reading, writing, block, states, gate + i0 * filled + u0 * @LANES,
            filled, @LANES, sums, now + centre, now + centre, i0, positions, quick)
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
    "ROOM": ROOM,
    "FEW": FEW,
}


def scan_text(driver: str, lanes: int, fields: tuple[str, ...], **constants: int) -> str:
    """The module of a scan with its ``kernel``, for one vector width."""
    rows = over_lanes("largest_lane", "largest", lanes) + over_lanes("sum_of_lanes", "add", lanes)
    text = "\n".join([rows, SUMS, CELLS, _STEP, driver])
    eights = FEW if lanes == MOST_LANES else 1
    widths = {
        "LANES": lanes, "WIDE": 2 * lanes, "MOST": tile_columns(lanes), "EIGHTS": eights,
    }  # fmt: skip
    return fill(HEADER + _WORDS + with_functions(text), fields, **CONSTANTS, **widths, **constants)
