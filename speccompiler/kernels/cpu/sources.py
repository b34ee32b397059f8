"""The text of each step's kernel, and its weights in the order that the kernel reads.

Kernels are generated: they depend on the width of the machine's vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.expressions.library import ACTIVATIONS, THEANO_RELU
from speccompiler.expressions.nodes import Expression
from speccompiler.graph.ir import (
    BatchNormalize,
    Combine,
    Conv,
    Depthwise,
    GlobalPool,
    Local,
    Map,
    MapWith,
    Mask,
    Node,
    Normalize,
    Pool,
    Resize,
    Upsample,
)
from speccompiler.kernels.axes import parameter_axes, transpose_plan
from speccompiler.kernels.cpu import (
    activation,
    batch_normalize,
    combine,
    concat,
    conv,
    conv_small,
    depthwise,
    dot,
    global_pool,
    local,
    lookup,
    map_with,
    mask,
    matmul,
    normalize,
    pool,
    resize,
    resize_image,
    slicing,
    softmax,
    transpose,
    winograd,
)
from speccompiler.kernels.cpu.choices import (
    TRANSPOSE_BLOCK,
    gathers_rows,
)
from speccompiler.kernels.cpu.codegen.register_tile import VECTORS, Relu, block_depth, tile_columns
from speccompiler.kernels.cpu.codegen.vector_math import activation_text
from speccompiler.kernels.long_sums import is_long
from speccompiler.kernels.winograd_tiles import Tile, pass_columns
from speccompiler.planning.candidate import Candidate, KnownShape, known, three

Array = npt.NDArray[np.float32]


JOINED = """

@jit
def joined(sums, there):
    return @JOINED
