"""Values repeated along axes on which they stood alone: a thread for each output."""

from __future__ import annotations

from math import prod

from speccompiler.graph.ir import Expand, Node
from speccompiler.kernels.axes import RowsPlan, expand_plan
from speccompiler.kernels.cuda.flat_kernels import FlatGrid, read, store
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.planning.candidate import KnownShape


def spread(elements: int, plan: RowsPlan) -> Launch:
    """``elements`` are the values of an input's sample."""
    grid = FlatGrid(prod(count for count, _ in plan.outer) * plan.length, 1)
    body = [f"q = i // {plan.length}", f"at = i % {plan.length} * {plan.step}"]
    for count, distance in reversed(plan.outer):
        body += [f"at += q % {count} * {distance}", f"q = q // {count}"]
    body += [read("x", f"q * {elements} + at", ["a0"]), store("i", ["a0"])]
    return grid.launch("expand", body)


def _work(node: Node, shape: KnownShape) -> Work:
    return Work((spread(prod(shape), expand_plan(node, shape)),))


EXPAND = CudaKernel("expand", (Expand,), _work)
