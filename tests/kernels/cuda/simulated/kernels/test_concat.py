"""Values side by side."""

from __future__ import annotations

import pytest

from speccompiler.graph.ir import Concat
from tests.kernels.cuda.simulated.on_simulator import check_operation


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("lengths", [(4, 8), (1, 3, 2)])
def test_values_one_after_the_other(axis, lengths, draw):
    shapes = [(n, 4) if axis == 0 else (3, n) for n in lengths]
    out = (sum(lengths), 4) if axis == 0 else (3, sum(lengths))
    check_operation(Concat(axis, lengths), out, *(draw(2, *shape) for shape in shapes))
