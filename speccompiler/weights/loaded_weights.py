"""A model's tensors, each read when it is first needed, if it is needed at all."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy.typing as npt

from speccompiler.diagnostics.core import Problem
from speccompiler.diagnostics.wording import quoted
from speccompiler.files.tensor_info import non_finite_count
from speccompiler.graph.ir import Weight
from speccompiler.weights.sources import DrawnTensor, FileTensor, TensorSource

Array = npt.NDArray[Any]


class LoadedWeights(Mapping[Weight, Array]):
    """Tensors by their weights' names, read when they are looked up; that may raise ``Problem``.

    A tensor whose packed form the cache holds is never read. Whoever takes it from there notes
    in ``non_finite`` how many of its values are NaN or infinite, as is done here for others.
    """

    def __init__(self, sources: Mapping[Weight, TensorSource]) -> None:
        self._sources = sources
        self._named = {weight.name: source for weight, source in sources.items()}
        self._held: dict[tuple[str, str], Array] = {}
        self._changed = False
        self._released = False
        self.non_finite: dict[tuple[str, str], int] = {}

    @staticmethod
    def of(arrays: Mapping[Weight, Array], sources: Mapping[Weight, TensorSource]) -> LoadedWeights:
        """Tensors that were changed after they were read: they are not what their sources hold."""
        loaded = LoadedWeights(sources)
        loaded._changed = True
        loaded._held = {weight.name: array for weight, array in arrays.items()}
        loaded.non_finite = {name: non_finite_count(a) for name, a in loaded._held.items()}
        return loaded

    def __getitem__(self, weight: Weight) -> Array:
        name = weight.name
        if name not in self._held:
            source = self._named[name]
            if self._released:
                _check_unchanged(source, weight)
            array = source.read()
            self.non_finite[name] = non_finite_count(array)
            self._held[name] = array
        return self._held[name]

    def __iter__(self) -> Iterator[Weight]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def take(self, weight: Weight) -> Array:
        """The tensor, for the last time: it is not held any longer."""
        array = self[weight]
        if not self._changed:
            del self._held[weight.name]
        return array

    def release(self) -> None:
        """Hold no tensor any longer, unless it is not what its source holds.

        One that is needed again is read again, and refused where its file has changed: CS100.
        """
        self._released = True
        if not self._changed:
            self._held.clear()

    def only(self, weights: Collection[Weight]) -> Mapping[Weight, Array]:
        """A view of some of them."""
        return _Part(self, weights)

    def identity(self, weight: Weight) -> str | None:
        """A text that stands for the tensor's values, and no others; None where there is none."""
        return None if self._changed else self._named[weight.name].identity()

    def is_drawn(self, weight: Weight) -> bool:
        """Whether nothing gives the tensor."""
        return isinstance(self._named[weight.name], DrawnTensor)

    def read_rest(self) -> None:
        """Read what nothing has needed, one at a time, to know which values are not finite."""
        for weight in self:
            if weight.name not in self.non_finite:
                self.take(weight)


def _check_unchanged(source: TensorSource, weight: Weight) -> None:
    """CS100 for a file that is known to be another one than when it was opened."""
    if isinstance(source, FileTensor) and source.file.state and source.identity() is None:
        raise Problem(
            "CS100",
            f"{source.file.what} {quoted(source.file.path.name)} has changed or gone since the "
            f"model was compiled, and {weight.tensor} is needed again",
            "a new size may need weights in another order: leave the file as it is while the "
            "model is used, or load and compile the model anew",
            layer=weight.layer,
        )


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
