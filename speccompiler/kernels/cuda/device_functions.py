"""The functions that kernel texts may call, as numba.cuda compiles them.

Wide loads and stores become one instruction each. Arrays are plain pointers to float32.
``simulator`` has the same functions in Python.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import cuda, types
from numba.cuda import libdevice
from numba.cuda.extending import intrinsic

POINTER = types.CPointer(types.float32)
FOUR = ir.VectorType(ir.FloatType(), 4)
SHARED = 3
"""LLVM's address space of shared memory on NVIDIA GPUs."""


def _four(context: Any, builder: Any, signature: Any, pointer: Any, index: Any) -> Any:
    """The address of four values, which is a multiple of 16 bytes."""
    index = context.cast(builder, index, signature.args[1], types.int64)
    place = builder.gep(pointer, [index])
    return builder.bitcast(place, FOUR.as_pointer(place.type.addrspace))


def _lane(number: int) -> Any:
    return ir.Constant(ir.IntType(32), number)


@intrinsic
def load4(typing, array, index):
    """Four values from ``array[index]``, which is a multiple of four."""

    def codegen(context, builder, signature, arguments):
        place = _four(context, builder, signature, *arguments)
        value = builder.load(place, align=16)
        lanes = [builder.extract_element(value, _lane(i)) for i in range(4)]
        return context.make_tuple(builder, signature.return_type, lanes)

    return types.UniTuple(types.float32, 4)(array, index), codegen


@intrinsic
def store4(typing, array, index, a, b, c, d):
    """Four values to ``array[index]``, which is a multiple of four."""

    def codegen(context, builder, signature, arguments):
        pointer, index, *values = arguments
        value = ir.Constant(FOUR, ir.Undefined)
        for i, (part, kind) in enumerate(zip(values, signature.args[2:], strict=True)):
            part = context.cast(builder, part, kind, types.float32)
            value = builder.insert_element(value, part, _lane(i))
        builder.store(value, _four(context, builder, signature, pointer, index), align=16)
        return context.get_dummy_value()

    return types.void(array, index, a, b, c, d), codegen


@intrinsic
def shared_floats(typing, count):
    """Shared memory of a block, of a constant number of values. A kernel may call it once."""
    if not isinstance(count, types.IntegerLiteral):
        return None
    kind = ir.ArrayType(ir.FloatType(), count.literal_value)

    def codegen(context, builder, signature, arguments):
        memory = ir.GlobalVariable(builder.module, kind, "shared_floats", SHARED)
        memory.linkage = "internal"
        memory.align = 16  # pyright: ignore
        memory.initializer = ir.Constant(kind, ir.Undefined)  # pyright: ignore
        zero = _lane(0)
        first = builder.gep(memory, [zero, zero])
        return builder.addrspacecast(first, ir.FloatType().as_pointer(), "generic")

    return POINTER(count), codegen


@intrinsic
def fma(typing, a, b, c):
    """a * b + c, rounded once. The compiler makes none of its own, so that all tiles agree."""

    def codegen(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return types.float32(types.float32, types.float32, types.float32), codegen


@intrinsic
def power(typing, a, b):
    """IEEE pow of float32."""

    def codegen(context, builder, signature, arguments):
        return context.compile_internal(builder, _pow, signature, arguments)

    return types.float32(types.float32, types.float32), codegen


def _pow(a, b):
    return math.pow(a, b)


def of_floats(function: Any) -> Any:
    """A function of float32 that is compiled into the kernel that calls it."""
    kinds = (types.float32,) * function.__code__.co_argcount

    def codegen(context, builder, signature, arguments):
        return context.compile_internal(builder, function, signature, arguments)

    def typed():
        return types.float32(*kinds), codegen

    # numba reads an intrinsic's parameters off its definition, and takes a starred one for a
    # tuple: so the definition is written for this number of them. numba's own device functions
    # would do, but ask the present GPU what to compile for.
    names = ", ".join(f"x{index}" for index in range(len(kinds)))
    scope = {"typed": typed}
    exec(f"def call(typing, {names}):\n    return typed()\n", scope)
    return intrinsic(scope["call"])


def _arithmetic(operation: str) -> Any:
    @intrinsic
    def function(typing, a, b):
        def codegen(context, builder, signature, arguments):
            return getattr(builder, operation)(*arguments)

        return types.float32(types.float32, types.float32), codegen

    return function


DEVICE_FUNCTIONS: dict[str, Any] = {
    "cuda": cuda,
    "np": np,
    "load4": load4,
    "store4": store4,
    "shared_floats": shared_floats,
    "fma": fma,
    "power": power,
    "absolute": libdevice.fabsf,
    "floor": libdevice.floorf,
    "ceil": libdevice.ceilf,
    **{name: getattr(math, name) for name in ("exp", "expm1", "log", "log1p", "sqrt")},
    **{name: getattr(math, name) for name in ("sin", "cos", "tan", "tanh", "sinh", "cosh")},
    **{name: getattr(math, name) for name in ("atan", "erf")},
    "add": _arithmetic("fadd"),
    "sub": _arithmetic("fsub"),
    "mul": _arithmetic("fmul"),
    # Rounded by itself: the compiler joins it with no addition.
    "product": libdevice.fmul_rn,
}
"""By the name that a text calls them by."""
