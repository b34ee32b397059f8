"""Softmax: rows of every length, large and equal values."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.cpu.both_targets import assert_close, both


@pytest.mark.parametrize("length", [1, 3, 4, 15, 16, 17, 255, 256, 257, 1000])
def test_softmax(length, lanes, rng):
    x = rng.uniform(-20, 20, (5, length)).astype(np.float32)
    y, judge = both([{"type": "Activation", "activation": "softmax"}], x)
    # x - max is rounded, and 40 * 6e-8 of it goes into the exponential.
    np.testing.assert_allclose(y, judge, 3e-6, 1e-30)
    x[1, length // 2] = np.nan
    y, _ = both([{"type": "Activation", "activation": "softmax"}], x)
    assert np.isnan(y[1]).all()
    assert np.isfinite(y[[0, 2, 3, 4]]).all()


@pytest.mark.parametrize("length", [1, 2, 1000])
def test_softmax_of_large_and_equal_values(length):
    rows = np.array([[0] * length, [1e30] * length, [-1e30] * length, [88] * length], np.float32)
    y, judge = both([{"type": "Activation", "activation": "softmax"}], rows)
    np.testing.assert_allclose(y, np.full_like(y, 1 / length), rtol=1e-6)
    np.testing.assert_allclose(y, judge, rtol=1e-6)
    spread = np.linspace(-200, 200, 50, dtype=np.float32)[None]
    y, judge = both([{"type": "Activation", "activation": "softmax"}], spread)
    assert_close(y, judge)
    assert y.sum() == pytest.approx(1)
