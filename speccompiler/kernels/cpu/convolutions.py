"""The kernels that can do a convolution: direct, as a matrix product, or Winograd's. Numba-free."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

from speccompiler.graph.ir import Node
from speccompiler.graph.shapes import multiply_adds
from speccompiler.kernels.cpu.codegen.register_tile import block_depth, even_share, tile_columns
from speccompiler.kernels.cpu.conv import WALK, tile_shape, window_steps
from speccompiler.kernels.long_sums import is_carried
from speccompiler.kernels.winograd_tiles import Schedule, Tile, find_tile
from speccompiler.planning.candidate import Candidate, Geometry, KnownShape, known, three

PACKED_BYTES = 256 << 10
"""Input that a convolution's task keeps in L2."""
MOST_POSITIONS = 1024
"""Outputs of a convolution's task: so that there are tasks enough for all cores."""
SMALL = 1 << 16
"""Multiply-adds of a sample up to which a kernel for just its shape is not worth compiling."""
TASK_FILTERS = 32
"""Filters of a task, and positions of a matrix product's task: as the kernels have them."""
TASK_POSITIONS = 84
MOST_LANES, MOST_COLUMNS = 16, 14
"""The widest vectors and tiles that kernels are generated for."""
LANES = (4, 8, MOST_LANES)
SUMS = WALK * MOST_COLUMNS * 2 * MOST_LANES
"""float32 values that wait between the steps of a task."""
CACHE_BYTES = 2 << 20
"""What a core keeps close: above it, bytes are paid for."""
FAR_BYTES = 8 << 20
"""Weights of this size come from afar: in a network, other layers' have pushed them out."""
NANOSECONDS_A_BYTE = 1 / 28
"""Reading or writing beyond that."""
CACHED_NANOSECONDS_A_BYTE = 1 / 55
"""Reading what is close."""
MOST_TERMS = 2048
"""Terms of a Winograd point's sum, which is one chain: 2,000 like ones are off by 3e-5."""
CHUNK = 64
"""Channels whose Winograd weights a task transforms at a time, where it does: they stay in L2."""
FAR_NANOSECONDS_A_BYTE = 1 / 9
"""Reading what no cache is left for, with all cores at it."""
TRANSFORMED_WEIGHTS = 8
"""Values of Winograd weights that a core makes in a nanosecond."""
MULTIPLY_ADDS = 80
"""A core does in a nanosecond, in the register tile, what surrounds it included."""


def _op(node: Node) -> Any:
    return node.op


def _block(node: Node, shape: KnownShape) -> tuple[int, int]:
    """Output rows and columns of a task of ``conv``.

    As many columns, then rows, as ``PACKED_BYTES`` hold the input of: it is packed once and
    read by every filter.
    """
    _, height, width = three(node.shape[:-1], 1)
    tall, wide = tile_shape(height, width, MOST_LANES)

    def fits(rows: int, columns: int) -> bool:
        small = rows * columns <= MOST_POSITIONS
        return small and 4 * _packed(node, shape, rows, columns, MOST_LANES) <= PACKED_BYTES

    columns = _share(width, wide, lambda columns: fits(tall, columns))
    rows = _share(height, tall, lambda rows: fits(rows, columns))
    return rows, columns


