"""Which axis of the first input holds channels: the others are what tiles cut."""

from __future__ import annotations

from speccompiler.graph import ir
from speccompiler.tiling.layouts import layouts_of

CHANNELS_LAST = (
    ir.Conv, ir.Depthwise, ir.Local, ir.Pool, ir.GlobalPool, ir.Upsample, ir.Pad, ir.Resize,
)  # fmt: skip
"""Operations that take their input's last axis for channels."""


def channel_axis(graph: ir.Graph) -> int | None:
    """The axis of the first input that the first operation on images takes for channels.

    Of values that are looked up, no axis holds channels; where nothing tells, the last one does.
    ``graph`` is as lowered: passes let channels come first.
    """
    layouts, first = layouts_of(graph).layouts, graph.inputs[0]
    own = {axis[0].root: place for place, axis in enumerate(layouts[first.name]) if axis}
    ones = [place for place, axis in enumerate(layouts[first.name]) if not axis]
    for node in graph:
        if isinstance(node.op, ir.Lookup) and node.inputs[0] == first.name:
            return None
        if isinstance(node.op, CHANNELS_LAST):
            *others, last = layouts[node.inputs[0]]
            for axis in (last, layouts[node.name][-1]):
                if len(axis) == 1 and axis[0].root in own:
                    return own[axis[0].root]
            if not last and ones and any(p.root in own for axis in others for p in axis):
                return ones[-1] if len(first.shape) - 1 in ones else ones[0]
    return len(first.shape) - 1
