"""Keras 1.x weight constraints: project a tensor, or say how it breaks one.

``project`` applies Keras's own formula once (Keras 1.2.2, constraints.py:15-138), as Keras
does after an update; ``violation`` measures. Norms are Euclidean, over ``axis``, in float64.
A norm of exactly 0 has no direction: no projection can lengthen it, so it is never reported
as too short.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from speccompiler.frozen import dataclass
from speccompiler.lowering.constraint_axes import Axis, axes_in_words, check_axes

EPSILON = 1e-7
"""Keras's default fuzz factor."""

_ROUNDING = 1e-5


@dataclass(frozen=True, slots=True)
class MaxNorm:
    """No norm over ``axis`` above ``m``."""

    m: float = 2
    axis: Axis = 0

    def project(self, w: NDArray[Any], epsilon: float = EPSILON) -> NDArray[np.float32]:
        """``w * clip(norm, 0, m) / (epsilon + norm)``."""
        norms = _norms(w, self.axis)
        return _scaled(w, np.clip(norms, 0, self.m) / (epsilon + norms))

    def violation(self, w: NDArray[Any]) -> str | None:
        """A sentence with the measured norm, or None."""
        return _above(_norms(w, self.axis), self.m, self.axis)


@dataclass(frozen=True, slots=True)
class NonNeg:
    """No value below 0."""

    def project(self, w: NDArray[Any], epsilon: float = EPSILON) -> NDArray[np.float32]:
        """``w`` with its negative values set to 0."""
        return np.maximum(np.asarray(w, dtype=np.float32), np.float32(0))

    def violation(self, w: NDArray[Any]) -> str | None:
        """A sentence with the smallest value, or None."""
        negative = int(np.count_nonzero(w < 0))
        if not negative:
            return None
        values = "1 value is" if negative == 1 else f"{negative} values are"
        return f"{values} negative, the smallest {float(np.nanmin(w)):.4g}; allowed 0 or more"


@dataclass(frozen=True, slots=True)
class UnitNorm:
    """Every norm over ``axis`` equal to 1."""

    axis: Axis = 0

    def project(self, w: NDArray[Any], epsilon: float = EPSILON) -> NDArray[np.float32]:
        """``w / (epsilon + norm)``; norms below about 0.01 stay visibly short of 1."""
        return _scaled(w, 1 / (epsilon + _norms(w, self.axis)))

    def violation(self, w: NDArray[Any]) -> str | None:
        """A sentence with the norm furthest above 1, else furthest below, or None."""
        norms = _norms(w, self.axis)
        return _above(norms, 1, self.axis) or _below(norms, 1, self.axis)


@dataclass(frozen=True, slots=True)
class MinMaxNorm:
    """Every norm over ``axis`` moved towards ``low``..``high``, by the share ``rate`` a step."""

    low: float = 0
    high: float = 1
    rate: float = 1
    axis: Axis = 0

    def project(self, w: NDArray[Any], epsilon: float = EPSILON) -> NDArray[np.float32]:
        """``w * (rate * clip(norm, low, high) + (1 - rate) * norm) / (epsilon + norm)``.

        One step: with ``rate`` below 1 the result may still lie outside ``low``..``high``.
        """
        norms = _norms(w, self.axis)
        wanted = self.rate * np.clip(norms, self.low, self.high) + (1 - self.rate) * norms
        return _scaled(w, wanted / (epsilon + norms))

    def violation(self, w: NDArray[Any]) -> str | None:
        """A sentence with the norm furthest outside ``low``..``high``, or None.

        Measured against the range itself, whatever the rate; a rate of 0 asks for nothing.
        """
        if self.rate == 0:
            return None
        norms = _norms(w, self.axis)
        found = _above(norms, self.high, self.axis) or _below(norms, self.low, self.axis)
        if found is None or self.rate == 1:
            return found
        return f"{found}; with rate {self.rate:g} an update moves it only part of the way"


Constraint = MaxNorm | NonNeg | UnitNorm | MinMaxNorm


def _norms(w: NDArray[Any], axis: Axis) -> NDArray[np.float64]:
    """Norms over ``axis``, which is kept with length 1; CS092 if the tensor lacks an axis."""
    axes = check_axes(axis, w.shape)
    squares = np.square(w, dtype=np.float64)
    norms: NDArray[np.float64] = np.sqrt(np.sum(squares, axis=axes, keepdims=True))
    return norms


def _scaled(w: NDArray[Any], factor: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(w, dtype=np.float32) * factor.astype(np.float32)


def _above(norms: NDArray[np.float64], allowed: float, axis: Axis) -> str | None:
    largest = float(np.max(norms, initial=0.0))
    if not largest > allowed * (1 + _ROUNDING):
        return None
    measured, limit = _apart(largest, allowed)
    return f"largest norm over {_axes_text(axis)} is {measured}, allowed {limit}"


def _below(norms: NDArray[np.float64], allowed: float, axis: Axis) -> str | None:
    smallest = float(np.min(norms[norms > 0], initial=np.inf))
    if not smallest < allowed * (1 - _ROUNDING):
        return None
    measured, limit = _apart(smallest, allowed)
    return f"smallest norm over {_axes_text(axis)} is {measured}, allowed {limit} or more"


def _apart(measured: float, limit: float) -> tuple[str, str]:
    """Both numbers with four digits, or with as many as it takes to tell them apart."""
    for digits in range(4, 9):
        if f"{measured:.{digits}g}" != f"{limit:.{digits}g}":
            break
    return f"{measured:.{digits}g}", f"{limit:g}"


def _axes_text(axis: Axis) -> str:
    axes = (axis,) if isinstance(axis, int) else axis
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {axes_in_words(axes)}"
