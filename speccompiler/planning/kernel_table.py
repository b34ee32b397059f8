"""What a plan asks of a target: which kernel does a step, and what was measured before.

All else in a plan (order, buffers, views) is the same on every target.
"""

from __future__ import annotations

from typing import Protocol

from speccompiler.graph.ir import Identity, Node, Op, Reshape, Transpose
from speccompiler.planning.candidate import Candidate, KnownShape

RECKONED_THREADS = 4
"""Threads that a step is expected to have, if nobody says how many, when its kernel is chosen."""
VIEWS: tuple[type[Op], ...] = (Identity, Reshape)
"""Operations that no kernel does: their value lies in the place of what they read."""


def is_view(node: Node) -> bool:
    """Whether a node's value lies in the place of what it reads.

    A transpose that only moves axes of length 1 leaves every value where it is.
    """
    if isinstance(node.op, Transpose):
        moved = [axis for axis, n in zip(node.op.axes, node.shape, strict=True) if n != 1]
        return moved == sorted(moved)
    return isinstance(node.op, VIEWS)


class KernelTable(Protocol):
    """A target's kernels: any module or object with these functions."""

    def choose(
        self,
        node: Node,
        shape: KnownShape,
        *,
        fast: bool = False,
        batch: int = 1,
        threads: int = 1,
        pool: Node | None = None,
    ) -> Candidate | None:
        """The kernel for a step, and for a pool after it; None where no kernel takes both."""

    def alike(
        self, whole: Candidate, node: Node, shape: KnownShape, own: Candidate | None
    ) -> Candidate:
        """For a part of what ``whole`` does, which is ``node`` of ``shape``: the same bits.

        ``own`` is what the part would have, if any; what is given takes no pool in but that.
        """


class Measured(Protocol):
    """Choices between ways that give the same bits, made by measuring them."""

    def choice(
        self, node: Node, shape: KnownShape, pool: Node | None, best: Candidate
    ) -> Candidate:
        """The fastest that was measured; ``best``, the cheapest by estimate, if none was."""
