"""``convspec shapes``: the shape report for a code review."""

from __future__ import annotations

import json
from fractions import Fraction

import click

from speccompiler.loading.spec import OrderingName, SemanticsName
from speccompiler.model import InputShapes
from speccompiler.report import LayerReport, ShapeReport
from speccompiler.shapes import format_shape

from .documents import load_model
from .numbers import count, scaled, size
from .options import input_shape_option, model_argument, semantics_options
from .render import printable

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


@click.command("shapes")
@model_argument
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
)
@input_shape_option
@semantics_options
def command(
    model: str,
    style: str,
    input_shape: InputShapes | None,
    semantics: SemanticsName | None,
    dim_ordering: OrderingName | None,
) -> None:
    """Report each layer's output shape, parameters, work, memory and reach.

    Shapes have N in front, the number of samples; everything else is of one sample.
    """
    loaded = load_model(
        model, semantics=semantics, dim_ordering=dim_ordering, input_shape=input_shape
    )
    report = loaded.shapes(input_shape)
    if style == "json":
        click.echo(json.dumps(report.to_data(), indent=2))
    else:
        click.echo(_table(report, style))


def _table(report: ShapeReport, style: str) -> str:
    from tabulate import tabulate

    rows = [tuple(map(printable, _row(layer))) for layer in report.layers]
    headers, align = HEADERS, ALIGN
    if any(layer.inputs for layer in report.layers):
        reads = [", ".join(map(printable, layer.inputs)) for layer in report.layers]
        rows = [(*row[:2], read, *row[2:]) for row, read in zip(rows, reads, strict=True)]
        headers = (*headers[:2], "reads", *headers[2:])
        align = (*align[:2], "left", *align[2:])
    table = tabulate(
        rows,
        headers=headers,
        tablefmt="github" if style == "markdown" else "simple",
        colalign=align,
        disable_numparse=True,
    )
    title = f"{printable(report.model)}: {_inputs(report)}"
    title += f", {report.semantics} semantics" if report.semantics else ""
    lines = [*_totals(report)]
    if style == "markdown":
        return "\n".join([f"### {title}", "", table, "", *(f"- {line}" for line in lines)])
    return "\n".join([title, "", table, "", *lines])


def _inputs(report: ShapeReport) -> str:
    if len(report.inputs) == 1:
        return f"input {_batched(report.inputs[0][1])}"
    shown = [f"{printable(name)} {_batched(shape)}" for name, shape in report.inputs]
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


def _batched(shape: tuple[object, ...]) -> str:
    inner = format_shape(shape)[1:-1].rstrip(",")  # type: ignore[arg-type]
    return f"(N, {inner})"


def _by(values: tuple[int, ...] | tuple[Fraction, ...]) -> str:
    if len(set(values)) == 1 and len(values) > 1 and values[0] == 1:
        return "1"
    return "x".join(str(value) for value in values)
