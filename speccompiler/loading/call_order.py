"""The order in which calls can be computed."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import and_more, shown


def computable(reads: Sequence[Sequence[int]]) -> list[int]:
    """The numbers of the calls, each after those that it reads, otherwise in the order listed.

    ``reads`` says for each call which others it reads. Calls in a circle are left out, and so
    are those that read one of them, directly or through others.
    """
    waits = [len(numbers) for numbers in reads]
    readers: list[list[int]] = [[] for _ in reads]
    for number, numbers in enumerate(reads):
        for read in numbers:
            readers[read].append(number)
    ready = [number for number, count in enumerate(waits) if not count]
    order = []
    while ready:
        number = heapq.heappop(ready)
        order.append(number)
        for reader in readers[number]:
            waits[reader] -= 1
            if not waits[reader]:
                heapq.heappush(ready, reader)
    return order


def circle(reads: Sequence[Sequence[int]], left: Sequence[int], names: Sequence[str]) -> Problem:
    """CS060 for a circle among ``left``, the calls that ``computable`` leaves out."""
    waiting = set(left)
    path = [left[0]]
    while path[-1] not in path[:-1]:
        # Each of them waits for at least one other, or it would not have been left.
        path.append(next(read for read in reads[path[-1]] if read in waiting))
    found = path[path.index(path[-1]) : -1]
    listing = ", ".join(f"'{shown(names[number])}'" for number in reversed(found[:6]))
    message = f"layers {listing}{and_more(len(found), 6)} read each other in a circle"
    if len(found) == 1:
        message = f"layer {listing} reads itself"
    return Problem("CS060", message, "let one of them read something else", layer=names[found[-1]])
