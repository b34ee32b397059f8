"""Windows of depthwise convolutions as LLVM's code: some neighbouring positions, done together.

The windows of 3, 5 and 7 columns at stride 1 or 2 have their columns written out. A value is loaded
once for all windows that see it, from the left to the right, and the weights of a row are in
registers. Some of the first and the last columns may lie beside the data: these are left out, so
that a whole row is done together, edges and all. Any other window is done by blocks of columns at
these strides, and else tap by tap, which takes a load for each multiply-add. Each sum begins with
the bias and takes its taps in the order of memory, always.

A stride here is that of positions in columns of the window: under a dilation, positions are done
together whose windows meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from speccompiler.kernels.cpu.codegen.emitter import FLOAT, INT, LONG, Emitter
from speccompiler.kernels.cpu.functions import NONE, THEANO
from speccompiler.kernels.long_sums import SHORT

TOGETHER = (8, 4, 1)
"""Positions done at once: as many chains hide a sum's latency. One is done at the edges."""
COLUMNS, STRIDES = (3, 5, 7), (1, 2)
"""Of the windows that are written out: those that networks have."""

CHAINS = 4
"""Vectors of channels that are done together for one position: a chain alone would wait."""
BLOCK = 4
"""Columns of any other window at these strides that are done together."""


class _Arguments(NamedTuple):
    """Places, distances in bytes, and counts."""

    x: Any
    w: Any
    b: Any
    y: Any
    """Where the first window, its weights and biases begin, and where its sums are written."""
    planes: Any
    rows: Any
    """Of the window, as far as they lie in the data."""
    columns: Any
    """Of one window, from the first that lies in the data to the last."""
    width: Any
    """All columns of the window."""
    skipped: Any
    """Columns before the first that lies in the data."""
    end: Any
    """One past the last that lies in the data, of all windows together."""
    plane: Any
    row: Any
    across: Any
    """From one plane, row or column of the window to the next, in the input."""
    value: Any
    """All channels: from a weight to the next."""
    plane_weights: Any
    ahead: Any
    """From one position to the next in the input."""
    pitch: Any
    """From one position to the next in the output."""
    relu: Any
    """A kind of relu, as ``functions`` numbers them."""
    top: Any
    """The bits of a float32, the largest value after it."""


