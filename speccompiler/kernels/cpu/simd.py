"""A vector vocabulary for numba: float32 vectors that live in registers.

LLVM's own vectoriser stops at 256 bits and does not keep a tile of sums in registers.
A kernel written in these words decides both by itself. ``vectors(lanes)`` gives load,
store, broadcast, splat, fma, add, sub, mul and maximum for 4 lanes (NEON, SSE), 8 (AVX2)
or 16 (AVX-512), as intrinsics that become single instructions.

An address is a flat float32 array, or a pointer to one, and an element's index; no bound
is checked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

FLOAT = ir.FloatType()
INT = ir.IntType(32)
ADDRESS = types.int64


class Vector(types.Type):
    """The numba type of ``lanes`` float32 values."""

    def __init__(self, lanes: int) -> None:
        super().__init__(name=f"float32x{lanes}")
        self.lanes = lanes
        self.llvm = ir.VectorType(FLOAT, lanes)


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    """A vector is its LLVM value."""

    def __init__(self, manager: Any, vector: Vector) -> None:
        super().__init__(manager, vector, vector.llvm)


def _pointer(context: Any, builder: Any, array_type: Any, args: Any, pointee: Any) -> Any:
    data = args[0]
    if not isinstance(array_type, types.CPointer):
        data = context.make_array(array_type)(context, builder, data).data
    return builder.bitcast(builder.gep(data, [args[1]]), pointee.as_pointer())


def _repeat(builder: Any, value: Any, llvm: Any) -> Any:
    undefined = ir.Constant(llvm, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(INT, 0))
    return builder.shuffle_vector(
        first, undefined, ir.Constant(ir.VectorType(INT, llvm.count), [0] * llvm.count)
    )


@cache
def vectors(lanes: int) -> SimpleNamespace:
    """The vocabulary for one width."""
    vector = Vector(lanes)
    llvm = vector.llvm

    @intrinsic
    def load(typing: Any, array: Any, index: Any) -> Any:
        """Vector at ``array[index:]``."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            value = builder.load(_pointer(context, builder, signature.args[0], args, llvm))
            value.align = 4
            return value

        return vector(array, ADDRESS), emit

    @intrinsic
    def store(typing: Any, array: Any, index: Any, value: Any) -> Any:
        """Write a vector to ``array[index:]``."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            place = _pointer(context, builder, signature.args[0], args, llvm)
            builder.store(args[2], place).align = 4
            return context.get_dummy_value()

        return types.void(array, ADDRESS, vector), emit

    @intrinsic
    def broadcast(typing: Any, array: Any, index: Any) -> Any:
        """``array[index]`` in every lane."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            place = _pointer(context, builder, signature.args[0], args, FLOAT)
            return _repeat(builder, builder.load(place), llvm)

        return vector(array, ADDRESS), emit

    @intrinsic
    def splat(typing: Any, value: Any) -> Any:
        """A float32 in every lane."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return _repeat(builder, args[0], llvm)

        return vector(types.float32), emit

    @intrinsic
    def fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
        """``a * b + c``, rounded once."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kind = ir.FunctionType(llvm, [llvm] * 3)
            name = f"llvm.fma.v{lanes}f32"
            return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)

        return vector(vector, vector, vector), emit

    def binary(operation: Callable[[Any, Any, Any], Any]) -> Any:
        @intrinsic
        def word(typing: Any, a: Any, b: Any) -> Any:
            return vector(vector, vector), lambda context, builder, signature, args: operation(
                builder, *args
            )

        return word

    return SimpleNamespace(
        load=load,
        store=store,
        broadcast=broadcast,
        splat=splat,
        fma=fma,
        add=binary(lambda builder, a, b: builder.fadd(a, b)),
        sub=binary(lambda builder, a, b: builder.fsub(a, b)),
        mul=binary(lambda builder, a, b: builder.fmul(a, b)),
        # b where it is NaN: maximum(zero, x) keeps a NaN, and is one instruction.
        maximum=binary(lambda builder, a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b)),
    )
