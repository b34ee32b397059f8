"""Penalties a Keras 1.x regulariser adds to the loss, in float64.

Forms after Keras 1.2.2, regularizers.py:28-121.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from speccompiler.diagnostics.core import Problem
from speccompiler.frozen import dataclass

_POWER_STEPS = 9


@dataclass(frozen=True, slots=True)
class L1L2:
    """``l1 * sum(|x|) + l2 * sum(x**2)``."""

    l1: float = 0.0
    l2: float = 0.0
    averaged: bool = False
    """Whether what an output costs is divided by the number of samples."""

    def penalty(self, array: NDArray[Any]) -> float:
        """The penalty of one tensor of any shape."""
        x = np.asarray(array, dtype=np.float64).ravel()
        total = 0.0
        if self.l1:
            total += self.l1 * float(np.sum(np.abs(x)))
        if self.l2:
            total += self.l2 * float(np.sum(np.square(x)))
        return total

    def accumulate(self, total: float, batch: NDArray[Any]) -> float:
        """``total`` plus the penalty of a batch of activations, shape (samples, ...).

        Start from 0.0. Keras 1 and 2 sum over the whole data and do not divide by the number of
        samples; what is ``averaged`` is divided in ``of_run``. Samples are added one by one, so
        the result does not depend on the split into batches, to the last bit.
        """
        for sample in batch:
            total += self.penalty(sample)
        return total

    def of_run(self, total: float, samples: int) -> float:
        """What a run of so many samples costs, of which ``total`` is the sum."""
        return total / samples if self.averaged and samples else total


@dataclass(frozen=True, slots=True)
class Eigenvalue:
    """``k`` times the largest singular value of a matrix, by nine power steps from all ones."""

    k: float

    def penalty(self, array: NDArray[Any]) -> float:
        """The penalty of a tensor of rank 2; any other rank is CS093.

        0 where the power steps reach the zero vector (Keras gives NaN there).
        """
        if array.ndim != 2:
            raise Problem(
                "CS093",
                f"the eigenvalue regulariser needs a tensor of rank 2; this one has rank "
                f"{array.ndim}",
                "use an l1 or l2 regulariser",
            )
        w = np.asarray(array, dtype=np.float64)
        covariance = w.T @ w
        vector = np.ones(covariance.shape[0])
        for _ in range(_POWER_STEPS):
            vector = covariance @ vector
            largest = float(np.max(np.abs(vector), initial=0.0))
            if largest == 0.0:
                return 0.0
            vector /= largest  # the quotient below does not see the scale; it only avoids overflow
        eigenvalue = float((covariance @ vector) @ vector) / float(vector @ vector)
        return self.k * float(np.sqrt(eigenvalue))


Regularizer = L1L2 | Eigenvalue
