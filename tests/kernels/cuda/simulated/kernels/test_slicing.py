"""Values at even distances."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.graph.ir import Slice
from tests.kernels.cuda.simulated.on_simulator import check_operation


@pytest.mark.parametrize(
    ("start", "step", "count"),
    [
        ((0, 0, 0), (1, 1, 1), (4, 5, 3)),
        ((1, 0, 0), (2, 1, 1), (2, 5, 3)),
        ((0, 4, 0), (1, -2, 1), (4, 3, 3)),
        ((3, 1, 2), (-1, 3, -1), (4, 2, 3)),
    ],
)
def test_every_axis_by_itself(start, step, count, draw):
    x = draw(2, 4, 5, 3)
    y = check_operation(Slice(start, step, count), count, x)
    places = [s + d * np.arange(n) for s, d, n in zip(start, step, count, strict=True)]
    assert np.array_equal(y, x[np.ix_(range(2), *places)])
