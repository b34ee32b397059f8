"""Pools: windows written out and cut off, rows brought together, runs over positions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.cases import build
from tests.kernels.cpu.both_targets import CHANNELS, both


def pool(kind, size, strides, mode):
    return {"type": f"{kind}Pooling{len(size)}D", "pool_size": list(size),
            "strides": list(strides), "border_mode": mode}  # fmt: skip


@pytest.mark.parametrize("kind", ["Max", "Average"])
@pytest.mark.parametrize("mode", ["valid", "same"])
@pytest.mark.parametrize("channels", CHANNELS)
def test_pools(kind, mode, channels, lanes, rng):
    """Sizes 1 to 4, strides below and above them, images down to one pixel."""
    cases = [((2, 2), (2, 2), (9, 14)), ((3, 2), (1, 1), (5, 11))]
    if lanes == 16:
        cases += [((1, 1), (2, 2), (7, 5)), ((3, 3), (2, 2), (13, 13)),
                  ((2, 2), (3, 4), (10, 11)), ((4, 4), (1, 3), (9, 8))]  # fmt: skip
    for size, strides, image in cases:
        x = rng.standard_normal((2, *image, channels)).astype(np.float32)
        y, judge = both([pool(kind, size, strides, mode)], x)
        np.testing.assert_allclose(y, judge, 1e-6, 1e-6, err_msg=f"{size} {strides} {image}")
        assert kind == "Average" or np.array_equal(y, judge)
    x = rng.standard_normal((3, 1, 1, channels)).astype(np.float32)
    y, judge = both([pool(kind, (2, 2), (2, 1), "same")], x)
    np.testing.assert_allclose(y, judge, 1e-6)


@pytest.mark.parametrize("kind", ["Max", "Average"])
@pytest.mark.parametrize("channels", [1, 2, 64])
def test_pools_of_other_ranks(kind, channels, rng):
    cases = [((2, 2, 2), (2, 2, 2), (5, 6, 7)), ((3, 1, 2), (1, 2, 1), (4, 5, 6))]
    for size, strides, image in cases:
        x = rng.standard_normal((2, *image, channels)).astype(np.float32)
        for mode in ("valid", "same"):
            y, judge = both([pool(kind, size, strides, mode)], x)
            np.testing.assert_allclose(y, judge, 1e-6, 1e-6)
    x = rng.standard_normal((2, 31, channels)).astype(np.float32)
    for length, stride in [(2, 2), (3, 1), (2, 7), (31, 1)]:
        layer = {"type": f"{kind}Pooling1D", "pool_length": length, "stride": stride}
        y, judge = both([layer], x)
        np.testing.assert_allclose(y, judge, 1e-6, 1e-6)


@pytest.mark.parametrize("kind", ["Max", "Average"])
@pytest.mark.parametrize("ordering", ["th", "tf"])
@pytest.mark.parametrize("mode", ["valid", "same"])
def test_pools_of_what_a_cropping_left(kind, ordering, mode, lanes, rng):
    """Rows are done together, but not those that were cut off: they have no place to go to."""
    shape = (17, 10, 21) if ordering == "th" else (10, 21, 17)
    x = rng.standard_normal((2, *shape)).astype(np.float32)
    for crop in ([[0, 3], [0, 0]], [[2, 3], [1, 2]], [[3, 0], [0, 4]]):
        for size in (1, 2, 3):
            layers = [{"type": "Cropping2D", "cropping": crop}, pool(kind, (size, 2), (2, 2), mode)]
            model = build(layers, shape, dim_ordering=ordering)
            y, judge = (model.compile(target, threads=2).run(x) for target in ("cpu", "reference"))
            np.testing.assert_allclose(y, judge, 1e-6, 1e-6, err_msg=f"{crop} {size}")


@pytest.mark.parametrize("kind", ["Max", "Average"])
@pytest.mark.parametrize("channels", [1, 3, 16, 17])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_pools_over_folded_zeros(kind, channels, stride, lanes, rng):
    """Zeros count, also in windows that hold nothing else; all data is below them."""
    x = -rng.uniform(1, 2, (2, 6, 5, channels)).astype(np.float32)
    zeros = {"type": "ZeroPadding2D", "padding": [3, 2]}
    y, judge = both([zeros, pool(kind, (3, 2), (stride,) * 2, "same")], x)
    np.testing.assert_allclose(y, judge, 1e-6, 1e-6)


@pytest.mark.parametrize("channels", [1, 3, 16, 100])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_nan_wins_wherever_it_stands_in_a_window(channels, stride, lanes, rng):
    x = rng.standard_normal((18, 6, 6, channels)).astype(np.float32)
    for i, (h, w) in enumerate(itertools.product(range(3), range(3))):
        x[2 * i, h, w] = np.nan
    y, judge = both([pool("Max", (3, 3), (stride,) * 2, "valid")], x)
    assert np.isnan(y[::2, 0, 0]).all()
    assert np.array_equal(y, judge, equal_nan=True)


@pytest.mark.parametrize("channels", [1, 3, 16, 17])
@pytest.mark.parametrize("size", [2, 3])
def test_the_mean_of_large_values_is_finite(channels, size, rng):
    """The sum is beyond float32, the mean is not."""
    x = rng.uniform(2e38, 3.4e38, (1, 7, 7, channels)).astype(np.float32)
    y, judge = both([pool("Average", (size, size), (2, 2), "same")], x)
    np.testing.assert_allclose(y, judge, 1e-6)
    y, judge = both([pool("Average", (size, size), (2, 2), "valid")], x * np.float32(1e-38) ** 2)
    np.testing.assert_allclose(y, judge, atol=1e-44)


@pytest.mark.parametrize("kind", ["Max", "Average"])
def test_a_window_far_longer_than_the_input(kind, rng):
    """Clipped to what is there, at no cost: also where no machine could hold the padding."""
    x = rng.uniform(-1, 1, (1, 4, 4, 2)).astype(np.float32)
    layer = {"type": f"{kind}Pooling2D", "pool_size": [10**6, 10**6], "strides": [1, 1],
             "border_mode": "same"}  # fmt: skip
    y = build([layer], [4, 4, 2]).compile("cpu").run(x)
    whole = x.max((1, 2)) if kind == "Max" else x.mean((1, 2))
    np.testing.assert_allclose(y, np.broadcast_to(whole[:, None, None], y.shape), rtol=1e-5)


def test_pools_of_special_values():
    """NaN wins, as in the originals; infinities are values like others."""
    nan, inf = np.nan, np.inf
    x = np.array([1, nan, 2, -inf, -inf, inf, 3, -0.0], np.float32).reshape(1, 8, 1)
    for kind in ("Max", "Average"):
        for size in (1, 2, 3):
            layer = {"type": f"{kind}Pooling1D", "pool_length": size, "stride": 1}
            y, judge = both([layer], x)
            assert np.array_equal(y, judge, equal_nan=True), (kind, size)
    y, _ = both([{"type": "MaxPooling1D", "pool_length": 2}], x)
    np.testing.assert_array_equal(y.ravel(), [nan, 2, inf, 3])
