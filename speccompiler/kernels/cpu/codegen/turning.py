"""A small matrix turned in registers, as LLVM's code: rows of one array are columns of another."""

from __future__ import annotations

from functools import cache
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from speccompiler.kernels.cpu.codegen.emitter import FLOAT, INT, LONG, Emitter, turned

_BIT = ir.IntType(1)


@cache
def turn_of(lanes: int) -> Any:
    """``turn(x, at, x_pitch, rows, y, to, y_pitch, columns, filled)``, for one vector width.

    Value ``c`` of row ``r`` of ``x`` becomes value ``r`` of row ``c`` of ``y``, whose rows are
    ``filled`` up with zeros. All counts are 1 to ``lanes``; nothing else is read or written.
    """

    @intrinsic
    def turn(
        typing: Any, x: Any, at: Any, x_pitch: Any, rows: Any, y: Any, to: Any, y_pitch: Any,
        columns: Any, filled: Any,
    ) -> Any:  # fmt: skip
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            x, at, x_pitch, rows, y, to, y_pitch, columns, filled = args
            places = builder.gep(x, [at]), builder.gep(y, [to])
            name = f"turn_{lanes}"
            if name not in builder.module.globals:
                _Turn(builder.module, lanes, name)
            function = builder.module.globals[name]
            builder.call(function, [places[0], x_pitch, rows, places[1], y_pitch, columns, filled])
            return context.get_dummy_value()

        long = types.int64
        return types.void(x, long, long, long, y, long, long, long, long), emit

    return turn


class _Turn(Emitter):
    """Writes the function."""

    def __init__(self, module: Any, lanes: int, name: str) -> None:
        values = FLOAT.as_pointer()
        arguments = [values, LONG, LONG, values, LONG, LONG, LONG]
        super().__init__(module, name, ir.VoidType(), arguments, lanes)
        self.truths = ir.VectorType(_BIT, lanes)
        x, x_pitch, rows, y, y_pitch, columns, filled = self.function.args
        pointer = self.vector.as_pointer()
        load = self._word("load", self.vector, [pointer, INT, self.truths, self.vector])
        store = self._word("store", ir.VoidType(), [self.vector, pointer, INT, self.truths])
        across, down, zero = self._first(columns), self._first(filled), self.constant(0.0)
        builder = self.builder
        held = [
            builder.call(load, [self._row(x, x_pitch, i), INT(4), self._if(rows, i, across), zero])
            for i in range(lanes)
        ]
        for i, value in enumerate(turned(builder, held)):
            place, chosen = self._row(y, y_pitch, i), self._if(columns, i, down)
            builder.call(store, [value, place, INT(4), chosen])
        builder.ret_void()

    def _first(self, count: Any) -> Any:
        """The lanes before ``count``."""
        numbers = ir.VectorType(LONG, self.lanes)
        undefined = ir.Constant(numbers, ir.Undefined)
        one = self.builder.insert_element(undefined, count, INT(0))
        zeros = ir.Constant(ir.VectorType(INT, self.lanes), [0] * self.lanes)
        counts = self.builder.shuffle_vector(one, undefined, zeros)
        lanes = ir.Constant(numbers, list(range(self.lanes)))
        return self.builder.icmp_signed("<", lanes, counts)

    def _if(self, count: Any, index: int, chosen: Any) -> Any:
        """The lanes that are chosen, in the rows before ``count``; else none."""
        here = self.builder.icmp_signed("<", LONG(index), count)
        none = ir.Constant(self.truths, [False] * self.lanes)
        return self.builder.select(here, chosen, none)

    def _row(self, base: Any, pitch: Any, index: int) -> Any:
        at = self.builder.gep(base, [self.builder.mul(pitch, LONG(index))])
        return self.builder.bitcast(at, self.vector.as_pointer())

    def _word(self, name: str, result: Any, arguments: list[Any]) -> Any:
        kind = ir.FunctionType(result, arguments)
        whole = f"llvm.masked.{name}.v{self.lanes}f32.p0"
        return cgutils.get_or_insert_function(self.builder.module, kind, whole)  # type: ignore[no-untyped-call]
