"""The register tile of Winograd's products: some tiles by two vectors of filters, at one point.

It is the register tile (``tile``) where positions are neighbours and inputs lie in blocks of a
vector of channels. So where they are is known when it is compiled, and a block's values are
written out: with 16 registers, reading a table would be a fifth of all instructions. The weights
that come after these are asked for in equal parts, at the beginning of each block, because the
passes over a batch of tiles share that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from speccompiler.kernels.cpu.codegen.emitter import LONG, Emitter
from speccompiler.kernels.cpu.codegen.register_tile import (
    AHEAD,
    VECTORS,
    ProductArguments,
    tile_columns,
)
from speccompiler.kernels.cpu.codegen.text import LINE

_WRITTEN_OUT = 4
"""Values of a block that follow one another without a jump: 8 are slower by 5% with 16 lanes."""


def product_tile_of(lanes: int) -> Any:
    """The function ``tile(count, vectors, arguments)``, for one vector width and two vectors."""

    @intrinsic
    def tile(typing: Any, count: Any, vectors: Any, arguments: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            count, _, place = args
            end = builder.append_basic_block("end")
            choice = builder.switch(count, end)
            for tiles in range(1, tile_columns(lanes) + 1):
                case = builder.append_basic_block(f"products_{tiles}")
                choice.add_case(LONG(tiles), case)
                builder.position_at_end(case)
                builder.call(_Products(builder.module, lanes, tiles).function, [place])
                builder.branch(end)
            builder.position_at_end(end)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, arguments), emit

    return tile


class _Products(Emitter):
    """Writes the function for so many tiles, of the arguments alone."""

    def __init__(self, module: Any, lanes: int, tiles: int) -> None:
        super().__init__(module, f"products_{tiles}", ir.VoidType(), [LONG.as_pointer()], lanes)
        builder, (place,) = self.builder, self.function.args
        loads = {
            name: builder.load(builder.gep(place, [LONG(index)]), name)
            for index, name in enumerate(ProductArguments._fields)
        }
        self.given = a = ProductArguments(**loads)
        self.tiles = tiles
        places = [
            self.behind(self.steps(a.y, a.row, t), 4 * n * lanes)
            for t in range(tiles)
            for n in range(VECTORS)
        ]
        zeros = [self.constant(0.0)] * len(places)
        resumed = builder.icmp_signed("!=", a.resumed, LONG(0))
        begin = self.choice(resumed, zeros, lambda: list(map(self.load, places)))
        _, _, _, *sums = self.loop(a.blocks, [a.x, a.w, a.ask, *begin], self._block)
        for value, place in zip(sums, places, strict=True):
            self.store(value, place)
        builder.ret_void()

    def _block(self, state: Sequence[Any]) -> list[Any]:
        """A vector of channels."""
        x, w, ask, *sums = state
        (ask,) = self.loop(self.given.asked, [ask], self._ask)
        count = LONG(self.lanes // _WRITTEN_OUT)
        _, w, *sums = self.loop(count, [x, w, *sums], self._values)
        return [self.builder.add(x, self.given.block), w, ask, *sums]

    def _ask(self, state: Sequence[Any]) -> list[Any]:
        self.prefetch(state[0], 2)
        return [self.behind(state[0], 4 * LINE)]

    def _values(self, state: Sequence[Any]) -> list[Any]:
        """Some channels of every tile, times their weights of every filter."""
        x, w, *sums = state
        for _ in range(_WRITTEN_OUT):
            weights = [self.load(self.behind(w, 4 * n * self.lanes)) for n in range(VECTORS)]
            for line in range(0, VECTORS * self.lanes, LINE):
                self.prefetch(self.behind(w, 4 * (AHEAD + line)), 3)
            for t in range(self.tiles):
                given = self.load_repeated(self.behind(x, 4 * t * self.lanes))
                for n, weight in enumerate(weights):
                    sums[t * VECTORS + n] = self.fma(given, weight, sums[t * VECTORS + n])
            x, w = self.behind(x, 4), self.behind(w, 4 * VECTORS * self.lanes)
        return [x, w, *sums]
