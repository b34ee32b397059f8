"""The register tile that every convolution kernel calls: what it is given, and how large it is.

A tile is some output positions by one or two vectors of filters, with all sums in registers; the
last filters take a tile of one vector if that holds them. ``tile`` writes it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

VECTORS = 2
"""Vectors of filters in a tile; a group of filters is this many vectors."""
AHEAD = 1024
"""float32 values between a weight that is read and the one that is prefetched then.

Weights are one long row that is read once. The processor's own prefetcher stops at the end of
each page of 4 KiB, and the sums would have to wait there.
"""

PACK = '''

@jit
def pack(x, at, packed, to, plane, channels, depth):
    """Copy one position's channels, a block every ``plane`` values; zeros fill the last block.

    Whole vectors are written, also where a block is narrower. Behind it lies the place of the next
    position, which is written later, or room for a vector.
    """
    for c in range(0, channels, depth):
        if c + @LANES <= channels:
            store(packed, to, load(x, at + c))
        else:
            store(packed, to, load_where(x, at + c, first_lanes(channels - c)))
        to += plane


@jit
def clear(packed, to, plane, channels, depth):
    """Write zeros for one position."""
    for _ in range(0, channels, depth):
        store(packed, to, splat(np.float32(0)))
        to += plane

'''
"""For the kernels that first copy their input into blocks of channels."""


class TileArguments(NamedTuple):
    """Where each argument of the tile stands. Places are addresses, distances count bytes.

    A window is read as runs of ``run`` neighbouring values, 0 or more: one for each of ``rows``
    rows of each of ``planes`` planes. With each value of a run a line is asked for, ``ask_step``
    further on.
    """

    x: Any
    offsets: Any
    """A table of where each position's window begins, from ``x`` on."""
    w: Any
    planes: Any
    plane: Any
    plane_weights: Any
    rows: Any
    row: Any
    row_weights: Any
    run: Any
    ask: Any
    """Weights that are needed later, for L2."""
    ask_step: Any
    start: Any
    """The bias, or earlier sums, to which the products are added as a chain of their own; those of
    the next position are ``start_step`` further on."""
    start_step: Any
    y: Any
    y_offsets: Any
    """A table of where each position's values are written, from ``y`` on."""
    relu: Any
    """What is done to the results: a kind of relu, as ``functions`` numbers them."""
    top: Any
    """The bits of a float32, the largest value after a relu."""


TILE_TEXT = """
from speccompiler.kernels.cpu.codegen.jit import jit
from speccompiler.kernels.cpu.codegen.tile import tile_of

words = tile_of(@LANES)
passes = @PASSES


@jit
def tile(count, vectors, arguments):
    words(count, vectors, arguments)
"""


def tile_text(lanes: int) -> str:
    """The module of the register tile, for one vector width."""
    # The code is written as it shall be. With 16 registers LLVM's first passes gain 8%, all of them
    # no more; with 32 none gains anything, and they would take most of the time.
    passes = 0 if lanes == 16 else 1
    return TILE_TEXT.replace("@LANES", str(lanes)).replace("@PASSES", str(passes))


class ProductArguments(NamedTuple):
    """The same for the tile of Winograd's products, which are a matrix product at each point.

    Inputs are blocks of [tile][lane]; weights are [block][lane][filter of two vectors].
    """

    x: Any
    block: Any
    """The distance of neighbouring blocks."""
    w: Any
    blocks: Any
    ask: Any
    """Weights that are needed later, for L2; with each block, ``asked`` lines of them."""
    asked: Any
    resumed: Any
    """Whether the sums go on with what lies where they are written; else they begin at zero."""
    y: Any
    row: Any
    """The distance of neighbouring tiles' sums."""


def product_tile_text(lanes: int) -> str:
    """The module of the tile of Winograd's products."""
    text = tile_text(lanes).replace("codegen.tile", "codegen.product_tile")
    return text.replace("tile_of", "product_tile_of")


def tile_columns(lanes: int) -> int:
    """The most positions of a tile."""
    return 14 if lanes == 16 else 6


def even_share(count: int, most: int) -> int:
    """The size of the parts when ``count`` is cut evenly into as few as ``most`` a part allows."""
    return -(-count // -(-count // most))


def block_depth(channels: int, lanes: int) -> int:
    """Channels of a block: an even share of all channels, at most a vector."""
    return even_share(channels, lanes)
