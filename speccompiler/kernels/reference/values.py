"""What the reference's operations compute with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from speccompiler.graph.ir import Operand

Array = npt.NDArray[np.float64]
Weights = Mapping[Operand, Array]
