"""Texts of a picture: the shape of a value in few signs, the title, the legend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from speccompiler.drawing.layer_words import TIMES
from speccompiler.drawing.primitives import Item, Rect, Text
from speccompiler.drawing.text_widths import fitted, text_width
from speccompiler.drawing.themes import KINDS, Kind, Theme
from speccompiler.graph.dims import Dim, format_dim
from speccompiler.graph.ir import Shape
from speccompiler.reports.number_text import scaled
from speccompiler.reports.shape_report import ShapeReport

MARGIN = 24.0
TITLE_SIZE = 17.0
SMALL = 11.0
SWATCH = 12.0


def shape_text(shape: Shape) -> str:
    """``224x224x64`` with a sign for times, and signs for rounding up."""
    return TIMES.join(map(_dim_text, shape))


def _dim_text(dim: Dim) -> str:
    if isinstance(dim, int):
        return str(dim)
    text = format_dim(dim)
    out, open_ = [], []
    at = 0
    while at < len(text):
        if text.startswith("ceil(", at):
            out.append("⌈")
            open_.append("⌉")
            at += 5
            continue
        letter = text[at]
        if letter == "(":
            open_.append(")")
        elif letter == ")":
            letter = open_.pop()
        out.append("·" if letter == "*" else letter)
        at += 1
    short = "".join(out).replace(" ", "")
    return f"({short})" if short.strip("⌈⌉")[-1:] and _is_sum(short) else short


def _is_sum(text: str) -> bool:
    """Whether a sum stands outside all brackets."""
    depth = 0
    for letter in text:
        depth += (letter in "(⌈") - (letter in ")⌉")
        if not depth and letter in "+-":
            return True
    return False


def heading(report: ShapeReport, width: float, theme: Theme) -> tuple[list[Item], float]:
    """The model's name and totals, and where they end."""
    name = fitted(report.model, TITLE_SIZE, width, bold=True)
    items: list[Item] = [
        Text(MARGIN, MARGIN + TITLE_SIZE * 0.8, name, TITLE_SIZE, theme.text, bold=True)
    ]
    facts = summary(report)
    after = MARGIN + text_width(name, TITLE_SIZE, bold=True) + 14
    beside = after + text_width(facts, SMALL) <= MARGIN + width
    x, y = (after, items[0].y) if beside else (MARGIN, items[0].y + 18)  # type: ignore[union-attr]
    items.append(Text(x, y, fitted(facts, SMALL, width), SMALL, theme.quiet))
    return items, y + 18


def summary(report: ShapeReport) -> str:
    """``25.6 M parameters · 3.87 G multiply-adds``."""
    texts = [f"{len(report.layers):,} layers", f"{scaled(report.parameters)} parameters"]
    if isinstance(report.multiply_adds, int):
        texts.append(f"{scaled(report.multiply_adds)} multiply-adds")
    return " · ".join(texts)


def legend(
    kinds: Iterable[Kind], notes: Sequence[str], top: float, width: float, theme: Theme
) -> tuple[list[Item], float]:
    """A swatch for each kind that occurs, then notes; and where all of it ends."""
    items: list[Item] = []
    x, y = MARGIN, top
    present = set(kinds)
    for kind in KINDS:
        if kind not in present:
            continue
        colour, word = KINDS[kind]
        wide = SWATCH + 6 + text_width(word, SMALL) + 18
        if x > MARGIN and x + wide > MARGIN + width:
            x, y = MARGIN, y + 20
        items.append(Rect(x, y, SWATCH, SWATCH, colour, theme.edge, 2))
        items.append(Text(x + SWATCH + 6, y + SWATCH - 2, word, SMALL, theme.text))
        x += wide
    y += 20 if present else 0
    for note in notes:
        for line in _wrapped(note, width):
            items.append(Text(MARGIN, y + SMALL, line, SMALL, theme.quiet))
            y += 16
    return items, y


def _wrapped(text: str, width: float) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, SMALL) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
