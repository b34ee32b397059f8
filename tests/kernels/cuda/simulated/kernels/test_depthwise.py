"""Channels with kernels of their own."""

from __future__ import annotations

import pytest

from speccompiler.graph.ir import Depthwise
from tests.kernels.cuda.simulated.on_simulator import check_operation, stored


@pytest.mark.parametrize("channels", [3, 4])
def test_strides_and_borders(channels, draw):
    weight = stored(3, 2, 2, channels)
    op = Depthwise((3, 2), (2, 1), ((1, 1), (0, 1)), weight)
    given = {weight: draw(3, 2, 2, channels)}
    check_operation(op, (3, 4, 2 * channels), draw(2, 5, 4, channels), weights=given)
