"""1x1 convolutions and Dense as a matrix product: positions of all samples by filters.

A task is up to 84 positions (six tiles of 14, fourteen of 6) by 32 filters. The positions are
copied first, once for all filters of the place: tile by tile, in blocks of channels, so that a
tile reads on and on. What no whole tile covers goes through tiles of a few positions, filled up
with zeros, and of one: a product with a single position is bound by reading the weights. A
batch shares each weight that is loaded, and one sample alone goes through the same operations
in the same order.

w: [group][channel][filter of the group], zeros where it is padded
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.ending import Ending, copying_out, ending, epilogue, rectifier
from speccompiler.kernels.cpu.codegen.register_tile import (
    PACK,
    VECTORS,
    block_depth,
    group_vectors,
    groups,
    register_tile,
    tile_columns,
)
from speccompiler.kernels.cpu.codegen.text import HEADER, LINE, fill
from speccompiler.kernels.cpu.convolution import (
    TASK_FILTERS,
    Convolution,
    direct_nanoseconds,
    filter_blocks,
    is_product,
    is_small,
    waiting_sums,
)
from speccompiler.kernels.cpu.kernel import WIDTHS, Array, Wanted
from speccompiler.kernels.cpu.packing import in_blocks
from speccompiler.kernels.long_sums import CARRY, CARRY_SUMS, SHORT, STRETCH, is_carried
from speccompiler.planning.candidate import KnownShape, known, op_of

if TYPE_CHECKING:
    import numpy.typing as npt


class Geometry(NamedTuple):
    """Positions of one sample, lengths of their rows, and of the output's."""

    positions: int
    channels: int
    filters: int
    y_pitch: int


TASK_POSITIONS = 84
"""Positions of a task, at most."""

GROUP_DRIVER = '''

@jit
def group_@VECTORS(packed, w, wo, b, first, y, at, y_pitch, count, sums, blocks, plane, tile, here):
    """Compute one group of filters for all positions of a task."""
    # A step is one chain of products; on the widest vectors its weights fill two thirds of L1.
    per_step = @SHORT // @DEPTH
    stretch = per_step * @STRETCH
    for q in range(0, blocks, per_step):
        q1 = min(blocks, q + per_step)
        if @CARRIED and q > 0 and q % stretch == 0:
            carry_sums(packed, sums, here * @WIDTH, q == stretch, q + stretch >= blocks)
        low = np.float32(0) if q1 == blocks else np.float32(-np.inf)
        ask = wo + q1 * @DEPTH * @WIDTH
        p = xo = 0
        while p < here:
            left = here - p
            so = sums + p * @WIDTH
            source, begin, step = packed, so, @WIDTH
            if q == 0:
                source, begin, step = b, first, 0
            size = @MOST if left > 2 * @FEW else (@FEW if left > 1 else 1)
            if q1 == blocks:
                ask_for(y, at + p * y_pitch, y_pitch, min(size, left), count)
            whole = @DIRECT and q1 == blocks and size <= left and count == @WIDTH
            target, end, pitch = packed, so, @WIDTH
            if whole:
                target, end, pitch = y, at + p * y_pitch, y_pitch
            if size == @MOST:
                tile_@VECTORS_@MOST(
                    packed, xo, w, wo, q, q1, plane, 0, 1, 1, 0, @DEPTH, @DEPTH * @WIDTH,
                    source, begin, step, target, end, pitch, low, ask
                )
            elif size == @FEW:
                tile_@VECTORS_@FEW(
                    packed, xo, w, wo, q, q1, plane, 0, 1, 1, 0, @DEPTH, @DEPTH * @WIDTH,
                    source, begin, step, target, end, pitch, low, ask
                )
            else:
                tile_@VECTORS_1(
                    packed, xo, w, wo, q, q1, plane, 0, 1, 1, 0, @DEPTH, @DEPTH * @WIDTH,
                    source, begin, step, target, end, pitch, low, ask
                )
            if q1 == blocks:
                for t in range(size):
                    finish(target, end + t * pitch, pitch, @WIDTH)
                if not whole:
                    used = min(size, left)
                    copy_out(packed, so, y, at + p * y_pitch, y_pitch, used, count, @WIDTH)
            p += size
            xo += tile if size == @MOST else size * @DEPTH
            ask += (q1 - q) * @DEPTH * @LINE
'''

