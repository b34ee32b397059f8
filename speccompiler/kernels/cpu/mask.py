"""Rows of which every value is one number become zeros; all others are copied."""

from __future__ import annotations

from speccompiler.graph import ir
from speccompiler.kernels.cpu.differing_rows import DifferingRowKernel

WRITTEN = """\
        kept = less(zero, largest_lane(other))
        for i in range(start, whole, @LANES):
            store(y, i, select(kept, load(x, i), zero))
        if whole < stop:
            store_where(y, whole, rest, select(kept, load_where(x, whole, rest), zero))
"""


class MaskKernel(DifferingRowKernel):
    """Tasks are rows."""

    name = "mask"
    ops = (ir.Mask,)

    @classmethod
    def written(cls) -> str:
        return WRITTEN
