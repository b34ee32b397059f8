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
from speccompiler.planning.plan import Plan, Step
from speccompiler.tiling.needs import CellsByNode


@dataclass(frozen=True, slots=True)
class AlikeKernels:
    """A target's kernels, where a step of the whole has one: that one."""

    kernels: KernelTable
    whole: Mapping[str, Step]
    """Of the whole plan, by the node's name."""

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
        if not isinstance(node.op, Conv) or wanted is None or wanted.candidate is None:
            return found
        if pool is not None and (found is None or found.kernel != wanted.kernel):
            return None
        return self.alike(wanted.candidate, wanted.node, wanted.source_shape, found)

    def alike(
        self, whole: Candidate, node: Node, shape: KnownShape, own: Candidate | None
    ) -> Candidate:
        """See ``KernelTable``."""
        return self.kernels.alike(whole, node, shape, own)


def alike_kernels(kernels: KernelTable, plan: Plan) -> AlikeKernels:
    """The kernels for tiles of a whole image that has this plan."""
    chosen = {
        step.node.name: step
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
