"""A column for each box: what belongs to one another stands in line, and nothing touches.

Places of neighbouring ranks are joined to strips that are drawn straight: first the longest way
through the graph, then lines over several ranks, then everything else. Then strips move towards
what they are connected with, all at once, as far as their neighbours leave room.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from itertools import pairwise
from math import inf

from speccompiler.drawing.rank_order import Order
from speccompiler.drawing.waypoints import Ranked
from speccompiler.frozen import dataclass

ROUNDS = 100


@dataclass(frozen=True, slots=True)
class _Strips:
    """Strips, left to right as far as they have an order, and what keeps them apart."""

    of: list[int]
    """The strip of each place."""
    count: int
    left: list[list[tuple[int, float]]]
    """For each strip those on its left, and how far the two must be apart."""
    right: list[list[tuple[int, float]]]
    order: list[int]
    """Each strip after those on its left."""
    pulls: list[list[tuple[int, float]]]
    """For each strip those that it is connected with, and how strongly."""


def columns(
    graph: Ranked, order: Order, width: Sequence[float], box_gap: float, line_gap: float
) -> list[float]:
    """The middle of each place across the drawing; the leftmost edge is 0."""
    if not graph.rank:
        return []
    strips = _strips(graph, order, width, box_gap, line_gap)
    x = _middle(_pushed_right(strips, [0.0] * strips.count), _pushed_left(strips))
    for _ in range(ROUNDS):
        wanted = _wanted(strips, x)
        moved = _middle(_pushed_right(strips, wanted), _pulled_left(strips, wanted))
        still = all(abs(a - b) < 0.01 for a, b in zip(x, moved, strict=True))
        x = moved
        if still:
            break
    lines = [True] * strips.count
    for node in range(graph.boxes):
        lines[strips.of[node]] = False
    _tighten(strips, x, lines)
    found = [x[strip] for strip in strips.of]
    first = min(at - (width[n] / 2 if graph.is_box(n) else 0) for n, at in enumerate(found))
    return [at - first for at in found]


def _strips(
    graph: Ranked, order: Order, width: Sequence[float], box_gap: float, line_gap: float
) -> _Strips:
    of = _joined(graph, order)
    count = max(of) + 1
    left: list[dict[int, float]] = [{} for _ in range(count)]
    for rank in order:
        for one, other in pairwise(rank):
            halves = sum(width[node] / 2 for node in (one, other) if graph.is_box(node))
            both = graph.is_box(one) and graph.is_box(other)
            apart = halves + (box_gap if both else line_gap)
            a, b = of[one], of[other]
            left[b][a] = max(left[b].get(a, 0.0), apart)
    right: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for strip, others in enumerate(left):
        for other, apart in others.items():
            right[other].append((strip, apart))
    pulls: list[dict[int, float]] = [{} for _ in range(count)]
    for node, others_below in enumerate(graph.below):
        for other in others_below:
            a, b = of[node], of[other]
            if a != b:
                strength = 1.0 if graph.is_branch(node) and graph.is_branch(other) else 0.25
                pulls[a][b] = pulls[a].get(b, 0.0) + strength
                pulls[b][a] = pulls[b].get(a, 0.0) + strength
    waiting = [len(others) for others in left]
    ready = [strip for strip in range(count) if not waiting[strip]]
    for strip in ready:
        for other, _ in right[strip]:
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    assert len(ready) == count, "strips do not cross"
    return _Strips(
        of,
        count,
        [list(others.items()) for others in left],
        right,
        ready,
        [list(others.items()) for others in pulls],
    )


def _joined(graph: Ranked, order: Order) -> list[int]:
    """The strip of each place, numbered from the top left."""
    at = {node: index for rank in order for index, node in enumerate(rank)}
    below: dict[int, int] = {}
    above: dict[int, int] = {}
    taken: list[list[tuple[int, int]]] = [[] for _ in order]
    for one, other in _wishes(graph, at):
        if one in below or other in above:
            continue
        pair = (at[one], at[other])
        joins = taken[graph.rank[one]]
        place = bisect_left(joins, pair)
        crosses = (place > 0 and joins[place - 1][1] > pair[1]) or (
            place < len(joins) and joins[place][1] < pair[1]
        )
        if not crosses:
            insort(joins, pair)
            below[one], above[other] = other, one
    of = [-1] * len(graph.rank)
    count = 0
    for rank in order:
        for node in rank:
            if node in above:
                continue
            end: int | None = node
            while end is not None:
                of[end] = count
                end = below.get(end)
            count += 1
    return of


def _wishes(graph: Ranked, at: dict[int, int]) -> list[tuple[int, int]]:
    """Steps that would be straight, the most wanted first."""
    longest: list[tuple[int, int]] = []
    passing: list[tuple[int, int]] = []
    rest: list[tuple[int, int]] = []
    for one, others in enumerate(graph.below):
        for other in others:
            if not graph.is_box(other):
                alone = len(others) == 1
                if not graph.is_box(one):
                    passing.append((one, other))
                elif alone:
                    rest.append((one, other))
            elif _favourite(graph, graph.above[other], at) == one and (
                not graph.is_box(one) or _favourite(graph, others, at) == other
            ):
                both = graph.is_box(one) and not graph.slack[one] and not graph.slack[other]
                (longest if both else rest).append((one, other))
    return [*longest, *passing, *rest]


def _favourite(graph: Ranked, others: Sequence[int], at: dict[int, int]) -> int | None:
    """Which of several branches a box stands in line with; None where it stands between two."""
    branches = [node for node in others if graph.is_branch(node)]
    on_the_way = [node for node in branches if not graph.slack[graph.source[node]]]
    among = on_the_way if len(on_the_way) == 1 else branches
    if len(among) % 2 == 0:
        return None
    return sorted(among, key=at.__getitem__)[len(among) // 2]


def _wanted(strips: _Strips, x: Sequence[float]) -> list[float]:
    """Half the way to the mean of what each is connected with: all of it would swing to and fro."""
    wanted = []
    for strip, pulls in enumerate(strips.pulls):
        weight = sum(strength for _, strength in pulls)
        mean = sum(x[other] * strength for other, strength in pulls)
        wanted.append((x[strip] + mean / weight) / 2 if weight else x[strip])
    return wanted


def _tighten(strips: _Strips, x: list[float], lines: Sequence[bool]) -> None:
    """Move strips that are lines alone as close to what they connect as there is room."""
    alone = [strip for strip in strips.order if lines[strip] and strips.pulls[strip]]
    for strip in (*alone, *reversed(alone)):
        mean = sum(x[other] * s for other, s in strips.pulls[strip])
        mean /= sum(strength for _, strength in strips.pulls[strip])
        least = max((x[o] + apart for o, apart in strips.left[strip]), default=-inf)
        most = min((x[o] - apart for o, apart in strips.right[strip]), default=inf)
        x[strip] = max(least, min(mean, most))


def _pushed_right(strips: _Strips, wanted: Sequence[float]) -> list[float]:
    """Each where it wants to be, or further right where its left neighbours need the room."""
    x = list(wanted)
    for strip in strips.order:
        for other, apart in strips.left[strip]:
            x[strip] = max(x[strip], x[other] + apart)
    return x


def _pulled_left(strips: _Strips, wanted: Sequence[float]) -> list[float]:
    """Each where it wants to be, or further left where its right neighbours need the room."""
    x = list(wanted)
    for strip in reversed(strips.order):
        for other, apart in strips.right[strip]:
            x[strip] = min(x[strip], x[other] - apart)
    return x


def _pushed_left(strips: _Strips) -> list[float]:
    """As far right as the narrowest drawing allows."""
    widest = max(_pushed_right(strips, [0.0] * strips.count))
    return _pulled_left(strips, [widest] * strips.count)


def _middle(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """Halfway between two placings that keep the distances, which does so, too."""
    return [(a + b) / 2 for a, b in zip(one, other, strict=True)]
