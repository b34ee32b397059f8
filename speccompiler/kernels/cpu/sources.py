"""The text of each step's kernel, and its weights in the order that the kernel reads.

Kernels are generated: they depend on the width of the machine's vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.ir import Combine, Conv, Map, Node, Pool, Upsample

from . import (
    combine,
    concat,
    conv,
    conv_small,
    dot,
    map,
    matmul,
    pool,
    resize,
    softmax,
    transpose,
    winograd,
)
from .candidate import Candidate, KnownShape, known, three
from .choices import TRANSPOSE_BLOCK, gathers_rows, transpose_plan
from .register_tile import VECTORS, block_depth, tile_columns
from .vector_math import activation_text
from .winograd_tiles import Tile, pass_columns

Array = npt.NDArray[np.float32]


def kernel_text(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    """The source of the module that a step runs; ``shape`` is of one input sample."""
    return _SOURCES[candidate.kernel](candidate, node, shape, lanes)


def _activation(node: Node) -> tuple[bool, str | None]:
    """Whether it is relu, which stays in registers, and the text of any other."""
    assert isinstance(node.op, Conv), f"{node.name} is no convolution"
    activation = node.op.activation
    relu = activation == ACTIVATIONS["relu"]
    return relu, None if relu or activation is None else activation_text(activation)


def _conv(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    op, out = node.op, known(node)
    assert isinstance(op, Conv), f"{node.name} is no convolution"
    return conv.source(
        lanes,
        shape[-1],
        out[-1],
        three(out[:-1], 1)[1:],
        three(op.kernel, 1)[1:],
        three(op.stride, 1)[1:],
        *_activation(node),
        repeats=any(r != 1 for r in op.repeats),
    )


def _conv_small(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    return conv_small.source(lanes, *_activation(node))


def _matmul(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    return matmul.source(lanes, shape[-1], known(node)[-1], *_activation(node))


def _winograd(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    assert isinstance(node.op, Conv), f"{node.name} is no convolution"
    schedule = candidate.schedule
    assert schedule is not None, "a Winograd step has a schedule"
    columns = pass_columns(schedule.tiles, tile_columns(lanes))
    return winograd.source(
        lanes,
        schedule.tile,
        columns,
        schedule.pool,
        *_activation(node),
        uneven=schedule.tiles % columns > 0,
        repeats=any(r != 1 for r in node.op.repeats),
    )


def fitting_lanes(channels: int, lanes: int) -> int:
    """The widest vectors that so many channels fill; the widest of all where none can be filled.

    What has fewer than 4 channels is done as whole rows, or value by value.
    """
    fitting = [count for count in (16, 8, 4) if count <= min(channels, lanes)]
    return fitting[0] if fitting else lanes


def _pool(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    assert isinstance(node.op, Pool), f"{node.name} is no pooling"
    depth, height, width = (*(1,) * (3 - len(node.op.kernel)), *node.op.kernel)
    lanes = fitting_lanes(shape[-1], lanes)
    return pool.source(
        lanes, node.op.mode == "max", (depth, height, width), gathers_rows(node, shape)
    )


def _resize(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    factor = node.op.factors[-1] if isinstance(node.op, Upsample) else 1
    # What is not spread along a row is copied in runs that are longer than the channels.
    used = fitting_lanes(shape[-1], lanes) if factor > 1 else lanes
    return resize.source(used, factor, shape[-1])


def _transpose(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    *_, across, along = transpose_plan(node, shape).lengths
    return transpose.source(fitting_lanes(min(across, along), lanes), TRANSPOSE_BLOCK)


def _map(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    assert isinstance(node.op, Map), f"{node.name} is no activation"
    return map.source(lanes, activation_text(node.op.activation))


def _softmax(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    return softmax.source(lanes)


def _combine(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    op = node.op
    assert isinstance(op, Combine), f"{node.name} combines nothing"
    activation = None if op.activation is None else activation_text(op.activation)
    return combine.source(lanes, op.mode, len(node.inputs), activation)


def _concat(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    return concat.source(lanes)


def _dot(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    return dot.source(lanes)


_SOURCES: Mapping[str, Callable[[Candidate, Node, KnownShape, int], str]] = {
    "conv": _conv,
    "conv_small": _conv_small,
    "matmul": _matmul,
    "winograd": _winograd,
    "pool": _pool,
    "resize": _resize,
    "transpose": _transpose,
    "map": _map,
    "softmax": _softmax,
    "combine": _combine,
    "concat": _concat,
    "dot": _dot,
}


def pack_weights(
    candidate: Candidate, weight: npt.NDArray[Any], bias: npt.NDArray[Any] | None, lanes: int
) -> tuple[Array, Array]:
    """Weights and bias as a step's kernel reads them, flat; the bias fills whole groups."""
    group = VECTORS * lanes
    filters = weight.shape[-1]
    padded = np.zeros(-(-filters // group) * group, np.float32)
    if bias is not None:
        padded[:filters] = bias
    if candidate.kernel == "conv_small":
        packed = _pack_whole(weight, lanes)
    elif candidate.schedule is None:
        packed = _pack_direct(weight, lanes)
    else:
        packed = _pack_winograd(weight, candidate.schedule.tile, lanes)
    return packed.reshape(-1), padded


def _pack_whole(weight: npt.NDArray[Any], lanes: int) -> Array:
    """(*kernel, C, filters) as it is, filters filled with zeros to whole vectors."""
    missing = -weight.shape[-1] % lanes
    filled = np.pad(weight, [(0, 0)] * (weight.ndim - 1) + [(0, missing)])
    return np.ascontiguousarray(filled, np.float32)


def _pack_direct(weight: npt.NDArray[Any], lanes: int) -> Array:
    """(*kernel, C, filters) as [group][KD][channel block][KH, KW][channel][filter], flat.

    A group is two vectors of filters, the last one vector where that holds them; a block is
    an even share of the channels. Both are filled with zeros.
    """
    *places, channels, filters = weight.shape
    planes = places[0] if len(places) == 3 else 1
    group, depth = VECTORS * lanes, block_depth(channels, lanes)
    blocks, padded = -(-channels // depth), -(-filters // lanes) * lanes
    source = weight.reshape(planes, -1, channels, filters)
    missing = (blocks * depth - channels, padded - filters)
    if any(missing):
        source = np.pad(source, [(0, 0), (0, 0), (0, missing[0]), (0, missing[1])])
    source = source.reshape(planes, -1, blocks, depth, padded).transpose(0, 2, 1, 3, 4)
    packed = np.empty(source.size, np.float32)
    whole = padded // group * group
    size = source.size // padded
    split = source[..., :whole].reshape(*source.shape[:4], -1, group)
    target = packed[: size * whole].reshape(-1, *source.shape[:4], group)
    target[:] = np.moveaxis(split, 4, 0)
    packed[size * whole :] = source[..., whole:].reshape(-1)
    return packed


def _pack_winograd(weight: npt.NDArray[Any], tile: Tile, lanes: int) -> Array:
    """(*kernel, C, filters) as [point][group][depth tap][channel][filter]."""
    channels, filters = weight.shape[-2:]
    taps = weight.shape[0] if weight.ndim == 5 else 1
    source = weight.reshape(taps, *tile.kernel, channels, filters)
    group, depth = VECTORS * lanes, -(-channels // lanes) * lanes
    packed = np.zeros((tile.points, -(-filters // group), taps, depth, group), np.float32)
    for g in range(packed.shape[1]):
        # One group at a time: in float64 the whole would be several times the weights.
        part = source[..., g * group : (g + 1) * group].astype(np.float64)
        points = winograd.transform_weights(part.transpose(1, 2, 0, 3, 4), tile)
        packed[:, g, :, :channels, : part.shape[-1]] = points
    return packed
