"""``convspec shapes``: the shape report for a code review."""

from __future__ import annotations

from typing import Literal

import click

from speccompiler.cli import json_output
from speccompiler.cli.documents import load_model
from speccompiler.cli.examples import ExampleCommand
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

EXAMPLES = """
# A table of all layers
convspec shapes model.yaml

# A model with open lengths, for images of 224 by 224
convspec shapes model.yaml --input-shape 224,224,3

# For a pull request
convspec shapes model.yaml --format markdown

# The layers with the most multiply-adds, by a program
convspec shapes model.yaml --format json |
  jq '.layers | sort_by(-.multiply_adds) | .[:5] | .[].name'
"""


@click.command("shapes", cls=ExampleCommand, examples=EXAMPLES)
@model_argument
@format_option("text", "markdown", "json")
@input_shape_option
@semantics_options
@replace_option
@gathered(loading=LoadOptions)
def command(model: str, style: Literal["text", "markdown", "json"], loading: LoadOptions) -> None:
    """Report each layer's output shape, parameters, work, memory and reach.

    Shapes have N in front, the number of samples; everything else is of one sample.
    """
    loaded = load_model(model, loading)
    report = loaded.shapes(loading.input_shape)
    if style == "json":
        json_output.print_json(json_output.shapes(report))
    else:
        click.echo(report.text(style, printable))
