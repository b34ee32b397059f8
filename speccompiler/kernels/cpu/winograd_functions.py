"""The transforms of Winograd tiles as LLVM's code: inputs, weights, products.

Each is a short convolution (``toom_cook``) along the height nested with one along the width. The
statements of ``toom_cook.lines`` are run with LLVM's builder in the place of numbers, as
``transform_weights`` runs them on arrays: numba types one call instead of every statement. Nothing
is fused but what says ``fma``.

Tiles in a plane have six points along each axis, with kernels of 3 and 5 rows alike; those on a
line have eight, with kernels of 3, 5 and 7 places. So there are two transforms of inputs, and one
of weights and of products for each kernel. A call picks one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from speccompiler.kernels.cpu.codegen.emitter import FLOAT, LONG, Emitter
from speccompiler.kernels.toom_cook import Matrix, constants, lines, short_convolution
from speccompiler.kernels.winograd_tiles import LINE_OUTPUTS, PLANE_OUTPUTS

_TRUTH = ir.IntType(1)
_long = types.int64
_Values = list[list[Any]]
_Kernel = tuple[int, int]


def _kernels() -> dict[_Kernel, _Kernel]:
    """Height and width of every kernel, with those of its tile's outputs; a line is a row."""
    some = [(taps, outputs) for taps, outputs in PLANE_OUTPUTS.items() if taps > 1]
    planes = {(a, b): (m, n) for (a, m), (b, n) in product(some, some)}
    return planes | {(1, taps): (1, outputs) for taps, outputs in LINE_OUTPUTS.items()}


_PLANE, _LINE = (3, 3), (1, 3)


class _Function(Emitter):
    """Writes one function of addresses, distances in bytes and counts; it returns a truth."""

    def __init__(self, module: Any, name: str, arguments: Sequence[Any], lanes: int) -> None:
        super().__init__(module, name, _TRUTH, arguments, lanes)

    def nested(self, down: Matrix, across: Matrix, values: _Values, *, fused: bool) -> _Values:
        """``down @ values @ across.T``."""
        columns = [self._product(down, column, fused) for column in zip(*values, strict=True)]
        return [self._product(across, row, fused) for row in zip(*columns, strict=True)]

    def _product(self, matrix: Matrix, values: Sequence[Any], fused: bool) -> list[Any]:
        builder = self.builder
        names: dict[str, Any] = {"add": builder.fadd, "sub": builder.fsub, "mul": builder.fmul}
        names["fma"] = self.fma
        names |= {name: self.constant(value) for name, value in constants(matrix).items()}
        given = [f"x{i}" for i in range(len(matrix[0]))]
        made = [f"y{i}" for i in range(len(matrix))]
        names.update(zip(given, values, strict=True))
        # Our own statements, made from a table: nothing of a user's is in them.
        exec("\n".join(lines(matrix, given, made, fused=fused)), names)
        return [names[name] for name in made]


def _input(module: Any, lanes: int, kernel: _Kernel, outputs: _Kernel, *, gathered: bool) -> Any:
    """B^T d B of some vectors of a tile's channels."""
    down, across = (short_convolution(m, r).input for r, m in zip(kernel, outputs, strict=True))
    name = f"transform_input_{kernel[0]}_{gathered:d}"
    made = _Function(module, name, [LONG] * 7, lanes)
    x, rows, columns, vectors, u, us, next_u = made.function.args
    builder = made.builder

    def place(table: Any, index: int) -> Any:
        pointer = builder.inttoptr(table, LONG.as_pointer())
        return builder.load(builder.gep(pointer, [LONG(index)]))

    def read(start: Any, i: int, j: int) -> Any:
        if gathered:
            at = builder.add(place(rows, i), place(columns, j))
            return made.load(builder.add(start, at))
        return made.load(made.steps(made.steps(start, columns, j), rows, i))

    def vector(state: Sequence[Any]) -> list[Any]:
        x, u = state
        places = range(len(down)), range(len(across))
        seen = [[None] * len(across) for _ in down]
        for j, i in product(places[1], places[0]):
            seen[i][j] = read(x, i, j)
        points = made.nested(down, across, seen, fused=True)
        for k, value in enumerate(value for row in points for value in row):
            made.store(value, made.steps(u, us, k))
        return [builder.add(x, LONG(4 * lanes)), builder.add(u, next_u)]

    made.loop(vectors, [x, u], vector)
    builder.ret(_TRUTH(1))
    return made.function


