"""Which kernels can do a step, at what estimated cost, and how each is called.

Light on purpose (no numba): plans and reports are made from this table. Several
candidates may stand in one row; the cheapest that fits is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from speccompiler.graph.ir import (
    BatchNormalize,
    Combine,
    Concat,
    Conv,
    Depthwise,
    Dot,
    GlobalPool,
    Local,
    Lookup,
    Map,
    MapWith,
    Mask,
    Node,
    Normalize,
    Op,
    Pad,
    Pool,
    Resize,
    Slice,
    Softmax,
    Transpose,
    Upsample,
)
from speccompiler.kernels.axes import parameter_axes, slice_plan, transpose_plan
from speccompiler.kernels.cpu.convolutions import CONV, CONV_SMALL, MATMUL, winograd_candidates
from speccompiler.planning.candidate import Candidate, Geometry, KnownShape, known, three
from speccompiler.planning.kernel_table import RECKONED_THREADS

TRANSPOSE_BLOCK = 256
"""Side of the block of a matrix that a task transposes."""
CONCAT_VALUES = 16384
"""Values that a task joins, about."""
SLICE_VALUES = 4096
"""Values that a task of a slice writes, about."""


def _always(node: Node, shape: KnownShape) -> bool:
    return True


def _op(node: Node) -> Any:
    return node.op


def _pool_geometry(node: Node, shape: KnownShape) -> Geometry:
    op, out = _op(node), known(node)
    counted: list[int] = []
    for n, (before, after) in zip(
        three(shape[:-1], 1), ((0, 0),) * (4 - len(shape)) + op.zeros, strict=True
    ):
        counted += [-before, n + after]
    # The kernel's origin counts from the data, so the folded zeros shift it too.
    before = [b + z for (b, _), (z, _) in zip(op.padding, op.zeros, strict=True)]
    return (
        *three(shape[:-1], 1), shape[-1], *three(out[:-1], 1),
        *three(op.kernel, 1), *three(op.stride, 1), *three(before, 0),
        *counted, out[-1],
    )  # fmt: skip


def _rows(node: Node, shape: KnownShape, n: int) -> int:
    return n * prod(three(node.shape[:-1], 1)[:2])


def gathers_rows(node: Node, shape: KnownShape) -> bool:
    """Whether pooling brings the rows of its windows together before it looks along them."""
    kernel, stride = three(_op(node).kernel, 1), three(_op(node).stride, 1)
    return shape[-1] < 4 and prod(kernel[:2]) > 1 and 1 < stride[2] <= kernel[2]


def _pool_scratch(node: Node, shape: KnownShape) -> int:
    return prod(shape[-2:]) if gathers_rows(node, shape) else 0


def _pool_cost(node: Node, shape: KnownShape) -> float:
    """About 20 GB/s from and to memory; few channels are looked at one value at a time."""
    looked_at: int = prod(known(node)) * prod(map(min, _op(node).kernel, shape[:-1]))
    return (prod(shape) + prod(known(node))) / 5 + looked_at / (30 if shape[-1] >= 4 else 2)


def _upsample_geometry(node: Node, shape: KnownShape) -> Geometry:
    factors = three(_op(node).factors, 1)
    return (*three(shape[:-1], 1), shape[-1], *three(node.shape[:-1], 1), *factors, 0, 0, 0)


def _pad_geometry(node: Node, shape: KnownShape) -> Geometry:
    before = three([b for b, _ in _op(node).padding], 0)
    return (*three(shape[:-1], 1), shape[-1], *three(node.shape[:-1], 1), 1, 1, 1, *before)


def _resize_cost(node: Node, shape: KnownShape) -> float:
    """Of the values written; few channels are spread one value at a time."""
    return prod(known(node)) / (4 if shape[-1] >= 4 else 2)


def _map_cost(node: Node, shape: KnownShape) -> float:
    """Of tanh; the cost of others is between half and twice as much."""
    return prod(known(node)) / 1.5


def _softmax_cost(node: Node, shape: KnownShape) -> float:
    return prod(shape) + 30 * prod(shape[:-1])


def _transpose_cost(node: Node, shape: KnownShape) -> float:
    return prod(shape) / 2


def _map_tasks(node: Node, shape: KnownShape, n: int) -> int:
    return -(-n * prod(known(node)) // 4096)


def _softmax_geometry(node: Node, shape: KnownShape) -> Geometry:
    return (prod(shape[:-1]), shape[-1])


def _transpose_geometry(node: Node, shape: KnownShape) -> Geometry:
    plan = transpose_plan(node, shape)
    return (*plan.lengths, *plan.source_strides, *plan.target_strides, prod(shape))


def _transpose_tasks(node: Node, shape: KnownShape, n: int) -> int:
    *outer, across, along = transpose_plan(node, shape).lengths
    return n * prod(outer) * -(-across // TRANSPOSE_BLOCK) * -(-along // TRANSPOSE_BLOCK)


def _map_with_geometry(node: Node, shape: KnownShape) -> Geometry:
    return prod(shape), prod(shape[parameter_axes(node) :])


def _depthwise_geometry(node: Node, shape: KnownShape) -> Geometry:
    op, out = _op(node), known(node)
    return (
        *three(shape[:-1], 1), shape[-1], *three(out[:-1], 1),
        *three(op.kernel, 1)[:2], *three(op.stride, 1), *three([b for b, _ in op.padding], 0),
        op.weight.shape[-2],
    )  # fmt: skip


def _depthwise_cost(node: Node, shape: KnownShape) -> float:
    """Of loads: one of a value for each tap, and of a weight for every fourth position."""
    taps: int = prod(_op(node).kernel) * prod(known(node))
    return (prod(shape) + prod(known(node))) / 5 + taps / 2 / min(shape[-1], 16)


def _local_geometry(node: Node, shape: KnownShape) -> Geometry:
    op, out = _op(node), known(node)
    first = len(shape) - 1 - len(op.kernel)
    return (
        prod(shape[:first]), *three(shape[first:-1], 1), shape[-1], *three(out[first:-1], 1),
        out[-1], *three(op.kernel, 1), *three(op.stride, 1),
    )  # fmt: skip


def _local_tasks(node: Node, shape: KnownShape, n: int) -> int:
    return int(_op(node).weight.shape[0])


def _row_geometry(node: Node, shape: KnownShape) -> Geometry:
    return prod(shape[:-1]), shape[-1]


def _row_tasks(node: Node, shape: KnownShape, n: int) -> int:
    return n * prod(shape[:-1])


GLOBAL_BLOCK = 64
"""Channels of a task of global pooling."""


def _global_geometry(node: Node, shape: KnownShape) -> Geometry:
    kept = _op(node).kept
    return prod(shape[:kept]), prod(shape[kept:-1]), shape[-1]


def _global_tasks(node: Node, shape: KnownShape, n: int) -> int:
    return n * prod(shape[: _op(node).kept]) * -(-shape[-1] // GLOBAL_BLOCK)


def _combine_cost(node: Node, shape: KnownShape) -> float:
    """About 20 GB/s to and from memory, and an activation as ``_map_cost`` has it."""
    activation = 0.0 if _op(node).activation is None else prod(shape) / 1.5
    return (1 + len(node.inputs)) * prod(shape) / 5 + activation


def _concat_geometry(node: Node, shape: KnownShape) -> Geometry:
    out, axis = known(node), _op(node).axis
    inner = prod(out[axis + 1 :])
    width = out[axis] * inner
    runs = [length * inner for length in _op(node).lengths]
    rows = max(1, CONCAT_VALUES // width)
    return (prod(out[:axis]), width, rows, min(width, CONCAT_VALUES), len(runs), *runs)


def _concat_tasks(node: Node, shape: KnownShape, n: int) -> int:
    positions, width, rows, columns, *_ = _concat_geometry(node, shape)
    return -(-n * positions // rows) * -(-width // columns)


def _concat_cost(node: Node, shape: KnownShape) -> float:
    """About 20 GB/s to and from memory; a short run takes as long as a vector."""
    rows, _, _, _, _, *runs = _concat_geometry(node, shape)
    return rows * sum(2 + run / 2.5 for run in runs)


def _dot_geometry(node: Node, shape: KnownShape) -> Geometry:
    rows = prod(shape[:-1])
    return (rows, prod(known(node)) // rows, shape[-1])


def _dot_cost(node: Node, shape: KnownShape) -> float:
    """Each product loads two vectors and uses neither again; then lanes are added up."""
    return prod(known(node)) * (10 + shape[-1] / 16)


def _slice_geometry(node: Node, shape: KnownShape) -> Geometry:
    plan = slice_plan(node, shape)
    rows, outer = prod(count for count, _ in plan.outer), [*reversed(plan.outer)]
    return (
        prod(shape), max(1, SLICE_VALUES // plan.length), len(outer), rows,
        plan.length, plan.step, plan.first, *(value for row in outer for value in row),
    )  # fmt: skip


def _slice_tasks(node: Node, shape: KnownShape, n: int) -> int:
    _, rows_of_a_task, _, rows, *_ = _slice_geometry(node, shape)
    return -(-n * rows // rows_of_a_task)


def _resize_image_geometry(node: Node, shape: KnownShape) -> Geometry:
    return (*shape[-3:], *known(node)[-3:-1])


def _resize_image_cost(node: Node, shape: KnownShape) -> float:
    """Of the values looked at; few channels are done one value at a time."""
    return prod(known(node)) / (1 if shape[-1] >= 4 else 0.3)


CANDIDATES: Mapping[type[Op], tuple[Candidate, ...]] = {
    Conv: (MATMUL, CONV, CONV_SMALL),
    Pool: (
        Candidate(
            "pool",
            _always,
            _pool_geometry,
            _rows,
            _pool_cost,
            _pool_scratch,
            strided=True,
        ),
    ),
    GlobalPool: (
        Candidate(
            "global_pool",
            _always,
            _global_geometry,
            _global_tasks,
            lambda node, shape: prod(shape) / 5,
        ),
    ),
    Upsample: (Candidate("resize", _always, _upsample_geometry, _rows, _resize_cost),),
    Pad: (Candidate("resize", _always, _pad_geometry, _rows, _resize_cost),),
    Map: (
        Candidate(
            "map",
            _always,
            lambda node, shape: (prod(shape),),
            _map_tasks,
            _map_cost,
        ),
    ),
    MapWith: (Candidate("map_with", _always, _map_with_geometry, _map_tasks, _map_cost),),
    Depthwise: (Candidate("depthwise", _always, _depthwise_geometry, _rows, _depthwise_cost),),
    Local: (
        Candidate(
            "local",
            _always,
            _local_geometry,
            _local_tasks,
            lambda node, shape: prod(_op(node).weight.shape) / 7,
        ),
    ),
    Lookup: (
        Candidate(
            "lookup",
            _always,
            lambda node, shape: (prod(shape), *_op(node).weight.shape),
            lambda node, shape, n: -(-n * prod(shape) // 32),
            lambda node, shape: 5 * prod(shape) + prod(known(node)) / 5,
        ),
    ),
    Mask: (Candidate("mask", _always, _row_geometry, _row_tasks, _softmax_cost),),
    Normalize: (Candidate("normalize", _always, _row_geometry, _row_tasks, _softmax_cost),),
    BatchNormalize: (
        Candidate(
            "batch_normalize",
            _always,
            _row_geometry,
            lambda node, shape, n: -(-shape[-1] // 16),
            lambda node, shape: prod(shape),
        ),
    ),
    Softmax: (
        Candidate(
            "softmax",
            _always,
            _softmax_geometry,
            lambda node, shape, n: n * prod(known(node)[:-1]),
            _softmax_cost,
        ),
    ),
    Transpose: (
        Candidate("transpose", _always, _transpose_geometry, _transpose_tasks, _transpose_cost),
    ),
    Combine: (
        Candidate(
            "combine",
            _always,
            lambda node, shape: (prod(shape),),
            _map_tasks,
            _combine_cost,
        ),
    ),
    Concat: (Candidate("concat", _always, _concat_geometry, _concat_tasks, _concat_cost),),
    Dot: (
        Candidate(
            "dot",
            _always,
            _dot_geometry,
            lambda node, shape, n: n * prod(shape[:-1]),
            _dot_cost,
            lambda node, shape: 16,
        ),
    ),
    Slice: (Candidate("slice", _always, _slice_geometry, _slice_tasks, _resize_cost),),
    Resize: (
        Candidate(
            "resize_image",
            _always,
            _resize_image_geometry,
            lambda node, shape, n: n * prod(known(node)[:-2]),
            _resize_image_cost,
        ),
    ),
}
"""What the CPU target can run. Input, Identity and Reshape need no kernel: they are views."""


Offer = Callable[[Node, KnownShape, tuple[int, int], int, int], Sequence[Candidate]]

OFFERS: Mapping[type[Op], tuple[Offer, ...]] = {Conv: (winograd_candidates,)}
"""Kernels that can cut a step in several ways: each way is a candidate of its own."""


def candidates(
    node: Node,
    shape: KnownShape,
    *,
    fast: bool = False,
    batch: int = 1,
    threads: int = RECKONED_THREADS,
    pool: Node | None = None,
) -> list[Candidate]:
    """All that fit a step of ``batch`` samples; with ``pool``, all that take it in too."""
    windows = (1, 1) if pool is None else _pool_windows(pool)
    offered = [
        c
        for offer in OFFERS.get(type(node.op), ())
        for c in offer(node, shape, windows, batch, threads)
    ]
    listed = CANDIDATES[type(node.op)] if pool is None else ()
    return [c for c in (*listed, *offered) if (fast or c.precise) and c.fits(node, shape)]


def choose(
    node: Node,
    shape: KnownShape,
    *,
    fast: bool = False,
    batch: int = 1,
    threads: int = RECKONED_THREADS,
    pool: Node | None = None,
) -> Candidate | None:
    """The cheapest candidate, ``fast`` admitting those that round more; None if none takes in.

    Which kernel it is does not depend on ``batch`` or ``threads``, only how its tasks are cut:
    the bits of an output may not depend on who else is in its batch, or on the machine's load.
    """
    alone = candidates(node, shape, fast=fast, pool=pool)
    assert alone or pool is not None, f"no kernel for {node.name}"
    cheapest = min(alone, key=lambda c: c.nanoseconds(node, shape), default=None)
    if cheapest is None or cheapest.schedule is None:
        return cheapest
    together = candidates(node, shape, fast=fast, batch=batch, threads=threads, pool=pool)
    same = [c for c in together if c.kernel == cheapest.kernel]
    return min(same, key=lambda c: c.nanoseconds(node, shape))


def _pool_windows(pool: Node) -> tuple[int, int]:
    """Height and width of windows that stand side by side in planes; else (0, 0)."""
    op = _op(pool)
    kernel = three(op.kernel, 1)
    plain = not any(p != (0, 0) for p in (*op.padding, *op.zeros))
    if op.mode == "max" and plain and op.kernel == op.stride and kernel[0] == 1:
        return kernel[1], kernel[2]
    return 0, 0
