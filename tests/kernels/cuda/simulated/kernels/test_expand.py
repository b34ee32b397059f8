"""Values that are repeated along axes on which they stood alone."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.graph.ir import Expand
from tests.kernels.cuda.simulated.on_simulator import check_operation


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [((1, 1, 5), (3, 4, 5)), ((3, 4, 1), (3, 4, 7)), ((1,), (40,)), ((2, 1, 3, 1), (2, 4, 3, 2)),
     ((3, 2), (3, 2))],
)  # fmt: skip
def test_axes_are_repeated(shape, wanted, draw):
    x = draw(2, *shape)
    y = check_operation(Expand(wanted), wanted, x)
    assert np.array_equal(y, np.broadcast_to(x, (2, *wanted)))
