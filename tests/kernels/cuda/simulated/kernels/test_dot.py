"""Products of the rows of two values."""

from __future__ import annotations

import pytest

from speccompiler.graph.ir import Dot
from tests.kernels.cuda.simulated.on_simulator import check_operation


@pytest.mark.parametrize("length", [1, 3, 40])
def test_products_of_rows(length, draw):
    check_operation(Dot(length), (2, 3), draw(2, 2, length), draw(2, 3, length))
    check_operation(Dot(length), (1,), draw(3, length), draw(3, length))
