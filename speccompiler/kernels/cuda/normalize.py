"""Each row less its mean, divided by its deviation."""

from __future__ import annotations

from math import prod

from speccompiler.graph.ir import Node, Normalize
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.kernels.cuda.row_kernels import RowGrid
from speccompiler.planning.candidate import KnownShape, op_of


def normalize(rows: int, length: int, epsilon: float, added: float) -> Launch:
    """(x - mean) / (sqrt(variance + epsilon) + added) of every row."""
    grid, count = RowGrid(rows, length), f"np.float32({length})"
    body = [
        f"start = q * {length}",
        *grid.summed("x[start + i]"),
        *grid.joined("total", "total + v"),
        f"mean = total / {count}",
        *grid.summed("far * far", "far = x[start + i] - mean"),
        *grid.joined("total", "total + v"),
        f"scale = sqrt(total / {count} + np.float32({epsilon!r})) + np.float32({added!r})",
        *grid.written("(x[start + i] - mean) / scale"),
    ]
    return grid.launch("normalize", body)


def _work(node: Node, shape: KnownShape) -> Work:
    op = op_of(node)
    return Work((normalize(prod(shape[:-1]), shape[-1], op.epsilon, op.added),))


NORMALIZE = CudaKernel("normalize", (Normalize,), _work)