class _Windows(Emitter):
    """Writes the function for so many positions, and all channels of one kernel.

    The last vector of channels overlaps the one before. ``columns`` is 0 where it is not known.
    """

    def __init__(
        self,
        module: Any,
        lanes: int,
        positions: int,
        *,
        long: bool,
        columns: int = 0,
        stride: int = 0,
    ) -> None:
        name = f"windows_{positions}_{columns}_{stride}"
        arguments = [LONG] * len(_Arguments._fields)
        super().__init__(module, name, ir.VoidType(), arguments, lanes)
        self.given = a = _Arguments(*self.function.args)
        self.positions, self.columns, self.stride, self.long = positions, columns, stride, long
        builder, vector = self.builder, 4 * lanes
        self.row_weights = builder.mul(a.value, a.width)
        before = builder.sub(a.rows, LONG(1))
        self.plane_end = builder.sub(a.plane, builder.mul(before, a.row))
        self.plane_weights_end = builder.sub(a.plane_weights, builder.mul(before, self.row_weights))
        self.rows = builder.mul(a.planes, a.rows)
        self.last = builder.sub(a.value, LONG(vector))
        self.vectors = 1 if positions > 1 else CHAINS
        self.chains = max(positions, self.vectors)
        self.ahead: list[Any]
        """From the first sum to each in the input."""
        self.apart: list[Any]
        """The same for the vectors of weights."""
        far = self.vectors * vector
        count = builder.udiv(self.behind(a.value, far - 4), LONG(far))
        self.loop(count, [LONG(0)], self._some_channels)
        builder.ret_void()

    def _some_channels(self, state: Sequence[Any]) -> list[Any]:
        """One or some vectors of channels; the state is how many bytes of them are done."""
        a, builder = self.given, self.builder
        (done,) = state
        each = range(self.vectors)
        places = [self._at_most_last(self.behind(done, 4 * self.lanes * n)) for n in each]
        here = places[0]
        if self.vectors > 1:
            self.ahead = self.apart = [builder.sub(place, here) for place in places]
            starts = [self.load(builder.add(a.b, place)) for place in places]
        else:
            self.ahead = [self.steps(LONG(0), a.ahead, t) for t in range(self.positions)]
            self.apart = [LONG(0)]
            starts = [self.load(builder.add(a.b, here))] * self.chains
        x, w, y = (builder.add(place, here) for place in (a.x, a.w, a.y))
        if self.long:
            starts += [self.constant(0.0)] * self.chains
        _, _, _, *sums = self.loop(self.rows, [a.rows, x, w, *starts], self._row)
        if self.long:
            sums = list(map(self._rounded, sums[: self.chains], sums[self.chains :]))
        for t, value in enumerate(self._rectified(sums)):
            place = self.steps(y, a.pitch, t)
            self.store(value, place if self.vectors == 1 else builder.add(y, self.apart[t]))
        return [self.behind(done, 4 * self.lanes * self.vectors)]

    def _rectified(self, sums: Sequence[Any]) -> list[Any]:
        """The sums after the relu that is asked for, which knows a largest value."""
        a, builder = self.given, self.builder
        zero, lowest = self.constant(0.0), self.constant(float("-inf"))

        def larger() -> list[Any]:
            # A NaN is neither below the one nor above the other.
            top = self.repeat(builder.bitcast(builder.trunc(a.top, INT), FLOAT))
            made = [builder.select(builder.fcmp_ordered(">", zero, s), zero, s) for s in sums]
            return [builder.select(builder.fcmp_ordered("<", top, s), top, s) for s in made]

        def spoiled() -> list[Any]:
            undefined = self.constant(float("nan"))
            return [
                builder.select(builder.fcmp_ordered("==", before, lowest), undefined, after)
                for before, after in zip(sums, made, strict=True)
            ]

        made = self.choice(builder.icmp_signed("!=", a.relu, LONG(NONE)), sums, larger)
        return self.choice(builder.icmp_signed("==", a.relu, LONG(THEANO)), made, spoiled)

    def _at_most_last(self, channel: Any) -> Any:
        """Where a vector of channels begins that may overlap the one before."""
        before = self.builder.icmp_signed("<", channel, self.last)
        return self.builder.select(before, channel, self.last)

    def _row(self, state: Sequence[Any]) -> list[Any]:
        """A row of the windows, after which the next plane may come.

        The state is how many rows of this plane are left, where inputs and weights begin, and the
        sums; with long sums it is totals and rests.
        """
        a, builder = self.given, self.builder
        left, x, w, *kept = state
        if self.long:
            # Chains end where those of a whole window do.
            over = builder.urem(a.skipped, LONG(SHORT))
            chains = self._chains(builder.add(over, a.columns))
            first = builder.sub(LONG(SHORT), over)
            _, _, _, _, *kept = self.loop(chains, [a.columns, first, x, w, *kept], self._chain)
        elif self.columns:
            kept = self._written_out(x, w, kept, self.columns, self.stride, edges=True)
        else:
            _, _, *kept = self._any_columns(a.columns, [x, w, *kept])
        left = builder.sub(left, LONG(1))
        ends = builder.icmp_signed("==", left, LONG(0))
        x = builder.add(x, builder.select(ends, self.plane_end, a.row))
        w = builder.add(w, builder.select(ends, self.plane_weights_end, self.row_weights))
        return [builder.select(ends, a.rows, left), x, w, *kept]

    def _written_out(
        self,
        x: Any,
        w: Any,
        sums: Sequence[Any],
        columns: int,
        stride: int,
        *,
        edges: bool = False,
    ) -> list[Any]:
        """So many columns of a row; with ``edges`` the outermost may lie beside the data."""
        a, builder, sums = self.given, self.builder, list(sums)
        weights = [self.load(self.steps(w, a.value, k)) for k in range(columns)]
        count = (self.positions - 1) * stride + columns
        for column in range(count):
            inside = None
            if edges and column < columns // 2:
                inside = builder.icmp_signed("<=", a.skipped, LONG(column))
            elif edges and column >= count - columns // 2:
                inside = builder.icmp_signed("<", LONG(column), a.end)
            seers = [t for t in range(self.positions) if 0 <= column - t * stride < columns]
            before = [sums[t] for t in seers]
            see = partial(self._seen, x, column, stride, weights, before, seers)
            after = see() if inside is None else self.choice(inside, before, see)
            for t, value in zip(seers, after, strict=True):
                sums[t] = value
        return sums

    def _seen(
        self,
        x: Any,
        column: int,
        stride: int,
        weights: Sequence[Any],
        sums: Sequence[Any],
        seers: Sequence[int],
    ) -> list[Any]:
        """The sums of the windows that see a column, with it."""
        seen = self.load(self.steps(x, self.given.across, column))
        return [
            self.fma(seen, weights[column - t * stride], value)
            for t, value in zip(seers, sums, strict=True)
        ]

    def _block(self, stride: int, state: Sequence[Any]) -> list[Any]:
        """Some columns."""
        x, w, *sums = state
        sums = self._written_out(x, w, sums, BLOCK, stride)
        a = self.given
        return [self.steps(x, a.across, BLOCK), self.steps(w, a.value, BLOCK), *sums]

    def _any_columns(self, count: Any, state: Sequence[Any]) -> list[Any]:
        """So many columns of a row."""
        a, builder = self.given, self.builder
        for stride in STRIDES if self.positions > 1 else ():
            fits = builder.icmp_signed("==", a.ahead, builder.mul(a.across, LONG(stride)))
            blocks = builder.select(fits, builder.udiv(count, LONG(BLOCK)), LONG(0))
            count = builder.sub(count, builder.mul(blocks, LONG(BLOCK)))
            state = self.loop(blocks, state, partial(self._block, stride))
        return self.loop(count, state, self._tap)

    def _chains(self, columns: Any) -> Any:
        """How many chains so many columns have, from the beginning of one."""
        return self.builder.udiv(self.behind(columns, SHORT - 1), LONG(SHORT))

    def _chain(self, state: Sequence[Any]) -> list[Any]:
        """One chain of each sum, carried on to totals and rests.

        The state is how many columns are left, the most of them for this chain, where inputs and
        weights begin, and what is kept.
        """
        builder, chains = self.builder, self.chains
        left, most, x, w, *kept = state
        few = builder.icmp_signed("<", left, most)
        count = builder.select(few, left, most)
        zeros = [self.constant(0.0)] * chains
        x, w, *sums = self._any_columns(count, [x, w, *zeros])
        pairs = map(self._carried, kept[:chains], kept[chains:], sums)
        totals, rests = zip(*pairs, strict=True)
        return [builder.sub(left, count), LONG(SHORT), x, w, *totals, *rests]

    def _tap(self, state: Sequence[Any]) -> list[Any]:
        """One weight of every window."""
        a, builder = self.given, self.builder
        x, w, *sums = state
        weights = [self.load(builder.add(w, apart)) for apart in self.apart]
        for t in range(self.chains):
            value = self.load(builder.add(x, self.ahead[t]))
            sums[t] = self.fma(value, weights[t % self.vectors], sums[t])
        return [builder.add(x, a.across), builder.add(w, a.value), *sums]

    def _carried(self, total: Any, rest: Any, more: Any) -> tuple[Any, Any]:
        """``long_sums``: the rounded sum of two, and the rest with the error of that rounding."""
        add, sub = self.builder.fadd, self.builder.fsub
        both = add(total, more)
        part = sub(both, total)
        return both, add(rest, add(sub(total, sub(both, part)), sub(more, part)))

    def _rounded(self, total: Any, rest: Any) -> Any:
        """``long_sums``: the sum of both. Beside an infinity the rest is NaN: it does not count."""
        builder = self.builder
        same = builder.fcmp_ordered("==", rest, rest)
        return builder.fadd(total, builder.select(same, rest, self.constant(0.0)))


