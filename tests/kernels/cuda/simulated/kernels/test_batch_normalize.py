"""Channels by the mean and the deviation of the whole batch."""

from __future__ import annotations

import pytest

from speccompiler.graph.ir import BatchNormalize
from tests.kernels.cuda.simulated.on_simulator import check_operation


@pytest.mark.parametrize(("samples", "shape"), [(3, (5, 6)), (2, (3, 2, 4)), (40, (1,))])
def test_positions_of_all_samples(samples, shape, draw):
    check_operation(BatchNormalize(1e-3), shape, draw(samples, *shape))
