"""Channels with kernels of their own."""

from __future__ import annotations

import pytest

from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.graph.ir import Depthwise
from tests.kernels.cuda.simulated.on_simulator import check_operation, stored


@pytest.mark.parametrize("channels", [3, 4])
def test_strides_and_borders(channels, draw):
    weight = stored(3, 2, 2, channels)
    op = Depthwise((3, 2), (2, 1), ((1, 1), (0, 1)), weight)
    given = {weight: draw(3, 2, 2, channels)}
    check_operation(op, (3, 4, 2 * channels), draw(2, 5, 4, channels), weights=given)


@pytest.mark.parametrize("channels", [3, 4])
def test_dilation_bias_and_activation(channels, draw):
    weight, bias = stored(3, 2, 2, channels), stored(2 * channels, tensor="b")
    sides = ((2, 1), (0, 3))
    op = Depthwise((3, 2), (1, 2), sides, weight, (2, 3), bias, ACTIVATIONS["tanh"])
    given = {weight: draw(3, 2, 2, channels), bias: draw(2 * channels)}
    check_operation(op, (4, 2, 2 * channels), draw(2, 5, 3, channels), weights=given)
