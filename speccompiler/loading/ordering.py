"""The order in which calls can be computed."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from speccompiler.diagnostics import Problem
from speccompiler.source.findings import shown


def computable(reads: Sequence[Sequence[int]]) -> list[int]:
    """Numbers of calls, each after those that it reads, else as they are listed.

    ``reads`` says for each call which others it reads. What reads itself by way of others,
    or what does, is left out.
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


def circle(names: Sequence[str]) -> Problem:
    """CS060 for layers that wait for each other."""
    listing = ", ".join(f"'{shown(name)}'" for name in names[:6])
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    what = f"layer {listing} reads" if len(names) == 1 else f"layers {listing}{more} read"
    return Problem(
        "CS060",
        f"{what} what can only be computed after {'it' if len(names) == 1 else 'them'}",
        "the layers form a circle: let one of them read something else",
    )
