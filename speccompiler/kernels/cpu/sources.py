"""The text of each step's kernel, and its weights in the order that the kernel reads.

Some kernels are ordinary files, taken as they are; an activation is written into ``map``.
Convolutions are generated: their tile depends on the width of the machine's vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.expressions.nodes import Expression
from speccompiler.expressions.source import numba_source
from speccompiler.ir import Conv, Map, Node

from . import conv, matmul, winograd
from .candidate import Candidate, KnownShape
from .register_tile import VECTORS, block_depth, tile_columns
from .winograd_tiles import Tile, pass_columns

Array = npt.NDArray[np.float32]
START, END = "# <activate>\n", "# </activate>\n"


def kernel_text(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    """The source of the module that a step runs; ``shape`` is of one input sample."""
    generate = _GENERATED.get(candidate.kernel)
    if generate is not None:
        return generate(candidate, node, shape, lanes)
    text = (resources.files(__package__) / f"{candidate.kernel}.py").read_text(encoding="utf-8")
    return _with_activation(text, node.op.activation) if isinstance(node.op, Map) else text


def _with_activation(text: str, activation: Expression) -> str:
    """A kernel's file with the function between the marks replaced."""
    head, rest = text.split(START)
    default, tail = rest.split(END)
    decorator = default[: default.index("def ")]
    function = f"import math\n\nimport numpy as np\n\n{decorator}{numba_source(activation)}"
    return head + START + function + END + tail


def _activation(node: Node) -> tuple[bool, str | None]:
    """Whether it is relu, which stays in registers, and the text of any other."""
    assert isinstance(node.op, Conv), f"{node.name} is no convolution"
    activation = node.op.activation
    relu = activation == ACTIVATIONS["relu"]
    return relu, None if relu or activation is None else numba_source(activation)


def _conv(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    assert isinstance(node.op, Conv), f"{node.name} is no convolution"
    width = node.shape[-2]
    assert isinstance(width, int), "a plan has no open length"
    repeats = any(r != 1 for r in node.op.repeats)
    return conv.source(lanes, shape[-1], width, *_activation(node), repeats=repeats)


def _matmul(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    return matmul.source(lanes, shape[-1], *_activation(node))


def _winograd(candidate: Candidate, node: Node, shape: KnownShape, lanes: int) -> str:
    schedule = candidate.schedule
    assert schedule is not None and isinstance(node.op, Conv), "a Winograd step has a schedule"
    columns = pass_columns(schedule.tiles, tile_columns(lanes)[0])
    return winograd.source(
        lanes,
        schedule.tile,
        columns,
        schedule.pool,
        *_activation(node),
        uneven=schedule.tiles % columns > 0,
        repeats=any(r != 1 for r in node.op.repeats),
    )


_GENERATED: Mapping[str, Callable[[Candidate, Node, KnownShape, int], str]] = {
    "conv": _conv,
    "matmul": _matmul,
    "winograd": _winograd,
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
    if candidate.schedule is None:
        packed = _pack_direct(weight, lanes)
    else:
        packed = _pack_winograd(weight, candidate.schedule.tile, lanes)
    return packed.reshape(-1), padded


def _pack_direct(weight: npt.NDArray[Any], lanes: int) -> Array:
    """(*kernel, C, filters) as [group][channel block][*kernel][channel][filter].

    A group is two vectors of filters, a block one vector of channels (or all, if they are
    fewer); both are filled with zeros.
    """
    *places_shape, channels, filters = weight.shape
    places = int(np.prod(places_shape, dtype=np.int64))
    group, depth = VECTORS * lanes, block_depth(channels, lanes)
    groups, blocks = -(-filters // group), -(-channels // depth)
    source = weight.reshape(places, channels, filters)
    missing = (blocks * depth - channels, groups * group - filters)
    if any(missing):
        source = np.pad(source, [(0, 0), (0, missing[0]), (0, missing[1])])
    split = source.reshape(places, blocks, depth, groups, group)
    return np.ascontiguousarray(split.transpose(3, 1, 0, 2, 4), np.float32)


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
