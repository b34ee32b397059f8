"""The results as tables, for a terminal or for Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tabulate import tabulate

from . import figures
from .results import Results, Row

HEADERS = {"convspec precise": "precise", "convspec fast": "fast", "torch channels last": "torch c.l."}


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text. All columns but the first ``words`` hold numbers."""

    title: str
    header: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]

    def render(self, style: str = "simple") -> str:
        """By tabulate; ``style`` is one of its table formats."""
        align = ["left", *["right"] * (len(self.header) - 1)]
        return tabulate(
            self.cells, self.header, style, colalign=align, disable_numparse=True
        )


def tables(results: Results) -> Iterator[Table]:
    """Every part that was measured."""
    if results.rows:
        yield speed_table(results)


def speed_table(results: Results) -> Table:
    """Milliseconds of each contender, ratios, bar, and share of the machine's limit."""
    names = figures.contender_names(results.rows)
    own = [name for name in names if name.startswith("convspec")]
    header = (
        "ms",
        *(HEADERS.get(name, name) for name in names),
        *(f"peer/{HEADERS[name]}" for name in own),
        "bar",
        "rate",
        "of limit",
    )
    return Table("Speed", header, tuple(_speed_cells(row, names, own, results) for row in results.rows))


def _speed_cells(
    row: Row, names: Sequence[str], own: Sequence[str], results: Results
) -> tuple[str, ...]:
    rate = figures.rate_of(row, results.ours, results.limits)
    return (
        row.case,
        *(figures.time_of(row, name) for name in names),
        *(figures.ratio_of(row, name) for name in own),
        figures.verdict(row, results.ours),
        rate.amount,
        rate.share,
    )
