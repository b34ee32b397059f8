"""The table of a shape report: text for a terminal, Markdown for a pull request, HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from html import escape
from typing import Literal

from speccompiler.diagnostics.wording import first_few
from speccompiler.graph.ir import Shape
from speccompiler.graph.shapes import format_shape
from speccompiler.reports.layer_report import LayerReport
from speccompiler.reports.number_text import count, scaled, size
from speccompiler.reports.text_table import Align, text_table

MOST_READ = 8
"""Names in a cell: the column is as wide in every row as its widest cell."""
Style = Literal["text", "markdown", "html"]
HEADERS: tuple[str, ...] = (
    "layer",
    "type",
    "output shape",
    "parameters",
    "multiply-adds",
    "activations",
    "receptive field",
    "stride",
)
ALIGN: tuple[Align, ...] = ("left", "left", "left", "right", "right", "right", "right", "right")


def layer_table(layers: Sequence[LayerReport], style: Style, name: Callable[[str], str]) -> str:
    """A row for each layer; a column of what layers read where one reads no layer before it."""
    rows = [(name(layer.name), *(formula(cell, style) for cell in _row(layer))) for layer in layers]
    headers, align = HEADERS, ALIGN
    if any(layer.inputs for layer in layers):
        reads = [first_few([*map(name, layer.inputs)], MOST_READ) for layer in layers]
        rows = [(*row[:2], read, *row[2:]) for row, read in zip(rows, reads, strict=True)]
        headers = (*headers[:2], "reads", *headers[2:])
        align = (*align[:2], "left", *align[2:])
    if style != "html":
        return text_table(headers, align, rows, style)
    from tabulate import tabulate

    return tabulate(rows, headers=headers, tablefmt="html", colalign=align, disable_numparse=True)


def formula(text: str, style: Style) -> str:
    """A text with formulas: in Markdown two ``*`` would be emphasis."""
    return text.replace("*", "\\*") if style == "markdown" else text


def page(title: str, table: str, lines: Sequence[str], style: Style) -> str:
    """A title, a table and lines below it."""
    if style == "html":
        items = "".join(f"<li>{escape(line)}</li>" for line in lines)
        return f"<div><b>{escape(title)}</b>\n{table}\n<ul>{items}</ul></div>"
    if style == "markdown":
        return "\n".join([f"### {title}", "", table, "", *(f"- {line}" for line in lines)])
    return "\n".join([title, "", table, "", *lines])


def _row(layer: LayerReport) -> tuple[str, ...]:
    """All cells but the first, which is the layer's name."""
    return (
        layer.type,
        batched(layer.output_shape),
        _parameters(layer),
        scaled(layer.multiply_adds) if layer.multiply_adds else "",
        size(layer.activation_bytes),
        "all" if layer.receptive_field is None else _by(layer.receptive_field),
        "" if layer.stride is None else _by(layer.stride),
    )


def _parameters(layer: LayerReport) -> str:
    """Those of a layer that is called again are counted where it is called first."""
    if layer.parameters:
        return count(layer.parameters)
    return "again" if layer.shared_with is not None else ""


def batched(shape: Shape) -> str:
    """``(N, 28, 28, 1)``: a shape with the number of samples in front."""
    inner = format_shape(shape)[1:-1].rstrip(",")
    return f"(N, {inner})"


def _by(values: tuple[int, ...] | tuple[Fraction, ...]) -> str:
    if len(set(values)) == 1 and len(values) > 1 and values[0] == 1:
        return "1"
    return "x".join(str(value) for value in values)
