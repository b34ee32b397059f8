"""Convolutions by groups of channels."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.graph.ir import Conv
from tests.kernels.cuda.simulated.on_simulator import check_operation, stored


@pytest.mark.parametrize("filters", [3, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_strides_dilations_and_repeats(channels, filters, draw):
    groups = 2
    weight, bias = stored(3, 2, channels, groups * filters), stored(groups * filters, tensor="b")
    op = Conv((3, 2), (2, 1), ((2, 1), (1, 0)), weight, bias, ACTIVATIONS["tanh"], (1, 2), (2, 3),
              groups)  # fmt: skip
    given = {weight: draw(3, 2, channels, groups * filters), bias: draw(groups * filters)}
    x = draw(2, 5, 3, groups * channels)
    check_operation(op, (2, 4, groups * filters), x, weights=given)


def test_a_product_and_a_long_sum(draw):
    weight = stored(300, 4)
    op = Conv((), (), (), weight, None, groups=2)
    given = {weight: draw(300, 4)}
    check_operation(op, (4,), draw(3, 600), weights=given)
    assert np.isfinite(given[weight]).all()
