"""Reshape while a length is open, and layers that leave values alone in a forward pass."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cases import build
from tests.lowering.formulas import assert_gives
from tests.models import refusal


def test_what_a_forward_pass_leaves_alone(values):
    for name in ("SpatialDropout1D", "GaussianDropout", "Dropout"):
        assert_gives([{"type": name, "p": 0.5}], values, values.astype(np.float32))
    assert_gives([{"type": "GaussianNoise", "sigma": 2}], values, values.astype(np.float32))
    model = build([{"type": "ActivityRegularization", "name": "a", "l1": 0.5, "l2": 2}], [4, 3])
    from speccompiler.weights.penalties import activity_regularizers

    term = activity_regularizers(model.spec)["a"]
    found = term.accumulate(0.0, values)
    assert found == pytest.approx(0.5 * np.abs(values).sum() + 2 * np.square(values).sum())


@pytest.mark.parametrize(
    ("shape", "target", "bound", "output"),
    [
        ([None, 8], [-1, 16], (4, 8), (2, 16)),
        ([None, 8], [4, 4], (2, 8), (4, 4)),
        ([None, None, 1], [5, 7], (7, 5, 1), (5, 7)),
    ],
)
def test_open_lengths_may_still_fit(shape, target, bound, output):
    model = build([{"type": "Reshape", "target_shape": target}], shape)
    assert model.bind(bound)[0].nodes[-1].shape == output
    x = np.arange(2 * np.prod(bound), dtype=np.float32).reshape(2, *bound)
    assert np.array_equal(model.run(x), x.reshape(2, *output))
    wrong = (bound[0] + 1, *bound[1:])
    assert refusal(lambda: model.compile(input_shape=wrong)).code == "CS046"


@pytest.mark.parametrize(
    ("shape", "target"), [([None, 8], [3, 5]), ([None, 8], [2, 2]), ([9, 2], [-1, 4])]
)
def test_what_no_length_makes_right_is_refused(shape, target):
    assert (
        refusal(lambda: build([{"type": "Reshape", "target_shape": target}], shape)).code == "CS046"
    )
