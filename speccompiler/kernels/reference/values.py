"""What the reference's operations compute with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from speccompiler.graph.dims import Dim
from speccompiler.graph.ir import Operand

Array = npt.NDArray[np.float64]
Weights = Mapping[Operand, Array]


def known_length(dim: Dim) -> int:
    """A length that has no open part: only bound graphs are run."""
    assert isinstance(dim, int), f"{dim} is open"
    return dim
