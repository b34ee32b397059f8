"""Winograd convolution at stride 1 in one, two or three dimensions.

A tile of outputs is made from a tile of inputs by short convolutions (``toom_cook``) nested
over height and width: F(4x4, 3x3) takes 36 multiplications where the direct sum takes 144,
F(2x2, 5x5) 36 for 100, and on a line F(6, 3) 8 for 18, F(4, 5) 8 for 20, F(2, 7) 8 for 14.
Depth is summed where it is cheapest, between the transforms (Lavin and Gray, "Fast Algorithms
for Convolutional Neural Networks", 2015).

A task is a batch of tiles by a range of filters (``winograd_text``). Large images make many
batches; small images with many channels make one batch whose filters are split, and the
transform of its inputs is repeated, which costs next to nothing there. Under a dilation of 2, a
tile takes every second row or column: those between belong to tiles of their own. The rounding
error grows to about 1e-5 of the largest output, ten times that of the direct sum: a candidate
for ``math: fast`` only.

A NaN or an infinity among a tile's inputs would reach all of its outputs, and so would values so
large that a transform overflows. Each tile's outputs are therefore looked at once, all together;
where one is not finite, the tile is computed again by the definition (``winograd_definition``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, Self

from speccompiler.frozen import dataclass
from speccompiler.graph import ir
from speccompiler.kernels.cpu.codegen.register_tile import VECTORS
from speccompiler.kernels.cpu.convolution import Convolution, is_small
from speccompiler.kernels.cpu.functions import Functions, finish
from speccompiler.kernels.cpu.kernel import MOST_LANES, Array, Expected, Wanted
from speccompiler.kernels.cpu.packing import in_groups
from speccompiler.kernels.cpu.winograd_cost import (
    FAR_BYTES,
    WinogradCost,
    apart,
    padded_inputs,
    sample_tiles,
)
from speccompiler.kernels.cpu.winograd_text import Geometry, source
from speccompiler.kernels.cpu.winograd_transforms import transform_weights
from speccompiler.kernels.winograd_tiles import find_tile
from speccompiler.planning.candidate import KnownShape, known, op_of, three
from speccompiler.planning.cells import Cells
from speccompiler.planning.schedule import Schedule, Tile

if TYPE_CHECKING:
    import numpy.typing as npt

MOST_TERMS = 2048
"""Terms of a point's sum, which is one chain: 2,000 like ones are off by 3e-5."""
CHUNK = 64
"""Channels whose weights a task transforms at a time, where it does: they stay in L2."""


