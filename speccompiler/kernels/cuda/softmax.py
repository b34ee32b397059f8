"""Softmax over the last axis."""

from __future__ import annotations

from math import prod

from speccompiler.graph.ir import Node, Softmax
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.kernels.cuda.row_kernels import RowGrid
from speccompiler.planning.candidate import KnownShape


def softmax(rows: int, length: int) -> Launch:
    """exp(x - max) / sum of every row."""
    grid = RowGrid(rows, length)
    larger = "v if v > most or v != v else most"
    body = [
        f"start = q * {length}",
        "most = np.float32(-np.inf)",
        *grid.strided("v = x[start + i]", f"most = {larger}"),
        *grid.joined("most", larger),
        *grid.summed("exp(x[start + i] - most)"),
        *grid.joined("total", "total + v"),
        *grid.written("exp(x[start + i] - most) / total"),
    ]
    return grid.launch("softmax", body)


def _work(node: Node, shape: KnownShape) -> Work:
    return Work((softmax(prod(shape[:-1]), shape[-1]),))


SOFTMAX = CudaKernel("softmax", (Softmax,), _work)
