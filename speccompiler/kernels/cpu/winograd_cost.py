"""What a Winograd convolution costs, for each of the many ways to cut its tasks. Imports no numba.

A plan weighs a hundred ways for one convolution, so all that they have in common is worked out
once.
"""

from __future__ import annotations

from speccompiler.graph import ir
from speccompiler.kernels.cpu.convolution import (
    CACHE_BYTES,
    MOST_COLUMNS,
    MULTIPLY_ADDS,
    NANOSECONDS_A_BYTE,
)
from speccompiler.kernels.cpu.kernel import MOST_LANES
from speccompiler.planning.candidate import KnownShape, known, op_of, three
from speccompiler.planning.schedule import Tile

FAR_BYTES = 8 << 20
"""Weights of this size come from afar: in a network, other layers' have pushed them out."""
FAR_NANOSECONDS_A_BYTE = 1 / 9
"""Reading what no cache is left for, while all cores do."""
TRANSFORMED_WEIGHTS = 8
"""Values of transformed weights that a core makes in a nanosecond."""


class WinogradCost:
    """Nanoseconds of one core for a sample's share of a batch on some threads."""

    def __init__(
        self, node: ir.Node, shape: KnownShape, tile: Tile, batch: int, threads: int
    ) -> None:
        self._batch, self._threads = batch, threads
        self._points, self._filters = tile.points, known(node)[-1]
        self._tiles = sample_tiles(node, tile)
        self._inputs = padded_inputs(node, shape)
        self._weights = self._points * self._inputs * self._filters

    def of(self, tiles: int, filters: int, chunk: int) -> float:
        """With so many tiles and filters a task; ``chunk`` as a ``Schedule`` has it."""
        batch, threads, points = self._batch, self._threads, self._points
        inputs, weights = self._inputs, self._weights
        ranges = -(-self._filters // filters)
        tasks = -(-batch * self._tiles // tiles) * ranges
        places = tasks / ranges / batch
        work = self._tiles * points * inputs * self._filters / MULTIPLY_ADDS
        # A transform moves each value about four times between registers and cache, and that of
        # the inputs is repeated where threads share a batch of tiles.
        transform = self._tiles * points * (min(ranges, threads) * inputs + self._filters) / 6
        held = 4 * points * tiles * (inputs + filters)
        if chunk:
            work = 1.05 * work + places * weights / TRANSFORMED_WEIGHTS
        elif 4 * weights + held > CACHE_BYTES:
            # Weights are asked for ahead: whichever takes longer counts, they or the products.
            far = min(1.0, 4 * weights / FAR_BYTES) ** 2
            a_byte = (1 - far) * NANOSECONDS_A_BYTE + far * FAR_NANOSECONDS_A_BYTE
            read = 4 * places * weights * a_byte
            # A single pass leaves no time to ask for the next weights.
            waited = tiles <= MOST_COLUMNS and 4 * weights > 2 * CACHE_BYTES
            work = max(work, read) + (read / 4 if waited else 0)
        spilled = max(0.0, held - CACHE_BYTES / 2) * 2 * tasks / batch
        # Few tasks leave threads without one.
        idle = -(-tasks // threads) * threads / tasks if tasks < 64 else 1.0
        return (work + transform) * idle + spilled * NANOSECONDS_A_BYTE


def padded_inputs(node: ir.Node, shape: KnownShape) -> int:
    """Values of a tile's inputs at one point, padded."""
    return three(op_of(node).kernel, 1)[0] * -(-shape[-1] // MOST_LANES) * MOST_LANES


def sample_tiles(node: ir.Node, tile: Tile) -> int:
    """Tiles of one sample."""
    count, *lengths = three(known(node)[:-1], 1)
    _, *distances = apart(node)
    for length, distance, outputs in zip(
        lengths, distances, (tile.rows, tile.columns), strict=True
    ):
        of_one_start = -(-length // distance)
        count *= -(-of_one_start // outputs) * distance
    return count


def apart(node: ir.Node) -> tuple[int, int, int]:
    """The dilation; 1 where the window has one place, so that no tile is for nothing."""
    op = op_of(node)
    if not any(op.dilation):
        return 1, 1, 1
    pairs = zip(three(op.kernel, 1), three(op.dilation, 1), strict=True)
    return three([distance if length > 1 else 1 for length, distance in pairs], 1)
