"""Pooling with padding, folded zeros and NaN."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.graph.ir import Pool
from tests.cases import build
from tests.kernels.cuda.simulated.on_simulator import both, check, check_operation


@pytest.mark.parametrize("kind", ["Max", "Average"])
@pytest.mark.parametrize("channels", [3, 4])
def test_zeros_folded_into_pooling(kind, channels, rng):
    layers = [
        {"type": "ZeroPadding2D", "padding": [1, 0, 2, 1]},
        {"type": f"{kind}Pooling2D", "pool_size": [3, 2], "strides": [2, 1],
         "border_mode": "same"},
    ]  # fmt: skip
    plan = check(layers, (4, 3, channels), rng)
    assert [step.kernel for step in plan.steps] == ["pool"]


@pytest.mark.usefixtures("real_blocks")
def test_a_block_as_a_gpu_has_it(rng):
    """More outputs than a block has threads."""
    check([{"type": "MaxPooling1D", "pool_length": 2, "stride": 1}], (47, 3), rng)


def test_the_maximum_of_nan_is_nan():
    model = build([{"type": "MaxPooling1D"}], (6, 1))
    x = np.array([[1, np.nan, 3, 2, np.nan, -np.inf]], np.float32).reshape(1, 6, 1)
    y, judge, _ = both(model, x)
    assert np.array_equal(y, judge, equal_nan=True)


@pytest.mark.parametrize("mode", ["max", "average"])
@pytest.mark.parametrize("channels", [3, 4])
def test_dilated_windows(mode, channels, draw):
    """Padding that is never counted, zeros that are, and values that are cut off."""
    op = Pool(mode, (3, 2), (2, 1), ((2, 1), (1, 1)), ((1, 0), (-1, 2)), (2, 3))
    check_operation(op, (3, 4, channels), draw(2, 5, 4, channels))
