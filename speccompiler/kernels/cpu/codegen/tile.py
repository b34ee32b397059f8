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

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from speccompiler.kernels.cpu.codegen.register_tile import (
    AHEAD,
    BEGUN,
    RESUMED,
    VECTORS,
    TileArguments,
    tile_columns,
)
from speccompiler.kernels.cpu.codegen.text import LINE
from speccompiler.kernels.cpu.functions import PLAIN, THEANO

_FLOAT, _INT, _LONG = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_BYTES = ir.IntType(8).as_pointer()


def tile_of(lanes: int) -> Any:
    """The function ``tile(count, vectors, arguments)``, for one vector width."""

    @intrinsic
    def tile(typing: Any, count: Any, vectors: Any, arguments: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            count, vectors, place = args
            end = builder.append_basic_block("end")
            number = builder.add(builder.mul(count, _LONG(VECTORS)), vectors)
            choice = builder.switch(number, end)
            for positions in range(1, tile_columns(lanes) + 1):
                for wide in range(1, VECTORS + 1):
                    case = builder.append_basic_block(f"tile_{positions}_{wide}")
                    choice.add_case(_LONG(positions * VECTORS + wide), case)
                    builder.position_at_end(case)
                    builder.call(_tile(builder.module, lanes, positions, wide), [place])
                    builder.branch(end)
            builder.position_at_end(end)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, arguments), emit

    return tile


def _tile(module: Any, lanes: int, positions: int, wide: int) -> Any:
    """A function of the arguments alone, for so many positions by vectors."""
    kind = ir.FunctionType(ir.VoidType(), [_LONG.as_pointer()])
    function = ir.Function(module, kind, f"tile_{positions}_{wide}")
    function.linkage = "internal"
    function.attributes.add("noinline")
    _Tile(function, lanes, positions, wide).emit()
    return function


