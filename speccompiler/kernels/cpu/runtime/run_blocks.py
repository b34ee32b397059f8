"""The memory of runs in progress, shared by all executors of a model.

A run takes a block and gives it back; there are as many as there ever were runs at once. A block
that is too small for a plan is dropped for a larger one, so that a model that has run a thousand
sizes has the memory of the largest. What was bound to a block is kept with it: a plan that comes
again runs at once.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from typing import Generic, TypeVar

from speccompiler.kernels.cpu.kernel import Array
from speccompiler.system.memory import allocate

MOST_BOUND = 1 << 15
"""Calls that stay bound to a block: each takes about 400 bytes."""

Bound = TypeVar("Bound")


class Block(Generic[Bound]):
    """Room for the buffers of a plan, scratch for each thread, and calls bound to them.

    Calls are kept by the number of a plan's executor and by samples.
    """

    def __init__(self, arena: int, scratch: int, threads: int) -> None:
        self.arena: Array = allocate(arena)
        self.scratch: list[Array] = [allocate(scratch) for _ in range(threads)]
        self.scratch_elements = scratch
        self._bound: OrderedDict[tuple[int, int], tuple[Bound, int]] = OrderedDict()
        self._calls = 0

    def holds(self, arena: int, scratch: int) -> bool:
        """Whether so many values fit."""
        return self.arena.size >= arena and self.scratch_elements >= scratch

    def bound(self, key: tuple[int, int]) -> Bound | None:
        """What was kept under a key."""
        found = self._bound.get(key)
        if found is None:
            return None
        self._bound.move_to_end(key)
        return found[0]

    def keep(self, key: tuple[int, int], bound: Bound, calls: int) -> None:
        """Keep what is bound, of so many calls; what was not used for longest is dropped."""
        self._bound[key] = bound, calls
        self._calls += calls
        while self._calls > MOST_BOUND and len(self._bound) > 1:
            self._calls -= self._bound.popitem(last=False)[1][1]


class RunBlocks(Generic[Bound]):
    """The blocks that no run uses now."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._idle: list[Block[Bound]] = []

    def __len__(self) -> int:
        return len(self._idle)

    def take(self, arena: int, scratch: int) -> Block[Bound]:
        """A block that holds so many values: one from an earlier run, or a new one."""
        # No lock: list.pop is atomic, and a lock held while another thread forks stays held.
        with contextlib.suppress(IndexError):
            block = self._idle.pop()
            if block.holds(arena, scratch):
                return block
            arena = max(arena, block.arena.size)
            scratch = max(scratch, block.scratch_elements)
        return Block(arena, scratch, self._threads)

    def give_back(self, block: Block[Bound]) -> None:
        """It is idle again. That of a run that failed is not given back."""
        self._idle.append(block)

    def clear(self) -> None:
        """Drop all that is idle."""
        self._idle.clear()