@cache
def windows_of(lanes: int, long: bool) -> Any:
    """The word ``windows``, for one vector width, and for sums that are ``long`` or not.

    Places are a pointer and an index; distances count values. A text uses it in one place.
    """

    @intrinsic
    def windows(
        typing: Any, positions: Any, stride: Any, x: Any, at: Any, w: Any, wo: Any, b: Any, bo: Any,
        y: Any, to: Any, planes: Any, rows: Any, first: Any, end: Any, width: Any, plane: Any,
        row: Any, across: Any, channels: Any, plane_weights: Any, pitch: Any, relu: Any, top: Any,
    ) -> Any:  # fmt: skip
        """Sums of windows ``stride`` columns apart, of all channels, which fill a vector.

        ``first`` and ``end`` are what lies in the data of all columns that these windows see. More
        than one are whole, but for half a window of those that are written out. ``at`` and ``wo``
        are where column 0 of the first row is.
        """

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            positions, stride, x, at, w, wo, b, bo, y, to, planes, rows, first, end, *rest = args
            width, *far, relu, top = rest
            planes, rows, columns = (
                builder.select(builder.icmp_signed(">", count, LONG(0)), count, LONG(0))
                for count in (planes, rows, builder.sub(end, first))
            )
            x, w, b, y = (
                builder.ptrtoint(builder.gep(data, [start]), LONG)
                for data, start in ((x, at), (w, wo), (b, bo), (y, to))
            )
            plane, row, across, value, plane_weights, pitch = (
                builder.mul(distance, LONG(4)) for distance in far
            )
            ahead = builder.mul(stride, across)
            arguments = _Arguments(
                x, w, b, y, planes, rows, columns, width, first, end, plane, row, across, value,
                plane_weights, ahead, pitch, relu, top,
            )  # fmt: skip
            for count in TOGETHER:
                with builder.if_then(builder.icmp_signed("==", positions, LONG(count))):
                    _call(builder, lanes, count, stride, arguments, long)
            return context.get_dummy_value()

        number = types.int64
        kinds = (x, number, w, number, b, number, y, number)
        return types.void(number, number, *kinds, *[number] * 13), emit

    return windows


