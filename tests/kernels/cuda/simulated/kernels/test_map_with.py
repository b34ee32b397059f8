"""Activations with parameters beside them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.cuda.simulated.on_simulator import check


@pytest.mark.parametrize("shape", [(3, 4), (2, 3)])
@pytest.mark.parametrize("shared", [None, [1]])
def test_slopes_of_every_value_and_of_channels(shape, shared, rng):
    plan = check([{"type": "PReLU", "shared_axes": shared, "init": "uniform"}], shape, rng)
    assert [step.kernel for step in plan.steps] == ["map_with"]


def test_two_parameters(rng):
    layer = {"type": "ParametricSoftplus", "alpha_init": 0.3, "beta_init": 2.0}
    check([layer], (3, 5), np.random.default_rng(1))
