"""1x1 convolutions and Dense as a matrix product: positions of all samples by filters.

A task is up to 112 positions (eight tiles of 14, nineteen of 6) by 32 filters. Tiles read positions
where they lie if channels fill whole blocks. Else these are copied first, once for all filters of
the place: tile by tile, in blocks of channels. A batch shares each weight that is loaded, and one
sample alone goes through the same operations in the same order.

w: [group][channel][filter of the group], zeros where it is padded
scratch: the tile's arguments, the two tables of positions, the packed positions if any, the sums
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.register_tile import block_depth, tile_columns
from speccompiler.kernels.cpu.codegen.text import fill
from speccompiler.kernels.cpu.convolution import (
    MOST_COLUMNS,
    Convolution,
    direct_nanoseconds,
    filter_blocks,
    is_product,
    is_small,
    waiting_sums,
)
from speccompiler.kernels.cpu.direct_text import ARGUMENTS, DIRECT, constants, table_values
from speccompiler.kernels.cpu.functions import Functions, functions
from speccompiler.kernels.cpu.kernel import WIDTHS, Array, Wanted
from speccompiler.kernels.cpu.packing import in_blocks
from speccompiler.planning.candidate import KnownShape, known, op_of

if TYPE_CHECKING:
    import numpy.typing as npt


class Geometry(NamedTuple):
    """Positions of one sample, lengths of their rows, and of the output's."""

    positions: int
    channels: int
    filters: int
    y_pitch: int
    x_planes: int = 0
    """1 where the input lies with its channels first."""
    y_planes: int = 0


TASK_POSITIONS = 112
"""Positions of a task, at most; and what fills up its last tile."""
MANY_BLOCKS = 8
"""Blocks of filters that are tasks enough for two threads."""
PAGE = 1024
"""Channels that take a page of 4 KiB."""

DRIVER = '''

@jit
def pack_planes(x, position, image, packed, to, plane, size, channels, depth):
    """Copy a tile's positions, where each channel of a sample has a plane of its own."""
    i = 0
    while i < size:
        sample, at = position // image, position % image
        run = min(size - i, image - at, @LANES)
        for first in range(0, channels, depth):
            turn(x, (sample * channels + first) * image + at, image, min(depth, channels - first),
                 packed, to + first // depth * plane + i * depth, depth, run, depth)
        i += run
        position += run


@jit
def count_shares(positions, filter_blocks):
    """Into how many shares the positions are cut; see ``count_shares`` in ``matmul``."""
    shares = (positions + @TASK - 1) // @TASK
    if shares > 1 or (positions > @FEW and filter_blocks % 2 == 1 and filter_blocks < @MANY):
        shares += shares % 2
    return shares


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: blocks of positions, blocks of filters; the last changes fastest."""
    @GEOMETRY
    image = positions
    positions *= n
    blocks = (channels + @LANES - 1) // @LANES
    depth = (channels + blocks - 1) // blocks
    filter_blocks = (filters + @FILTERS - 1) // @FILTERS
    # Even shares of even tiles: a last one of a few positions would leave a thread waiting.
    tiles = (positions + @MOST - 1) // @MOST
    shares = count_shares(positions, filter_blocks)
    most = (tiles + shares - 1) // shares * @MOST
    # Where blocks are all that a position has, it is read where it lies. Positions a multiple of
    # a page apart would share a few lines of L1.
    packs = x_planes != 0 or blocks * depth != channels or channels % @PAGE == 0
    # Of one tile: block after block of channels, each with room for a vector behind it.
    plane = @MOST * depth + @LANES if packs else depth
    tile = blocks * plane if packs else @MOST * channels
    offsets, places = integers_at(scratch, @ARGUMENTS), integers_at(scratch, @ARGUMENTS + @TABLE)
    start = @ARGUMENTS + 2 * @TABLE
    sums = start + (most // @MOST * tile if packs else 0)
    room = @WALK * @MOST * @GROUP if channels > @CARRIED else 0
    cut = cut_window(1, depth, depth)
    packed_place, here, listed = -1, 0, 0
    for task in range(lo, hi):
        place = task // filter_blocks
        first_position = place * tiles // shares * positions // tiles
        if place != packed_place:
            packed_place = place
            here = (place + 1) * tiles // shares * positions // tiles - first_position
            if packs or y_planes or here > listed:
                count, p, listed = (here + @MOST - 1) // @MOST, 0, here
                for t in range(count):
                    size = here // count + (1 if t < here % count else 0)
                    if x_planes:
                        pack_planes(x, first_position + p, image, scratch, start + t * tile, plane,
                                    size, channels, depth)
                    for i in range(size):
                        to, at = t * tile + i * depth, first_position + p
                        if not packs:
                            to = p * channels
                        elif not x_planes:
                            pack(x, at * channels, scratch, start + to, plane, channels, depth)
                        offsets[p], places[p] = 4 * to, 4 * p * y_pitch
                        if y_planes:
                            places[p] = 4 * (at // image * filters * image + at % image)
                        p += 1
        begin, next_filter, y_channel = first_position * y_pitch, 1, 0
        if y_planes:
            begin, next_filter, y_channel = 0, image, image
        source, source_at = scratch, start
        if not packs:
            source, source_at = x, first_position * channels
        filter = task % filter_blocks * @FILTERS
        for first in range(filter, min(filters, filter + @FILTERS), @GROUP):
            group(
                integers_at(scratch, 0), f, source, source_at, offsets, places, scratch, sums,
                room, w, first * blocks * depth, b, first, y, begin + first * next_filter,
                y_channel, min(@GROUP, filters - first), here, here, 0, blocks, plane, 1, depth,
                0, depth, 0, 0, 1, 1, 1, cut
            )
'''


