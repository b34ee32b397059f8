"""Up-sampling and padding."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.cpu.both_targets import CHANNELS, both


@pytest.mark.parametrize("channels", CHANNELS)
def test_upsampling_and_padding(channels, lanes, rng):
    x = rng.standard_normal((2, 5, 7, channels)).astype(np.float32)
    for size in [(1, 2), (2, 1), (2, 2), (3, 5), (1, 1)]:
        y, judge = both([{"type": "UpSampling2D", "size": list(size)}], x)
        assert np.array_equal(y, judge), size
    for padding in [(1, 1), (0, 3), (4, 0)]:
        y, judge = both([{"type": "ZeroPadding2D", "padding": list(padding)}], x)
        assert np.array_equal(y, judge), padding
    x = x.reshape(2, 35, channels)
    for layer in [{"type": "UpSampling1D", "length": 3}, {"type": "ZeroPadding1D", "padding": 9}]:
        y, judge = both([layer], x)
        assert np.array_equal(y, judge), layer
    x = x.reshape(2, 5, 1, 7, channels)
    for layer in [{"type": "UpSampling3D", "size": [2, 3, 2]},
                  {"type": "ZeroPadding3D", "padding": [1, 2, 1]}]:  # fmt: skip
        y, judge = both([layer], x)
        assert np.array_equal(y, judge), layer
