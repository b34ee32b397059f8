"""Sizes of tiles as numbers: what "auto" means is decided once, and not by each worker."""

from __future__ import annotations

from speccompiler.graph.dims import known_shape
from speccompiler.graph.ir import Graph
from speccompiler.tiling.channel_axis import channel_axis
from speccompiler.tiling.tiling import Tiling


def fixed_sizes(tiling: Tiling, lowered: Graph) -> tuple[int, ...]:
    """The tiles' sizes along every axis of the first input but that of the channels."""
    channels = channel_axis(lowered)
    cut = {axis.axis: axis.size for axis in tiling.axes}
    lengths = known_shape(lowered.inputs[0].shape)
    return tuple([cut.get(axis, length) for axis, length in enumerate(lengths) if axis != channels])
