"""A table, for a terminal or for Markdown."""

from __future__ import annotations

from dataclasses import dataclass

from tabulate import tabulate


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text; all but the first of a line are aligned as numbers are."""

    title: str
    note: str
    header: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]

    def render(self, style: str = "simple") -> str:
        """By tabulate; ``style`` is one of its table formats."""
        align = ("left", *["right"] * (len(self.header) - 1))
        return tabulate(self.cells, self.header, style, colalign=align, disable_numparse=True)
