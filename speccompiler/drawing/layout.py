"""Where the boxes of a layered graph stand, and where its lines run: the method of Sugiyama.

    ranks.py       a rank for each box, so that every line goes down
    rank_order.py  the order within each rank, with few crossings
    columns.py     a column for each box: chains stand straight, nothing touches
    routes.py      the lines, which never cross a box

A line over several ranks has a place of its own in each that it passes, like a box. All lines that
leave one box carry the same value, so they share these places: one line that others branch off.
The result is the same on every machine: nothing hangs on hashes or on time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from speccompiler.drawing.columns import columns
from speccompiler.drawing.rank_order import ordered
from speccompiler.drawing.ranks import ranks
from speccompiler.drawing.routes import routed
from speccompiler.drawing.waypoints import with_waypoints
from speccompiler.frozen import dataclass

Direction = Literal["down", "right"]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """What is to be placed; ``name`` is its own."""

    name: str
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where a box stands: its corner with the smallest ``x`` and ``y``, its size, its rank."""

    name: str
    x: float
    y: float
    width: float
    height: float
    rank: int


@dataclass(frozen=True, slots=True)
class Route:
    """A line from the edge of a box to the edge of another, through these points.

    Between two points it may be drawn straight, or as a curve that stays between them along the
    layout's direction: neither touches a box.
    """

    source: str
    target: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Spacing:
    """Least distances, in the unit of the boxes' sizes."""

    ranks: float = 32.0
    """Between ranks, along the direction."""
    boxes: float = 24.0
    """Between two boxes of a rank."""
    lines: float = 14.0
    """Between a line and what stands beside it."""
    ports: float = 14.0
    """Between the ends of lines at a box, where it is wide enough."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole drawing, from (0, 0) to (``width``, ``height``)."""

    width: float
    height: float
    places: tuple[Place, ...]
    """In the order of the boxes."""
    routes: tuple[Route, ...]
    """In the order of the edges, each pair of boxes once."""
    crossings: int
    """Crossings of lines, as far as the order within ranks decides."""


def lay_out(
    boxes: Sequence[Box],
    edges: Sequence[tuple[str, str]],
    direction: Direction = "down",
    spacing: Spacing | None = None,
) -> Layout:
    """Place boxes so that every edge goes in ``direction``. The edges make no circle."""
    gaps = spacing or Spacing()
    number = {box.name: index for index, box in enumerate(boxes)}
    assert len(number) == len(boxes), "a box has a name of its own"
    pairs = list(dict.fromkeys((number[source], number[target]) for source, target in edges))
    across = [box.width if direction == "down" else box.height for box in boxes]
    along = [box.height if direction == "down" else box.width for box in boxes]

    ranked = ranks(len(boxes), pairs)
    graph = with_waypoints(ranked, pairs)
    order, crossings = ordered(graph)
    middle = columns(graph, order, across, gaps.boxes, gaps.lines)
    drawn = routed(graph, middle, across, along, gaps.ranks, gaps.ports, gaps.lines)

    places, routes = [], []
    for index, box in enumerate(boxes):
        x, y = middle[index] - across[index] / 2, drawn.top[index]
        x, y = (x, y) if direction == "down" else (y, x)
        places.append(Place(box.name, _even(x), _even(y), box.width, box.height, ranked[index]))
    for (source, target), points in zip(pairs, drawn.lines, strict=True):
        turned = points if direction == "down" else [(y, x) for x, y in points]
        evened = tuple((_even(x), _even(y)) for x, y in turned)
        routes.append(Route(boxes[source].name, boxes[target].name, evened))
    width, height = drawn.width, drawn.length
    width, height = (width, height) if direction == "down" else (height, width)
    return Layout(_even(width), _even(height), tuple(places), tuple(routes), crossings)


def _even(value: float) -> float:
    """To a hundredth: a drawing is the same wherever it is made, and its text short."""
    return round(value, 2) + 0.0
