"""What a node reads and gives: a value that a run computes, or one that is known before."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.frozen import dataclass
from speccompiler.graph.dims import Dim, symbol
from speccompiler.graph.ir import Node, Shape

Array = npt.NDArray[Any]

SAMPLES = "samples__"
BATCH = symbol(SAMPLES)
"""The length of the axis that counts samples: whatever a run is given."""
HELD = 1 << 16
"""The most numbers of a known value that are kept in memory."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a run: ``rank`` axes in ONNX, of which ``batch`` counts samples.

    The node's shape is that of the others; it is ``(1,)`` where there are none.
    """

    node: Node
    rank: int
    batch: int = 0
    whole: bool = False
    """Whether it holds whole numbers: of rows."""

    @property
    def sample(self) -> Shape:
        """The lengths of the axes that do not count samples."""
        return () if self.rank == 1 else self.node.shape

    @property
    def shape(self) -> Shape:
        """The lengths of all axes."""
        sample = self.sample
        return (*sample[: self.batch], BATCH, *sample[self.batch :])

    def place(self, axis: int) -> int:
        """Where an axis, which does not count samples, stands among those of the node."""
        assert axis != self.batch, "the axis of samples is none of the node's"
        return axis - (axis > self.batch)


class Known:
    """An array that is known before a run; a large one is read again whenever it is needed.

    Lengths that are open are dimensions in an array of objects.
    """

    def __init__(self, name: str, shape: Sequence[int], dtype: str, load: Callable[[], Array]):
        self.name = name
        self.shape = tuple(shape)
        self.dtype = dtype
        self._load = load
        self._held: Array | None = None
        self.effort = 0 if self.size <= HELD else self.size
        """How many numbers are read and computed to have its own once more."""
        self.depth = 0
        """How many operations on large values stand between it and the file."""

    @staticmethod
    def of(
        name: str,
        array: Array,
        load: Callable[[], Array] | None = None,
        made_of: Sequence[Known] = (),
    ) -> Known:
        """A value that was computed of others; ``load`` computes it again."""
        known = Known(name, array.shape, str(array.dtype), load or (lambda: array))
        if array.size <= HELD:
            known._held = array
        else:
            known.effort += sum(other.effort for other in made_of)
            known.depth = 1 + max((other.depth for other in made_of), default=0)
        return known

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    @property
    def is_float(self) -> bool:
        """Whether its numbers are floats."""
        return self.dtype in {"float32", "float16", "float64", "bfloat16"}

    def array(self) -> Array:
        """Its numbers."""
        if self._held is not None:
            return self._held
        array = self._load()
        if array.size <= HELD:
            self._held = array
        return array

    def changed(self, what: str, change: Callable[[Array], Array]) -> Known:
        """Another value, made of this one; ``what`` says how, and becomes part of its name."""
        array = change(self.array())
        return Known.of(f"{self.name} {what}", array, lambda: change(self.array()), (self,))


def dims(array: Array) -> tuple[Dim, ...]:
    """The whole numbers of a flat array, with dimensions that are open."""
    return tuple(int(n) if isinstance(n, int | np.integer) else n for n in array.tolist())


def settled(array: Array) -> Array:
    """An array of objects as one of whole numbers where all of them are."""
    if array.dtype != object:
        return array
    if all(isinstance(n, int | np.integer) for n in array.ravel().tolist()):
        return array.astype(np.int64)
    return array
