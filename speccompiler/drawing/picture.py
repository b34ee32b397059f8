"""The picture of a model: its title, its blocks or its graph, a legend."""

from __future__ import annotations

from typing import Literal

from speccompiler.drawing import block_picture, graph_picture
from speccompiler.drawing.labels import MARGIN, heading, legend, summary
from speccompiler.drawing.layout import Direction
from speccompiler.drawing.primitives import Item, Picture
from speccompiler.drawing.scales import NOTE
from speccompiler.drawing.themes import THEMES, Kind, ThemeName
from speccompiler.drawing.units import OPEN_LENGTH, units
from speccompiler.frozen import dataclass
from speccompiler.graph.dims import is_known
from speccompiler.reports.shape_report import ShapeReport
from speccompiler.schemas.model import ModelSpec

Style = Literal["auto", "blocks", "graph"]


@dataclass(frozen=True, slots=True)
class PictureOptions:
    """How a model is drawn."""

    style: Style = "auto"
    direction: Direction = "down"
    theme: ThemeName = "light"
    every_layer: bool = False
    """Draw activations and the like as layers of their own."""


def picture(spec: ModelSpec, report: ShapeReport, options: PictureOptions) -> Picture:
    """Draw a model. Blocks are chosen for a chain of up to some forty, a graph for all others."""
    theme = THEMES[options.theme]
    shown = units(spec, report, fold=not options.every_layer)
    as_blocks = options.style == "blocks" or (
        options.style == "auto" and block_picture.suits(shown)
    )
    _, top = heading(report, 10_000, theme)
    body: list[Item]
    if as_blocks:
        body, width, bottom = block_picture.blocks(shown, top, theme)
    else:
        body, width, bottom = graph_picture.graph(shown, top, theme, options.direction)
    width = max(width, 420.0)
    title, real_top = heading(report, width - 2 * MARGIN, theme)
    if real_top != top:
        body, width, bottom = (
            block_picture.blocks(shown, real_top, theme)
            if as_blocks
            else graph_picture.graph(shown, real_top, theme, options.direction)
        )
        width = max(width, 420.0)
    kinds: list[Kind] = [kind for unit in shown for kind in (unit.kind, *unit.extra)]
    notes = [NOTE]
    if not all(is_known(dim) for _, shape in report.inputs for dim in shape):
        notes.append(f"Open lengths are drawn as {OPEN_LENGTH}.")
    below, end = legend(kinds, notes, bottom, width - 2 * MARGIN, theme)
    return Picture(
        width,
        end + MARGIN / 2,
        report.model,
        f"{report.model}: {summary(report)}",
        theme.background,
        (*title, *body, *below),
    )
