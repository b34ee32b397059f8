"""What is done to a stored tensor so that the converted model computes the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.frozen import dataclass

Array = npt.NDArray[Any]
Order = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Reversed:
    """Read backwards along these axes: what Theano's convolution does with a kernel."""

    axes: tuple[int, ...]

    def apply(self, array: Array) -> Array:
        """The same shape."""
        return np.flip(array, self.axes)


@dataclass(frozen=True, slots=True)
class Relaid:
    """From the layout of one ordering to that of the other.

    ``split`` is the shape in which axes are transposed apart, ``axes`` brings them to the
    operand's order; ``other_split`` and ``other_axes`` are the same of the layout it becomes.
    """

    split: tuple[int, ...]
    axes: tuple[int, ...]
    other_split: tuple[int, ...]
    other_axes: tuple[int, ...]
    other_shape: tuple[int, ...]

    def apply(self, array: Array) -> Array:
        """The same numbers in ``other_shape``."""
        operand = array.reshape(self.split).transpose(self.axes)
        ordered = operand.reshape([self.other_split[axis] for axis in self.other_axes])
        return ordered.transpose(np.argsort(self.other_axes)).reshape(self.other_shape)


@dataclass(frozen=True, slots=True)
class Transposed:
    """Axis i of the result is axis ``axes[i]`` of what was stored."""

    axes: tuple[int, ...]

    def apply(self, array: Array) -> Array:
        """Axes in another order."""
        return array.transpose(self.axes)


@dataclass(frozen=True, slots=True, eq=False)
class Reordered:
    """Entry i along the first axis is entry ``order[i]`` of what was stored."""

    order: Order

    def apply(self, array: Array) -> Array:
        """The same shape."""
        return np.take(array, self.order, axis=0)


Change = Reversed | Relaid | Transposed | Reordered
TensorName = tuple[str, str]


class Changes:
    """Changes of tensors by layer and tensor, in the order in which they are made."""

    def __init__(self) -> None:
        self._of: dict[TensorName, list[Change]] = {}

    def add(self, layer: str, tensor: str, change: Change) -> None:
        """One more change, after those that are there."""
        self._of.setdefault((layer, tensor), []).append(change)

    def copy(self) -> Changes:
        """The same changes so far; later ones are added to one of the two."""
        new = Changes()
        new.become(self)
        return new

    def become(self, other: Changes) -> None:
        """Hold what another holds, instead of what is here."""
        self._of = {name: list(changes) for name, changes in other._of.items()}

    def layers(self, *kinds: type[Change]) -> list[str]:
        """The layers that have a change of these kinds."""
        found = [
            layer
            for (layer, _), changes in self._of.items()
            if any(isinstance(change, kinds) for change in changes)
        ]
        return list(dict.fromkeys(found))

    def apply(self, layer: str, tensor: str, array: Array) -> Array:
        """The tensor as the converted model stores it."""
        for change in self._of.get((layer, tensor), ()):
            array = change.apply(array)
        return array

    def __bool__(self) -> bool:
        return bool(self._of)
