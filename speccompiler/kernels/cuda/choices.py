"""Which kernel does a step on a GPU, at what estimated cost. Numba-free.

The estimates are for one sample on a GPU of about 30 TFLOP/s and 2 TB/s; only their
order matters. The choice depends on nothing but the layer, so that a sample's bits do not
depend on its batch; how the work is cut into blocks is decided later (``tiles``).
"""

from __future__ import annotations

from collections.abc import Mapping
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
from speccompiler.graph.shapes import multiply_adds
from speccompiler.kernels.cuda.long_sums import PART
from speccompiler.kernels.cuda.winograd import tile_counts
from speccompiler.kernels.winograd_tiles import find_tile
from speccompiler.planning.candidate import Candidate, Geometry, KnownShape, known, three
from speccompiler.planning.schedule import Tile

MULTIPLY_ADDS = 15_000.0
"""In a nanosecond."""
BYTES = 2_000.0
"""To and from memory in a nanosecond."""
LAUNCH = 3_000.0
"""Nanoseconds of a kernel that does nothing."""
TRANSFORMED = 32
"""Channels and filters from which Winograd's transforms are worth their traffic."""
WANTED_BLOCKS = 128
"""Tiles of one sample below which a long sum is split, to use the whole GPU."""
SHORTEST_PART = 256
MOST_PARTS = 16


def _always(node: Node, shape: KnownShape) -> bool:
    return True


def _nothing(node: Node, shape: KnownShape) -> Geometry:
    """The geometry is in the kernel's text."""
    return ()


def _outputs(node: Node, shape: KnownShape, n: int) -> int:
    return n * prod(known(node))


def _moved(node: Node, shape: KnownShape) -> float:
    return LAUNCH + 4 * (prod(shape) + prod(known(node))) / BYTES


def _op(node: Node) -> Any:
    return node.op


def splits(positions: int, filters: int, terms: int) -> int:
    """Parts that each sum of a layer is cut into: few outputs of long sums leave a GPU idle.

    The longest are cut whatever their number, so that no part rounds too often.
    """
    blocks = -(-positions // 64) * -(-filters // 64)
    wanted = min(MOST_PARTS, WANTED_BLOCKS // blocks, terms // SHORTEST_PART)
    return max(1, wanted, -(-terms // PART))


def conv_splits(node: Node, shape: KnownShape) -> int:
    """The same of a convolution's node."""
    *positions, filters = known(node)
    return splits(prod(positions), filters, prod(_op(node).kernel) * shape[-1])


def _gemm_scratch(node: Node, shape: KnownShape) -> int:
    parts = conv_splits(node, shape)
    return parts * prod(known(node)) if parts > 1 else 0


def _gemm_cost(node: Node, shape: KnownShape) -> float:
    count = int(multiply_adds(node))  # type: ignore[arg-type]
    return _moved(node, shape) + count / MULTIPLY_ADDS


def winograd_tile(node: Node, shape: KnownShape) -> Tile | None:
    """The tile of a convolution that Winograd's method can do; None for others."""
    kernel, stride = three(_op(node).kernel, 1), three(_op(node).stride, 1)
    if (
        any(d != 1 for d in _op(node).dilation)
        or stride[1:] != (1, 1)
        or min(shape[-1], known(node)[-1]) < TRANSFORMED
    ):
        return None
    return find_tile(kernel[1:])


def winograd_scratch(node: Node, shape: KnownShape) -> tuple[int, int]:
    """Values of the transformed input and of the products, for one sample."""
    tile = winograd_tile(node, shape)
    assert tile is not None, f"{node.name} has no tile"
    outputs = three(known(node)[:-1], 1)
    tiles = tile.points * prod(tile_counts((outputs[0], outputs[1], outputs[2]), tile))
    depth = three(shape[:-1], 1)[0]
    return tiles * depth * shape[-1], tiles * outputs[0] * known(node)[-1]


def _winograd_cost(node: Node, shape: KnownShape) -> float:
    tile = winograd_tile(node, shape)
    assert tile is not None, f"{node.name} has no tile"
    inputs, products = winograd_scratch(node, shape)
    taps = three(_op(node).kernel, 1)[0]
    multiply = products * taps * shape[-1] / MULTIPLY_ADDS
    traffic = 4 * 2 * (inputs + products) / BYTES
    return _moved(node, shape) + 2 * LAUNCH + multiply + traffic


_LAYER_KERNELS: Mapping[type[Op], str] = {
    MapWith: "map_with",
    Depthwise: "depthwise",
    Local: "local",
    Lookup: "lookup",
    GlobalPool: "global_pool",
    Mask: "mask",
    Normalize: "normalize",
    BatchNormalize: "batch_normalize",
    Combine: "combine",
    Concat: "concat",
    Dot: "dot",
    Slice: "slice",
    Resize: "resize_image",
}
"""Operations with one kernel, which has nothing to choose."""

CANDIDATES: Mapping[type[Op], tuple[Candidate, ...]] = {
    Conv: (
        Candidate("gemm", _always, _nothing, _outputs, _gemm_cost, _gemm_scratch),
        Candidate(
            "winograd",
            lambda node, shape: winograd_tile(node, shape) is not None,
            _nothing,
            _outputs,
            _winograd_cost,
            lambda node, shape: sum(winograd_scratch(node, shape)),
            precise=False,
        ),
    ),
    Pool: (Candidate("pool", _always, _nothing, _outputs, _moved),),
    Upsample: (Candidate("resize", _always, _nothing, _outputs, _moved),),
    Pad: (Candidate("resize", _always, _nothing, _outputs, _moved),),
    Map: (Candidate("map", _always, _nothing, _outputs, _moved),),
    Softmax: (Candidate("softmax", _always, _nothing, _outputs, _moved),),
    Transpose: (Candidate("transpose", _always, _nothing, _outputs, _moved),),
    **{
        op: (Candidate(kernel, _always, _nothing, _outputs, _moved),)
        for op, kernel in _LAYER_KERNELS.items()
    },
}
"""What the CUDA target can run. Input, Identity and Reshape need no kernel: they are views."""


def choose(
    node: Node,
    shape: KnownShape,
    *,
    fast: bool = False,
    batch: int = 1,
    threads: int = 1,
    pool: Node | None = None,
) -> Candidate | None:
    """The cheapest candidate, ``fast`` admitting those that round more. None takes in a pool.

    Neither a batch nor the processor's ``threads`` change what a GPU does.
    """
    if pool is not None:
        return None
    fitting = [c for c in CANDIDATES[type(node.op)] if (fast or c.precise) and c.fits(node, shape)]
    assert fitting, f"no kernel for {node.name}"
    return min(fitting, key=lambda c: c.nanoseconds(node, shape))
