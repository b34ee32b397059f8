"""The register tile as LLVM's code: some positions by one or two vectors of filters.

All sums are in registers: 14 x 2 of the 32 vector registers of AVX-512, or 6 x 2 of the 16 that
others have, which leaves room for two weights and one input. Two weights are loaded for all
positions, and one input is broadcast for each position's two multiply-adds; a wider tile would
load more weights, a narrower one more inputs.

Where positions lie is read from a table with each input: that is as fast as constants (measured
with AVX-512 and AVX2, in L1), so that one function serves every stride, dilation and image.
``register_tile`` says what the arguments are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from speccompiler.kernels.cpu.codegen.emitter import FLOAT, INT, LONG, Emitter
from speccompiler.kernels.cpu.codegen.register_tile import (
    AHEAD,
    VECTORS,
    TileArguments,
    tile_columns,
)
from speccompiler.kernels.cpu.codegen.text import LINE
from speccompiler.kernels.cpu.functions import NONE, PLAIN, THEANO


def tile_of(lanes: int) -> Any:
    """The function ``tile(count, vectors, arguments)``, for one vector width."""

    @intrinsic
    def tile(typing: Any, count: Any, vectors: Any, arguments: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            count, vectors, place = args
            end = builder.append_basic_block("end")
            number = builder.add(builder.mul(count, LONG(VECTORS)), vectors)
            choice = builder.switch(number, end)
            for positions in range(1, tile_columns(lanes) + 1):
                for wide in range(1, VECTORS + 1):
                    case = builder.append_basic_block(f"tile_{positions}_{wide}")
                    choice.add_case(LONG(positions * VECTORS + wide), case)
                    builder.position_at_end(case)
                    tile = _Tile(builder.module, lanes, positions, wide)
                    builder.call(tile.function, [place])
                    builder.branch(end)
            builder.position_at_end(end)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, arguments), emit

    return tile


class _Tile(Emitter):
    """Writes the function for so many positions by vectors, of the arguments alone."""

    def __init__(self, module: Any, lanes: int, positions: int, wide: int) -> None:
        name = f"tile_{positions}_{wide}"
        super().__init__(module, name, ir.VoidType(), [LONG.as_pointer()], lanes)
        self.positions, self.wide = positions, wide
        self.sums = [(t, n) for t in range(positions) for n in range(wide)]
        builder, (place,) = self.builder, self.function.args
        loads = {
            name: builder.load(builder.gep(place, [LONG(index)]), name)
            for index, name in enumerate(TileArguments._fields)
        }
        self.given = a = TileArguments(**loads)
        offsets = (self.load_integer(self.behind(a.offsets, 8 * t)) for t in range(positions))
        self.places = [builder.add(a.x, offset) for offset in offsets]
        zeros = [self.constant(0.0)] * len(self.sums)
        _, _, _, *sums = self.loop(a.planes, [LONG(0), a.w, a.ask, *zeros], self._plane)
        self._finish(sums)
        builder.ret_void()

    def _plane(self, state: Sequence[Any]) -> list[Any]:
        """All rows of one plane; the state is where inputs and weights begin, then what changes."""
        a, builder = self.given, self.builder
        x, w, *rest = state
        _, _, *rest = self.loop(a.rows, [x, w, *rest], self._row)
        return [builder.add(x, a.plane), builder.add(w, a.plane_weights), *rest]

    def _row(self, state: Sequence[Any]) -> list[Any]:
        a, builder = self.given, self.builder
        start, first, *rest = state
        x, w, left = start, first, a.run
        if self.lanes < 16:
            # With tables and prefetches, a jump for each value would be too much: 4 to 10%.
            x, w, *rest = self.loop(builder.lshr(a.run, LONG(1)), [x, w, *rest], self._two)
            left = builder.and_(a.run, LONG(1))
        _, _, *rest = self.loop(left, [x, w, *rest], self._value)
        return [builder.add(start, a.row), builder.add(first, a.row_weights), *rest]

    def _two(self, state: Sequence[Any]) -> list[Any]:
        return self._value(self._value(state))

    def _value(self, state: Sequence[Any]) -> list[Any]:
        """One input of every position, times one weight of every filter."""
        builder, wide, lanes = self.builder, self.wide, self.lanes
        x, w, ask, *sums = state
        weights = [self.load(self.behind(w, 4 * n * lanes)) for n in range(wide)]
        for line in range(0, wide * lanes, LINE):
            self.prefetch(self.behind(w, 4 * (AHEAD + line)), 3)
        if self.positions > 1:
            self.prefetch(ask, 2)
        made = []
        for t in range(self.positions):
            value = self.load_repeated(builder.add(self.places[t], x))
            for n in range(wide):
                made.append(self.fma(value, weights[n], sums[t * wide + n]))
        ask = builder.add(ask, self.given.ask_step)
        return [self.behind(x, 4), self.behind(w, 4 * wide * lanes), ask, *made]

    def _finish(self, sums: Sequence[Any]) -> None:
        """Add the sums to what they start from, apply the relu, and write the values.

        Each kind of relu has code of its own: values that are chosen afterwards would all have to
        be kept, and more of them than there are registers.
        """
        relu, builder = self.given.relu, self.builder
        end = builder.append_basic_block("written")
        kinds = builder.switch(relu, builder.append_basic_block("as_they_are"))
        cases = {kind: builder.append_basic_block(f"relu_{kind}") for kind in (PLAIN, THEANO)}
        for kind, block in cases.items():
            kinds.add_case(LONG(kind), block)
        for kind, block in {NONE: kinds.default, **cases}.items():
            builder.position_at_end(block)
            top = self.repeat(builder.bitcast(builder.trunc(self.given.top, INT), FLOAT))
            for place, total in zip(self.sums, sums, strict=True):
                self._write(kind, *place, total, top)
            builder.branch(end)
        builder.position_at_end(end)

    def _write(self, kind: int, t: int, n: int, total: Any, top: Any) -> None:
        """Finish one vector of a position."""
        a, builder, aside = self.given, self.builder, 4 * n * self.lanes
        start = self.load(self.behind(self.steps(a.start, a.start_step, t), aside))
        value = total = builder.fadd(total, start)
        if kind != NONE:
            # A NaN is neither below the one nor above the other.
            zero = self.constant(0.0)
            value = builder.select(builder.fcmp_ordered(">", zero, value), zero, value)
            value = builder.select(builder.fcmp_ordered("<", top, value), top, value)
        if kind == THEANO:
            lowest, undefined = self.constant(float("-inf")), self.constant(float("nan"))
            value = builder.select(builder.fcmp_ordered("==", total, lowest), undefined, value)
        offset = self.load_integer(self.behind(a.y_offsets, 8 * t))
        self.store(value, self.behind(builder.add(a.y, offset), aside))
