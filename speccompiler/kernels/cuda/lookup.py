"""Rows of a table by their numbers (an embedding)."""

from __future__ import annotations

from math import prod

from speccompiler.graph.ir import Lookup, Node
from speccompiler.kernels.cuda.flat_kernels import FlatGrid, read, store
from speccompiler.kernels.cuda.kernel import CudaKernel
from speccompiler.kernels.cuda.launches import Launch, Work
from speccompiler.planning.candidate import KnownShape, op_of

LARGEST_ROW = 2.0**62
"""A value beyond it is no row's number, and not all of them are an int64."""


def look_up(values: int, rows: int, length: int) -> Launch:
    """The row of ``length`` values for the whole part of each number; NaN where there is none.

    ``values`` is how many numbers a sample has, ``rows`` how many the table has.
    """
    grid = FlatGrid.over(values * length, length)
    names, pieces = grid.names("a"), length // grid.width
    body = [
        f"c = i % {pieces} * {grid.width}",
        f"v = x[i // {pieces}]",
        "row = -1",
        f"if v > np.float32(-1) and v < np.float32({LARGEST_ROW!r}):",
        "    row = int(v)",
        *(f"{a} = np.float32(np.nan)" for a in names),
        f"if 0 <= row < {rows}:",
        "    " + read("w", f"row * {length} + c", names),
        store(grid.first, names),
    ]
    return grid.launch("lookup", body)


def _work(node: Node, shape: KnownShape) -> Work:
    return Work((look_up(prod(shape), *op_of(node).weight.shape),))


LOOKUP = CudaKernel("lookup", (Lookup,), _work)
