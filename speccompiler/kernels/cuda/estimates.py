"""What a kernel costs for one sample, in nanoseconds on a GPU of about 30 TFLOP/s and 2 TB/s.

Only the order of two estimates matters. They depend on nothing but the layer, so that the
bits of a sample do not depend on its batch.
"""

from __future__ import annotations

from math import prod

from speccompiler.graph.ir import Node
from speccompiler.planning.candidate import KnownShape, known

MULTIPLY_ADDS = 15_000.0
"""Multiply-adds in a nanosecond."""
BYTES = 2_000.0
"""Bytes to and from memory in a nanosecond."""
LAUNCH = 3_000.0
"""Nanoseconds that a kernel takes which does nothing."""


def moved(node: Node, shape: KnownShape) -> float:
    """The time of a kernel that reads its input once, writes its output and does little else."""
    return LAUNCH + 4 * (prod(shape) + prod(known(node))) / BYTES
