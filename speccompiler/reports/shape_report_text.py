"""The shape report as a table: text for a terminal, Markdown for a pull request, HTML."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from html import escape
from typing import Literal

from speccompiler.diagnostics.wording import on_one_line
from speccompiler.graph.ir import Shape
from speccompiler.graph.shapes import format_shape
from speccompiler.reports.number_text import count, scaled, size
from speccompiler.reports.shape_report import LayerReport, ShapeReport

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
ALIGN: tuple[str, ...] = ("left", "left", "left", "right", "right", "right", "right", "right")
_FORMATS = {"text": "simple", "markdown": "github", "html": "html"}


def report_text(
    report: ShapeReport, style: Style = "text", name: Callable[[str], str] = on_one_line
) -> str:
    """The title, the table and the totals. ``name`` makes names fit for where they are shown."""
    from tabulate import tabulate

    rows = [tuple(map(name, _row(layer))) for layer in report.layers]
    headers, align = HEADERS, ALIGN
    if any(layer.inputs for layer in report.layers):
        reads = [", ".join(map(name, layer.inputs)) for layer in report.layers]
        rows = [(*row[:2], read, *row[2:]) for row, read in zip(rows, reads, strict=True)]
        headers = (*headers[:2], "reads", *headers[2:])
        align = (*align[:2], "left", *align[2:])
    table = tabulate(
        rows,
        headers=headers,
        tablefmt=_FORMATS[style],
        colalign=align,
        disable_numparse=True,
    )
    title = f"{name(report.model)}: {_inputs(report, name)}"
    title += f", {report.semantics} semantics" if report.semantics else ""
    lines = _totals(report)
    if style == "html":
        items = "".join(f"<li>{escape(line)}</li>" for line in lines)
        return f"<div><b>{escape(title)}</b>\n{table}\n<ul>{items}</ul></div>"
    if style == "markdown":
        return "\n".join([f"### {title}", "", table, "", *(f"- {line}" for line in lines)])
    return "\n".join([title, "", table, "", *lines])


def _inputs(report: ShapeReport, name: Callable[[str], str]) -> str:
    if len(report.inputs) == 1:
        return f"input {_batched(report.inputs[0][1])}"
    shown = [f"{name(each)} {_batched(shape)}" for each, shape in report.inputs]
    return "inputs " + ", ".join(shown)


def _totals(report: ShapeReport) -> list[str]:
    peak = "open until every length is known (--input-shape)"
    if report.peak_bytes is not None:
        peak = f"{size(report.peak_bytes)} for a batch of 1, weights included"
    return [
        f"parameters: {count(report.parameters)} ({size(4 * report.parameters)})",
        f"trainable parameters: {count(report.trainable_parameters)}",
        f"non-trainable parameters: {count(report.non_trainable_parameters)}",
        f"multiply-adds: {scaled(report.multiply_adds)} a sample",
        f"activations: {size(report.activation_bytes)} a sample, all layers together",
        f"peak memory of the plan: {peak}",
    ]


def _row(layer: LayerReport) -> tuple[str, ...]:
    return (
        layer.name,
        layer.type,
        _batched(layer.output_shape),
        count(layer.parameters) if layer.parameters else "",
        scaled(layer.multiply_adds) if layer.multiply_adds else "",
        size(layer.activation_bytes),
        "all" if layer.receptive_field is None else _by(layer.receptive_field),
        "" if layer.stride is None else _by(layer.stride),
    )


def _batched(shape: Shape) -> str:
    inner = format_shape(shape)[1:-1].rstrip(",")
    return f"(N, {inner})"


def _by(values: tuple[int, ...] | tuple[Fraction, ...]) -> str:
    if len(set(values)) == 1 and len(values) > 1 and values[0] == 1:
        return "1"
    return "x".join(str(value) for value in values)
