"""Cells: what a kernel computes at a time along an axis, where the bits depend on it."""

from __future__ import annotations

from speccompiler.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Cells:
    """Outputs of an axis are computed in cells of ``multiple``, counted from the first.

    A part of the outputs has the bits of the whole if it begins and ends with whole cells, or
    where the outputs end, and has ``least`` of them, or all.
    """

    multiple: int = 1
    least: int = 1

    def widened(self, first: int, last: int, length: int) -> tuple[int, int]:
        """The least interval that holds one and has the bits of the whole."""
        last = min(max(last, first + self.least), length)
        first = max(min(first, last - self.least), 0)
        first -= first % self.multiple
        return first, min(-(-last // self.multiple) * self.multiple, length)
