"""A copy of every value: a step that no kernel computes, whose output may lie nowhere else."""

from __future__ import annotations

from speccompiler.kernels.cuda.flat_kernels import FlatGrid, read, store
from speccompiler.kernels.cuda.launches import Launch


def copy(elements: int) -> Launch:
    """Every value of a sample as it is."""
    grid = FlatGrid.over(elements, elements)
    names = grid.names("a")
    return grid.launch("copy", [read("x", grid.first, names), store(grid.first, names)])
