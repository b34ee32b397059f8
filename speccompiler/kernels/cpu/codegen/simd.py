"""A vocabulary of vectors for numba: float32 vectors that live in registers.

LLVM's own vectoriser stops at 256 bits and does not keep a tile of sums in registers.
A kernel written in this vocabulary decides both by itself. ``vectors(lanes)`` gives it for
4 lanes (NEON, SSE), 8 (AVX2) or 16 (AVX-512). Each word is an intrinsic that becomes one
instruction or a few: loads and stores, arithmetic, comparisons and selections, the bits of a
float for the range reduction of exp and log, and shuffles for transposition.

A place in memory is given by a flat float32 array, or a pointer to one, and an element's index;
no bound is checked. ``values_at`` is for kernels that read several values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from speccompiler.kernels.cpu.codegen.emitter import turned, zipped
from speccompiler.system.processor import host_lanes

FLOAT = ir.FloatType()
INT = ir.IntType(32)
ALIGNMENT = ir.Constant(INT, 4)
ADDRESS = types.int64
AVX512 = 16
"""Lanes of the vectors that AVX-512 alone has."""


class Vector(types.Type):
    """The numba type of ``lanes`` values: float32, or the truth values of a comparison."""

    def __init__(self, lanes: int, name: str, element: ir.Type) -> None:
        super().__init__(name=f"{name}x{lanes}")
        self.lanes = lanes
        self.llvm = ir.VectorType(element, lanes)


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


def _scaled(builder: Any, x: Any, n: Any) -> Any:
    """``x * 2**n`` of AVX-512, for whole n, rounded once."""
    short = ir.IntType(16)
    kind = ir.FunctionType(x.type, [x.type, x.type, x.type, short, INT])
    name = "llvm.x86.avx512.mask.scalef.ps.512"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, [x, n, x, short(0xFFFF), INT(4)])


@intrinsic
def values_at(typing: Any, table: Any, index: Any) -> Any:
    """A pointer to the values whose address is number ``index`` of a table of addresses."""
    pointer = types.CPointer(types.float32)

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        long = ir.IntType(64)
        first = builder.bitcast(args[0], long.as_pointer())
        value = builder.load(builder.gep(first, [args[1]]))
        return builder.inttoptr(value, context.get_value_type(pointer))

    return pointer(table, ADDRESS), emit


@cache
def vectors(lanes: int) -> SimpleNamespace:
    """The vocabulary for one width."""
    vector, truths = Vector(lanes, "float32", FLOAT), Vector(lanes, "truth", ir.IntType(1))
    llvm, bits = vector.llvm, ir.VectorType(INT, lanes)

    @intrinsic
    def load(typing: Any, array: Any, index: Any) -> Any:
        """Vector at ``array[index:]``."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            value = builder.load(_pointer(context, builder, signature.args[0], args, llvm))
            value.align = 4
            return value

        return vector(array, ADDRESS), emit

    @intrinsic
    def load_every(typing: Any, array: Any, index: Any, step: Any) -> Any:
        """Values that are ``step`` apart, from ``array[index]`` on."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            at, value = args[1], ir.Constant(llvm, ir.Undefined)
            for i in range(lanes):
                here = [args[0], at]
                place = _pointer(context, builder, signature.args[0], here, FLOAT)
                value = builder.insert_element(value, builder.load(place), INT(i))
                at = builder.add(at, args[2])
            return value

        return vector(array, ADDRESS, ADDRESS), emit

    @intrinsic
    def store(typing: Any, array: Any, index: Any, value: Any) -> Any:
        """Write a vector to ``array[index:]``."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            place = _pointer(context, builder, signature.args[0], args, llvm)
            builder.store(args[2], place).align = 4
            return context.get_dummy_value()

        return types.void(array, ADDRESS, vector), emit

    @intrinsic
    def store_every(typing: Any, array: Any, index: Any, step: Any, value: Any) -> Any:
        """Write values ``step`` apart, from ``array[index]`` on."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            at = args[1]
            for i in range(lanes):
                here = [args[0], at]
                place = _pointer(context, builder, signature.args[0], here, FLOAT)
                builder.store(builder.extract_element(args[3], INT(i)), place)
                at = builder.add(at, args[2])
            return context.get_dummy_value()

        return types.void(array, ADDRESS, ADDRESS, vector), emit

    @intrinsic
    def broadcast(typing: Any, array: Any, index: Any) -> Any:
        """``array[index]`` in every lane."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            place = _pointer(context, builder, signature.args[0], args, FLOAT)
            return _repeat(builder, builder.load(place), llvm)

        return vector(array, ADDRESS), emit

    @intrinsic
    def transpose(typing: Any, x: Any, xo: Any, x_step: Any, y: Any, yo: Any, y_step: Any) -> Any:
        """Write a square of vectors that are ``x_step`` apart as its columns, ``y_step`` apart."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            x, xo, x_step, y, yo, y_step = args
            rows = []
            for _ in range(lanes):
                value = builder.load(_pointer(context, builder, signature.args[0], [x, xo], llvm))
                value.align = 4
                rows.append(value)
                xo = builder.add(xo, x_step)
            for value in turned(builder, rows):
                place = _pointer(context, builder, signature.args[3], [y, yo], llvm)
                builder.store(value, place).align = 4
                yo = builder.add(yo, y_step)
            return context.get_dummy_value()

        return types.void(x, ADDRESS, ADDRESS, y, ADDRESS, ADDRESS), emit

    def prefetching(levels: int) -> Any:
        """Prefetch the cache line of ``array[index]``, which need not be in the array."""

        @intrinsic
        def prefetch(typing: Any, array: Any, index: Any) -> Any:
            def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                place = _pointer(context, builder, signature.args[0], args, ir.IntType(8))
                kind = ir.FunctionType(ir.VoidType(), [place.type, INT, INT, INT])
                word = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
                # For reading; into so many levels of the cache; as data.
                builder.call(word, [place, INT(0), INT(levels), INT(1)])
                return context.get_dummy_value()

            return types.void(array, ADDRESS), emit

        return prefetch

    @intrinsic
    def splat(typing: Any, value: Any) -> Any:
        """A float32 in every lane."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return _repeat(builder, args[0], llvm)

        return vector(types.float32), emit

    @intrinsic
    def first_lanes(typing: Any, count: Any) -> Any:
        """True in the first ``count`` lanes."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            count = builder.trunc(args[0], INT)
            return builder.icmp_signed(
                "<", ir.Constant(bits, list(range(lanes))), _repeat(builder, count, bits)
            )

        return truths(ADDRESS), emit

    @intrinsic
    def load_where(typing: Any, array: Any, index: Any, chosen: Any) -> Any:
        """The chosen lanes of ``array[index:]``; 0 in the others, whose memory is not touched."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            place = _pointer(context, builder, signature.args[0], args, llvm)
            kind = ir.FunctionType(llvm, [place.type, INT, truths.llvm, llvm])
            name = f"llvm.masked.load.v{lanes}f32.p0"
            function = cgutils.get_or_insert_function(builder.module, kind, name)
            return builder.call(function, [place, ALIGNMENT, args[2], ir.Constant(llvm, None)])

        return vector(array, ADDRESS, truths), emit

    @intrinsic
    def store_where(typing: Any, array: Any, index: Any, chosen: Any, value: Any) -> Any:
        """Write the chosen lanes to ``array[index:]``."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            place = _pointer(context, builder, signature.args[0], args, llvm)
            kind = ir.FunctionType(ir.VoidType(), [llvm, place.type, INT, truths.llvm])
            name = f"llvm.masked.store.v{lanes}f32.p0"
            function = cgutils.get_or_insert_function(builder.module, kind, name)
            builder.call(function, [args[3], place, ALIGNMENT, args[2]])
            return context.get_dummy_value()

        return types.void(array, ADDRESS, truths, vector), emit

    @intrinsic
    def lane(typing: Any, value: Any, index: Any) -> Any:
        """One float32 of a vector."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.extract_element(*args)

        return types.float32(vector, ADDRESS), emit

    @intrinsic
    def with_lane(typing: Any, value: Any, index: Any, element: Any) -> Any:
        """The vector with one float32 replaced."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.insert_element(args[0], args[2], args[1])

        return vector(vector, ADDRESS, types.float32), emit

    def word(result: Any, parameters: Sequence[Any], operation: Callable[..., Any]) -> Any:
        """An intrinsic of vectors; ``operation`` gets the builder and their LLVM values."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return operation(builder, *args)

        @intrinsic
        def one(typing: Any, a: Any) -> Any:
            return result(*parameters), emit

        @intrinsic
        def two(typing: Any, a: Any, b: Any) -> Any:
            return result(*parameters), emit

        @intrinsic
        def three(typing: Any, a: Any, b: Any, c: Any) -> Any:
            return result(*parameters), emit

        return (one, two, three)[len(parameters) - 1]

    def llvm_call(builder: Any, name: str, *values: Any) -> Any:
        kind = ir.FunctionType(llvm, [llvm] * len(values))
        full = f"llvm.{name}.v{lanes}f32"
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, full), values)

    def llvm_word(name: str, count: int) -> Any:
        """LLVM's own function of ``count`` vectors."""

        def call(builder: Any, *values: Any) -> Any:
            return llvm_call(builder, name, *values)

        return word(vector, [vector] * count, call)

    def comparison(operator: str) -> Any:
        """As in IEEE 754, only != is true of a NaN."""
        ordered = operator != "!="
        return word(
            truths,
            [vector, vector],
            lambda builder, a, b: (builder.fcmp_ordered if ordered else builder.fcmp_unordered)(
                operator, a, b
            ),
        )

    def constant(value: int) -> Any:
        return ir.Constant(bits, [value] * lanes)

    def scales() -> bool:
        """Whether one instruction scales; where vectors are wider than the machine's, none does."""
        return lanes == AVX512 == host_lanes()

    def power_of_two(builder: Any, n: Any) -> Any:
        if scales():
            return _scaled(builder, ir.Constant(llvm, [1.0] * lanes), n)
        # 1.5 * 2**23 + n has n in its lowest bits. A NaN gives some number, nothing undefined.
        shifted = builder.fadd(n, ir.Constant(llvm, [12582912.0] * lanes))
        high = builder.shl(builder.bitcast(shifted, bits), constant(23))
        return builder.bitcast(builder.add(high, constant(127 << 23)), llvm)

    def scaled(builder: Any, x: Any, n: Any) -> Any:
        if scales():
            return _scaled(builder, x, n)
        # In two factors: either alone is a normal number, and only the last product rounds.
        half = builder.fmul(n, ir.Constant(llvm, [0.5] * lanes))
        half = llvm_call(builder, "floor", half)
        rest = builder.fsub(n, half)
        part = builder.fmul(x, power_of_two(builder, half))
        return builder.fmul(part, power_of_two(builder, rest))

    def exponent(builder: Any, x: Any) -> Any:
        biased = builder.lshr(builder.bitcast(x, bits), constant(23))
        return builder.sitofp(builder.sub(biased, constant(127)), llvm)

    def mantissa(builder: Any, x: Any) -> Any:
        digits = builder.and_(builder.bitcast(x, bits), constant(0x7FFFFF))
        return builder.bitcast(builder.or_(digits, constant(0x3F800000)), llvm)

    def shuffle(order: Sequence[int]) -> Any:
        """Lanes of two vectors that lie side by side."""
        return lambda builder, a, b: builder.shuffle_vector(a, b, ir.Constant(bits, order))

    # Two of one vector and two of the other in turns: one instruction on x86.
    evens = [i // 4 * 4 + i % 2 * 2 + i % 4 // 2 * lanes for i in range(lanes)]
    odds = [i + 1 for i in evens]
    straight = [i * 2 % lanes // 4 * 4 + i % 2 + i * 2 // lanes * 2 for i in range(lanes)]

    def largest(builder: Any, a: Any, b: Any) -> Any:
        greater = builder.select(builder.fcmp_ordered(">", a, b), a, b)
        return builder.select(builder.fcmp_unordered("uno", a, a), a, greater)

    def smallest(builder: Any, a: Any, b: Any) -> Any:
        less = builder.select(builder.fcmp_ordered("<", a, b), a, b)
        return builder.select(builder.fcmp_unordered("uno", a, a), a, less)

    def rectify(builder: Any, value: Any, floor: Any, spoiled: Any) -> Any:
        greater = builder.select(builder.fcmp_ordered(">", floor, value), floor, value)
        undefined = ir.Constant(llvm, [float("nan")] * lanes)
        return builder.select(builder.fcmp_ordered("==", value, spoiled), undefined, greater)

    def binary(operation: Callable[[Any, Any, Any], Any]) -> Any:
        return word(vector, [vector, vector], operation)

    return SimpleNamespace(
        load=load,
        load_every=load_every,
        store=store,
        store_every=store_every,
        broadcast=broadcast,
        prefetch=prefetching(3),
        # Into L2, but not into L1.
        prefetch_near=prefetching(2),
        transpose=transpose,
        splat=splat,
        first_lanes=first_lanes,
        load_where=load_where,
        store_where=store_where,
        lane=lane,
        with_lane=with_lane,
        # a * b + c, rounded once.
        fma=llvm_word("fma", 3),
        add=binary(lambda builder, a, b: builder.fadd(a, b)),
        sub=binary(lambda builder, a, b: builder.fsub(a, b)),
        mul=binary(lambda builder, a, b: builder.fmul(a, b)),
        div=binary(lambda builder, a, b: builder.fdiv(a, b)),
        neg=word(vector, [vector], lambda builder, a: builder.fneg(a)),
        # b where one of them is NaN. So maximum(zero, x) keeps a NaN; it is one instruction.
        maximum=binary(lambda builder, a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b)),
        # NaN where either of them is.
        largest=binary(largest),
        smallest=binary(smallest),
        # The larger of a value and ``floor``, a NaN as it is; NaN where it equals ``spoiled``.
        rectify=word(vector, [vector, vector, vector], rectify),
        minimum=binary(lambda builder, a, b: builder.select(builder.fcmp_ordered("<", a, b), a, b)),
        absolute=llvm_word("fabs", 1),
        # The size of a with the sign of b.
        copysign=llvm_word("copysign", 2),
        sqrt=llvm_word("sqrt", 1),
        floor=llvm_word("floor", 1),
        ceil=llvm_word("ceil", 1),
        # To the nearest whole number, halves to the even one.
        nearest=llvm_word("rint", 1),
        less=comparison("<"),
        less_equal=comparison("<="),
        equal=comparison("=="),
        not_equal=comparison("!="),
        # Where one of them is NaN.
        unordered=word(
            truths, [vector, vector], lambda builder, a, b: builder.fcmp_unordered("uno", a, b)
        ),
        both=word(truths, [truths, truths], lambda builder, a, b: builder.and_(a, b)),
        either=word(truths, [truths, truths], lambda builder, a, b: builder.or_(a, b)),
        opposite=word(truths, [truths], lambda builder, a: builder.not_(a)),
        select=word(
            vector, [truths, vector, vector], lambda builder, c, a, b: builder.select(c, a, b)
        ),
        # 2**n for whole n from -126 to 127.
        power_of_two=word(vector, [vector], power_of_two),
        # x * 2**n for whole n from -252 to 254, rounded once.
        scaled=word(vector, [vector, vector], scaled),
        # x == mantissa * 2**exponent for normal x > 0, the mantissa from 1 to below 2.
        exponent=word(vector, [vector], exponent),
        mantissa=word(vector, [vector], mantissa),
        zip_low=word(vector, [vector, vector], shuffle(zipped(lanes, 0))),
        zip_high=word(vector, [vector, vector], shuffle(zipped(lanes, lanes // 2))),
        # Every second of two vectors, in an order that ``in_order`` straightens.
        even=word(vector, [vector, vector], shuffle(evens)),
        odd=word(vector, [vector, vector], shuffle(odds)),
        in_order=word(vector, [vector], lambda builder, a: shuffle(straight)(builder, a, a)),
    )
