"""A short convolution's linear maps over vectors, each as one word of a kernel's text.

The statements of ``toom_cook.lines`` are run with LLVM's builder in the place of numbers, as
``transform_weights`` runs them on arrays: numba types one call instead of every statement. Nothing
is fused but what says ``fma``. A text calls them from functions that are ``@as_written``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from speccompiler.kernels.cpu.codegen.simd import ADDRESS, FLOAT, Vector
from speccompiler.kernels.toom_cook import Matrix, constants, lines, short_convolution

Side = Literal["input", "filter", "output"]
_LONG = ir.IntType(64)


class _Map:
    """Emits ``matrix @ values`` for vectors that lie in memory."""

    def __init__(self, builder: Any, lanes: int, matrix: Matrix, *, fused: bool) -> None:
        self.builder, self.lanes, self.matrix, self.fused = builder, lanes, matrix, fused
        self.vector = ir.VectorType(FLOAT, lanes)

    def product(self, values: Sequence[Any]) -> list[Any]:
        """The LLVM values of the results."""
        builder = self.builder
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        name = f"llvm.fma.v{self.lanes}f32"
        fma = cgutils.get_or_insert_function(builder.module, kind, name)  # type: ignore[no-untyped-call]
        names: dict[str, Any] = {"add": builder.fadd, "sub": builder.fsub, "mul": builder.fmul}
        names["fma"] = lambda *terms: builder.call(fma, terms)
        for constant, value in constants(self.matrix).items():
            names[constant] = ir.Constant(self.vector, [value] * self.lanes)
        given = [f"x{i}" for i in range(len(self.matrix[0]))]
        made = [f"y{i}" for i in range(len(self.matrix))]
        names.update(zip(given, values, strict=True))
        # Our own statements, made from a table: nothing of a user's is in them.
        exec("\n".join(lines(self.matrix, given, made, fused=self.fused)), names)
        return [names[name] for name in made]

    def of_steps(self, data: Any, at: Any, step: Any) -> list[Any]:
        """The results for values that are ``step`` apart in memory."""
        return self.product([self.load(data, p) for p in self._places(at, step, self.matrix[0])])

    def of_table(self, data: Any, at: Any, table: Any, first: int) -> list[Any]:
        """The results for values at ``at + table[first + i]``."""
        offsets = [
            self.builder.load(self.builder.gep(table, [_LONG(first + i)]))
            for i in range(len(self.matrix[0]))
        ]
        return self.product([self.load(data, self.builder.add(at, offset)) for offset in offsets])

    def load(self, data: Any, at: Any) -> Any:
        value = self.builder.load(self._pointer(data, at))
        value.align = 4
        return value

    def store(self, values: Sequence[Any], data: Any, at: Any, step: Any) -> None:
        for value, place in zip(values, self._places(at, step, values), strict=True):
            self.builder.store(value, self._pointer(data, place)).align = 4

    def _places(self, at: Any, step: Any, values: Sequence[Any]) -> list[Any]:
        builder = self.builder
        return [builder.add(at, builder.mul(step, _LONG(i))) for i in range(len(values))]

    def _pointer(self, data: Any, at: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(data, [at]), self.vector.as_pointer())


@cache
def line_map(outputs: int, taps: int, side: Side, lanes: int) -> Any:
    """The word ``map(x, at, step, y, to, pitch)``: vectors ``step`` apart to those ``pitch`` apart.

    A filter's is not fused: it has the bits that NumPy makes.
    """
    matrix: Matrix = getattr(short_convolution(outputs, taps), side)

    @intrinsic
    def line(typing: Any, x: Any, at: Any, step: Any, y: Any, to: Any, pitch: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            emitter = _Map(builder, lanes, matrix, fused=side != "filter")
            emitter.store(emitter.of_steps(*args[:3]), *args[3:])
            return context.get_dummy_value()

        return types.void(x, ADDRESS, ADDRESS, y, ADDRESS, ADDRESS), emit

    return line


@cache
def gathered_map(outputs: int, taps: int, lanes: int, first: int) -> Any:
    """The word ``map(x, at, table, y, to, pitch)``: inputs of a tile, at ``at + table[first + i]``.
    """
    matrix = short_convolution(outputs, taps).input

    @intrinsic
    def line(typing: Any, x: Any, at: Any, table: Any, y: Any, to: Any, pitch: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            emitter = _Map(builder, lanes, matrix, fused=True)
            emitter.store(emitter.of_table(*args[:3], first), *args[3:])
            return context.get_dummy_value()

        return types.void(x, ADDRESS, table, y, ADDRESS, ADDRESS), emit

    return line


@cache
def last_map(outputs: int, taps: int, lanes: int) -> Any:
    """The word ``map(x, at, step, bias, floor, y, to, pitch)``: from products to outputs.

    A bias is added, and what is less than the floor becomes the floor. It returns the sum of what
    was there before that: unless it overflows, it is finite where all of it is.
    """
    matrix = short_convolution(outputs, taps).output
    vector = Vector(lanes, "float32", FLOAT)

    @intrinsic
    def line(
        typing: Any, x: Any, at: Any, step: Any, bias: Any, floor: Any, y: Any, to: Any, pitch: Any
    ) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            x, at, step, bias, floor, *target = args
            emitter = _Map(builder, lanes, matrix, fused=True)
            made = emitter.of_steps(x, at, step)
            sums = [builder.fadd(value, bias) for value in made]
            low = [builder.fcmp_ordered(">", floor, value) for value in sums]
            emitter.store(list(map(builder.select, low, [floor] * len(sums), sums)), *target)
            # By pairs, which wait less for one another.
            while len(made) > 1:
                pairs = list(map(builder.fadd, made[::2], made[1::2]))
                made = pairs + made[2 * len(pairs) :]
            return made[0]

        return vector(x, ADDRESS, ADDRESS, vector, vector, y, ADDRESS, ADDRESS), emit

    return line


@intrinsic(prefer_literal=True)
def integers(typing: Any, count: Any) -> Any:
    """Room for ``count`` integers, as long as a call of the kernel."""
    pointer = types.CPointer(types.int64)  # type: ignore[no-untyped-call]

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return cgutils.alloca_once(builder, _LONG, size=signature.args[0].literal_value)  # type: ignore[no-untyped-call]

    return pointer(count), emit


@intrinsic
def address_of(typing: Any, values: Any, index: Any) -> Any:
    """The address of a value or an integer."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ptrtoint(builder.gep(args[0], [args[1]]), _LONG)

    return types.int64(values, ADDRESS), emit
