"""``convspec shapes``: the shape report for a code review."""

from __future__ import annotations

from typing import Literal

import click

from speccompiler.cli import json_output
from speccompiler.cli.documents import load_model
from speccompiler.cli.options import (
    format_option,
    gathered,
    input_shape_option,
    model_argument,
    replace_option,
    semantics_options,
)
from speccompiler.cli.render import printable
from speccompiler.options import LoadOptions


@click.command("shapes")
@model_argument
@format_option("text", "markdown", "json", "html")
@input_shape_option
@semantics_options
@replace_option
@gathered(loading=LoadOptions)
def command(
    model: str, style: Literal["text", "markdown", "json", "html"], loading: LoadOptions
) -> None:
    """Report each layer's output shape, parameters, work, memory and reach.

    Shapes have N in front, the number of samples; everything else is of one sample.
    """
    loaded = load_model(model, loading)
    report = loaded.shapes(loading.input_shape)
    if style == "json":
        json_output.print_json(json_output.shapes(report))
    elif style == "html":
        from speccompiler.drawing.shapes_page import shapes_page

        click.echo(shapes_page(loaded, report), nl=False)
    else:
        click.echo(report.text(style, printable))
