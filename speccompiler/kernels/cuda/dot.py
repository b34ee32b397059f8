"""Products of two values' rows: every row of the one with every row of the other."""

from __future__ import annotations

from math import prod

from speccompiler.graph.ir import Dot, Node
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Source, Work
from speccompiler.kernels.cuda.row_kernels import RowGrid
from speccompiler.planning.candidate import KnownShape, known


def dot(rows: int, columns: int, length: int) -> Launch:
    """Sums of products for ``rows`` rows of x and ``columns`` rows of the second value, ``w``."""
    outputs = rows * columns
    grid = RowGrid(outputs, length)
    body = [
        f"first = q // {columns} * {length}",
        f"second = (q // {outputs} * {columns} + q % {columns}) * {length}",
        *grid.summed("x[first + i] * w[second + i]"),
        *grid.joined("total", "total + v"),
        f"if row < n * {outputs} and lane == 0:",
        "    y[row] = total",
    ]
    return grid.launch("dot", body, Source(1))


def _work(node: Node, shape: KnownShape) -> Work:
    rows = prod(shape[:-1])
    return Work((dot(rows, prod(known(node)) // rows, shape[-1]),))


DOT = CudaKernel("dot", (Dot,), _work)
