"""1x1 convolutions and Dense as a matrix product: positions of all samples by filters.

A task is 84 positions (six tiles of 14, fourteen of 6) by 128 filters. The positions are
copied into channel blocks first, as ``conv`` does; of places past the last position
nothing is written. So a batch shares each weight that is loaded, and one sample alone
goes through the same operations in the same order.

g: positions of one sample, C, O
w: [group][channel][filter of the group], zeros where it is padded
"""

from __future__ import annotations

from .register_tile import (
    HEADER,
    VECTORS,
    block_depth,
    epilogue,
    fill,
    register_tile,
    tile_columns,
)

DRIVER = '''

@JIT
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """Tasks: blocks of positions, blocks of filters; the last changes fastest."""
    positions, channels, filters = n * g[0], g[1], g[2]
    blocks = (channels + @DEPTH - 1) // @DEPTH
    filter_blocks = (filters + 127) // 128
    plane = 84 * @DEPTH
    # scratch holds the packed positions, then one tile.
    edge = blocks * plane
    packed_place = -1
    for task in range(lo, hi):
        place = task // filter_blocks
        start = place * 84
        here = min(84, positions - start)
        if place != packed_place:
            packed_place = place
            for block in range(blocks):
                count = min(@DEPTH, channels - block * @DEPTH)
                to = block * plane
                for p in range(here):
                    at = (start + p) * channels + block * @DEPTH
                    for i in range(count):
                        scratch[to + p * @DEPTH + i] = x[at + i]
                    for i in range(count, @DEPTH):
                        scratch[to + p * @DEPTH + i] = np.float32(0)
        first = task % filter_blocks * 128
        for first in range(first, min(filters, first + 128), @GROUP):
            wo = first * blocks * @DEPTH
            count = min(@GROUP, filters - first)
            for c in range(0, here, @COLUMNS):
                used = min(@COLUMNS, here - c)
                at = (start + c) * filters + first
                if count == @GROUP and used == @COLUMNS:
                    tile(scratch, c * @DEPTH, w, wo, blocks, plane, 1, 0, 1, 1, 0,
                         b, first, y, at, filters)
                    finish(y, at, filters, count)
                else:
                    tile(scratch, c * @DEPTH, w, wo, blocks, plane, 1, 0, 1, 1, 0,
                         b, first, scratch, edge, @GROUP)
                    finish(scratch, edge, @GROUP, count)
                    for t in range(used):
                        for j in range(count):
                            y[at + t * filters + j] = scratch[edge + t * @GROUP + j]
'''


def source(lanes: int, channels: int, relu: bool, activation: str | None) -> str:
    """The module's text, for one vector width and activation."""
    depth, columns = block_depth(channels, lanes), tile_columns(lanes)[0]
    return fill(
        HEADER
        + register_tile(lanes, columns, depth, relu)
        + epilogue(columns, activation)
        + DRIVER,
        LANES=lanes,
        DEPTH=depth,
        COLUMNS=columns,
        GROUP=VECTORS * lanes,
    )
