"""The kernels of tiles: those that the whole image would have, so that the bits are the same.

A kernel is chosen by what a step costs, which depends on its lengths; and two kernels may add up
a sum in another order.
"""

from __future__ import annotations

from collections.abc import Mapping

from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Conv, Node
from speccompiler.planning.candidate import Candidate, KnownShape
from speccompiler.planning.kernel_table import KernelTable
from speccompiler.planning.plan import Plan
from speccompiler.tiling.needs import CellsByNode


@dataclass(frozen=True, slots=True)
class AlikeKernels:
    """A target's kernels, where a step of the whole has one: that one."""

    kernels: KernelTable
    whole: Mapping[str, Candidate]
    """By the node's name."""

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
        """See ``KernelTable``. Only convolutions have several kernels."""
        found = self.kernels.choose(node, shape, fast=fast, batch=batch, threads=threads, pool=pool)
        wanted = self.whole.get(node.name)
        if not isinstance(node.op, Conv) or wanted is None:
            return found
        if found is not None and found.kernel == wanted.kernel:
            return found
        return None if pool is not None else self.kernels.alone(wanted)

    def alone(self, candidate: Candidate) -> Candidate:
        """See ``KernelTable``."""
        return self.kernels.alone(candidate)


def alike_kernels(kernels: KernelTable, plan: Plan) -> AlikeKernels:
    """The kernels for tiles of a whole image that has this plan."""
    chosen = {
        step.node.name: step.candidate
        for step in plan.steps
        if step.candidate is not None and isinstance(step.node.op, Conv)
    }
    return AlikeKernels(kernels, chosen)


def cells_of(plan: Plan) -> CellsByNode:
    """The cells that the kernels of a plan compute, by the node's name."""
    found = {}
    for step in plan.steps:
        if step.candidate is not None:
            cells = step.candidate.cells(step.node, step.source_shape)
            if cells:
                found[step.node.name] = cells
    return found
