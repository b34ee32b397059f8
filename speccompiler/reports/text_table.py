"""A table as text: columns as wide as their widest cell, for reports of many thousand rows.

As ``tabulate`` writes its formats "simple" and "github". That looks for numbers, dates and colours
in every cell first, which takes longer than all else that a report does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Align = Literal["left", "right"]


def text_table(
    headers: Sequence[str],
    align: Sequence[Align],
    rows: Sequence[Sequence[str]],
    style: Literal["text", "markdown"] = "text",
) -> str:
    """The headers, a line below them, and a line for each row; cells hold no line breaks."""
    columns = list(zip(headers, *rows, strict=True))
    widths = [max(_width(name) + 2, *map(_width, cells)) for name, *cells in columns]
    head, *body = zip(*map(_padded, columns, widths, align), strict=True)
    if style == "markdown":
        below = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
        return "\n".join([_bars(head), below, *map(_bars, body)])
    below = "  ".join("-" * width for width in widths)
    return "\n".join([_spaced(head), below, *map(_spaced, body)])


def _bars(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _spaced(cells: Sequence[str]) -> str:
    return "  ".join(cells).rstrip()


def _padded(cells: Sequence[str], width: int, side: Align) -> list[str]:
    """Every cell of a column, filled up with spaces."""
    fill = str.ljust if side == "left" else str.rjust
    return [fill(cell, width + len(cell) - _width(cell)) for cell in cells]


def _width(text: str) -> int:
    """The columns of a terminal that a text takes: two for a wide letter, none for an accent."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(
        0 if combining(letter) else 2 if east_asian_width(letter) in "WF" else 1 for letter in text
    )