def _call(
    builder: Any, lanes: int, positions: int, stride: Any, arguments: _Arguments, long: bool
) -> None:
    """Call the function for windows of this width and stride, or else the one for all.

    That one sees no column beside the data: it begins at the first within. Of several positions
    all see whole windows there.
    """
    other, end = builder.append_basic_block("other"), builder.append_basic_block("windows_end")
    number = builder.add(builder.mul(arguments.width, LONG(4)), stride)
    few = builder.icmp_signed("<=", stride, LONG(max(STRIDES)))
    choice = builder.switch(builder.select(few, number, LONG(0)), other)
    cases = set() if long or positions == 1 else {(c, s) for c in COLUMNS for s in STRIDES}
    for columns, step in sorted(cases):
        case = builder.append_basic_block(f"windows_{columns}_{step}")
        choice.add_case(LONG(columns * 4 + step), case)
        builder.position_at_end(case)
        made = _Windows(builder.module, lanes, positions, long=False, columns=columns, stride=step)
        builder.call(made.function, arguments)
        builder.branch(end)
    builder.position_at_end(other)
    a = arguments
    columns = a.width if positions > 1 else a.columns
    arguments = a._replace(
        x=builder.add(a.x, builder.mul(a.skipped, a.across)),
        w=builder.add(a.w, builder.mul(a.skipped, a.value)),
        columns=columns,
    )
    builder.call(_Windows(builder.module, lanes, positions, long=long).function, arguments)
    builder.branch(end)
    builder.position_at_end(end)
