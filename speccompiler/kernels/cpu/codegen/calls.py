"""How a kernel's text calls the functions of its step, ``f``: words for numba.

Functions follow numba's convention for machine code: the places of a result and of an error,
which nobody reads, come before the arguments, and 0 is success.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from speccompiler.kernels.cpu.codegen.jit import jit
from speccompiler.kernels.cpu.functions import ACTIVATION, CONSTANTS, NONE, THEANO

_LONG, _INT = ir.IntType(64), ir.IntType(32)
_long = types.int64


def _call(builder: Any, address: Any, arguments: Sequence[Any]) -> None:
    unread = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(_INT, [unread, unread, *(argument.type for argument in arguments)])
    room = builder.bitcast(cgutils.alloca_once(builder, _LONG, size=8), unread)  # type: ignore[no-untyped-call]
    builder.call(builder.inttoptr(address, kind.as_pointer()), [room, room, *arguments])


@intrinsic
def call_activation(
    typing: Any, function: Any, x: Any, xo: Any, y: Any, yo: Any, rows: Any, x_pitch: Any,
    y_pitch: Any, count: Any, constants: Any,
) -> Any:  # fmt: skip
    """Bring ``rows`` of ``count`` values from ``x[xo:]`` to ``y[yo:]``, which may be the same."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function, x, xo, y, yo, *numbers = args
        places = [builder.ptrtoint(builder.gep(p, [at]), _LONG) for p, at in ((x, xo), (y, yo))]
        _call(builder, function, [*places, *numbers])
        return context.get_dummy_value()

    return types.void(_long, x, _long, y, _long, *[_long] * 5), emit


@intrinsic
def call_tile(typing: Any, function: Any, count: Any, vectors: Any, arguments: Any) -> Any:
    """Compute ``count`` positions by ``vectors`` of filters; see ``register_tile``."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _call(builder, args[0], args[1:])
        return context.get_dummy_value()

    return types.void(_long, _long, _long, arguments), emit


@jit
def finish(f, y, at, rows, pitch, count):  # type: ignore[no-untyped-def]
    """Apply the step's activation, where it is no relu, to rows that were just written."""
    if f[ACTIVATION] != 0:
        call_activation(  # type: ignore[call-arg]  # the first is numba's own
            f[ACTIVATION], y, at, y, at, rows, pitch, pitch, count, f[CONSTANTS]
        )


@jit
def floor_of(relu):  # type: ignore[no-untyped-def]
    """What values are no less than after this kind of relu."""
    return np.float32(-np.inf) if relu == NONE else np.float32(0)


@jit
def spoiled_by(relu):  # type: ignore[no-untyped-def]
    """The value of which this kind of relu makes a NaN; NaN, which equals nothing, for none."""
    return np.float32(-np.inf) if relu == THEANO else np.float32(np.nan)


@intrinsic
def floating(typing: Any, bits: Any) -> Any:
    """The float32 of these bits."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(builder.trunc(args[0], _INT), ir.FloatType())

    return types.float32(_long), emit


@intrinsic
def integers_at(typing: Any, pointer: Any, index: Any) -> Any:
    """A pointer to int64 values, where an element of float32 values lies."""
    integers = types.CPointer(types.int64)  # type: ignore[no-untyped-call]

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(builder.gep(args[0], [args[1]]), context.get_value_type(integers))

    return integers(pointer, _long), emit


@intrinsic
def address_of(typing: Any, pointer: Any, index: Any) -> Any:
    """Where an element lies."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ptrtoint(builder.gep(args[0], [args[1]]), _LONG)

    return _long(pointer, _long), emit
