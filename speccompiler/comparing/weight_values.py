"""The values of weights before and after: tensor by tensor, two of them in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from math import inf, prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from speccompiler.comparing.compare import compare
from speccompiler.diagnostics.core import SpecError, about, has_errors
from speccompiler.frozen import dataclass
from speccompiler.validation.validated import ValidatedModel
from speccompiler.weights.files.weight_file import open_weights

_AT_A_TIME = 1 << 20
"""Values that are compared at a time, as float64."""


class TensorState(StrEnum):
    """How two tensors stand to each other."""

    EQUAL = "equal"
    DIFFERENT = "different"
    RESHAPED = "reshaped"
    """Their shapes differ, so that no value has a counterpart."""
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor of one side, read when it is compared."""

    name: str
    shape: tuple[int, ...]
    read: Callable[[], npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class TensorDifference:
    """One tensor before and after. Numbers are 0 where no values were compared."""

    state: TensorState
    old_name: str | None
    new_name: str | None
    old_shape: tuple[int, ...] | None
    new_shape: tuple[int, ...] | None
    largest: float = 0.0
    """The largest difference; infinite where one of two is not a number, or infinite."""
    scale: float = 0.0
    """The largest finite old value, without its sign."""
    differing: int = 0
    """Values that differ by more than is allowed."""
    old_nan: int = 0
    """Old values that are NaN. NaN equals NaN."""
    new_nan: int = 0

    @property
    def name(self) -> str:
        """The new name, or the old one of a tensor that is gone."""
        return self.new_name or self.old_name or ""

    @property
    def count(self) -> int:
        """How many values it has."""
        shape = self.old_shape if self.new_shape is None else self.new_shape
        return prod(shape or ())

    @property
    def relative(self) -> float:
        """The largest difference as a part of the largest old value."""
        return self.largest / self.scale if self.scale else self.largest


def weight_differences(
    old: ValidatedModel | Path, new: ValidatedModel | Path, tolerance: float = 0.0
) -> Iterator[TensorDifference]:
    """Every tensor of two models, or of two weight files. Values differ by more than
    ``tolerance`` times the largest old value of their tensor.

    Tensors of models find each other by the layers that became each other, those of files by
    their names. Raises ``SpecError`` for weights that are missing or cannot be read.
    """
    if isinstance(old, Path) and isinstance(new, Path):
        pairs = _of_files(old, new)
    else:
        assert isinstance(old, ValidatedModel), "a weight file is compared with another one"
        assert isinstance(new, ValidatedModel), "a weight file is compared with another one"
        pairs = _of_models(old, new)
    for one, other in pairs:
        yield _difference(one, other, tolerance)


Pairs = Iterable[tuple[StoredTensor | None, StoredTensor | None]]


def _of_files(old: Path, new: Path) -> Pairs:
    before, after = _stored_in(old), _stored_in(new)
    for name, tensor in before.items():
        yield tensor, after.get(name)
    for name, tensor in after.items():
        if name not in before:
            yield None, tensor


def _stored_in(path: Path) -> dict[str, StoredTensor]:
    with about(str(path)):
        file = open_weights(path)

    def reader(name: str) -> Callable[[], npt.NDArray[Any]]:
        def read() -> npt.NDArray[Any]:
            with about(str(path)):
                return file.read(name)

        return read

    return {
        info.name: StoredTensor(info.name, tuple(info.shape), reader(info.name))
        for info in file.tensors.values()
    }


def _of_models(old: ValidatedModel, new: ValidatedModel) -> Pairs:
    before, after = _stored_by(old), _stored_by(new)
    for pair in compare(old, new).layers:
        for fit in pair.tensors:
            yield (
                None if fit.old_name is None else before[fit.old_name],
                None if fit.new_name is None else after[fit.new_name],
            )


def _stored_by(model: ValidatedModel) -> Mapping[str, StoredTensor]:
    """The tensors of a model by their keys, such as ``conv1/W``."""
    sources = model.weight_sources
    if has_errors(sources.diagnostics):
        raise SpecError(sources.diagnostics)
    file = str(model.weights_file or model.file)

    def reader(source: Any) -> Callable[[], npt.NDArray[Any]]:
        def read() -> npt.NDArray[Any]:
            with about(file):
                array: npt.NDArray[Any] = source.read()
                return array

        return read

    return {
        f"{weight.layer}/{weight.tensor}": StoredTensor(
            f"{weight.layer}/{weight.tensor}", weight.stored_shape, reader(source)
        )
        for weight, source in sources.sources.items()
    }


def _difference(
    old: StoredTensor | None, new: StoredTensor | None, tolerance: float
) -> TensorDifference:
    names = (None if old is None else old.name, None if new is None else new.name)
    shapes = (None if old is None else old.shape, None if new is None else new.shape)
    if old is None or new is None:
        state = TensorState.ADDED if old is None else TensorState.REMOVED
        return TensorDifference(state, *names, *shapes)
    if old.shape != new.shape:
        return TensorDifference(TensorState.RESHAPED, *names, *shapes)
    one, other = old.read().reshape(-1), new.read().reshape(-1)
    parts = [slice(at, at + _AT_A_TIME) for at in range(0, one.size, _AT_A_TIME)]
    scale = max((_largest(one[part]) for part in parts), default=0.0)
    largest, differing = 0.0, 0
    for part in parts:
        off = value_differences(one[part], other[part])
        largest = max(largest, float(off.max(initial=0.0)))
        differing += int(np.count_nonzero(off > tolerance * scale))
    state = TensorState.DIFFERENT if differing else TensorState.EQUAL
    nans = tuple(int(np.count_nonzero(np.isnan(each))) for each in (one, other))
    return TensorDifference(state, *names, *shapes, largest, scale, differing, *nans)


def _largest(values: npt.NDArray[Any]) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max(initial=0.0))


def value_differences(old: npt.NDArray[Any], new: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """How far apart values are; NaN equals NaN, and is infinitely far from everything else."""
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.abs(new.astype(np.float64) - old)
    same = (old == new) | (np.isnan(old) & np.isnan(new))
    return np.where(same, 0.0, np.where(np.isnan(off), inf, off))
