"""What pictures are made of: boxes, polygons, lines and texts. ``svg.py`` and ``raster.py`` draw.

The unit is a CSS pixel; x grows to the right, y downwards. Later items lie over earlier ones.
"""

from __future__ import annotations

from typing import Literal

from speccompiler.frozen import dataclass

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Rect:
    """An upright box; ``radius`` rounds its corners."""

    x: float
    y: float
    width: float
    height: float
    fill: str | None
    stroke: str | None = None
    radius: float = 0.0
    stroke_width: float = 1.0


@dataclass(frozen=True, slots=True)
class Polygon:
    """A filled area between points."""

    points: tuple[Point, ...]
    fill: str
    stroke: str | None = None
    stroke_width: float = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """Through all points. ``curve`` bends it between points along that axis."""

    points: tuple[Point, ...]
    stroke: str
    width: float = 1.2
    arrow: bool = False
    dashed: bool = False
    curve: Literal["down", "right"] | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """One line; ``y`` is its baseline."""

    x: float
    y: float
    text: str
    size: float
    fill: str
    anchor: Anchor = "start"
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Items that are one thing; ``title`` says which, to readers and under the mouse."""

    title: str
    items: tuple[Rect | Polygon | Line | Text, ...]


Item = Rect | Polygon | Line | Text | Group


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole picture, from (0, 0)."""

    width: float
    height: float
    title: str
    description: str
    background: str
    items: tuple[Item, ...]


ARROW = 6.0
"""The length of an arrow's head."""


def curved(line: Line) -> list[tuple[Point, ...]]:
    """The parts of a line: two points for a straight one, four for a cubic curve of Bezier's."""
    parts: list[tuple[Point, ...]] = []
    for (x, y), (u, v) in zip(line.points, line.points[1:], strict=False):
        if line.curve == "down" and abs(x - u) > 0.01:
            parts.append(((x, y), (x, (y + v) / 2), (u, (y + v) / 2), (u, v)))
        elif line.curve == "right" and abs(y - v) > 0.01:
            parts.append(((x, y), ((x + u) / 2, y), ((x + u) / 2, v), (u, v)))
        else:
            parts.append(((x, y), (u, v)))
    return parts


def arrow_head(line: Line) -> Polygon | None:
    """The triangle at the end of a line that has one."""
    last = curved(line)[-1]
    (x, y), (u, v) = last[-2], last[-1]
    length = ((u - x) ** 2 + (v - y) ** 2) ** 0.5
    if not line.arrow or not length:
        return None
    dx, dy = (u - x) / length, (v - y) / length
    back, side = (u - dx * ARROW, v - dy * ARROW), ARROW * 0.45
    return Polygon(
        (
            (u, v),
            (back[0] - dy * side, back[1] + dx * side),
            (back[0] + dy * side, back[1] - dx * side),
        ),
        line.stroke,
    )