def _filter(module: Any, lanes: int, kernel: _Kernel, outputs: _Kernel) -> Any:
    """G w G^T of some channels by one group of filters, which is so many vectors."""
    down, across = (short_convolution(m, r).filter for r, m in zip(kernel, outputs, strict=True))
    name = f"transform_filter_{kernel[0]}_{kernel[1]}"
    made = _Function(module, name, [LONG] * 5, lanes)
    w, channels, vectors, u, us = made.function.args
    builder = made.builder
    group = builder.mul(vectors, LONG(4 * lanes))

    def vector(state: Sequence[Any]) -> list[Any]:
        w, u = state
        high, broad = kernel
        taps = [
            [made.load(made.steps(w, group, i * broad + j)) for j in range(broad)]
            for i in range(high)
        ]
        points = made.nested(down, across, taps, fused=False)
        for k, value in enumerate(value for row in points for value in row):
            made.store(value, made.steps(u, us, k))
        return [builder.add(place, LONG(4 * lanes)) for place in (w, u)]

    def channel(state: Sequence[Any]) -> list[Any]:
        w, u = state
        made.loop(vectors, [w, u], vector)
        return [made.steps(w, group, kernel[0] * kernel[1]), builder.add(u, group)]

    made.loop(channels, [w, u], channel)
    builder.ret(_TRUTH(1))
    return made.function


def _output(module: Any, lanes: int, kernel: _Kernel, outputs: _Kernel, *, pooled: bool) -> Any:
    """A^T m A of some vectors of filters, bias and relu; whether all of it was finite.

    ``pooled`` leaves the largest of two by two, or of two on a line.
    """
    down, across = (short_convolution(m, r).output for r, m in zip(kernel, outputs, strict=True))
    name = f"transform_output_{kernel[0]}_{kernel[1]}_{pooled:d}"
    made = _Function(module, name, [LONG] * 4 + [FLOAT] + [LONG] * 3, lanes)
    m, ms, vectors, bias, floor, y, row, next_to = made.function.args
    builder = made.builder
    low = made.repeat(floor)

    def finished(value: Any, added: Any) -> Any:
        value = builder.fadd(value, added)
        return builder.select(builder.fcmp_ordered(">", low, value), low, value)

    def largest(a: Any, b: Any) -> Any:
        greater = builder.select(builder.fcmp_ordered(">", a, b), a, b)
        return builder.select(builder.fcmp_unordered("uno", a, a), a, greater)

    def vector(state: Sequence[Any]) -> list[Any]:
        m, bias, y, seen = state
        tall, wide = len(down[0]), len(across[0])
        points = [[None] * wide for _ in range(tall)]
        for j, i in product(range(wide), range(tall)):
            points[i][j] = made.load(made.steps(m, ms, i * wide + j))
        sums = made.nested(down, across, points, fused=True)
        together = [value for line in sums for value in line]
        added = made.load(bias)
        values = [[finished(value, added) for value in line] for line in sums]
        if pooled:
            values = [list(map(largest, line[::2], line[1::2])) for line in values]
            if len(values) > 1:
                rows = zip(values[::2], values[1::2], strict=True)
                values = [list(map(largest, upper, lower)) for upper, lower in rows]
        for i, line in enumerate(values):
            for j, value in enumerate(line):
                made.store(value, made.steps(made.steps(y, row, i), next_to, j))
        # By pairs, which wait less for one another.
        while len(together) > 1:
            pairs = list(map(builder.fadd, together[::2], together[1::2]))
            together = pairs + together[2 * len(pairs) :]
        # Of finite values whose sum overflows, the definition is right as well.
        seen = builder.fadd(seen, builder.fsub(together[0], together[0]))
        return [*(builder.add(place, LONG(4 * lanes)) for place in (m, bias, y)), seen]

    *_, seen = made.loop(vectors, [m, bias, y, made.constant(0.0)], vector)
    infinite = builder.fcmp_unordered("uno", seen, seen)
    together = ir.IntType(lanes)
    builder.ret(builder.icmp_unsigned("==", builder.bitcast(infinite, together), together(0)))
    return made.function


def _addresses(builder: Any, args: Sequence[Any]) -> list[Any]:
    """Places of values, given as a pointer and an index after another."""
    pairs = zip(args[::2], args[1::2], strict=True)
    return [builder.ptrtoint(builder.gep(data, [at]), LONG) for data, at in pairs]


def _bytes(builder: Any, *distances: Any) -> list[Any]:
    return [builder.mul(distance, LONG(4)) for distance in distances]


def _choose(builder: Any, number: Any, functions: dict[int, Any], arguments: Sequence[Any]) -> Any:
    """What the function of that number returns; a number without one does not occur."""
    cases = {at: builder.append_basic_block(f"case_{at}") for at in functions}
    end = builder.append_basic_block("chosen")
    choice = builder.switch(number, next(iter(cases.values())))
    results = []
    for at, case in cases.items():
        choice.add_case(LONG(at), case)
        builder.position_at_end(case)
        results.append(builder.call(functions[at], arguments))
        builder.branch(end)
    builder.position_at_end(end)
    chosen = builder.phi(_TRUTH)
    for result, case in zip(results, cases.values(), strict=True):
        chosen.add_incoming(result, case)
    return chosen


