"""Layers that leave values alone in a forward pass."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cases import build
from tests.lowering.formulas import assert_gives


def test_what_a_forward_pass_leaves_alone(values):
    for name in ("SpatialDropout1D", "GaussianDropout", "Dropout"):
        assert_gives([{"type": name, "p": 0.5}], values, values.astype(np.float32))
    assert_gives([{"type": "GaussianNoise", "sigma": 2}], values, values.astype(np.float32))
    model = build([{"type": "ActivityRegularization", "name": "a", "l1": 0.5, "l2": 2}], [4, 3])
    from speccompiler.weights.penalties import activity_regularizers

    term = activity_regularizers(model.spec)["a"]
    found = term.accumulate(0.0, values)
    assert found == pytest.approx(0.5 * np.abs(values).sum() + 2 * np.square(values).sum())
