"""The reference target: runs the lowered graph, before any pass, in float64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from speccompiler.graph.ir import Graph
from speccompiler.kernels.executor import Array, Request
from speccompiler.kernels.reference.evaluate import run_reference
from speccompiler.planning.plan import Plan
from speccompiler.weights.operands import resolve


class ReferenceExecutor:
    """Evaluates each node as it is defined; the plan only says what goes in and out."""

    kernel_seconds = 0.0

    def __init__(self, request: Request) -> None:
        self._request = request
        self.plan = request.plan
        self.batch_size = request.batch_size
        self._graph = request.graph
        self._weights = {
            operand: resolve(operand, lambda w: np.asarray(request.weights[w], np.float64))
            for operand in request.graph.operands()
        }

    def for_plan(self, graph: Graph, plan: Plan, batch_size: int) -> ReferenceExecutor:
        """Another graph of the same model."""
        return type(self)(replace(self._request, graph=graph, plan=plan, batch_size=batch_size))

    def run_batch(
        self,
        inputs: Sequence[Array],
        outputs: Sequence[Array],
        profile: list[float] | None = None,
    ) -> None:
        """Outputs are rounded to float32 at the very end. There are no steps to profile."""
        values = run_reference(self._graph, self._weights, *inputs)
        # What float32 cannot hold becomes infinite, as it does in a kernel.
        with np.errstate(all="ignore"):
            for y, name in zip(outputs, self._graph.outputs, strict=True):
                y[...] = values[name]
