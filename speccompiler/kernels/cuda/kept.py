"""A mask: 1 for rows in which any value differs from one, else 0."""

from __future__ import annotations

from math import prod

from speccompiler.graph.ir import Kept, Node
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.kernels.cuda.mask import seen_other
from speccompiler.kernels.cuda.row_kernels import RowGrid
from speccompiler.planning.candidate import KnownShape, op_of


def kept(rows: int, length: int, value: float) -> Launch:
    """Whether each row has a value other than ``value``; a NaN is one."""
    grid = RowGrid(rows, length)
    body = [
        *seen_other(grid, length, value),
        f"if row < n * {rows} and lane == 0:",
        "    y[row] = seen",
    ]
    return grid.launch("kept", body)


def _work(node: Node, shape: KnownShape) -> Work:
    return Work((kept(prod(shape[:-1]), shape[-1], op_of(node).value),))


KEPT = CudaKernel("kept", (Kept,), _work)
