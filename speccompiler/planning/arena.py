"""Where values lie in an arena: each at the lowest place that is free while it is alive.

A binary tree over the steps of a plan knows which places are occupied, as runs of places from
low to high. Each node stands for some steps in a row: its ``whole`` runs are occupied during
all of these steps, its ``partly`` runs during at least one. A life is covered by a few nodes, so
that a search takes no longer for long lives or for many values that are alive.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from heapq import merge
from itertools import chain

FEW = 64
"""Runs that are sorted sooner than the search through them needs them one by one."""


class _Runs:
    """Disjoint runs ``[start, end)``, from low to high; runs that touch are joined."""

    __slots__ = ("ends", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []

    def add(self, start: int, end: int) -> None:
        """Occupy a run, which may overlap others."""
        low, high = bisect_left(self.ends, start), bisect_right(self.starts, end)
        if low < high:
            start, end = min(start, self.starts[low]), max(end, self.ends[high - 1])
        self.starts[low:high] = [start]
        self.ends[low:high] = [end]


class Arena:
    """The places of values, each of which is alive during some of ``steps`` steps."""

    def __init__(self, steps: int) -> None:
        self._leaves = 1 << max(steps - 1, 0).bit_length()
        self._whole: dict[int, _Runs] = {}
        self._partly: dict[int, _Runs] = {}

    def place(self, length: int, first: int, last: int) -> int:
        """Occupy the lowest ``length`` free places for the steps ``first`` to ``last``.

        Returns the first of these places.
        """
        nodes = self._nodes(first, last)
        above: set[int] = set()
        for node in nodes:
            node >>= 1
            while node and node not in above:
                above.add(node)
                node >>= 1
        seen = [self._partly[node] for node in nodes if node in self._partly]
        seen += [self._whole[node] for node in above if node in self._whole]
        start = 0
        occupied = [zip(runs.starts, runs.ends, strict=True) for runs in seen]
        few = sum(len(runs.starts) for runs in seen) < FEW
        for low, high in sorted(chain.from_iterable(occupied)) if few else merge(*occupied):
            if start + length <= low:
                break
            start = max(start, high)
        end = start + length
        for node in nodes:
            self._whole.setdefault(node, _Runs()).add(start, end)
        for node in {*nodes, *above}:
            self._partly.setdefault(node, _Runs()).add(start, end)
        return start

    def _nodes(self, first: int, last: int) -> list[int]:
        """The fewest nodes that cover these steps; the children of ``n`` are ``2n``, ``2n + 1``."""
        found = []
        low, high = first + self._leaves, last + self._leaves + 1
        while low < high:
            if low & 1:
                found.append(low)
                low += 1
            if high & 1:
                high -= 1
                found.append(high)
            low, high = low >> 1, high >> 1
        return found
