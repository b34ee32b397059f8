"""Which kernels can do a step, at what estimated cost, and how each is called.

Light on purpose (no numba): plans and reports are made from this table. Several
candidates may stand in one row; the cheapest that fits is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from speccompiler.ir import (
    Conv,
    Identity,
    Map,
    Node,
    Op,
    Pad,
    Pool,
    Reshape,
    Softmax,
    Transpose,
    Upsample,
)

KnownShape = tuple[int, ...]
Geometry = tuple[int, ...]

PACKED_BYTES = 256 << 10
"""Input rows that a convolution's task keeps in L2."""
TILES_BYTES = 1 << 20
"""Transformed inputs and products that a Winograd task keeps in cache."""
TASK_FILTERS = 128
"""Filters of a task, and positions of a matrix product's task: as the kernels have them."""
TASK_POSITIONS = 84
TRANSPOSE_BLOCK = 256
"""Side of the block of a matrix that a task transposes."""
MOST_LANES, MOST_COLUMNS = 16, 14
"""The widest vectors and tiles that kernels are generated for."""
TILE_ELEMENTS = MOST_COLUMNS * 2 * MOST_LANES


@dataclass(frozen=True, slots=True)
class Candidate:
    """A kernel that can do some steps. Shapes are of one sample, all known."""

    kernel: str
    fits: Callable[[Node, KnownShape], bool]
    geometry: Callable[[Node, KnownShape], Geometry]
    tasks: Callable[[Node, KnownShape, int], int]
    """Independent tasks for ``n`` samples."""
    nanoseconds: Callable[[Node, KnownShape], float]
    """Estimated time of one sample on one core: ranks candidates, and says if threads pay."""
    scratch: Callable[[Node, KnownShape], int] = lambda node, shape: 0
    """float32 values that a thread needs for itself."""
    precise: bool = True
    """Rounds as the direct sum does; others are taken with ``math: fast`` only."""


def _always(node: Node, shape: KnownShape) -> bool:
    return True


def _three(values: Sequence[Any], fill: int) -> tuple[int, ...]:
    """Spatial values as 3-D, filled in front."""
    assert len(values) <= 3, "at most three spatial axes"
    return (fill,) * (3 - len(values)) + tuple(int(v) for v in values)


def _known(node: Node) -> KnownShape:
    return tuple(int(d) for d in node.shape)  # type: ignore[arg-type]


def _op(node: Node) -> Any:
    return node.op


def _conv_geometry(node: Node, shape: KnownShape) -> Geometry:
    op, out = _op(node), _known(node)
    return (
        *_three(shape[:-1], 1), shape[-1], *_three(out[:-1], 1), out[-1],
        *_three(op.kernel, 1), *_three(op.stride, 1), *_three([b for b, _ in op.padding], 0),
        _task_rows(node, shape),
    )  # fmt: skip


def _packed_row(node: Node, channels: int) -> int:
    """float32 values of one packed input row: as ``conv`` lays it out, for every plane."""
    op, (_, _, width) = _op(node), _three(node.shape[:-1], 1)
    kernel, stride = _three(op.kernel, 1), _three(op.stride, 1)
    phase = max(width, MOST_COLUMNS) + (kernel[2] - 1) // stride[2]
    return channels * kernel[0] * min(kernel[2], stride[2]) * phase


