"""``convspec weights``: every tensor of a model with its origin and its numbers in brief."""

from __future__ import annotations

import gc
import json
from typing import TYPE_CHECKING, Any

import click

from speccompiler.cli.documents import load_model
from speccompiler.cli.options import (
    model_argument,
    replace_option,
    semantics_options,
    weights_options,
)
from speccompiler.cli.render import diagnostic_data, printable, render_text
from speccompiler.reports.number_text import count, size

if TYPE_CHECKING:
    from speccompiler.loading.spec import OrderingName, SemanticsName
    from speccompiler.reports.weight_report import TensorReport, WeightReport
    from speccompiler.weights.sources import MatchName

HEADERS = ("tensor", "shape", "min", "mean", "max", "std", "zeros", "from")
ALIGN = ("left", "left", "right", "right", "right", "right", "right", "left")


@click.command("weights")
@model_argument
@click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@weights_options
@semantics_options
@replace_option
def command(
    model: str,
    style: str,
    weights: str | None,
    seed: int | None,
    weights_by: MatchName | None,
    semantics: SemanticsName | None,
    dim_ordering: OrderingName | None,
    replace: dict[str, str],
) -> None:
    """List MODEL's tensors: shapes, statistics, where they come from, broken constraints.

    Shapes are Keras's. Statistics leave out what is not finite.
    """
    gc.enable()  # off during start-up
    loaded = load_model(
        model,
        semantics=semantics,
        dim_ordering=dim_ordering,
        weights=weights,
        seed=seed,
        weights_by=weights_by,
        replace=replace,
    )
    from speccompiler.reports.weight_report import weight_report

    report = weight_report(loaded)
    if style == "json":
        click.echo(json.dumps(_data(report), indent=2))
    else:
        click.echo(_text(report))


def _data(report: WeightReport) -> dict[str, Any]:
    return {
        "model": report.model,
        "tensors": [tensor.to_data() for tensor in report.tensors],
        "diagnostics": [diagnostic_data(d) for d in report.diagnostics],
    }


def _text(report: WeightReport) -> str:
    from tabulate import tabulate

    if not report.tensors:
        return f"{printable(report.model)}: no layer has weights"
    table = tabulate(
        [_row(tensor) for tensor in report.tensors],
        headers=HEADERS,
        colalign=ALIGN,
        disable_numparse=True,
    )
    total = sum(tensor.count for tensor in report.tensors)
    tensors = f"{len(report.tensors)} tensor{'s' if len(report.tensors) > 1 else ''}"
    lines = [table, "", f"{tensors}, {count(total)} numbers ({size(4 * total)} as float32)"]
    if report.diagnostics:
        lines += ["", render_text(report.diagnostics)]
    return "\n".join(lines)


def _row(tensor: TensorReport) -> tuple[str, ...]:
    values = (tensor.smallest, tensor.mean, tensor.largest, tensor.deviation)
    return (
        printable(f"{tensor.layer}/{tensor.tensor}"),
        str(tensor.shape),
        *("" if value is None else f"{value:.4g}" for value in values),
        count(tensor.zeros) if tensor.zeros else "",
        printable(tensor.source),
    )
