"""1 for each row of which any value differs from one number, else 0: the mask of Masking."""

from __future__ import annotations

from speccompiler.graph import ir
from speccompiler.kernels.cpu.differing_rows import DifferingRowKernel

WRITTEN = """\
        y[row] = lane(largest_lane(other), 0)
"""


class KeptKernel(DifferingRowKernel):
    """Tasks are rows."""

    name = "kept"
    ops = (ir.Kept,)

    @classmethod
    def written(cls) -> str:
        return WRITTEN
