"""A rank for each box, so that every line goes from a lower rank to a higher one."""

from __future__ import annotations

from collections.abc import Sequence

Edges = Sequence[tuple[int, int]]


def ranks(count: int, edges: Edges) -> list[int]:
    """Ranks from 0, with short lines: first longest paths, then what can move closer does.

    A box that feeds more lines than it takes, such as an input that is read late, goes down to
    the first that reads it, and takes a chain that leads to it along. One that takes more goes up.
    """
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        below[source].append(target)
        above[target].append(source)
    order = sorted_downwards(count, above, below)
    found = [0] * count
    for node in order:
        found[node] = max((found[other] + 1 for other in above[node]), default=0)
    for node in reversed(order):
        if below[node] and len(above[node]) <= len(below[node]):
            found[node] = min(found[other] for other in below[node]) - 1
    for node in order:
        if above[node] and len(above[node]) >= len(below[node]):
            found[node] = max(found[other] for other in above[node]) + 1
    first = min(found, default=0)
    return [rank - first for rank in found]


def sorted_downwards(
    count: int, above: Sequence[Sequence[int]], below: Sequence[Sequence[int]]
) -> list[int]:
    """The boxes so that each stands after those above it; else in the order given."""
    waiting = [len(set(others)) for others in above]
    ready = [node for node in range(count) if not waiting[node]]
    for node in ready:
        for other in dict.fromkeys(below[node]):
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    assert len(ready) == count, "the edges make no circle"
    return ready


def slack(ranked: Sequence[int], edges: Edges) -> list[int]:
    """How far each box is from the longest way through the drawing, in ranks; 0 on it.

    It is counted in boxes: a line that passes ranks makes a way shorter.
    """
    count = len(ranked)
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        below[source].append(target)
        above[target].append(source)
    order = sorted(range(count), key=lambda node: ranked[node])
    before, after = [0] * count, [0] * count
    for node in order:
        before[node] = max((before[other] + 1 for other in above[node]), default=0)
    for node in reversed(order):
        after[node] = max((after[other] + 1 for other in below[node]), default=0)
    longest = max((one + other for one, other in zip(before, after, strict=True)), default=0)
    return [longest - one - other for one, other in zip(before, after, strict=True)]
