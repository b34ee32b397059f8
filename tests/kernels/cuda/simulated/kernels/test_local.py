"""Positions with weights of their own."""

from __future__ import annotations

import pytest

from speccompiler.graph.ir import Local
from tests.kernels.cuda.simulated.on_simulator import check_operation, stored


@pytest.mark.parametrize("filters", [3, 4])
@pytest.mark.parametrize("bias", [True, False])
def test_several_values_of_the_same_weights(filters, bias, draw):
    weight, offset = stored(4, 2, 2, filters), stored(4, filters, tensor="b")
    op = Local((2,), (2,), weight, offset if bias else None)
    given = {weight: draw(4, 2, 2, filters), offset: draw(4, filters)}
    check_operation(op, (3, 4, filters), draw(2, 3, 9, 2), weights=given)
