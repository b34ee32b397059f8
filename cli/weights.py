"""``convspec weights``: every tensor of a model with its origin and its numbers in brief."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from speccompiler.cli import json_output
from speccompiler.cli.documents import load_model
from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.garbage import collect_rarely
from speccompiler.cli.options import (
    format_option,
    gathered,
    model_argument,
    replace_option,
    semantics_options,
    weights_options,
)
from speccompiler.cli.render import printable, render_text
from speccompiler.options import LoadOptions
from speccompiler.reports.number_text import count, size

if TYPE_CHECKING:
    from speccompiler.reports.weight_report import TensorReport, WeightReport

HEADERS = ("tensor", "shape", "min", "mean", "max", "std", "zeros", "from")
ALIGN = ("left", "left", "right", "right", "right", "right", "right", "left")


EXAMPLES = """
# Every tensor of a model
convspec weights model.yaml

# Those of a file, as the model would read them
convspec weights model.json --weights weights.h5

# Where a tensor comes from, for a program
convspec weights model.yaml --format json
"""


@click.command("weights", cls=ExampleCommand, examples=EXAMPLES)
@model_argument
@format_option("text", "json")
@weights_options
@semantics_options
@replace_option
@gathered(loading=LoadOptions)
def command(model: str, style: str, loading: LoadOptions) -> None:
    """List MODEL's tensors: shapes, statistics, where they come from, broken constraints.

    Shapes are Keras's. Statistics leave out what is not finite.
    """
    collect_rarely()
    loaded = load_model(model, loading)
    from speccompiler.reports.weight_report import weight_report

    report = weight_report(loaded)
    if style == "json":
        json_output.print_json(json_output.weights(report))
    else:
        click.echo(_text(report))


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
