"""Zeros for rows in which every value is the mask's."""

from __future__ import annotations

from math import prod

from speccompiler.graph.ir import Mask, Node
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.kernels.cuda.row_kernels import RowGrid
from speccompiler.planning.candidate import KnownShape, op_of


def seen_other(grid: RowGrid, length: int, value: float) -> list[str]:
    """``seen`` is 1 for a row with any value but ``value``, else 0; a NaN is such a value."""
    other = f"x[start + i] != np.float32({value!r})"
    return [
        f"start = q * {length}",
        "seen = np.float32(0)",
        *grid.strided(f"seen = np.float32(1) if {other} else seen"),
        *grid.joined("seen", "v if v > seen else seen"),
    ]


def mask(rows: int, length: int, value: float) -> Launch:
    """Rows with any value but ``value`` as they are, zeros for the others."""
    grid = RowGrid(rows, length)
    body = [
        *seen_other(grid, length, value),
        *grid.written("x[start + i] if seen > np.float32(0) else np.float32(0)"),
    ]
    return grid.launch("mask", body)


def _work(node: Node, shape: KnownShape) -> Work:
    return Work((mask(prod(shape[:-1]), shape[-1], op_of(node).value),))


MASK = CudaKernel("mask", (Mask,), _work)
