"""Whether tiles would help where a whole sample needs more memory than there is."""

from __future__ import annotations

from speccompiler.graph.ir import Graph
from speccompiler.tiling.tile_sizes import cutting_of


def can_be_cut(lowered: Graph) -> bool:
    """Whether some axis of the first input can be cut into tiles."""
    cutting = cutting_of(lowered, lowered, {})
    return any(
        cutting.shape[axis] > 1 and axis not in cutting.obstacles for axis in cutting.spatial
    )