@dataclass(frozen=True)
class WinogradKernel(Convolution):
    """Tasks are batches of tiles by ranges of filters: one object for each way to cut them.

    ``batch`` and ``threads`` are what the cost counts with.
    """

    cut: Schedule
    batch: int
    threads: int

    name = "winograd"
    fields = Geometry._fields
    precise = False

    @property
    def schedule(self) -> Schedule:
        return self.cut

    @classmethod
    def offered(cls, node: ir.Node, shape: KnownShape, expected: Expected) -> Sequence[Self]:
        """One for each way to cut the tasks; none where the convolution has no tile."""
        ways = _ways(node, shape, expected)
        return [cls(Schedule(*way), expected.batch, expected.threads) for way in ways]

    @classmethod
    def cheapest(
        cls, node: ir.Node, shape: KnownShape, expected: Expected
    ) -> tuple[float, Self] | None:
        ways = _ways(node, shape, expected)
        if not ways:
            return None
        cost = WinogradCost(node, shape, ways[0][0], expected.batch, expected.threads).of
        costs = [cost(tiles, filters, chunk) for _, tiles, filters, _, chunk in ways]
        least = min(costs)
        best = Schedule(*ways[costs.index(least)])
        return least, cls(best, expected.batch, expected.threads)

    def geometry(self, node: ir.Node, shape: KnownShape) -> Geometry:
        op, out, cut, tile = op_of(node), known(node), self.cut, self.cut.tile
        turned = tile.kernel[1] == 1
        depth, *lengths = three(shape[:-1], 1)
        out_depth, *outputs = three(out[:-1], 1)
        pads, distances = three([b for b, _ in op.padding], 0), apart(node)
        repeats = three(op.repeats, 1)
        pooled_width = outputs[1] // cut.pool[1]

        def both(pair: Sequence[int]) -> tuple[int, int]:
            """Of rows and of columns, as the text has them."""
            first, second = pair
            return (second, first) if turned else (first, second)

        return Geometry(
            depth, *both(lengths), shape[-1], out_depth, *both(outputs), out[-1],
            three(op.kernel, 1)[0], three(op.stride, 1)[0],
            pads[0], *both(pads[1:]), repeats[0], *both(repeats[1:]), distances[0],
            *both(distances[1:]),
            *both(tile.kernel), *both((tile.rows, tile.columns)),
            *both((lengths[1] * shape[-1], shape[-1])), *both((pooled_width, 1)), int(turned),
            *both(cut.pool), cut.tiles, cut.filters, cut.chunk, out[-1],
        )  # fmt: skip

    def tasks(self, node: ir.Node, shape: KnownShape, n: int) -> int:
        batches = -(-n * sample_tiles(node, self.cut.tile) // self.cut.tiles)
        return batches * self.sharing(node, shape)

    def sharing(self, node: ir.Node, shape: KnownShape) -> int:
        """Ranges of filters: all of them read the same batch of tiles."""
        return -(-known(node)[-1] // self.cut.filters)

    def scratch(self, node: ir.Node, shape: KnownShape) -> int:
        inputs, products = padded_inputs(node, shape), self.cut.filters
        own = products * (self.cut.chunk + 1) if self.cut.chunk else 0
        each = self.cut.tiles * (inputs + products) + 4 * MOST_LANES + own
        return self.cut.tile.points * each

    def nanoseconds(self, node: ir.Node, shape: KnownShape) -> float:
        """A sample's share: multiplications, transforms, and what comes from beyond the cache."""
        cost = WinogradCost(node, shape, self.cut.tile, self.batch, self.threads)
        return cost.of(self.cut.tiles, self.cut.filters, self.cut.chunk)

    def cells(self, node: ir.Node, shape: KnownShape) -> Sequence[Cells]:
        """A tile's outputs; under a dilation it has every so many-th row or column."""
        tile, (_, down, across) = self.cut.tile, apart(node)
        found = (Cells(), Cells(tile.rows * down), Cells(tile.columns * across))
        return found[4 - len(shape) :]

    def alone(self) -> WinogradKernel:
        return replace(self, cut=replace(self.cut, pool=(1, 1)))

    def text(self, wanted: Wanted) -> str:
        return source(wanted.lanes)

    @classmethod
    def texts(cls, lanes: int) -> Iterable[str]:
        return [source(lanes)]

    @classmethod
    def texts_for(cls, node: ir.Node, lanes: int) -> Iterable[str]:
        op = op_of(node)
        tile = find_tile(three(op.kernel, 1)[1:])
        plain = tile is not None and op.groups == 1 and three(op.stride, 1)[1:] == (1, 1)
        few = min(op.weight.shape[-2:]) < MOST_LANES
        return cls.texts(lanes) if plain and not few else ()

    def functions(self, wanted: Wanted) -> Functions:
        return Functions(finish(op_of(wanted.node).activation), tile=True, products=True)

    def pack_kernel(self, weight: npt.NDArray[Any], lanes: int) -> Array:
        if self.cut.chunk:
            return in_groups(weight, lanes)
        return _transformed(weight, self.cut.tile, lanes)


_Way = tuple[Tile, int, int, tuple[int, int], int]
"""The fields of a ``Schedule``."""


def _ways(node: ir.Node, shape: KnownShape, expected: Expected) -> list[_Way]:
    """The ways to cut the tasks; none where the convolution has no tile."""
    out, op = known(node), op_of(node)
    kernel, stride = three(op.kernel, 1), three(op.stride, 1)
    tile = find_tile(kernel[1:])
    pool = (1, 1) if expected.pool is None else _pool_windows(expected.pool)
    if (
        tile is None
        or op.groups > 1
        or stride[1:] != (1, 1)
        or (op.dilation and pool != (1, 1))
        or min(shape[-1], out[-1]) < MOST_LANES
        or kernel[0] * shape[-1] > MOST_TERMS
    ):
        return []
    if is_small(node) or 0 in pool or tile.rows % pool[0] or tile.columns % pool[1]:
        return []
    groups = -(-out[-1] // (2 * MOST_LANES))
    whole = sample_tiles(node, tile) * expected.batch
    batches = {min(whole, 14 * k) for k in (1, 2, 3, 4, 6, 8)} | {
        -(-whole // p) for p in (1, 2, 3, 4) if whole // p <= 112
    }
    splits = {-(-groups // p) for p in (1, 2, 4, 8)}
    filters = [2 * MOST_LANES * split for split in sorted(splits)]
    chunk = min(CHUNK, -(-shape[-1] // MOST_LANES) * MOST_LANES)
    large = 4 * tile.points * kernel[0] * shape[-1] * out[-1] >= FAR_BYTES
    return [
        (tile, tiles, some, pool, chunk)
        for chunk, ranges in ((0, filters), *([(chunk, (32, 64, 128))] if large else []))
        for tiles in sorted(batches)
        for some in ranges
    ]


def _pool_windows(pool: ir.Node) -> tuple[int, int]:
    """Height and width of windows that stand side by side in planes; else (0, 0)."""
    op = op_of(pool)
    kernel = three(op.kernel, 1)
    plain = not op.dilation and not any(p != (0, 0) for p in (*op.padding, *op.zeros))
    if op.mode == "max" and plain and op.kernel == op.stride and kernel[0] == 1:
        return kernel[1], kernel[2]
    return 0, 0


def _transformed(weight: npt.NDArray[Any], tile: Tile, lanes: int) -> Array:
    """(*kernel, C, filters) as [point][group][depth tap][channel][filter], then as it is."""
    import numpy as np

    channels, filters = weight.shape[-2:]
    taps = weight.shape[0] if weight.ndim == 5 else 1
    source = weight.reshape(taps, *tile.kernel, channels, filters)
    group, depth = VECTORS * lanes, -(-channels // lanes) * lanes
    shape = (tile.points, -(-filters // group), taps, depth, group)
    size = prod(shape)
    whole = np.empty(size + size // tile.points * prod(tile.kernel), np.float32)
    whole[size:] = in_groups(weight, lanes).reshape(-1)
    packed = whole[:size].reshape(shape)
    packed[:] = 0
    for g in range(packed.shape[1]):
        # One group at a time: what lies between is several times the weights.
        part = source[..., g * group : (g + 1) * group].astype(np.float32)
        points = transform_weights(part.transpose(1, 2, 0, 3, 4), tile)
        packed[:, g, :, :channels, : part.shape[-1]] = points
    return whole
