"""Two values or more as one."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.graph.ir import Combine
from speccompiler.kernels.cuda.combine import COMBINED
from tests.kernels.cuda.simulated.on_simulator import check_operation


@pytest.mark.parametrize("mode", COMBINED)
@pytest.mark.parametrize(("count", "shape"), [(2, (3, 4)), (3, (5,))])
def test_values_combined(mode, count, shape, draw):
    values = [draw(2, *shape) for _ in range(count)]
    values[1][0, 0] = np.nan
    check_operation(Combine(mode, ACTIVATIONS["tanh"]), shape, *values)
