"""A kernel that can do a step, and what a plan asks of it. Imports no numba."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from math import prod
from typing import Any

from speccompiler.frozen import dataclass
from speccompiler.graph.dims import known_shape
from speccompiler.graph.ir import Combine, Node
from speccompiler.planning.cells import Cells
from speccompiler.planning.schedule import Schedule

KnownShape = tuple[int, ...]
Geometry = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A kernel that can do some steps. Shapes are of one sample, and have no open lengths."""

    kernel: str
    fits: Callable[[Node, KnownShape], bool] = field(compare=False)
    """Whether it can do the step of this node, which reads a value of this shape."""
    geometry: Callable[[Node, KnownShape], Geometry] = field(compare=False)
    """The integers that the kernel is given with every call."""
    tasks: Callable[[Node, KnownShape, int], int] = field(compare=False)
    """How many independent tasks ``n`` samples make."""
    nanoseconds: Callable[[Node, KnownShape], float] = field(compare=False)
    """Estimated time of one sample on one core: ranks candidates, and says if threads pay."""
    scratch: Callable[[Node, KnownShape], int] = field(default=lambda node, shape: 0, compare=False)
    """float32 values that a thread needs for itself."""
    precise: bool = True
    """Whether it rounds as the direct sum does. Others are taken with ``math: fast`` only."""
    schedule: Schedule | None = None
    """How the tasks are cut, where a kernel leaves a choice."""
    sharing: Callable[[Node, KnownShape], int] = field(default=lambda node, shape: 1, compare=False)
    """How many neighbouring tasks prepare the same input: one thread does them best."""
    strided: bool = False
    """Whether it can leave gaps between the positions that it writes."""
    adds: bool = False
    """Whether it can add its result to what lies where it writes."""
    planes: bool = False
    """Whether it can read and write values whose channels come first."""
    cells: Callable[[Node, KnownShape], Sequence[Cells]] = field(
        default=lambda node, shape: (), compare=False
    )
    """What it computes at a time along each axis but the last; none where no bits depend on it."""
    held: Callable[[Node, KnownShape], int] = field(default=lambda node, shape: 0, compare=False)
    """float32 values of a sample that its tasks leave for one another."""
    added: Combine | None = None
    """The sum that it takes in: it adds to what lies there, then applies the sum's activation."""
    target_kernel: object = None
    """The target's own object for the kernel, which knows what no plan asks."""

    @property
    def layout(self) -> str:
        """Names the order in which weights are packed: steps of one layout can share them."""
        if self.schedule is None:
            return self.kernel
        return f"{self.kernel} {'as it is' if self.schedule.chunk else self.schedule.tile}"

    @property
    def growth(self) -> float:
        """How many times larger packed weights are, not counting zeros that fill vectors."""
        if self.schedule is None or self.schedule.chunk:
            return 1.0
        tile = self.schedule.tile
        # Behind the transformed weights lie the weights as they were.
        return tile.points / prod(tile.kernel) + 1


def three(values: Sequence[Any], fill: int) -> tuple[int, int, int]:
    """Spatial values as 3-D, with ``fill`` for the axes that are missing in front."""
    depth, height, width = (fill,) * (3 - len(values)) + tuple(int(v) for v in values)
    return depth, height, width


def known(node: Node) -> KnownShape:
    """Shape of a node's value, all lengths known."""
    return known_shape(node.shape)


def op_of(node: Node) -> Any:
    """A node's operation, where the table that led here has decided its kind."""
    return node.op
