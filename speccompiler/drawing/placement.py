"""Where the nodes of a page's graph stand, as data for the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from speccompiler.drawing.layout import Box, Spacing, lay_out

HEIGHT = 46.0
NARROWEST, WIDEST = 116.0, 250.0
PER_CHARACTER = 6.3
"""About the width of a character in the page's font, at its size there."""
SPACING = Spacing(ranks=34.0, boxes=22.0)


def node_width(lines: Sequence[str]) -> float:
    """As wide as the longest of its lines, within bounds; the page cuts what is longer."""
    longest = max(map(len, lines), default=0)
    return float(round(min(max(24 + PER_CHARACTER * longest, NARROWEST), WIDEST)))


def placement(widths: Sequence[float], edges: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """Places and lines of numbered nodes: ``x, y, width`` of each, and each edge's points."""
    boxes = [Box(str(i), width, HEIGHT) for i, width in enumerate(widths)]
    found = lay_out(boxes, [(str(src), str(dst)) for src, dst in edges], "down", SPACING)
    return {
        "width": found.width,
        "height": found.height,
        "nodeHeight": HEIGHT,
        "nodes": [[place.x, place.y, place.width] for place in found.places],
        "edges": [
            [
                int(line.source),
                int(line.target),
                [value for point in line.points for value in point],
            ]
            for line in found.routes
        ],
    }