DRIVER = '''

@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """Tasks: blocks of positions, blocks of filters; the last changes fastest."""
    @GEOMETRY
    positions *= n
    blocks = (channels + @DEPTH - 1) // @DEPTH
    # Even shares, in whole tiles: a last one of a few positions would leave a thread waiting.
    tiles, places = (positions + @MOST - 1) // @MOST, (positions + @TASK - 1) // @TASK
    share = (tiles + places - 1) // places * @MOST
    filter_blocks = (filters + @FILTERS - 1) // @FILTERS
    # Of one tile: block after block of channels, each with room for a vector behind it.
    plane = @MOST * @DEPTH + @LANES
    tile = blocks * plane
    packed_place, here = -1, 0
    for task in range(lo, hi):
        place = task // filter_blocks
        start = place * share
        if place != packed_place:
            packed_place = place
            here = min(share, positions - start)
            # Tiles may cover places past the last position, which hold zeros.
            left = here % @MOST
            if left > 1:
                left = @MOST if left > 2 * @FEW else (left + @FEW - 1) // @FEW * @FEW
            room = here // @MOST * @MOST + left
            for p in range(here):
                to = p // @MOST * tile + p % @MOST * @DEPTH
                pack(x, (start + p) * channels, scratch, to, plane, channels)
            for p in range(here, room):
                clear(scratch, p // @MOST * tile + p % @MOST * @DEPTH, plane, channels)
        # scratch holds the packed positions, then the sums.
        sums = (here + @MOST - 1) // @MOST * tile
        begin = task % filter_blocks * @FILTERS
        for first in range(begin, min(filters, begin + @FILTERS), @GROUP):
            count = min(@GROUP, filters - first)
            group(
                scratch, w, first * blocks * @DEPTH, b, first, y, start * y_pitch + first, y_pitch,
                count, sums, blocks, plane, tile, here
            )
'''


def source(lanes: int, channels: int, filters: int, end: Ending) -> str:
    """The module's text, for one vector width, block depth and ending."""
    depth, most, few = block_depth(channels, lanes), tile_columns(lanes), 4 if lanes == 16 else 2
    tiles = rectifier(end.relu) + "".join(
        register_tile(
            f"tile_{vectors}_{columns}",
            lanes,
            [t * depth for t in range(columns)],
            vectors=vectors,
            relu=end.relu,
        )
        for vectors in group_vectors(filters, lanes)
        for columns in (most, few, 1)
    )
    carried = is_carried(channels)
    tiles += (CARRY + CARRY_SUMS.replace("@ROOM", str(TASK_POSITIONS * VECTORS * lanes))) * carried
    tiles += (
        epilogue(1, end.activation)
        + PACK
        + copying_out(end.added)
        + groups(GROUP_DRIVER, filters, lanes)
    )
    return fill(
        HEADER + tiles + DRIVER,
        Geometry._fields,
        LANES=lanes,
        DEPTH=depth,
        MOST=most,
        FEW=few,
        LINE=LINE,
        DIRECT=str(end.added is None),
        CARRIED=str(carried),
        SHORT=SHORT,
        STRETCH=STRETCH,
        GROUP=VECTORS * lanes,
        TASK=TASK_POSITIONS,
        FILTERS=TASK_FILTERS,
    )


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
        return -(-n * prod(shape[:-1]) // TASK_POSITIONS) * filter_blocks(node)

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        return direct_nanoseconds(prod(shape[:-1]), 1, node, shape)

    def scratch(self, node: ir.Node, shape: KnownShape) -> int:
        """Packed positions and sums."""
        packed = []
        for lanes in WIDTHS:
            depth, columns = block_depth(shape[-1], lanes), tile_columns(lanes)
            tile = -(-shape[-1] // depth) * (columns * depth + lanes)
            packed.append(TASK_POSITIONS // columns * tile)
        return max(packed) + waiting_sums(shape[-1])

    def sharing(self, node: ir.Node, shape: KnownShape) -> int:
        return filter_blocks(node)

    def text(self, wanted: Wanted) -> str:
        end = ending(op_of(wanted.node).activation, wanted.added)
        return source(wanted.lanes, wanted.shape[-1], known(wanted.node)[-1], end)

    def pack_kernel(self, weight: npt.NDArray[Any], lanes: int) -> Array:
        return in_blocks(weight, lanes)
