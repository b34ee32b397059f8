"""Where the nodes of a page's graph stand, as data for the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

HEIGHT = 46
NARROWEST, WIDEST = 116, 250
PER_CHARACTER = 6.6
"""About the width of a character in the page's font, at its size there."""


def node_width(lines: Sequence[str]) -> float:
    """As wide as the longest of its lines, within bounds; the page cuts what is longer."""
    longest = max(map(len, lines), default=0)
    return float(round(min(max(28 + PER_CHARACTER * longest, NARROWEST), WIDEST)))


def placement(widths: Sequence[float], edges: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """Places and lines of numbered nodes: ``x, y, width`` of each, and each edge's points."""
    rank = [0] * len(widths)
    for src, dst in edges:
        rank[dst] = max(rank[dst], rank[src] + 1)
    rows: dict[int, list[int]] = {}
    for i, r in enumerate(rank):
        rows.setdefault(r, []).append(i)
    total = {r: sum(widths[i] + 24 for i in row) for r, row in rows.items()}
    wide = max(total.values())
    places = [[0.0, 0.0, 0.0] for _ in widths]
    for r, row in rows.items():
        x = 12 + (wide - total[r]) / 2
        for i in row:
            places[i] = [x, r * 84.0, widths[i]]
            x += widths[i] + 24
    lines = []
    for src, dst in edges:
        a, b = places[src], places[dst]
        lines.append([src, dst, [a[0] + a[2] / 2, a[1] + HEIGHT, b[0] + b[2] / 2, b[1]]])
    return {"width": wide, "height": len(rows) * 84.0, "nodeHeight": HEIGHT, "nodes": places,
            "edges": lines}  # fmt: skip
