"""``convspec render``: a picture of a model, for a paper or a page."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from speccompiler.cli.documents import load_model
from speccompiler.cli.examples import ExampleCommand
from speccompiler.cli.options import (
    gathered,
    input_shape_option,
    model_argument,
    replace_option,
    semantics_options,
)
from speccompiler.cli.text_files import output_option, write_file, write_report
from speccompiler.frozen import dataclass
from speccompiler.options import LoadOptions

if TYPE_CHECKING:
    from speccompiler.drawing.picture import Style
    from speccompiler.drawing.primitives import Picture
    from speccompiler.drawing.themes import ThemeName

Kind = Literal["svg", "png", "pdf"]
KINDS: tuple[Kind, ...] = ("svg", "png", "pdf")
PAGE_LENGTH, MOST_BOXES = 6_000, 200
"""A picture that is longer, or has more layers, is seen in parts."""
EXAMPLES = """
# Blocks for a chain of layers, a graph for a branched model
convspec render model.yaml -o model.svg

# For a page with a dark background
convspec render model.yaml -o model.svg --theme dark

# For a paper, with every activation as a box of its own
convspec render model.yaml -o model.pdf --style graph --every-layer

# Larger, for a slide; PNG and PDF need: pip install "convspec[pictures]"
convspec render model.yaml -o model.png --scale 3
"""


@dataclass(frozen=True, slots=True)
class Drawn:
    """How the model is drawn."""

    style: Style
    direction: Literal["down", "right"]
    theme: ThemeName
    every_layer: bool
    scale: float | None


@click.command("render", cls=ExampleCommand, examples=EXAMPLES)
@model_argument
@output_option("The picture, .svg, .png or .pdf. Default: SVG is printed.")
@click.option(
    "--style",
    type=click.Choice(["auto", "blocks", "graph"]),
    default="auto",
    show_default=True,
    help="blocks: values as solids, to scale, in the order of the layers. graph: boxes and lines. "
    "auto: blocks for a chain of layers that fits on a page.",
)
@click.option(
    "--direction",
    type=click.Choice(["down", "right"]),
    default="down",
    show_default=True,
    help="Which way the lines of a graph go.",
)
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True)
@click.option(
    "--every-layer",
    is_flag=True,
    help="Draw paddings, normalisations, activations and dropouts on their own; by default "
    "they are part of the layer that they belong to.",
)
@click.option(
    "--scale",
    type=click.FloatRange(min=0.1, max=10),
    help="Size of the picture. Default: 1, and 2 for .png, which looks sharp on a good screen.",
)
@input_shape_option
@semantics_options
@replace_option
@gathered(drawn=Drawn, loading=LoadOptions)
def command(model: str, output: str | None, drawn: Drawn, loading: LoadOptions) -> None:
    """Draw MODEL: every layer's output to scale, with its name, kernel and shape.

    Heights and depths are the square roots of rows and columns, thicknesses those of
    channels: twice the size on the page is four times the length.
    """
    kind = _kind(output)
    loaded = load_model(model, loading)
    from speccompiler.drawing.picture import PictureOptions, picture

    options = PictureOptions(drawn.style, drawn.direction, drawn.theme, drawn.every_layer)
    made = picture(loaded.spec, loaded.shapes(loading.input_shape), options)
    read = loaded.loaded.document.read_files
    scale = drawn.scale or (2.0 if kind == "png" else 1.0)
    if kind == "svg":
        from speccompiler.drawing.svg import svg

        write_report(svg(made, scale), output, read)
    else:
        from speccompiler.drawing.raster import raster

        _check_pixels(made, kind, scale)
        assert output is not None, "standard output gets SVG"
        write_file(raster(made, kind, scale), output, read)
    _note_size(made)


def _kind(output: str | None) -> Kind:
    """What the file's name asks for; usage error for another, and for a missing extra."""
    if output is None or output == "-":
        return "svg"
    kind = Path(output).suffix.lower().removeprefix(".")
    if kind not in KINDS:
        raise click.UsageError(f"--output {output}: end its name in .svg, .png or .pdf")
    if kind != "svg" and find_spec("matplotlib") is None:
        raise click.UsageError(
            f'--output {output} needs matplotlib: pip install "convspec[pictures]"; .svg needs '
            "nothing"
        )
    return kind


def _check_pixels(made: Picture, kind: Kind, scale: float) -> None:
    from speccompiler.drawing.raster import MOST_PIXELS, pixels

    width, height = pixels(made, scale)
    if kind == "png" and max(width, height) > MOST_PIXELS:
        raise click.UsageError(
            f"the picture would have {width} x {height} pixels, of which programs show up to "
            f"{MOST_PIXELS} a side; write .svg or .pdf, or give a smaller --scale"
        )


def _note_size(made: Picture) -> None:
    from speccompiler.drawing.primitives import Group

    boxes = sum(isinstance(item, Group) for item in made.items)
    if boxes > MOST_BOXES or max(made.width, made.height) > PAGE_LENGTH:
        click.echo(
            f"note: the picture is {made.width:,.0f} x {made.height:,.0f}; a model of this size "
            "reads better in a page: convspec shapes MODEL --format html -o model.html",
            err=True,
        )
