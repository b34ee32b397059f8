"""The order within each rank: sweeps over the ranks until no fewer lines cross."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from itertools import pairwise

from speccompiler.drawing.waypoints import Ranked

MOST_SWEEPS = 16
PATIENCE = 4
"""Sweeps without gain after which there is none to expect."""

Order = list[list[int]]


def ordered(graph: Ranked) -> tuple[Order, int]:
    """What stands in each rank from left to right, and how many lines cross.

    It begins with the order of a walk that takes branches as they were given: the first branch
    stands on the left, and what skips others on the right.
    """
    order = _walked(graph)
    best, fewest = order, crossings(graph, order)
    idle = 0
    for sweep in range(MOST_SWEEPS):
        if not fewest or idle == PATIENCE:
            break
        order = _swept(graph, order, downwards=sweep % 2 == 0, reverse=sweep % 4 > 1)
        _exchange(graph, order)
        found = crossings(graph, order)
        idle = idle + 1 if found >= fewest else 0
        if found < fewest:
            best, fewest = [list(rank) for rank in order], found
    return best, fewest


def crossings(graph: Ranked, order: Sequence[Sequence[int]]) -> int:
    """How many pairs of lines between neighbouring ranks cross."""
    total = 0
    for upper, lower in pairwise(order):
        if len(upper) == 1 or len(lower) == 1:
            continue
        at = {node: index for index, node in enumerate(lower)}
        seen: list[int] = []
        for node in upper:
            ends = sorted(at[other] for other in graph.below[node])
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _walked(graph: Ranked) -> Order:
    """The ranks in the order in which a walk downwards meets each place first."""
    order: Order = [[] for _ in graph.by_rank()]
    met = [False] * len(graph.rank)
    starts = sorted(range(graph.boxes), key=lambda node: (graph.rank[node], node))
    for start in starts:
        waiting = [start]
        while waiting:
            node = waiting.pop()
            if met[node]:
                continue
            met[node] = True
            order[graph.rank[node]].append(node)
            # Boxes before lines that pass: a branch before what skips it.
            after = sorted(graph.below[node], key=lambda n: (not graph.is_box(n), n))
            waiting += reversed(after)
    return order


def _swept(graph: Ranked, order: Order, *, downwards: bool, reverse: bool) -> Order:
    """Each rank sorted by the middle of what it hangs on in the rank before it."""
    new = [list(rank) for rank in order]
    indices = range(1, len(new)) if downwards else range(len(new) - 2, -1, -1)
    beside = graph.above if downwards else graph.below
    for index in indices:
        rank = new[index]
        if len(rank) < 2:
            continue
        fixed = {n: at for at, n in enumerate(new[index - 1 if downwards else index + 1])}
        middle = {node: _median([fixed[n] for n in beside[node]]) for node in rank}
        loose = [(at, node) for at, node in enumerate(rank) if middle[node] < 0]
        sign = -1 if reverse else 1
        places = {node: sign * at for at, node in enumerate(rank)}
        tied = [node for node in rank if middle[node] >= 0]
        tied.sort(key=lambda node: (middle[node], places[node]))
        for at, node in loose:  # what hangs on nothing stays where it is
            tied.insert(at, node)
        new[index] = tied
    return new


def _median(values: list[int]) -> float:
    """Weighted towards the closer side, as graphviz does it; -1 for none."""
    if not values:
        return -1.0
    values.sort()
    half = len(values) // 2
    if len(values) % 2:
        return float(values[half])
    if len(values) == 2:
        return (values[0] + values[1]) / 2
    left = values[half - 1] - values[0]
    right = values[-1] - values[half]
    if not left + right:
        return (values[half - 1] + values[half]) / 2
    return (values[half - 1] * right + values[half] * left) / (left + right)


def _exchange(graph: Ranked, order: Order) -> None:
    """Exchange neighbours within ranks while fewer lines cross by it."""
    at = [0] * len(graph.rank)
    for rank in order:
        for place, node in enumerate(rank):
            at[node] = place
    for _ in range(4):
        gained = False
        for rank in order:
            for place in range(len(rank) - 1):
                one, other = rank[place], rank[place + 1]
                now = then = 0
                for beside in (graph.above, graph.below):
                    a = [at[n] for n in beside[one]]
                    b = [at[n] for n in beside[other]]
                    now += _inversions(a, b)
                    then += _inversions(b, a)
                if then < now:
                    rank[place], rank[place + 1] = other, one
                    at[one], at[other] = place + 1, place
                    gained = True
        if not gained:
            return


def _inversions(left: list[int], right: list[int]) -> int:
    """Pairs of lines that cross where ``left`` ends stand left of ``right`` ends' box."""
    if len(left) == 1 and len(right) == 1:
        return int(left[0] > right[0])
    ends = sorted(right)
    return sum(bisect_right(ends, value - 1) for value in left)
