"""The graph that is laid out: boxes, and the places of lines in the ranks that they pass."""

from __future__ import annotations

from collections.abc import Sequence

from speccompiler.drawing.ranks import slack
from speccompiler.frozen import dataclass

MOST_WAYPOINTS = 30_000
"""With more the longest lines run outside, beside the whole drawing: time stays linear."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Boxes first, then waypoints; each with its rank. Steps go from a rank to the next."""

    boxes: int
    rank: list[int]
    below: list[list[int]]
    above: list[list[int]]
    source: list[int]
    """The box whose value is there: of a box itself."""
    slack: list[int]
    """Of boxes: 0 on the longest way; see ``slack``."""
    paths: list[list[int]]
    """For each edge all that it passes, from box to box; those outside have only the two."""
    outside: list[bool]
    """Which edges run beside the whole drawing."""

    def is_box(self, node: int) -> bool:
        """Else it is a place that a line passes."""
        return node < self.boxes

    def is_branch(self, node: int) -> bool:
        """A box or the line of one; that of a value that others read, too, skips a branch."""
        return self.is_box(node) or len(self.below[self.source[node]]) == 1

    def by_rank(self) -> list[list[int]]:
        """All of each rank, boxes and waypoints, by their numbers."""
        found: list[list[int]] = [[] for _ in range(max(self.rank, default=-1) + 1)]
        for node, rank in enumerate(self.rank):
            found[rank].append(node)
        return found


def with_waypoints(ranked: Sequence[int], edges: Sequence[tuple[int, int]]) -> Ranked:
    """Put waypoints into long edges; those of edges that leave the same box are shared."""
    boxes = len(ranked)
    outside = _outside(ranked, edges)
    rank, sources = list(ranked), list(range(boxes))
    trunks: dict[int, list[int]] = {}
    steps: dict[tuple[int, int], None] = {}
    paths = []
    for (source, target), is_outside in zip(edges, outside, strict=True):
        if is_outside:
            paths.append([source, target])
            continue
        trunk = trunks.setdefault(source, [source])
        length = ranked[target] - ranked[source]
        while len(trunk) < length:
            steps[trunk[-1], len(rank)] = None
            trunk.append(len(rank))
            rank.append(ranked[source] + len(trunk) - 1)
            sources.append(source)
        steps[trunk[length - 1], target] = None
        paths.append([*trunk[:length], target])
    below: list[list[int]] = [[] for _ in rank]
    above: list[list[int]] = [[] for _ in rank]
    for one, other in steps:
        below[one].append(other)
        above[other].append(one)
    return Ranked(boxes, rank, below, above, sources, slack(ranked, edges), paths, outside)


def _outside(ranked: Sequence[int], edges: Sequence[tuple[int, int]]) -> list[bool]:
    """The longest edges, as many as there are too many waypoints for."""
    lengths = [ranked[target] - ranked[source] - 1 for source, target in edges]

    def waypoints(longest: int) -> int:
        """How many there are where longer edges run outside."""
        furthest: dict[int, int] = {}
        for (source, _), length in zip(edges, lengths, strict=True):
            if length <= longest:
                furthest[source] = max(furthest.get(source, 0), length)
        return sum(furthest.values())

    low, high = 0, max(lengths, default=0)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if waypoints(middle) <= MOST_WAYPOINTS else (low, middle - 1)
    return [length > low for length in lengths]
