"""LRN2D against Keras 0.3's layers/normalization.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from speccompiler.convert.conversion import convert
from speccompiler.diagnostics.core import SpecError
from speccompiler.lowering.input_axes import swapped
from tests.cases import build
from tests.lowering.new_layers import TARGETS, normalised, run

NORMALISED: list[dict[str, Any]] = [
    {}, {"alpha": 1, "k": 1, "beta": 0.5, "n": 3}, {"beta": 0.9}, {"beta": 1}, {"beta": 0},
    {"beta": 0.25, "n": 1}, {"beta": 2, "k": 0.5, "n": 7}, {"n": 99}, {"k": 0, "alpha": 0.5},
    {"alpha": 0}, {"k": 1e-6, "alpha": 0.01}, {"alpha": 1e-20}, {"k": 1e20, "alpha": 1e10},
]  # fmt: skip


@pytest.mark.parametrize("arguments", NORMALISED, ids=str)
def test_local_response_normalisation(arguments: dict[str, Any], rng: Any) -> None:
    """Small and large neighbours together, and each channel count around a vector's."""
    for channels in (3, 33):
        for size in (1e-3, 1.0, 1e8):
            spread = size * 10 ** rng.uniform(-3, 3, (2, 3, 4, channels))
            x = (rng.standard_normal(spread.shape) * spread).astype(np.float32)
            wanted = normalised(x, **arguments)
            layer = {"type": "LRN2D", "dim_ordering": "tf", **arguments}
            for target in TARGETS:
                np.testing.assert_allclose(run([layer], x, target), wanted, rtol=5e-6, atol=1e-37)
    first = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    layer = {"type": "LRN2D", "dim_ordering": "th", **arguments}
    np.testing.assert_allclose(
        run([layer], first, "cpu"), wanted.transpose(0, 3, 1, 2), rtol=5e-6, atol=1e-37
    )


@pytest.mark.parametrize(("beta", "largest"), [(0.75, 1e33), (0.5, 1e33), (1.0, 1e30), (0.9, 1e24)])
def test_squares_that_float32_does_not_hold(beta: float, largest: float, lanes: int) -> None:
    """Beside a huge value all others are as exact as ever, and so is it itself."""
    x = np.array([1, -2, largest, 3, 4, 5, 6, -largest / 7], np.float32).reshape(1, 1, 1, 8)
    y = run([{"type": "LRN2D", "dim_ordering": "tf", "beta": beta}], x, "cpu")
    np.testing.assert_allclose(y, normalised(x, beta=beta), rtol=5e-6, atol=1e-37)


def test_what_is_no_number_stays_among_its_neighbours() -> None:
    x = np.ones((1, 1, 3, 12), np.float32)
    x[0, 0, 1, 2], x[0, 0, 1, 9], x[0, 0, 2, 0] = np.nan, -np.inf, -0.0
    wanted = normalised(x)
    assert np.isnan(wanted).sum() == 6  # the five around the NaN, and the infinity itself
    for target in TARGETS:
        y = run([{"type": "LRN2D", "dim_ordering": "tf"}], x, target)
        np.testing.assert_allclose(y, wanted, rtol=5e-6)
        assert np.signbit(y[0, 0, 2, 0])


def test_the_report_of_a_local_response_normalisation() -> None:
    """It sees one position, however many channels; open lengths stay."""
    conv = {"type": "Convolution2D", "nb_filter": 8, "nb_row": 3, "nb_col": 3, "subsample": [2, 2]}
    for ordering, shape in (("tf", [None, None, 2]), ("th", [2, None, None])):
        layers = [conv, {"type": "LRN2D"}, {**conv, "subsample": [1, 1]}]
        rows = build(layers, shape, dim_ordering=ordering).shapes().layers
        assert [row.receptive_field for row in rows] == [(3, 3), (3, 3), (7, 7)]
        assert [row.stride for row in rows] == [(2, 2)] * 3
        assert rows[1].output_shape == rows[0].output_shape
        assert (rows[1].parameters, rows[1].multiply_adds) == (0, 0)


@pytest.mark.parametrize("steps", [3, None])
def test_local_response_normalisation_of_a_clip(steps: int | None, rng: Any) -> None:
    x = rng.standard_normal((2, 3, 6, 4, 5)).astype(np.float32)
    for ordering, axis in (("th", 2), ("tf", -1)):
        inner = {"type": "LRN2D", "alpha": 1, "dim_ordering": ordering}
        model = build([{"type": "TimeDistributed", "layer": inner}], (steps, *x.shape[2:]))
        wanted = normalised(x, axis, alpha=1)
        for target in TARGETS:
            y = model.compile(target, input_shape=x.shape[1:]).run(x)
            np.testing.assert_allclose(y, wanted, rtol=5e-6)


@pytest.mark.parametrize("target", ["tf", "th"])
def test_local_response_normalisation_in_the_other_ordering(target: str, rng: Any) -> None:
    x = rng.standard_normal((2, 3, 5, 6)).astype(np.float32)
    model = build([{"type": "LRN2D", "alpha": 1}], x.shape[1:], dim_ordering=swapped(target))
    converted = convert(model, dim_ordering=target)
    (layer,) = (one for one in converted.spec.layers if one.class_name == "LRN2D")
    assert (layer.dim_ordering, layer.alpha) == (target, 1)
    with pytest.raises(SpecError, match="takes samples of shape"):
        build([{"type": "LRN2D"}], [4, 4], dim_ordering=target)
