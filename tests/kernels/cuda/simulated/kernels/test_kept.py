"""Masks of rows."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.graph.ir import Kept
from tests.kernels.cuda.simulated.on_simulator import check_operation


@pytest.mark.parametrize("length", [1, 2, 37])
def test_rows_of_one_value_are_not_kept(length, draw):
    x = draw(2, 4, length)
    x[0, 1], x[1, 2] = 0.1, np.nan
    y = check_operation(Kept(0.1), (4,), x)
    assert y.tolist() == [[1, 0, 1, 1], [1, 1, 1, 1]]
