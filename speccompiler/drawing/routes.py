"""The lines of a drawing: down through the places that they pass, never across a box.

Within a rank a line runs straight down; it only moves sideways between two ranks, where no box is.
"""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.drawing.waypoints import Ranked
from speccompiler.frozen import dataclass

Points = list[tuple[float, float]]
STEEPEST = 6.0
"""Where lines go further sideways than this many times the gap, the gap grows."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Downwards: the upper edge of each box, the points of each line, the size of all."""

    top: list[float]
    lines: list[Points]
    width: float
    length: float


def routed(
    graph: Ranked,
    middle: Sequence[float],
    across: Sequence[float],
    along: Sequence[float],
    rank_gap: float,
    port_gap: float,
    line_gap: float,
) -> Drawn:
    """Heights and lines for columns; ``across`` and ``along`` are the boxes' sizes."""
    ranked = graph.by_rank()
    bands = _bands(graph, ranked, middle, along, rank_gap)
    top = [sum(bands[graph.rank[box]]) / 2 - along[box] / 2 for box in range(graph.boxes)]
    ports = _ports(graph, middle, across, port_gap)
    sides = [
        middle[n] + (across[n] / 2 if graph.is_box(n) else 0.0) for n in range(len(graph.rank))
    ]
    width = max(sides, default=0.0)
    lane = width
    lines = []
    for path, outside in zip(graph.paths, graph.outside, strict=True):
        source, target = path[0], path[-1]
        start = (middle[source], top[source] + along[source])
        end = (ports[path[-2], target], top[target])
        leave, enter = bands[graph.rank[source]][1], bands[graph.rank[target]][0]
        if outside:
            lane += line_gap
            turn, back = leave + rank_gap / 2, enter - rank_gap / 2
            points = [start, (start[0], turn), (lane, turn), (lane, back), (end[0], back), end]
        else:
            points = [start, (start[0], leave)]
            for node in path[1:-1]:
                points += [(middle[node], y) for y in bands[graph.rank[node]]]
            points += [(end[0], enter), end]
        lines.append(_simplified(points))
    return Drawn(top, lines, lane, bands[-1][1] if bands else 0.0)


def _bands(
    graph: Ranked,
    ranked: Sequence[Sequence[int]],
    middle: Sequence[float],
    along: Sequence[float],
    rank_gap: float,
) -> list[tuple[float, float]]:
    """Where each rank begins and ends."""
    bands = []
    at = 0.0
    for rank in ranked:
        deepest = max((along[node] for node in rank if graph.is_box(node)), default=0.0)
        bands.append((at, at + deepest))
        steps = [abs(middle[n] - middle[other]) for n in rank for other in graph.below[n]]
        furthest = max(steps, default=0.0)
        at += deepest + max(rank_gap, min(furthest / STEEPEST, 3 * rank_gap))
    return bands


def _ports(
    graph: Ranked, middle: Sequence[float], across: Sequence[float], gap: float
) -> dict[tuple[int, int], float]:
    """Where lines end at a box: side by side, one that comes straight down in the middle."""
    ports: dict[tuple[int, int], float] = {}
    outside: dict[int, list[int]] = {}
    for path, beside in zip(graph.paths, graph.outside, strict=True):
        if beside:
            outside.setdefault(path[-1], []).append(path[0])
    for box in range(graph.boxes):
        comers = sorted(graph.above[box], key=lambda node: (middle[node], node))
        comers += outside.get(box, [])
        straight = [i for i, n in enumerate(comers) if abs(middle[n] - middle[box]) < 0.01]
        centre = float(straight[0]) if straight else (len(comers) - 1) / 2
        furthest = max(centre, len(comers) - 1 - centre)
        step = min(gap, 0.4 * across[box] / furthest) if furthest else 0.0
        for index, node in enumerate(comers):
            ports[node, box] = middle[box] + (index - centre) * step
    return ports


def _simplified(points: Points) -> Points:
    """Without points that repeat the one before, or lie on a straight line between two."""
    kept: Points = []
    for x, y in points:
        if kept and abs(kept[-1][0] - x) < 0.005 and abs(kept[-1][1] - y) < 0.005:
            continue
        if len(kept) > 1 and all(abs(px - x) < 0.005 for px, _ in kept[-2:]):
            kept.pop()
        kept.append((x, y))
    return kept
