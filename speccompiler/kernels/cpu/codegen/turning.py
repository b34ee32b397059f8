"""A small matrix turned in registers, as LLVM's code: rows of one array are columns of another."""

from __future__ import annotations

from functools import cache
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_FLOAT, _INT, _LONG, _BIT = ir.FloatType(), ir.IntType(32), ir.IntType(64), ir.IntType(1)


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
            function = _function(builder.module, lanes)
            builder.call(function, [places[0], x_pitch, rows, places[1], y_pitch, columns, filled])
            return context.get_dummy_value()

        long = types.int64
        return types.void(x, long, long, long, y, long, long, long, long), emit

    return turn


def _function(module: Any, lanes: int) -> Any:
    name = f"turn_{lanes}"
    if name in module.globals:
        return module.globals[name]
    values = _FLOAT.as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [values, _LONG, _LONG, values, _LONG, _LONG, _LONG])
    function = ir.Function(module, kind, name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    x, x_pitch, rows, y, y_pitch, columns, filled = function.args
    vector, truths = ir.VectorType(_FLOAT, lanes), ir.VectorType(_BIT, lanes)
    none = ir.Constant(truths, [False] * lanes)

    def first(count: Any) -> Any:
        """The lanes before ``count``."""
        numbers = ir.VectorType(_LONG, lanes)
        one = builder.insert_element(ir.Constant(numbers, ir.Undefined), count, _INT(0))
        zeros = ir.Constant(ir.VectorType(_INT, lanes), [0] * lanes)
        counts = builder.shuffle_vector(one, ir.Constant(numbers, ir.Undefined), zeros)
        return builder.icmp_signed("<", ir.Constant(numbers, list(range(lanes))), counts)

    def place(base: Any, pitch: Any, index: int) -> Any:
        at = builder.gep(base, [builder.mul(pitch, _LONG(index))])
        return builder.bitcast(at, vector.as_pointer())

    def where(count: Any, index: int, chosen: Any) -> Any:
        here = builder.icmp_signed("<", _LONG(index), count)
        return builder.select(here, chosen, none)

    def word(result: Any, arguments: list[Any], name: str) -> Any:
        called = ir.FunctionType(result, arguments)
        return cgutils.get_or_insert_function(module, called, name)  # type: ignore[no-untyped-call]

    pointer = vector.as_pointer()
    load = word(vector, [pointer, _INT, truths, vector], f"llvm.masked.load.v{lanes}f32.p0")
    store = word(
        ir.VoidType(), [vector, pointer, _INT, truths], f"llvm.masked.store.v{lanes}f32.p0"
    )
    across, down = first(columns), first(filled)
    zero = ir.Constant(vector, [0.0] * lanes)
    held = [
        builder.call(load, [place(x, x_pitch, i), _INT(4), where(rows, i, across), zero])
        for i in range(lanes)
    ]
    half = lanes // 2
    low, high = ([start + i // 2 + (i % 2) * lanes for i in range(lanes)] for start in (0, half))
    for _ in range(half.bit_length()):
        # Rows are zipped with those half a square away, as often as it can be halved.
        held = [
            builder.shuffle_vector(
                held[i], held[i + half], ir.Constant(ir.VectorType(_INT, lanes), order)
            )
            for i in range(half)
            for order in (low, high)
        ]
    for i, value in enumerate(held):
        builder.call(store, [value, place(y, y_pitch, i), _INT(4), where(columns, i, down)])
    builder.ret_void()
    return function
