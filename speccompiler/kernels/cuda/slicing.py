"""Values at even distances along every axis."""

from __future__ import annotations

from math import prod

from speccompiler.graph.ir import Node, Slice
from speccompiler.kernels.axes import RowsPlan, slice_plan
from speccompiler.kernels.cuda.flat_kernels import FlatGrid, read, store
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.planning.candidate import KnownShape


def take(elements: int, plan: RowsPlan) -> Launch:
    """A thread for each value that is taken; ``elements`` are those of an input's sample."""
    grid = FlatGrid(prod(count for count, _ in plan.outer) * plan.length, 1)
    body = [f"q = i // {plan.length}", f"at = {plan.first} + i % {plan.length} * {plan.step}"]
    for count, distance in reversed(plan.outer):
        body += [f"at += q % {count} * {distance}", f"q = q // {count}"]
    body += [read("x", f"q * {elements} + at", ["a0"]), store("i", ["a0"])]
    return grid.launch("slice", body)


def _work(node: Node, shape: KnownShape) -> Work:
    return Work((take(prod(shape), slice_plan(node, shape)),))


SLICE = CudaKernel("slice", (Slice,), _work)
