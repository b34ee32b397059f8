"""``convspec shapes``: the shape report for a code review."""

from __future__ import annotations

import json
from typing import Literal

import click

from speccompiler.cli.documents import load_model
from speccompiler.cli.options import (
    input_shape_option,
    model_argument,
    replace_option,
    semantics_options,
)
from speccompiler.cli.render import printable
from speccompiler.loading.spec import OrderingName, SemanticsName
from speccompiler.model import InputShapes
from speccompiler.reports.shape_report_text import report_text


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
@replace_option
def command(
    model: str,
    style: Literal["text", "markdown", "json"],
    input_shape: InputShapes | None,
    semantics: SemanticsName | None,
    dim_ordering: OrderingName | None,
    replace: dict[str, str],
) -> None:
    """Report each layer's output shape, parameters, work, memory and reach.

    Shapes have N in front, the number of samples; everything else is of one sample.
    """
    loaded = load_model(
        model,
        semantics=semantics,
        dim_ordering=dim_ordering,
        input_shape=input_shape,
        replace=replace,
    )
    report = loaded.shapes(input_shape)
    if style == "json":
        click.echo(json.dumps(report.to_data(), indent=2))
    else:
        click.echo(report_text(report, style, printable))