def _task_rows(node: Node, shape: KnownShape) -> int:
    """Output rows whose input fits into ``PACKED_BYTES``: packed once, read by every filter."""
    op, (_, height, _) = _op(node), _three(node.shape[:-1], 1)
    kernel, stride = _three(op.kernel, 1)[1], _three(op.stride, 1)[1]
    fitting = PACKED_BYTES // (4 * _packed_row(node, shape[-1]))
    return max(1, min(height, (fitting - kernel) // min(kernel, stride) + 1))


def _conv_scratch(node: Node, shape: KnownShape) -> int:
    """Packed rows and one tile, for the widest vectors."""
    kernel, stride = _three(_op(node).kernel, 1)[1], _three(_op(node).stride, 1)[1]
    rows = (_task_rows(node, shape) - 1) * min(kernel, stride) + kernel
    channels = -(-shape[-1] // MOST_LANES) * MOST_LANES
    return rows * _packed_row(node, channels) + TILE_ELEMENTS


def _conv_tasks(node: Node, shape: KnownShape, n: int) -> int:
    depth, height, _ = _three(node.shape[:-1], 1)
    row_blocks = -(-height // _task_rows(node, shape))
    return n * depth * row_blocks * -(-_known(node)[-1] // TASK_FILTERS)


def _conv_cost(node: Node, shape: KnownShape) -> float:
    kernel: KnownShape = _op(node).kernel
    return prod(_known(node)) * prod(kernel) * shape[-1] / 80


def _is_product(node: Node, shape: KnownShape) -> bool:
    op = _op(node)
    return all(k == 1 for k in op.kernel + op.stride) and all(p == (0, 0) for p in op.padding)


def _product_geometry(node: Node, shape: KnownShape) -> Geometry:
    return (prod(shape[:-1]), shape[-1], _known(node)[-1])


def _product_tasks(node: Node, shape: KnownShape, n: int) -> int:
    positions = n * prod(shape[:-1])
    return -(-positions // TASK_POSITIONS) * -(-_known(node)[-1] // TASK_FILTERS)


def _product_scratch(node: Node, shape: KnownShape) -> int:
    return TASK_POSITIONS * -(-shape[-1] // MOST_LANES) * MOST_LANES + TILE_ELEMENTS


def _fits_winograd(node: Node, shape: KnownShape) -> bool:
    """3x3 at stride 1, with enough channels and positions to fill tiles and vectors."""
    op, out = _op(node), _known(node)
    square = op.kernel == (3, 3) and op.stride == (1, 1)
    return square and min(shape[-1], out[-1]) >= MOST_LANES and min(out[:-1]) >= 4


def _winograd_tiles(node: Node) -> int:
    height, width, _ = _known(node)
    return -(-height // 4) * -(-width // 4)


def _winograd_task(node: Node, shape: KnownShape) -> int:
    """Tiles that a thread carries through: as many as keep its blocks in ``TILES_BYTES``.

    Many channels need many tiles, so that each transformed weight that is streamed in is
    used often; but a sample alone is still split in four.
    """
    per_tile = 4 * 36 * (shape[-1] + _known(node)[-1])
    fitting = max(14, min(56, TILES_BYTES // per_tile // 14 * 14))
    return max(7, min(fitting, -(-_winograd_tiles(node) // 4)))


def _winograd_geometry(node: Node, shape: KnownShape) -> Geometry:
    before = [int(b) for b, _ in _op(node).padding]
    return (*shape, *_known(node), *before, _winograd_task(node, shape))


def _winograd_tasks(node: Node, shape: KnownShape, n: int) -> int:
    return -(-n * _winograd_tiles(node) // _winograd_task(node, shape))


def _winograd_cost(node: Node, shape: KnownShape) -> float:
    channels, filters = shape[-1], _known(node)[-1]
    multiply = 36 * channels * filters / 80
    transform = 2 * (channels + filters)
    # Every task streams all 36 transformed kernels in, at about 20 bytes a nanosecond.
    stream = _winograd_tasks(node, shape, 1) * 36 * 4 * channels * filters / 20
    return _winograd_tiles(node) * (multiply + transform) + stream


def _winograd_scratch(node: Node, shape: KnownShape) -> int:
    tiles = _winograd_task(node, shape) + MOST_COLUMNS
    channels = -(-shape[-1] // MOST_LANES) * MOST_LANES
    filters = -(-_known(node)[-1] // (2 * MOST_LANES)) * 2 * MOST_LANES
    return 36 * (tiles * (channels + filters) + MOST_LANES)


def _product_cost(node: Node, shape: KnownShape) -> float:
    return prod(_known(node)) * shape[-1] / 90


def _pool_geometry(node: Node, shape: KnownShape) -> Geometry:
    op, out = _op(node), _known(node)
    counted: list[int] = []
    for n, (before, after) in zip(
        _three(shape[:-1], 1), ((0, 0),) * (4 - len(shape)) + op.zeros, strict=True
    ):
        counted += [-before, n + after]
    # The kernel's origin counts from the data, so the folded zeros shift it too.
    before = [b + z for (b, _), (z, _) in zip(op.padding, op.zeros, strict=True)]
    return (
        *_three(shape[:-1], 1), shape[-1], *_three(out[:-1], 1),
        *_three(op.kernel, 1), *_three(op.stride, 1), *_three(before, 0),
        *counted,
    )  # fmt: skip


def _rows(node: Node, shape: KnownShape, n: int) -> int:
    return n * prod(_three(node.shape[:-1], 1)[:2])


def gathers_rows(node: Node, shape: KnownShape) -> bool:
    """Whether pooling brings the rows of its windows together before it looks along them."""
    kernel, stride = _three(_op(node).kernel, 1), _three(_op(node).stride, 1)
    return shape[-1] < 4 and prod(kernel[:2]) > 1 and 1 < stride[2] <= kernel[2]


def _pool_scratch(node: Node, shape: KnownShape) -> int:
    return prod(shape[-2:]) if gathers_rows(node, shape) else 0


def _pool_cost(node: Node, shape: KnownShape) -> float:
    kernel: KnownShape = _op(node).kernel
    return prod(_known(node)) * prod(kernel) / 8


def _upsample_geometry(node: Node, shape: KnownShape) -> Geometry:
    factors = _three(_op(node).factors, 1)
    return (*_three(shape[:-1], 1), shape[-1], *_three(node.shape[:-1], 1), *factors, 0, 0, 0)


def _pad_geometry(node: Node, shape: KnownShape) -> Geometry:
    before = _three([b for b, _ in _op(node).padding], 0)
    return (*_three(shape[:-1], 1), shape[-1], *_three(node.shape[:-1], 1), 1, 1, 1, *before)


def _copy_cost(node: Node, shape: KnownShape) -> float:
    return prod(_known(node)) / 4


def _map_tasks(node: Node, shape: KnownShape, n: int) -> int:
    return -(-n * prod(_known(node)) // 4096)


def _softmax_geometry(node: Node, shape: KnownShape) -> Geometry:
    return (prod(shape[:-1]), shape[-1])


def merge_axes(shape: KnownShape, axes: tuple[int, ...]) -> tuple[KnownShape, tuple[int, ...]]:
    """The same permutation with axes joined that stay side by side, at most four left."""
    groups: list[list[int]] = []
    for axis in axes:
        if groups and groups[-1][-1] + 1 == axis:
            groups[-1].append(axis)
        else:
            groups.append([axis])
    order = sorted(range(len(groups)), key=lambda i: groups[i][0])
    merged = tuple(prod(shape[a] for a in groups[i]) for i in order)
    return merged, tuple(order.index(i) for i in range(len(groups)))


@dataclass(frozen=True, slots=True)
class TransposePlan:
    """A permutation as the kernel does it: two outer axes, the axes u and v of its matrices."""

    lengths: tuple[int, int, int, int]
    source_strides: tuple[int, int, int, int]
    target_strides: tuple[int, int, int, int]


def transpose_plan(node: Node, shape: KnownShape) -> TransposePlan:
    """u is where the input's values lie side by side (or any, if v is), v where the output's do."""
    merged, axes = merge_axes(shape, _op(node).axes)
    assert len(axes) <= 4, "a permutation of more than four separate axes"
    lengths = [merged[axis] for axis in axes]
    # Of each output axis: its length, the input's stride along it and the output's.
    rows = [
        (length, prod(merged[axis + 1 :]), prod(lengths[i + 1 :]))
        for i, (axis, length) in enumerate(zip(axes, lengths, strict=True))
    ]
    along = rows.pop()
    across = next((row for row in rows if row[1] == 1), rows[-1] if rows else (1, 1, 1))
    outer = [row for row in rows if row is not across]
    four = (*((1, 0, 0),) * (2 - len(outer)), *outer, across, along)
    return TransposePlan(*zip(*four, strict=True))


def _transpose_geometry(node: Node, shape: KnownShape) -> Geometry:
    plan = transpose_plan(node, shape)
    return (*plan.lengths, *plan.source_strides, *plan.target_strides, prod(shape))


def _transpose_tasks(node: Node, shape: KnownShape, n: int) -> int:
    *outer, across, along = transpose_plan(node, shape).lengths
    return n * prod(outer) * -(-across // TRANSPOSE_BLOCK) * -(-along // TRANSPOSE_BLOCK)


CANDIDATES: Mapping[type[Op], tuple[Candidate, ...]] = {
    Conv: (
        Candidate(
            "matmul",
            _is_product,
            _product_geometry,
            _product_tasks,
            _product_cost,
            _product_scratch,
        ),
        Candidate(
            "winograd",
            _fits_winograd,
            _winograd_geometry,
            _winograd_tasks,
            _winograd_cost,
            _winograd_scratch,
            precise=False,
        ),
        Candidate("conv", _always, _conv_geometry, _conv_tasks, _conv_cost, _conv_scratch),
    ),
    Pool: (Candidate("pool", _always, _pool_geometry, _rows, _pool_cost, _pool_scratch),),
    Upsample: (Candidate("resize", _always, _upsample_geometry, _rows, _copy_cost),),
    Pad: (Candidate("resize", _always, _pad_geometry, _rows, _copy_cost),),
    Map: (
        Candidate(
            "map",
            _always,
            lambda node, shape: (prod(shape),),
            _map_tasks,
            _copy_cost,
        ),
    ),
    Softmax: (
        Candidate(
            "softmax",
            _always,
            _softmax_geometry,
            lambda node, shape, n: n * prod(_known(node)[:-1]),
            _copy_cost,
        ),
    ),
    Transpose: (
        Candidate("transpose", _always, _transpose_geometry, _transpose_tasks, _copy_cost),
    ),
}
"""What the CPU target can run. Input, Identity and Reshape need no kernel: they are views."""

VIEWS: tuple[type[Op], ...] = (Identity, Reshape)


def choose(node: Node, shape: KnownShape, *, fast: bool = False) -> Candidate:
    """The cheapest kernel that fits a step; ``fast`` admits those that round more."""
    fitting = [c for c in CANDIDATES[type(node.op)] if (fast or c.precise) and c.fits(node, shape)]
    assert fitting, f"no kernel for {node.name}"
    return min(fitting, key=lambda c: c.nanoseconds(node, shape))