@cache
def transforms(lanes: int) -> tuple[Any, Any, Any, Any]:
    """The words ``transform_input``, ``gather_input``, ``transform_filter``, ``transform_output``.

    Each is told the kernel's height and width. Places are a pointer and an index; distances count
    values. A function is made for each use, so a text uses each word in one place.
    """
    kernels = _kernels()

    def number(builder: Any, high: Any, broad: Any) -> Any:
        return builder.add(builder.mul(high, LONG(8)), broad)

    def input_word(gathered: bool) -> Any:
        @intrinsic
        def word(
            typing: Any, high: Any, x: Any, at: Any, rows: Any, columns: Any, vectors: Any, u: Any,
            uo: Any, us: Any, next_u: Any,
        ) -> Any:  # fmt: skip
            """``vectors`` of channels of a tile whose rows and columns are so far apart.

            Gathered, they are at the distances, in bytes, of two tables.
            """

            def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                high, x, at, rows, columns, vectors, u, uo, us, next_u = args
                made = {
                    int(kernel[0] == 1): _input(
                        builder.module, lanes, kernel, kernels[kernel], gathered=gathered
                    )
                    for kernel in (_PLANE, _LINE)
                }
                x, u = _addresses(builder, (x, at, u, uo))
                if gathered:
                    steps = [builder.ptrtoint(table, LONG) for table in (rows, columns)]
                else:
                    steps = _bytes(builder, rows, columns)
                line = builder.zext(builder.icmp_signed("==", high, LONG(1)), LONG)
                arguments = [x, *steps, vectors, u, *_bytes(builder, us, next_u)]
                _choose(builder, line, made, arguments)
                return context.get_dummy_value()

            return types.void(_long, x, _long, rows, columns, _long, u, *[_long] * 3), emit

        return word

    @intrinsic
    def transform_filter(
        typing: Any, high: Any, broad: Any, w: Any, wo: Any, channels: Any, vectors: Any, u: Any,
        uo: Any, us: Any,
    ) -> Any:  # fmt: skip
        """``channels`` of a kernel by a group of ``vectors`` of filters."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            high, broad, w, wo, channels, vectors, u, uo, us = args
            made = {
                8 * kernel[0] + kernel[1]: _filter(builder.module, lanes, kernel, outputs)
                for kernel, outputs in kernels.items()
            }
            w, u = _addresses(builder, (w, wo, u, uo))
            arguments = [w, channels, vectors, u, *_bytes(builder, us)]
            _choose(builder, number(builder, high, broad), made, arguments)
            return context.get_dummy_value()

        return types.void(_long, _long, w, *[_long] * 3, u, _long, _long), emit

    @intrinsic
    def transform_output(
        typing: Any, high: Any, broad: Any, pooled: Any, m: Any, mo: Any, ms: Any, vectors: Any,
        b: Any, bo: Any, floor: Any, y: Any, to: Any, row: Any, next_to: Any,
    ) -> Any:  # fmt: skip
        """``vectors`` of filters of a tile, perhaps pooled; whether all of it was finite."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            high, broad, pooled, m, mo, ms, vectors, b, bo, floor, y, to, row, next_to = args
            made = {
                64 * pool + 8 * kernel[0] + kernel[1]: _output(
                    builder.module, lanes, kernel, outputs, pooled=pool
                )
                for kernel, outputs in kernels.items()
                for pool in ([False, True] if kernel == _PLANE or kernel[0] == 1 else [False])
            }
            m, b, y = _addresses(builder, (m, mo, b, bo, y, to))
            which = builder.mul(builder.zext(pooled, LONG), LONG(64))
            which = builder.add(which, number(builder, high, broad))
            ms, row, next_to = _bytes(builder, ms, row, next_to)
            arguments = [m, ms, vectors, b, floor, y, row, next_to]
            return _choose(builder, which, made, arguments)

        kinds = (_long, _long, types.boolean, m, _long, _long, _long, b, _long, types.float32, y)
        return types.boolean(*kinds, *[_long] * 3), emit

    return input_word(False), input_word(True), transform_filter, transform_output


@intrinsic(prefer_literal=True)
def integers(typing: Any, count: Any) -> Any:
    """Room for ``count`` integers, as long as a call of the kernel."""
    pointer = types.CPointer(types.int64)  # type: ignore[no-untyped-call]

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return cgutils.alloca_once(builder, LONG, size=signature.args[0].literal_value)  # type: ignore[no-untyped-call]

    return pointer(count), emit
