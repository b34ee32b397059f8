"""Rows of a table."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.graph.ir import Lookup
from tests.kernels.cuda.simulated.on_simulator import check_operation, stored


@pytest.mark.parametrize("length", [3, 4])
def test_numbers_and_what_is_no_row(length, draw):
    x = np.array([[0, 1.7, -0.5, 4, 5, -1, np.nan, 1e30]], np.float32)
    table = stored(5, length)
    check_operation(Lookup(table), (8, length), x, weights={table: draw(5, length)})
