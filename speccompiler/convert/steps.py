"""A call that is being converted, and what has become of the values that it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from speccompiler.convert.adapters import moved_axes
from speccompiler.convert.changes import Changes, Order
from speccompiler.frozen import dataclass
from speccompiler.graph.ir import Shape, Weight
from speccompiler.schemas.fields import Layer, Ordering


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """How a value of the converted model differs from the original's.

    ``order`` of a flat value: entry i is entry ``order[i]`` of the original's. In front of an image
    whose channels have moved, so many axes of ``steps`` stay where they are.
    """

    moved: bool = False
    order: Order | None = None
    steps: int = 0

    @property
    def same(self) -> bool:
        """Whether the value is that of the original."""
        return not self.moved and self.order is None

    def lies_as(self, other: Value) -> bool:
        """Whether its axes are in the order in which those of another value are."""
        return (self.moved, self.steps) == (other.moved, other.steps)

    def axes(self, rank: int, target: Ordering) -> tuple[int, ...]:
        """For ``np.transpose`` of one sample of the original: the axes that it now has."""
        if not self.moved:
            return tuple(range(rank))
        moved = moved_axes(rank - self.steps, target)
        return (*range(self.steps), *(axis + self.steps for axis in moved))


SAME = Value()
MOVED = Value(moved=True)


def moved_under(steps: int) -> Value:
    """An image in steps, whose own channels have moved."""
    return Value(moved=True, steps=steps)


def moved_axis(axis: int, rank: int, target: Ordering) -> int:
    """Where an axis of the sample goes."""
    return moved_axes(rank, target).index(axis)


@dataclass(frozen=True, slots=True)
class Step:
    """A call that is being converted."""

    layer: Any
    """The layer, of the class that the rule is for."""
    name: str
    inputs: tuple[Value, ...]
    shapes: tuple[Shape, ...]
    """The shape of one sample of each input, in the original model."""
    target: Ordering
    changes: Changes
    weights: Sequence[Weight]

    @property
    def value(self) -> Value:
        """What has become of the only input."""
        return self.inputs[0]


Rule = Callable[[Step], tuple[Layer, Value]]
"""The layer as the converted model has it, and what becomes of its value. CS151."""
