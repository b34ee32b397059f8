"""The reference target: runs the lowered graph, before any pass, in float64."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from speccompiler.graph.ir import Graph, Operand, Weight
from speccompiler.kernels.executor import Array, Request
from speccompiler.kernels.reference.evaluate import run_reference
from speccompiler.planning.plan import Plan
from speccompiler.weights.operands import resolve


class ReferenceExecutor:
    """Evaluates each node as it is defined; the plan only says what goes in and out."""

    kernel_seconds = 0.0
    own_bytes = 0

    def __init__(self, request: Request) -> None:
        self.plan = request.plan
        self.batch_size = request.batch_size
        self._request = request
        self._weights: dict[Operand, npt.NDArray[np.float64]] = {}
        self._read(request.graph)

    def _read(self, graph: Graph) -> None:
        for operand in graph.operands():
            if operand not in self._weights:
                self._weights[operand] = resolve(operand, self._wide)

    def _wide(self, weight: Weight) -> npt.NDArray[np.float64]:
        return np.asarray(self._request.weights[weight], np.float64)

    def for_plan(self, graph: Graph, plan: Plan, batch_size: int) -> ReferenceExecutor:
        """Another graph of the same model."""
        other = copy(self)
        other.plan, other.batch_size = plan, batch_size
        other._request = replace(self._request, graph=graph)
        other._read(graph)
        return other

    def run_batch(
        self,
        inputs: Sequence[Array],
        outputs: Sequence[Array],
        profile: list[float] | None = None,
    ) -> None:
        """Outputs are rounded to float32 at the very end. There are no steps to profile."""
        graph = self._request.graph
        values = run_reference(graph, self._weights, *inputs)
        # What float32 cannot hold becomes infinite, as it does in a kernel.
        with np.errstate(all="ignore"):
            for y, name in zip(outputs, graph.outputs, strict=True):
                y[...] = values[name]
