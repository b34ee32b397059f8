"""``convspec shapes``: the shape report for a code review."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

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
from speccompiler.cli.text_files import output_option, write_report
from speccompiler.cli.watching import watch_option
from speccompiler.frozen import dataclass
from speccompiler.options import LoadOptions

if TYPE_CHECKING:
    from speccompiler.reports.shape_report import ShapeReport


@dataclass(frozen=True, slots=True)
class Shown:
    """What of the report is shown, and how."""

    style: Literal["text", "markdown", "json", "csv", "html"]
    by: Literal["type", "block"] | None
    graph: bool


EXAMPLES = """
# A table of all layers
convspec shapes model.yaml

# A model with open lengths, for images of 224 by 224
convspec shapes model.yaml --input-shape 224,224,3

# For a pull request: a table, and a graph that GitHub draws
convspec shapes model.yaml --format markdown --graph

# A page with the network to look at, in one file
convspec shapes model.yaml --format html -o model.html

# Where the parameters are
convspec shapes model.yaml --by block

# The layers with the most multiply-adds, by a program
convspec shapes model.yaml --format json |
  jq '.layers | sort_by(-.multiply_adds) | .[:5] | .[].name'
"""


@click.command("shapes", cls=ExampleCommand, examples=EXAMPLES)
@model_argument
@format_option("text", "markdown", "json", "csv", "html")
@output_option("A file for the report. Default: it is printed.")
@click.option(
    "--by",
    type=click.Choice(["type", "block"]),
    help="Totals for each type of layer, or for each block of layers with names such as "
    "conv2_1 and conv2_2, instead of a row for each layer. JSON and HTML always have both.",
)
@click.option(
    "--graph",
    is_flag=True,
    help="With --format markdown: the network as a Mermaid graph, which GitHub draws.",
)
@watch_option
@input_shape_option
@semantics_options
@replace_option
@gathered(shown=Shown, loading=LoadOptions)
def command(model: str, output: str | None, watch: bool, shown: Shown, loading: LoadOptions) -> int:
    """Report each layer's output shape, parameters, work, memory and reach.

    Shapes have N in front, the number of samples; everything else is of one sample. The
    parameters of a layer that is called again count once.
    """
    if shown.graph and shown.style != "markdown":
        raise click.UsageError("--graph is for --format markdown")
    if shown.by is not None and shown.style in {"json", "html"}:
        raise click.UsageError(f"--by is not for --format {shown.style}, which has all totals")

    def run() -> tuple[str, ...]:
        return _report(model, output, shown, loading)

    if watch:
        from speccompiler.cli import watching

        return watching.watch([model], run)
    run()
    return 0


def _report(model: str, output: str | None, shown: Shown, loading: LoadOptions) -> tuple[str, ...]:
    """Write the report; the files that were read for it."""
    loaded = load_model(model, loading)
    report = loaded.shapes(loading.input_shape)
    if shown.style == "html":
        from speccompiler.drawing.shapes_page import shapes_page

        text = shapes_page(loaded, report)
    else:
        text = _text(report, shown)
    read = loaded.loaded.document.read_files
    write_report(text, output, read)
    return read


def _text(report: ShapeReport, shown: Shown) -> str:
    if shown.style == "json":
        return json_output.json_text(json_output.shapes(report))
    if shown.style == "csv":
        from speccompiler.reports.shape_csv import layers_csv, totals_csv

        return layers_csv(report) if shown.by is None else totals_csv(report, shown.by)
    if shown.style == "text":
        return report.text("text", printable, shown.by)
    from speccompiler.reports.markdown_text import markdown_text

    text = report.text("markdown", markdown_text, shown.by)
    return f"{text}\n\n{_graph(report)}" if shown.graph else text


def _graph(report: ShapeReport) -> str:
    """The network for GitHub, or why it is not there."""
    from speccompiler.drawing.mermaid import MOST_EDGES, mermaid

    graph = mermaid(report)
    if graph is None:
        return (
            f"No graph: GitHub draws at most {MOST_EDGES} lines, and this model has more or its "
            "names are too long."
        )
    return f"```mermaid\n{graph}\n```"