"""


def kernel_text(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    """The source of the module that a step runs; ``shape`` is of one input sample."""
    return _SOURCES[candidate.kernel](candidate, node, shape, lanes)


_RELUS: Mapping[Expression, Relu] = {ACTIVATIONS["relu"]: "plain", THEANO_RELU: "theano"}


def _activation(node: Node) -> tuple[Relu, str | None]:
    """Which relu it is, which stays in registers, and the text of any other."""
    assert isinstance(node.op, Conv), f"{node.name} is no convolution"
    activation = node.op.activation
    if activation is None:
        return "", None
    relu = _RELUS.get(activation, "")
    return relu, None if relu else activation_text(activation)


def _added(candidate: Candidate) -> str | None:
    """``joined`` for ``register_tile.copying_out``, where a step takes in a sum."""
    if candidate.added is None:
        return None
    activation = candidate.added.activation
    if activation is None:
        return JOINED.replace("@JOINED", "add(sums, there)")
    # Another name than the convolution's own activation has.
    text = activation_text(activation).replace("activate(", "activate_sum(")
    return text + JOINED.replace("@JOINED", "activate_sum(add(sums, there))")


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
        dilation=three(op.dilation, 1)[1:],
        added=_added(candidate),
        planes=three(op.kernel, 1)[0],
    )


def _conv_small(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    assert isinstance(node.op, Conv), f"{node.name} is no convolution"
    terms = prod(node.op.kernel) * shape[-1]
    return conv_small.source(lanes, *_activation(node), terms)


def _matmul(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    relu, activation = _activation(node)
    return matmul.source(lanes, shape[-1], known(node)[-1], relu, activation, _added(candidate))


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
        passes=-(-schedule.tiles // tile_columns(lanes)),
        uneven=schedule.tiles % columns > 0,
        repeats=any(r != 1 for r in node.op.repeats),
        dilated=any(d != 1 for d in node.op.dilation),
        chunk=schedule.chunk,
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


def _global_pool(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    assert isinstance(node.op, GlobalPool), f"{node.name} is no pooling"
    return global_pool.source(lanes, node.op.mode)


def _resize(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    factor = node.op.factors[-1] if isinstance(node.op, Upsample) else 1
    # What is not spread along a row is copied in runs that are longer than the channels.
    used = fitting_lanes(shape[-1], lanes) if factor > 1 else lanes
    return resize.source(used, factor, shape[-1])


def _resize_image(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    op = node.op
    assert isinstance(op, Resize), f"{node.name} resizes nothing"
    used = fitting_lanes(shape[-1], lanes)
    return resize_image.source(used, op.bilinear, op.align_corners)


def _transpose(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    *_, across, along = transpose_plan(node, shape).lengths
    return transpose.source(fitting_lanes(min(across, along), lanes), TRANSPOSE_BLOCK)


def _map(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    assert isinstance(node.op, Map), f"{node.name} is no activation"
    return activation.source(lanes, activation_text(node.op.activation))


def _map_with(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    op = node.op
    assert isinstance(op, MapWith), f"{node.name} has no parameters"
    count = len(op.parameters)
    return map_with.source(lanes, activation_text(op.activation, count), count)


def _depthwise(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    assert isinstance(node.op, Depthwise), f"{node.name} is no depthwise convolution"
    columns, stride = node.op.kernel[-1], node.op.stride[-1]
    long = is_long(prod(node.op.kernel))
    return depthwise.source(fitting_lanes(shape[-1], lanes), columns, stride, long)


def _local(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    assert isinstance(node.op, Local), f"{node.name} has no weights by position"
    return local.source(lanes, is_long(prod(node.op.kernel) * shape[-1]))


def _by_lanes(source: Callable[[int], str]) -> Callable[[Candidate, Node, KnownShape, int], str]:
    """A text that depends on the width of vectors alone."""
    return lambda candidate, node, shape, lanes: source(lanes)


def _combine(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    op = node.op
    assert isinstance(op, Combine), f"{node.name} combines nothing"
    activation = None if op.activation is None else activation_text(op.activation)
    return combine.source(lanes, op.mode, len(node.inputs), activation)


_SOURCES: Mapping[str, Callable[[Candidate, Node, KnownShape, int], str]] = {
    "conv": _conv,
    "conv_small": _conv_small,
    "matmul": _matmul,
    "winograd": _winograd,
    "pool": _pool,
    "global_pool": _global_pool,
    "resize": _resize,
    "resize_image": _resize_image,
    "slice": _by_lanes(slicing.source),
    "transpose": _transpose,
    "map": _map,
    "map_with": _map_with,
    "depthwise": _depthwise,
    "combine": _combine,
    "concat": _by_lanes(concat.source),
    "dot": _by_lanes(dot.source),
    "softmax": _by_lanes(softmax.source),
    "local": _local,
    "lookup": _by_lanes(lookup.source),
    "mask": _by_lanes(mask.source),
    "normalize": _by_lanes(normalize.source),
    "batch_normalize": _by_lanes(batch_normalize.source),
}


EMPTY = np.zeros(0, np.float32)
Given = Sequence[npt.NDArray[Any]]
"""What ``ir.operands`` lists, as arrays."""


def pack_weights(candidate: Candidate, node: Node, given: Given, lanes: int) -> tuple[Array, Array]:
    """Weights and bias as a step's kernel reads them, flat."""
    pack = _PACKED.get(candidate.kernel)
    return (EMPTY, EMPTY) if pack is None else pack(candidate, node, given, lanes)


