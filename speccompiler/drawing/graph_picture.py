"""A model as a graph of boxes with lines, in columns that fill a page.

Each box has a small block of its output, to scale. A graph that is long is cut where only one
value is passed on, and its parts stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.drawing.labels import MARGIN, shape_text
from speccompiler.drawing.layout import Box, Direction, Spacing
from speccompiler.drawing.page_parts import BETWEEN, JUNCTION, Part, parts
from speccompiler.drawing.primitives import Group, Item, Line, Point, Rect, Text
from speccompiler.drawing.scales import Scale
from speccompiler.drawing.text_widths import fitted, text_width
from speccompiler.drawing.themes import KINDS, Theme, shaded
from speccompiler.drawing.units import Unit

NAME, WORDS = 11.0, 9.5
LABEL = 240.0
ICON = 34.0
"""The room for the small block in a box."""
HEIGHT = 50.0
SPACING = Spacing(ranks=26, boxes=16, lines=12, ports=12)


def graph(
    all_units: Sequence[Unit], top: float, theme: Theme, direction: Direction
) -> tuple[list[Item], float, float]:
    """The graph below ``top``; the width and the end of the drawing."""
    scale = Scale.of((unit.extent for unit in all_units), HEIGHT - 14, ICON - 12, 2.0)
    found = parts(all_units, direction, SPACING, _box)
    items: list[Item] = []
    x, y = MARGIN, top
    if len(found) > 1 and direction == "down":
        y += 10  # for the lines from part to part
    widest = lowest = 0.0
    leaving: Point | None = None
    for part in found:
        items += _drawn(part, x, y, scale, theme, direction)
        if leaving is not None:
            entering = _end(part, part.entry or "", x, y, direction, at_end=False)
            ends = (leaving, entering)
            items.append(_onwards(ends, (x, y), (widest, lowest), theme, direction))
        leaving = _end(part, part.exit, x, y, direction, at_end=True)
        widest = max(widest, x + part.layout.width)
        lowest = max(lowest, y + part.layout.height)
        if direction == "down":
            x += part.layout.width + BETWEEN
        else:
            y += part.layout.height + BETWEEN
    more = 16.0 if len(found) > 1 else 0.0
    return items, widest + MARGIN + more, lowest + 24 + more


def _box(unit: Unit) -> Box:
    widths = [text_width(text, size, bold=bold) for text, size, bold in _texts(unit)]
    return Box(unit.key, ICON + max(widths) + 12, HEIGHT)


def _texts(unit: Unit) -> list[tuple[str, float, bool]]:
    """The lines in a box, with their size, and whether they are bold."""
    return [
        (fitted(unit.name, NAME, LABEL, bold=True), NAME, True),
        (fitted(unit.words, WORDS, LABEL), WORDS, False),
        (fitted(shape_text(unit.shape), WORDS, LABEL), WORDS, False),
    ]


def _drawn(
    part: Part, x: float, y: float, scale: Scale, theme: Theme, direction: Direction
) -> list[Item]:
    """The lines of a part, then its boxes."""
    items: list[Item] = []
    for route in part.layout.routes:
        points = tuple((x + a, y + b) for a, b in route.points)
        items.append(Line(points, theme.line, 1.2, arrow=True, curve=direction))
    places = {place.name: place for place in part.layout.places}
    for unit in part.units:
        place = places[unit.key]
        items.append(_boxed(unit, x + place.x, y + place.y, place.width, scale, theme))
    if part.entry is not None and part.entry not in {unit.key for unit in part.units}:
        dot = places[part.entry]
        corner = (x + dot.x, y + dot.y)
        items.append(Rect(*corner, JUNCTION, JUNCTION, theme.line, radius=JUNCTION / 2))
    return items


def _end(part: Part, key: str, x: float, y: float, direction: Direction, *, at_end: bool) -> Point:
    """The middle of a box's side where lines come in, or go out."""
    place = next(place for place in part.layout.places if place.name == key)
    share = (0.5, float(at_end)) if direction == "down" else (float(at_end), 0.5)
    return x + place.x + place.width * share[0], y + place.y + place.height * share[1]


def _boxed(unit: Unit, x: float, y: float, width: float, scale: Scale, theme: Theme) -> Group:
    """A box with the block and three lines of text."""
    size = scale.size(unit.extent)
    colour = KINDS[unit.kind][0]
    middle = (x + 6 + (ICON - 8) / 2, y + HEIGHT / 2)
    drawn: list[Rect | Text] = [Rect(x, y, width, HEIGHT, theme.box, theme.edge, 4)]
    bands = [KINDS[kind][0] for kind in unit.extra][:4]
    left = middle[0] - (size.thickness + 2.5 * len(bands)) / 2
    for wide, fill in ((size.thickness, colour), *((2.5, band) for band in bands)):
        edge = shaded(fill, "#000000", 0.3)
        drawn.append(Rect(left, middle[1] - size.height / 2, wide, size.height, fill, edge, 0, 0.6))
        left += wide
    line = y + 15.5
    for (text, font, bold), fill in zip(
        _texts(unit), (theme.text, theme.quiet, theme.text), strict=True
    ):
        if text:
            drawn.append(Text(x + ICON + 4, line, text, font, fill, bold=bold))
            line += 13.5
    title = f"{', '.join(unit.layers)}: {unit.words}, {shape_text(unit.shape)}"
    return Group(title, tuple(drawn))


def _onwards(
    ends: tuple[Point, Point],
    corner: Point,
    furthest: Point,
    theme: Theme,
    direction: Direction,
) -> Line:
    """The line from the end of a part to the beginning of the next, at its ``corner``."""
    (leave, enter), (x, y), (widest, lowest) = ends, corner, furthest
    if direction == "down":
        between, under, above = x - BETWEEN / 2, lowest + 14, y - 14
        path = (leave, (leave[0], under), (between, under), (between, above), (enter[0], above))
    else:
        between, beyond, before = y - BETWEEN / 2, widest + 14, x - 14
        path = (leave, (beyond, leave[1]), (beyond, between), (before, between), (before, enter[1]))
    return Line((*path, enter), theme.line, 1.2, arrow=True)
