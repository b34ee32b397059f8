"""TimeDistributed against its layer, which sees each step as a sample."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cases import build
from tests.lowering.formulas import TARGETS


@pytest.mark.parametrize("inner", [
    {"type": "Convolution2D", "nb_filter": 3, "nb_row": 2, "nb_col": 3, "border_mode": "same"},
    {"type": "Convolution2D", "nb_filter": 3, "nb_row": 2, "nb_col": 2, "dim_ordering": "th"},
    {"type": "Deconvolution2D", "nb_filter": 3, "nb_row": 3, "nb_col": 3, "subsample": [2, 2],
     "output_shape": [None, 11, 9, 3]},
    {"type": "SeparableConvolution2D", "nb_filter": 3, "nb_row": 2, "nb_col": 2},
    {"type": "LocallyConnected2D", "nb_filter": 3, "nb_row": 2, "nb_col": 2},
    {"type": "MaxPooling2D", "border_mode": "same"}, {"type": "GlobalAveragePooling2D"},
    {"type": "UpSampling2D"}, {"type": "Cropping2D", "cropping": [[1, 0], [0, 1]]},
    {"type": "BatchNormalization"}, {"type": "PReLU"}, {"type": "Flatten"}, {"type": "Masking"},
    {"type": "Reshape", "target_shape": [-1, 2]}, {"type": "Permute", "dims": [3, 1, 2]},
    {"type": "BatchNormalization", "mode": 1}, {"type": "Dense", "output_dim": 2},
], ids=lambda inner: inner["type"])  # fmt: skip
def test_steps_are_done_one_by_one(inner, rng):
    """TimeDistributed against its layer, which sees each step as a sample."""
    x = rng.standard_normal((2, 3, 5, 4, 2)).astype(np.float32)
    apart = x.reshape(-1, *x.shape[2:])
    name = "t"  # random weights depend on it
    alone = build([inner | {"name": name}], x.shape[2:]).compile("reference").run(apart)
    layer = {"type": "TimeDistributed", "name": name, "layer": inner}
    model = build([layer], x.shape[1:])
    assert model.shapes().parameters == build([inner], x.shape[2:]).shapes().parameters
    for target in TARGETS:
        y = model.compile(target, math="precise").run(x)
        assert y.shape == (2, 3, *alone.shape[1:])
        np.testing.assert_allclose(y.reshape(alone.shape), alone, 1e-5, 2e-6)
