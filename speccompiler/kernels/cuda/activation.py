"""An activation of every value by itself."""

from __future__ import annotations

from math import prod

from speccompiler.expressions.source import word_source
from speccompiler.graph.ir import Map, Node
from speccompiler.kernels.cuda.flat_kernels import FlatGrid, activated, read, store
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.planning.candidate import KnownShape, op_of


def activate(elements: int, activation: str) -> Launch:
    """``elements`` values of a sample through ``activation``, the text of a function."""
    grid = FlatGrid.over(elements, elements)
    names = grid.names("a")
    body = [read("x", grid.first, names), store(grid.first, activated(names, activation))]
    return grid.launch("map", body, activation)


def _work(node: Node, shape: KnownShape) -> Work:
    return Work((activate(prod(shape), word_source(op_of(node).activation)),))


ACTIVATION = CudaKernel("map", (Map,), _work)