def _share(length: int, tile: int, fits: Callable[[int], bool]) -> int:
    """The largest even share of a length, in whole tiles, that fits; else one tile."""
    tiles = -(-length // tile)
    fitting = bisect_left(range(1, tiles + 1), True, key=lambda count: not fits(count * tile))
    return even_share(tiles, max(1, fitting)) * tile


def _packed(node: Node, shape: KnownShape, rows: int, columns: int, lanes: int) -> int:
    """float32 values of a task's input, packed for whole tiles."""
    op, (_, height, width) = _op(node), three(node.shape[:-1], 1)
    (kd, kh, kw), (_, sh, sw) = three(op.kernel, 1), three(op.stride, 1)
    tall, wide = tile_shape(height, width, lanes)
    _, ah, aw = three(op.dilation, 1)
    row_step, column_step = window_steps((kh, kw), (sh, sw), (ah, aw))
    high = (-(-rows // tall) * tall - 1) * row_step + (kh - 1) * ah + 1
    broad = (-(-columns // wide) * wide - 1) * column_step + kw
    depth = block_depth(shape[-1], lanes)
    return kd * -(-shape[-1] // depth) * (depth * high * broad + lanes)


def _conv_geometry(node: Node, shape: KnownShape) -> Geometry:
    op, out = _op(node), known(node)
    return (
        *three(shape[:-1], 1), shape[-1], *three(out[:-1], 1), out[-1],
        *three(op.kernel, 1), *three(op.stride, 1), *three([b for b, _ in op.padding], 0),
        *_block(node, shape), *three(op.repeats, 1), *three(op.dilation, 1), out[-1],
    )  # fmt: skip


def _conv_scratch(node: Node, shape: KnownShape) -> int:
    """Packed input and sums, for whichever vectors the machine has."""
    block = _block(node, shape)
    return max(_packed(node, shape, *block, lanes) for lanes in LANES) + _sums(node, shape)


def _sums(node: Node, shape: KnownShape) -> int:
    """Beside the sums of a long one lie totals and rests."""
    terms: int = prod(_op(node).kernel) * shape[-1]
    return SUMS * (3 if is_carried(terms) else 1)


def _conv_tasks(node: Node, shape: KnownShape, n: int) -> int:
    depth, height, width = three(node.shape[:-1], 1)
    rows, columns = _block(node, shape)
    places = n * depth * -(-height // rows) * -(-width // columns)
    return places * _filter_blocks(node, shape)


def _conv_cost(node: Node, shape: KnownShape) -> float:
    depth, height, width = three(known(node)[:-1], 1)
    tall, wide = tile_shape(height, width, MOST_LANES)
    whole, last = divmod(height, tall)
    # The sums of fewer than four positions wait for one another.
    done = whole * max(4, tall * wide) + (max(4, last * wide) if last else 0)
    positions = depth * -(-width // wide) * done
    taps: KnownShape = _op(node).kernel
    return _direct_cost(positions, prod(taps), node, shape)


def _direct_cost(positions: int, taps: int, node: Node, shape: KnownShape) -> float:
    """Bound by the multiply-adds; by the weights where there are few positions."""
    depth = block_depth(shape[-1], MOST_LANES)
    weights = taps * -(-shape[-1] // depth) * depth * -(-known(node)[-1] // MOST_LANES) * MOST_LANES
    a_byte = CACHED_NANOSECONDS_A_BYTE if 4 * weights < CACHE_BYTES else NANOSECONDS_A_BYTE
    moved = prod(shape) + prod(known(node))
    arithmetic = positions * weights / MULTIPLY_ADDS + 4 * moved * NANOSECONDS_A_BYTE
    return max(arithmetic, 4 * weights * a_byte)


def _is_product(node: Node, shape: KnownShape) -> bool:
    op = _op(node)
    if any(r != 1 for r in op.repeats):
        return False
    return all(k == 1 for k in op.kernel + op.stride) and all(p == (0, 0) for p in op.padding)


def _product_geometry(node: Node, shape: KnownShape) -> Geometry:
    filters = known(node)[-1]
    return (prod(shape[:-1]), shape[-1], filters, filters)


def _product_tasks(node: Node, shape: KnownShape, n: int) -> int:
    positions = n * prod(shape[:-1])
    return -(-positions // TASK_POSITIONS) * -(-known(node)[-1] // TASK_FILTERS)


def _product_scratch(node: Node, shape: KnownShape) -> int:
    packed = []
    for lanes in LANES:
        depth, columns = block_depth(shape[-1], lanes), tile_columns(lanes)
        tile = -(-shape[-1] // depth) * (columns * depth + lanes)
        packed.append(TASK_POSITIONS // columns * tile)
    return max(packed) + _sums(node, shape)


def _product_cost(node: Node, shape: KnownShape) -> float:
    return _direct_cost(prod(shape[:-1]), 1, node, shape)


def _filter_blocks(node: Node, shape: KnownShape) -> int:
    return -(-known(node)[-1] // TASK_FILTERS)


def _is_small(node: Node, shape: KnownShape) -> bool:
    return _multiply_adds(node) <= SMALL


def _multiply_adds(node: Node) -> int:
    count = multiply_adds(node)
    assert isinstance(count, int), "a plan has no open lengths"
    return count


def _small_geometry(node: Node, shape: KnownShape) -> Geometry:
    op, out = _op(node), known(node)
    return (
        *three(shape[:-1], 1), shape[-1], *three(out[:-1], 1), out[-1],
        *three(op.kernel, 1), *three(op.stride, 1), *three([b for b, _ in op.padding], 0),
        *three(op.repeats, 1), *three(op.dilation, 1), out[-1],
    )  # fmt: skip


def _small_cost(node: Node, shape: KnownShape) -> float:
    """A chain of multiply-adds waits four cycles for each."""
    filters = known(node)[-1]
    vectors = -(-filters // MOST_LANES)
    return 20 + 1.3 * _multiply_adds(node) / filters * vectors


CONV_SMALL = Candidate(
    "conv_small",
    _is_small,
    _small_geometry,
    lambda node, shape, n: n * prod(three(known(node)[:-1], 1)[:2]),
    _small_cost,
    strided=True,
)
MATMUL = Candidate(
    "matmul",
    lambda node, shape: _is_product(node, shape) and not _is_small(node, shape),
    _product_geometry,
    _product_tasks,
    _product_cost,
    _product_scratch,
    sharing=_filter_blocks,
    strided=True,
    adds=True,
)
CONV = Candidate(
    "conv",
    lambda node, shape: not _is_product(node, shape) and not _is_small(node, shape),
    _conv_geometry,
    _conv_tasks,
    _conv_cost,
    _conv_scratch,
    sharing=_filter_blocks,
    strided=True,
    adds=True,
)


def winograd_candidates(
    node: Node, shape: KnownShape, pool: tuple[int, int], batch: int, threads: int
) -> Sequence[Candidate]:
    """One for each way to cut the tasks; none where the convolution has no tile.

    ``pool`` is the max pooling that follows, taken in; (1, 1) for none.
    """
    out = known(node)
    kernel, stride = three(_op(node).kernel, 1), three(_op(node).stride, 1)
    tile = find_tile(kernel[1:])
    if (
        tile is None
        or stride[1:] != (1, 1)
        or (_op(node).dilation and pool != (1, 1))
        or min(shape[-1], out[-1]) < MOST_LANES
        or kernel[0] * shape[-1] > MOST_TERMS
    ):
        return ()
    if _is_small(node, shape) or 0 in pool or tile.rows % pool[0] or tile.columns % pool[1]:
        return ()
    groups = -(-out[-1] // (2 * MOST_LANES))
    whole = _tiles(node, tile) * batch
    batches = {min(whole, 14 * k) for k in (1, 2, 3, 4, 6, 8)} | {
        -(-whole // p) for p in (1, 2, 3, 4) if whole // p <= 112
    }
    splits = {-(-groups // p) for p in (1, 2, 4, 8)}
    filters = [2 * MOST_LANES * split for split in sorted(splits)]
    chunk = min(CHUNK, -(-shape[-1] // MOST_LANES) * MOST_LANES)
    large = 4 * tile.points * prod(kernel[:1]) * shape[-1] * out[-1] >= FAR_BYTES
    return [
        _winograd(Schedule(tile, tiles, some, pool, chunk), batch, threads)
        for chunk, ranges in ((0, filters), *([(chunk, (32, 64, 128))] if large else []))
        for tiles in sorted(batches)
        for some in ranges
    ]


def _winograd(schedule: Schedule, batch: int, threads: int) -> Candidate:
    return Candidate(
        "winograd",
        lambda node, shape: True,
        partial(_winograd_geometry, schedule),
        partial(_winograd_tasks, schedule),
        partial(_winograd_cost, schedule, batch, threads),
        partial(_winograd_scratch, schedule),
        precise=False,
        schedule=schedule,
        sharing=partial(_ranges, schedule),
        strided=True,
    )


def _tiles(node: Node, tile: Tile) -> int:
    """Tiles of one sample."""
    count, *lengths = three(known(node)[:-1], 1)
    _, *apart = _apart(node)
    for length, distance, outputs in zip(lengths, apart, (tile.rows, tile.columns), strict=True):
        of_one_start = -(-length // distance)
        count *= -(-of_one_start // outputs) * distance
    return count


def _apart(node: Node) -> tuple[int, ...]:
    """The dilation; 1 where the window has one place, so that no tile is for nothing."""
    pairs = zip(three(_op(node).kernel, 1), three(_op(node).dilation, 1), strict=True)
    return tuple(distance if length > 1 else 1 for length, distance in pairs)


def _ranges(schedule: Schedule, node: Node, shape: KnownShape) -> int:
    return -(-known(node)[-1] // schedule.filters)


def _winograd_geometry(schedule: Schedule, node: Node, shape: KnownShape) -> Geometry:
    op, out = _op(node), known(node)
    return (
        *three(shape[:-1], 1), shape[-1], *three(out[:-1], 1), out[-1],
        three(op.kernel, 1)[0], three(op.stride, 1)[0],
        *three([b for b, _ in op.padding], 0), *three(op.repeats, 1), *_apart(node),
        schedule.tiles, schedule.filters, out[-1],
    )  # fmt: skip


def _winograd_tasks(schedule: Schedule, node: Node, shape: KnownShape, n: int) -> int:
    batches = -(-n * _tiles(node, schedule.tile) // schedule.tiles)
    return batches * _ranges(schedule, node, shape)


def _padded(shape: KnownShape, schedule: Schedule, node: Node) -> tuple[int, int]:
    """Values of a tile's inputs and a task's products at one point, padded."""
    slices = three(_op(node).kernel, 1)[0] * -(-shape[-1] // MOST_LANES)
    return slices * MOST_LANES, schedule.filters


def _winograd_scratch(schedule: Schedule, node: Node, shape: KnownShape) -> int:
    inputs, products = _padded(shape, schedule, node)
    own = products * (schedule.chunk + 1) if schedule.chunk else 0
    return schedule.tile.points * (schedule.tiles * (inputs + products) + 3 * MOST_LANES + own)


def _winograd_cost(
    schedule: Schedule, batch: int, threads: int, node: Node, shape: KnownShape
) -> float:
    """A sample's share: multiplications, transforms, and what comes from beyond the cache."""
    inputs, products = _padded(shape, schedule, node)
    points, filters = schedule.tile.points, known(node)[-1]
    tiles = _tiles(node, schedule.tile)
    tasks = _winograd_tasks(schedule, node, shape, batch)
    ranges = _ranges(schedule, node, shape)
    places = tasks / ranges / batch
    work = tiles * points * inputs * filters / MULTIPLY_ADDS
    # A transform moves each value about four times between registers and cache, and that of
    # the inputs is repeated where threads share a batch of tiles.
    transform = tiles * points * (min(ranges, threads) * inputs + filters) / 6
    weights = points * inputs * filters
    held = 4 * points * schedule.tiles * (inputs + products)
    if schedule.chunk:
        work = 1.05 * work + places * weights / TRANSFORMED_WEIGHTS
    elif 4 * weights + held > CACHE_BYTES:
        # Weights are asked for ahead: whichever takes longer, they or the products.
        far = min(1.0, 4 * weights / FAR_BYTES) ** 2
        a_byte = (1 - far) * NANOSECONDS_A_BYTE + far * FAR_NANOSECONDS_A_BYTE
        read = 4 * places * weights * a_byte
        # A single pass leaves no time to ask for the next weights.
        waited = schedule.tiles <= MOST_COLUMNS and 4 * weights > 2 * CACHE_BYTES
        work = max(work, read) + (read / 4 if waited else 0)
    spilled = max(0.0, held - CACHE_BYTES / 2) * 2 * tasks / batch
    # Few tasks leave threads without one.
    idle = -(-tasks // threads) * threads / tasks if tasks < 64 else 1.0
    return (work + transform) * idle + spilled * NANOSECONDS_A_BYTE
