"""A model's tensors, each read when it is first needed, if it is needed at all."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy.typing as npt

from speccompiler.files.tensor_info import non_finite_count
from speccompiler.graph.ir import Weight
from speccompiler.weights.sources import TensorSource

Array = npt.NDArray[Any]


class LoadedWeights(Mapping[Weight, Array]):
    """Tensors by their weight, however it is read. Looking one up may raise ``Problem``.

    A packed tensor that the cache holds is never read; who finds one there says how many of
    its values are not finite.
    """

    def __init__(self, sources: Mapping[Weight, TensorSource]) -> None:
        self._sources = sources
        self._named = {weight.name: source for weight, source in sources.items()}
        self._held: dict[tuple[str, str], Array] = {}
        self._changed = False
        self.non_finite: dict[tuple[str, str], int] = {}

    @staticmethod
    def of(arrays: Mapping[Weight, Array], sources: Mapping[Weight, TensorSource]) -> LoadedWeights:
        """Tensors that are no longer what their sources hold."""
        loaded = LoadedWeights(sources)
        loaded._changed = True
        loaded._held = {weight.name: array for weight, array in arrays.items()}
        loaded.non_finite = {name: non_finite_count(a) for name, a in loaded._held.items()}
        return loaded

    def __getitem__(self, weight: Weight) -> Array:
        name = weight.name
        if name not in self._held:
            array = self._named[name].read()
            self.non_finite[name] = non_finite_count(array)
            self._held[name] = array
        return self._held[name]

    def __iter__(self) -> Iterator[Weight]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def take(self, weight: Weight) -> Array:
        """The tensor, for its last use: it is not held any longer."""
        array = self[weight]
        if not self._changed:
            del self._held[weight.name]
        return array

    def only(self, weights: Collection[Weight]) -> Mapping[Weight, Array]:
        """Some of them, looked up here."""
        return _Part(self, weights)

    def identity(self, weight: Weight) -> str | None:
        """A text that no other values share; None where nothing vouches for that."""
        return None if self._changed else self._named[weight.name].identity()

    def read_rest(self) -> None:
        """Read what nobody has needed, one at a time, to know about every value."""
        for weight in self:
            if weight.name not in self.non_finite:
                self.take(weight)


class _Part(Mapping[Weight, Array]):
    def __init__(self, whole: LoadedWeights, weights: Collection[Weight]) -> None:
        self._whole = whole
        self._weights = weights

    def __getitem__(self, weight: Weight) -> Array:
        return self._whole[weight]

    def __iter__(self) -> Iterator[Weight]:
        return iter(self._weights)

    def __len__(self) -> int:
        return len(self._weights)
