"""A kernel that can do a step, and what is asked of it. Numba-free."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from speccompiler.graph.dims import known_shape
from speccompiler.graph.ir import Combine, Node
from speccompiler.kernels.winograd_tiles import Schedule

KnownShape = tuple[int, ...]
Geometry = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A kernel that can do some steps. Shapes are of one sample, all known."""

    kernel: str
    fits: Callable[[Node, KnownShape], bool]
    geometry: Callable[[Node, KnownShape], Geometry]
    tasks: Callable[[Node, KnownShape, int], int]
    """Independent tasks for ``n`` samples."""
    nanoseconds: Callable[[Node, KnownShape], float]
    """Estimated time of one sample on one core: ranks candidates, and says if threads pay."""
    scratch: Callable[[Node, KnownShape], int] = lambda node, shape: 0
    """float32 values that a thread needs for itself."""
    precise: bool = True
    """Rounds as the direct sum does; others are taken with ``math: fast`` only."""
    schedule: Schedule | None = None
    """How the tasks are cut, where a kernel leaves a choice."""
    sharing: Callable[[Node, KnownShape], int] = lambda node, shape: 1
    """Neighbouring tasks that prepare the same input: best done by one thread."""
    strided: bool = False
    """Can write positions further apart than their channels: its geometry ends with how far."""
    adds: bool = False
    """Can add to what lies where it writes."""
    added: Combine | None = None
    """The sum that it takes in: with what lies there, and then the sum's activation."""

    @property
    def layout(self) -> str:
        """In which order weights are read: steps of one layout can share them."""
        if self.schedule is None:
            return self.kernel
        return f"{self.kernel} {'as it is' if self.schedule.chunk else self.schedule.tile}"

    @property
    def growth(self) -> float:
        """How many times as large packed weights are, zeros that fill vectors not counted."""
        if self.schedule is None or self.schedule.chunk:
            return 1.0
        tile = self.schedule.tile
        # The transformed ones, and behind them those that are not.
        return tile.points / prod(tile.kernel) + 1


def three(values: Sequence[Any], fill: int) -> tuple[int, ...]:
    """Spatial values as 3-D, filled in front."""
    assert len(values) <= 3, "at most three spatial axes"
    return (fill,) * (3 - len(values)) + tuple(int(v) for v in values)


def known(node: Node) -> KnownShape:
    """Shape of a node's value, all lengths known."""
    return known_shape(node.shape)