def _pack_conv(candidate: Candidate, node: Node, given: Given, lanes: int) -> tuple[Array, Array]:
    """The bias fills whole groups."""
    weight, bias = given[0], given[1] if len(given) > 1 else None
    group = VECTORS * lanes
    filters = weight.shape[-1]
    padded = np.zeros(-(-filters // group) * group, np.float32)
    if bias is not None:
        padded[:filters] = bias
    undefined = np.isnan(weight).any(tuple(range(weight.ndim - 1)))
    if undefined.any():
        # Times anything, zeros around the data included, it is NaN.
        padded[:filters][undefined] = np.nan
        weight = np.where(undefined, np.float32(0), weight)
    if candidate.kernel == "conv_small":
        packed = _pack_whole(weight, lanes)
    elif candidate.schedule is None:
        packed = _pack_direct(weight, lanes)
    elif candidate.schedule.chunk:
        packed = _pack_streamed(weight, lanes)
    else:
        packed = _pack_winograd(weight, candidate.schedule.tile, lanes)
    return packed.reshape(-1), padded


def _pack_parameters(
    candidate: Candidate, node: Node, given: Given, lanes: int
) -> tuple[Array, Array]:
    """One period of each parameter after another, and what follows it in a vector."""
    first = parameter_axes(node)
    shape = known(node)[first:]
    packed = []
    for parameter in given:
        period = np.broadcast_to(parameter.reshape(parameter.shape[first:]), shape).reshape(-1)
        packed += [period, np.resize(period, lanes)]
    return np.concatenate(packed, dtype=np.float32, casting="same_kind"), EMPTY


def _pack_depthwise(
    candidate: Candidate, node: Node, given: Given, lanes: int
) -> tuple[Array, Array]:
    kernels = np.moveaxis(given[0], -2, 0).reshape(-1)
    return np.concatenate([kernels, np.zeros(lanes)], dtype=np.float32), EMPTY


def _pack_local(candidate: Candidate, node: Node, given: Given, lanes: int) -> tuple[Array, Array]:
    weight, *rest = (_pack_whole(array, lanes) for array in given)
    bias = rest[0] if rest else np.zeros((len(weight), weight.shape[-1]), np.float32)
    return weight.reshape(-1), bias.reshape(-1)


def _pack_table(candidate: Candidate, node: Node, given: Given, lanes: int) -> tuple[Array, Array]:
    return np.ascontiguousarray(given[0], np.float32).reshape(-1), EMPTY


def _pack_constants(
    candidate: Candidate, node: Node, given: Given, lanes: int
) -> tuple[Array, Array]:
    op = node.op
    match op:
        case Normalize():
            values = [op.epsilon, op.added]
        case BatchNormalize():
            values = [op.epsilon]
        case _:
            assert isinstance(op, Mask), f"{node.name} has no constants"
            values = [op.value]
    return np.array(values, np.float32), EMPTY


_PACKED: Mapping[str, Callable[[Candidate, Node, Given, int], tuple[Array, Array]]] = {
    **dict.fromkeys(("conv", "conv_small", "matmul", "winograd"), _pack_conv),
    "map_with": _pack_parameters,
    "depthwise": _pack_depthwise,
    "local": _pack_local,
    "lookup": _pack_table,
    **dict.fromkeys(("normalize", "batch_normalize", "mask"), _pack_constants),
}
"""Kernels that read more than their input. The constants of some are their weights."""


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
    """(*kernel, C, filters) as [point][group][depth tap][channel][filter], then as it is."""
    channels, filters = weight.shape[-2:]
    taps = weight.shape[0] if weight.ndim == 5 else 1
    source = weight.reshape(taps, *tile.kernel, channels, filters)
    group, depth = VECTORS * lanes, -(-channels // lanes) * lanes
    shape = (tile.points, -(-filters // group), taps, depth, group)
    size = prod(shape)
    whole = np.empty(size + size // tile.points * prod(tile.kernel), np.float32)
    whole[size:] = _pack_streamed(weight, lanes).reshape(-1)
    packed = whole[:size].reshape(shape)
    packed[:] = 0
    for g in range(packed.shape[1]):
        # One group at a time: what lies between is several times the weights.
        part = source[..., g * group : (g + 1) * group].astype(np.float32)
        points = winograd.transform_weights(part.transpose(1, 2, 0, 3, 4), tile)
        packed[:, g, :, :channels, : part.shape[-1]] = points
    return whole


def _pack_streamed(weight: npt.NDArray[Any], lanes: int) -> Array:
    """(*kernel, C, filters) as [group][depth tap][channel][KH, KW][filter], zeros filled in."""
    channels, filters = weight.shape[-2:]
    taps = weight.shape[0] if weight.ndim == 5 else 1
    source = weight.reshape(taps, -1, channels, filters)
    group, depth = VECTORS * lanes, -(-channels // lanes) * lanes
    packed = np.zeros((-(-filters // group), taps, depth, source.shape[1], group), np.float32)
    for g in range(len(packed)):
        part = source[..., g * group : (g + 1) * group]
        packed[g, :, :channels, :, : part.shape[-1]] = part.transpose(0, 2, 1, 3)
    return packed
