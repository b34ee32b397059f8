"""Rows that are masked, whole or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.graph.ir import Mask
from tests.kernels.cuda.simulated.on_simulator import check_operation


@pytest.mark.parametrize("length", [2, 37])
def test_rows_of_one_value_are_zeros(length, draw):
    x = draw(2, 4, length)
    x[0, 1], x[1, 2] = 0.5, np.nan
    x[1, 0, 1:] = 0.5
    y = check_operation(Mask(0.5), x.shape[1:], x)
    assert not y[0, 1].any()
    assert y[1, 0].all()
