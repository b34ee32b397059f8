"""Square windows that slide down a strip of neighbouring columns, as LLVM's code.

A strip is some positions of a row, and all rows of a task. Each row of the input is loaded once:
its values are multiplied by the weights of every window that sees them, one row of windows for
each row of weights that fits. What a row of windows has so far stays in registers until its last
row of the input has come. So a value is loaded 9 / 7 times for windows of 3 at 7 positions, not
the 30 / 8 times that windows of one row take.

Each sum still begins with the bias and takes its taps in the order of memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from speccompiler.kernels.cpu.codegen.emitter import FLOAT, INT, LONG, Emitter
from speccompiler.kernels.cpu.depthwise_blocks import NARROW, SIZE, STRIDES, STRIP
from speccompiler.kernels.cpu.functions import NONE, PLAIN, THEANO

FLAG = ir.IntType(1)


class _Arguments(NamedTuple):
    """Places, distances in bytes, and counts."""

    x: Any
    w: Any
    b: Any
    y: Any
    """Where the first window, its weights and biases begin, and where its sums are written."""
    rows: Any
    """Rows of windows, whose last row of the input lies in the data."""
    top: Any
    """Whether the first row of the input lies in the data."""
    below: Any
    """Whether there is another row of windows, whose last row of the input does not."""
    left: Any
    right: Any
    """The first column that lies in the data, of those that the strip sees, and one past the
    last."""
    row: Any
    across: Any
    """From one row or column to the next, in the input."""
    value: Any
    """From a weight to the next."""
    first: Any
    end: Any
    """The first channel, and one past the last, in bytes."""
    y_row: Any
    pitch: Any
    """From one row or position to the next in the output."""
    relu: Any
    most: Any
    """The bits of a float32, the largest value after a relu."""


class _Strip(Emitter):
    """Writes the function for so many positions and a stride, and some channels of one kernel."""

    def __init__(self, module: Any, lanes: int, positions: int, stride: int) -> None:
        kinds = dict.fromkeys(_Arguments._fields, LONG) | {"top": FLAG, "below": FLAG}
        arguments = list(kinds.values())
        name = f"strip_{positions}_{stride}"
        super().__init__(module, name, ir.VoidType(), arguments, lanes)
        self.given = a = _Arguments(*self.function.args)
        self.positions, self.stride = positions, stride
        builder, vector = self.builder, 4 * lanes
        self.last = builder.sub(a.value, LONG(vector))
        length = builder.sub(a.end, a.first)
        count = builder.udiv(self.behind(length, vector - 4), LONG(vector))
        self.loop(count, [a.first], self._channels)
        builder.ret_void()

    def _channels(self, state: Sequence[Any]) -> list[Any]:
        """A vector of channels, the last of which may overlap the one before."""
        a, builder = self.given, self.builder
        (done,) = state
        here = builder.select(builder.icmp_signed("<", done, self.last), done, self.last)
        w, bias = builder.add(a.w, here), builder.add(a.b, here)
        self.weights = [self.load(self.steps(w, a.value, k)) for k in range(SIZE * SIZE)]
        self.bias = self.load(bias)
        x, y = builder.add(a.x, here), builder.add(a.y, here)
        before = SIZE - self.stride
        # The first row may lie above the data.
        sums = [self.bias] * self.positions
        sums = self.choice(a.top, sums, lambda: self._row(x, 0, sums))
        for row in range(1, before):
            sums = self._row(self.steps(x, a.row, row), row, sums)
        state = [self.steps(x, a.row, before), y, *sums]
        x, y, *sums = self.loop(a.rows, state, self._step)
        # The last row may lie below the data.
        with builder.if_then(a.below):
            for row in range(before, SIZE - 1):
                sums = self._row(x, row, sums)
            self._finish(sums[: self.positions], y)
        return [self.behind(done, 4 * self.lanes)]

    def _step(self, state: Sequence[Any]) -> list[Any]:
        """The last rows of the input for one row of windows, which is then written.

        The state is where the input and the output are, and the sums of windows that have begun.
        """
        a, builder = self.given, self.builder
        x, y, *sums = state
        for row in range(SIZE - self.stride, SIZE):
            sums = self._row(x, row, sums)
            x = builder.add(x, a.row)
        self._finish(sums[: self.positions], y)
        return [x, builder.add(y, a.y_row), *sums[self.positions :]]

    def _finish(self, sums: Sequence[Any], y: Any) -> None:
        """Write a row of windows; each kind of relu has code of its own, or values would move."""
        a, builder = self.given, self.builder
        end = builder.append_basic_block("written")
        kinds = builder.switch(a.relu, builder.append_basic_block("as_they_are"))
        blocks = {NONE: kinds.default}
        for kind in (PLAIN, THEANO):
            blocks[kind] = builder.append_basic_block(f"relu_{kind}")
            kinds.add_case(LONG(kind), blocks[kind])
        for kind, block in blocks.items():
            builder.position_at_end(block)
            for t, value in enumerate(sums):
                self.store(self._rectified(kind, value), self.steps(y, a.pitch, t))
            builder.branch(end)
        builder.position_at_end(end)

    def _rectified(self, kind: int, total: Any) -> Any:
        """A sum after a kind of relu. A NaN is neither below the one nor above the other."""
        if kind == NONE:
            return total
        builder, zero = self.builder, self.constant(0.0)
        most = self.repeat(builder.bitcast(builder.trunc(self.given.most, INT), FLOAT))
        value = builder.select(builder.fcmp_ordered(">", zero, total), zero, total)
        value = builder.select(builder.fcmp_ordered("<", most, value), most, value)
        if kind == THEANO:
            lowest, undefined = self.constant(float("-inf")), self.constant(float("nan"))
            value = builder.select(builder.fcmp_ordered("==", total, lowest), undefined, value)
        return value

    def _row(self, x: Any, row: int, sums: Sequence[Any]) -> list[Any]:
        """A row of the input, which is ``row`` of the first windows; those that it begins join.

        The outermost columns may lie beside the data.
        """
        a, builder, sums = self.given, self.builder, list(sums)
        sums += [self.bias] * ((row // self.stride + 1) * self.positions - len(sums))
        count, edge = (self.positions - 1) * self.stride + SIZE, SIZE // 2
        for column in range(count):
            inside = None
            if column < edge:
                inside = builder.icmp_signed("<=", a.left, LONG(column))
            elif column >= count - edge:
                inside = builder.icmp_signed("<", LONG(column), a.right)
            seen = {
                window * self.positions + t: (row - window * self.stride) * SIZE + k
                for window in range(len(sums) // self.positions)
                for t in range(self.positions)
                if 0 <= (k := column - t * self.stride) < SIZE
                if row - window * self.stride < SIZE
            }
            before = [sums[place] for place in seen]

            def see(column: int = column, seen: dict[int, int] = seen) -> list[Any]:
                value = self.load(self.steps(x, a.across, column))
                return [self.fma(value, self.weights[k], sums[place]) for place, k in seen.items()]

            after = see() if inside is None else self.choice(inside, before, see)
            for place, value in zip(seen, after, strict=True):
                sums[place] = value
        return sums


@cache
def strip_of(lanes: int) -> Any:
    """The word ``strip``, for one vector width.

    Places are a pointer and an index; distances count values. A text uses it in one place.
    """

    @intrinsic
    def strip(
        typing: Any, positions: Any, stride: Any, x: Any, at: Any, w: Any, wo: Any, b: Any, bo: Any,
        y: Any, to: Any, rows: Any, top: Any, bottom: Any, left: Any, right: Any, row: Any,
        across: Any, channels: Any, first: Any, end: Any, y_row: Any, pitch: Any, relu: Any,
        most: Any,
    ) -> Any:  # fmt: skip
        """Sums of windows of 3 x 3, ``stride`` apart: ``rows`` by ``positions``.

        ``top`` to ``right`` are what lies in the data of all rows and columns that these windows
        see: the first, and one past the last. At most the outermost do not. ``at`` is where the
        first row and column is.
        """

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            positions, stride, x, at, w, wo, b, bo, y, to, *rest = args
            rows, top, bottom, left, right, *far, relu, most = rest
            places = [
                builder.ptrtoint(builder.gep(data, [start]), LONG)
                for data, start in ((x, at), (w, wo), (b, bo), (y, to))
            ]
            far = [builder.mul(distance, LONG(4)) for distance in far]
            last = builder.add(builder.mul(builder.sub(rows, LONG(1)), stride), LONG(SIZE - 1))
            below = builder.icmp_signed("<=", bottom, last)
            whole = builder.sub(rows, builder.zext(below, LONG))
            top = builder.icmp_signed("<=", top, LONG(0))
            arguments = _Arguments._make(
                (*places, whole, top, below, left, right, *far, relu, most)
            )
            written = builder.append_basic_block("strip_end")
            number = builder.add(builder.mul(positions, LONG(4)), stride)
            choice = builder.switch(number, written)
            for count in (STRIP, NARROW):
                for step in STRIDES:
                    case = builder.append_basic_block(f"strip_{count}_{step}")
                    choice.add_case(LONG(count * 4 + step), case)
                    builder.position_at_end(case)
                    made = _Strip(builder.module, lanes, count, step)
                    builder.call(made.function, arguments)
                    builder.branch(written)
            builder.position_at_end(written)
            return context.get_dummy_value()

        number = types.int64
        kinds = (x, number, w, number, b, number, y, number)
        return types.void(number, number, *kinds, *[number] * 14), emit

    return strip