@cache
def source(lanes: int) -> str:
    """The module's text, for one vector width."""
    return fill(
        DIRECT + DRIVER,
        Geometry._fields,
        **constants(lanes),
        TASK=TASK_POSITIONS,
        TABLE=table_values(_most_positions()),
        FEW=MOST_COLUMNS,
        MANY=MANY_BLOCKS,
        PAGE=PAGE,
    )


def _most_positions() -> int:
    """Positions of the largest task, in whole tiles of any width of vectors."""
    return max(-(-TASK_POSITIONS // tile) * tile for tile in map(tile_columns, WIDTHS))


def count_shares(positions: int, filter_blocks: int) -> int:
    """Into how many shares the positions are cut, for each block of filters.

    An even number, so that two threads have the same to do; a single one, which reads the weights
    once, where blocks of filters can be dealt out as evenly.
    """
    shares = -(-positions // TASK_POSITIONS)
    odd = filter_blocks % 2 == 1 and filter_blocks < MANY_BLOCKS
    if shares > 1 or (positions > MOST_COLUMNS and odd):
        shares += shares % 2
    return shares


class MatmulKernel(Convolution):
    """Tasks are blocks of positions by blocks of filters."""

    name = "matmul"
    fields = Geometry._fields
    adds = True

    def fits(self, node: ir.Node, shape: KnownShape) -> bool:
        return is_product(node) and not is_small(node)

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        filters = known(node)[-1]
        return Geometry(prod(shape[:-1]), shape[-1], filters, filters)

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        blocks = filter_blocks(node)
        return count_shares(n * prod(shape[:-1]), blocks) * blocks

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        return direct_nanoseconds(prod(shape[:-1]), 1, node, shape)

    def scratch(self, node: ir.Node, shape: KnownShape) -> int:
        """Tables, packed positions and sums."""
        packed = []
        for lanes in WIDTHS:
            depth, columns = block_depth(shape[-1], lanes), tile_columns(lanes)
            tile = -(-shape[-1] // depth) * (columns * depth + lanes)
            packed.append(-(-TASK_POSITIONS // columns) * tile)
        tables = ARGUMENTS + 2 * table_values(_most_positions())
        return tables + max(packed) + waiting_sums(shape[-1])

    def sharing(self, node: ir.Node, shape: KnownShape) -> int:
        return filter_blocks(node)

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes)

    @classmethod
    def texts(cls, lanes: int) -> Sequence[str]:
        return (source(lanes),)

    @classmethod
    def texts_for(cls, node: ir.Node, lanes: int) -> Sequence[str]:
        op = op_of(node)
        one = op.groups == 1 and all(k == 1 for k in op.kernel + op.stride)
        return cls.texts(lanes) if one else ()

    def functions(self, wanted: Wanted) -> Functions:
        return functions(op_of(wanted.node).activation, wanted.added, tile=True, capped=True)

    def pack_kernel(self, weight: npt.NDArray[Any], lanes: int) -> Array:
        return in_blocks(weight, lanes)