class _Tile:
    """Writes one function. A place is an integer until it is read or written."""

    def __init__(self, function: Any, lanes: int, positions: int, wide: int) -> None:
        self.builder = builder = ir.IRBuilder(function.append_basic_block("entry"))
        self.lanes, self.positions, self.wide = lanes, positions, wide
        self.vector = ir.VectorType(_FLOAT, lanes)
        self.sums = [(t, n) for t in range(positions) for n in range(wide)]
        (place,) = function.args
        loads = {
            name: builder.load(builder.gep(place, [_LONG(index)]), name)
            for index, name in enumerate(TileArguments._fields)
        }
        self.given = TileArguments(**loads)

    def emit(self) -> None:
        """The whole function."""
        a = self.given
        zeros = [ir.Constant(self.vector, [0.0] * self.lanes)] * len(self.sums)
        begin = self._choice(a.mode, RESUMED, zeros, self._starts)
        _, _, _, *sums = self._loop(a.planes, [a.x, a.w, a.ask, *begin], self._plane)
        add = self.builder.fadd
        totals = self._choice(a.mode, BEGUN, sums, lambda: list(map(add, sums, self._starts())))
        self._finish(totals)
        self.builder.ret_void()

    def _starts(self) -> list[Any]:
        """What lies where the sums start from."""
        builder, a, values = self.builder, self.given, []
        for t, n in self.sums:
            place = builder.add(a.start, builder.mul(a.start_step, _LONG(t)))
            values.append(self._load(self._behind(place, 4 * n * self.lanes), self.vector))
        return values

    def _choice(
        self, mode: Any, wanted: int, otherwise: Sequence[Any], make: Callable[[], list[Any]]
    ) -> list[Any]:
        """What ``make`` gives where this is the mode, else the values ``otherwise``."""
        builder, before = self.builder, self.builder.block
        with builder.if_then(builder.icmp_signed("==", mode, _LONG(wanted))):
            made, inside = make(), builder.block
        chosen = []
        for value, other in zip(made, otherwise, strict=True):
            phi = builder.phi(self.vector)
            phi.add_incoming(value, inside)
            phi.add_incoming(other, before)
            chosen.append(phi)
        return chosen

    def _plane(self, state: Sequence[Any]) -> list[Any]:
        """All rows of one plane; the state is where inputs and weights begin, then what changes."""
        a, builder = self.given, self.builder
        x, w, *rest = state
        _, _, *rest = self._loop(a.rows, [x, w, *rest], self._row)
        return [builder.add(x, a.plane), builder.add(w, a.plane_weights), *rest]

    def _row(self, state: Sequence[Any]) -> list[Any]:
        a, builder = self.given, self.builder
        x, w, *rest = state
        _, _, *rest = self._loop(a.run, [x, w, *rest], self._value)
        return [builder.add(x, a.row), builder.add(w, a.row_weights), *rest]

    def _value(self, state: Sequence[Any]) -> list[Any]:
        """One input of every position, times one weight of every filter."""
        builder, wide, lanes = self.builder, self.wide, self.lanes
        x, w, ask, *sums = state
        weights = [self._load(self._behind(w, 4 * n * lanes), self.vector) for n in range(wide)]
        for line in range(0, wide * lanes, LINE):
            self._prefetch(self._behind(w, 4 * (AHEAD + line)), 3)
        if self.positions > 1:
            self._prefetch(ask, 2)
        fma = self._function("fma", 3)
        made = []
        for t in range(self.positions):
            offset = self._load(self._behind(self.given.offsets, 8 * t), _LONG)
            value = self._repeat(self._load(builder.add(x, offset), _FLOAT))
            for n in range(wide):
                made.append(builder.call(fma, [value, weights[n], sums[t * wide + n]]))
        ask = builder.add(ask, self.given.ask_step)
        return [self._behind(x, 4), self._behind(w, 4 * wide * lanes), ask, *made]

    def _finish(self, totals: Sequence[Any]) -> None:
        """Apply the relu, and write the values."""
        a, builder = self.given, self.builder
        zero, lowest, undefined = (
            ir.Constant(self.vector, [number] * self.lanes)
            for number in (0.0, float("-inf"), float("nan"))
        )

        def plain() -> list[Any]:
            return [
                builder.select(builder.fcmp_ordered(">", zero, value), zero, value)
                for value in totals
            ]

        def theano() -> list[Any]:
            return [
                builder.select(builder.fcmp_ordered("==", value, lowest), undefined, larger)
                for value, larger in zip(totals, plain(), strict=True)
            ]

        results = self._choice(a.relu, PLAIN, totals, plain)
        results = self._choice(a.relu, THEANO, results, theano)
        for (t, n), result in zip(self.sums, results, strict=True):
            offset = self._load(self._behind(a.y_offsets, 8 * t), _LONG)
            place = self._behind(builder.add(a.y, offset), 4 * n * self.lanes)
            builder.store(result, builder.inttoptr(place, self.vector.as_pointer())).align = 4

    def _loop(
        self, count: Any, state: Sequence[Any], body: Callable[[Sequence[Any]], list[Any]]
    ) -> list[Any]:
        """``body`` so many times, perhaps never; each time it gives the next state."""
        builder = self.builder
        before = builder.block
        head, inside, end = (builder.append_basic_block(name) for name in ("head", "in", "end"))
        builder.branch(head)
        builder.position_at_end(head)
        values = [builder.phi(value.type) for value in state]
        left = builder.phi(_LONG)
        left.add_incoming(count, before)
        builder.cbranch(builder.icmp_signed(">", left, _LONG(0)), inside, end)
        builder.position_at_end(inside)
        after = body(values)
        left.add_incoming(builder.sub(left, _LONG(1)), builder.block)
        for value, first, then in zip(values, state, after, strict=True):
            value.add_incoming(first, before)
            value.add_incoming(then, builder.block)
        builder.branch(head)
        builder.position_at_end(end)
        return values

    def _behind(self, place: Any, distance: int) -> Any:
        return self.builder.add(place, _LONG(distance)) if distance else place

    def _load(self, place: Any, kind: Any) -> Any:
        value = self.builder.load(self.builder.inttoptr(place, kind.as_pointer()))
        value.align = 8 if kind is _LONG else 4
        return value

    def _repeat(self, value: Any) -> Any:
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(undefined, value, _INT(0))
        zeros = ir.Constant(ir.VectorType(_INT, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, undefined, zeros)

    def _prefetch(self, place: Any, level: int) -> None:
        """3 is L1, 2 is L2. The line need not exist."""
        kind = ir.FunctionType(ir.VoidType(), [_BYTES, _INT, _INT, _INT])
        word = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.prefetch.p0")  # type: ignore[no-untyped-call]
        address = self.builder.inttoptr(place, _BYTES)
        self.builder.call(word, [address, _INT(0), _INT(level), _INT(1)])

    def _function(self, name: str, count: int) -> Any:
        kind = ir.FunctionType(self.vector, [self.vector] * count)
        return cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
            self.builder.module, kind, f"llvm.{name}.v{self.lanes}f32"
        )
