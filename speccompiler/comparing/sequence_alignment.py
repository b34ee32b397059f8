"""What two sequences have in common, in order, in a time that hardly depends on how they differ.

E. W. Myers, "An O(ND) difference algorithm and its variations" (1986): greedy, and given up after
``MOST_EDITS`` differences, where the path that came furthest is kept and the search starts anew.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

MOST_EDITS = 256
Pairs = list[tuple[int, int]]


def common(old: Sequence[Hashable], new: Sequence[Hashable]) -> Pairs:
    """Places (in old, in new) of equal values, both rising; as many as the search finds."""
    tokens: dict[Hashable, int] = {}
    a = [tokens.setdefault(value, len(tokens)) for value in old]
    b = [tokens.setdefault(value, len(tokens)) for value in new]
    found: Pairs = []
    x = y = 0
    tail = 0
    while tail < min(len(a), len(b)) and a[-1 - tail] == b[-1 - tail]:
        tail += 1
    ends = len(a) - tail, len(b) - tail
    while x < ends[0] and y < ends[1]:
        steps, (x, y) = _further(a, b, (x, y), ends)
        found += steps
    return found + [(ends[0] + k, ends[1] + k) for k in range(tail)]


def _further(
    a: list[int], b: list[int], start: tuple[int, int], ends: tuple[int, int]
) -> tuple[Pairs, tuple[int, int]]:
    """The matches of a shortest edit path from ``start``, to the ends or as far as it gets."""
    # For each diagonal, x - y: the furthest x there, and the runs of matches on the way.
    reached: dict[int, tuple[int, _Runs | None]] = {start[0] - start[1] + 1: (start[0], None)}
    middle = start[0] - start[1]
    for edits in range(MOST_EDITS + 1):
        for k in range(middle - edits, middle + edits + 1, 2):
            above, left = reached.get(k + 1), reached.get(k - 1)
            if above is not None and above[0] - k > ends[1]:
                above = None
            if left is not None and left[0] >= ends[0]:
                left = None
            if above is None and left is None:
                reached.pop(k, None)
                continue
            if left is None or (above is not None and above[0] > left[0]):
                assert above is not None, "one of the two is there"
                x, runs = above
            else:
                x, runs = left[0] + 1, left[1]
            y = first = x - k
            while x < ends[0] and y < ends[1] and a[x] == b[y]:
                x, y = x + 1, y + 1
            if y > first:
                runs = _Runs(first + k, first, y - first, runs)
            reached[k] = x, runs
            if (x, y) == ends:
                return _pairs(runs), ends
    k = max(reached, key=lambda k: (2 * reached[k][0] - k, k))
    x, runs = reached[k]
    return _pairs(runs), (x, x - k)


class _Runs(NamedTuple):
    """``length`` matches from (x, y) on, and those before them."""

    x: int
    y: int
    length: int
    before: _Runs | None


def _pairs(runs: _Runs | None) -> Pairs:
    found: Pairs = []
    while runs is not None:
        found += [(runs.x + n, runs.y + n) for n in range(runs.length - 1, -1, -1)]
        runs = runs.before
    found.reverse()
    return found


def rising(values: Sequence[int], worth: Sequence[int] | None = None) -> set[int]:
    """The places of a rising subsequence of most worth; a longest one where all are worth 1.

    Values are distinct. ``best`` is a Fenwick tree: the best end among the lowest values.
    """
    rank = {value: place for place, value in enumerate(sorted(values), 1)}
    best: list[tuple[int, int]] = [(0, -1)] * (len(values) + 1)
    before: list[int] = []
    last = (0, -1)
    for place, value in enumerate(values):
        at, found = rank[value] - 1, (0, -1)
        while at:
            found = max(found, best[at])
            at &= at - 1
        before.append(found[1])
        end = found[0] + (1 if worth is None else worth[place]), place
        last = max(last, end)
        at = rank[value]
        while at < len(best):
            best[at] = max(best[at], end)
            at += at & -at
    kept: set[int] = set()
    place = last[1]
    while place >= 0:
        kept.add(place)
        place = before[place]
    return kept
