"""What a plan asks of a target: which kernel does a step, and what was measured before.

Order, buffers and views are the same on every target; this is the part that is not.
"""

from __future__ import annotations

from typing import Protocol

from speccompiler.graph.ir import Identity, Node, Op, Reshape
from speccompiler.planning.candidate import Candidate, KnownShape

RECKONED_THREADS = 4
"""What a step is expected to have where nobody says it: it decides which kernel does it."""
VIEWS: tuple[type[Op], ...] = (Identity, Reshape)
"""What no kernel does: the value lies where what it reads lies."""


class KernelTable(Protocol):
    """A target's kernels. A module with ``choose`` is one."""

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


class Measured(Protocol):
    """Choices that were made by the clock, and change no bits."""

    def choice(
        self, node: Node, shape: KnownShape, pool: Node | None, best: Candidate
    ) -> Candidate:
        """What was fastest; ``best``, the cheapest by estimate, where nothing is known."""
