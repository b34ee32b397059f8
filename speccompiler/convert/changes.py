"""What is done to a stored tensor so that the converted model computes the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

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


Change = Reversed | Transposed | Reordered
TensorName = tuple[str, str]


class Changes:
    """Changes of tensors by layer and tensor, in the order in which they are made."""

    def __init__(self) -> None:
        self._of: dict[TensorName, list[Change]] = {}

    def add(self, layer: str, tensor: str, change: Change) -> None:
        """One more change, after those that are there."""
        self._of.setdefault((layer, tensor), []).append(change)

    def layers(self, kind: type[Change]) -> list[str]:
        """The layers that have a change of this kind."""
        found = (name[0] for name, changes in self._of.items() for c in changes
                 if isinstance(c, kind))  # fmt: skip
        return list(dict.fromkeys(found))

    def apply(self, layer: str, tensor: str, array: Array) -> Array:
        """The tensor as the converted model stores it."""
        for change in self._of.get((layer, tensor), ()):
            array = change.apply(array)
        return array

    def __bool__(self) -> bool:
        return bool(self._of)
