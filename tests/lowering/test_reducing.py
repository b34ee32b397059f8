"""Reduce against NumPy's sums, means, maxima and products, on every vector width."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from speccompiler.graph.shapes import format_shape
from tests.cases import build
from tests.lowering.new_layers import TARGETS, run


@pytest.mark.parametrize("mode", ["sum", "mean", "max", "prod"])
@pytest.mark.parametrize("axis", [1, 2, 3, [1, 2], [1, 3], [2, 3], [-1, 1], [3, 2, 1]], ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions(mode: str, axis: Any, keepdims: bool, rng: Any) -> None:
    x = rng.standard_normal((3, 5, 6, 7)).astype(np.float32)
    axes = axis if isinstance(axis, int) else tuple(axis)
    function = getattr(np, mode)
    wanted = function(x.astype(np.float64), axis=axes, keepdims=keepdims)
    wanted = wanted if wanted.ndim > 1 else wanted[:, None]
    for target in TARGETS:
        layer = {"type": "Reduce", "axis": axis, "mode": mode, "keepdims": keepdims}
        y = run([layer], x, target)
        assert y.shape == wanted.shape
        np.testing.assert_allclose(y, wanted, rtol=2e-6, atol=2e-6)


def test_sums_of_open_axes_and_what_is_no_number() -> None:
    model = build([{"type": "Reduce", "axis": 1}], [None, 2])
    assert format_shape(model.graph.nodes[-1].shape) == "(2,)"
    x = np.ones((1, 1000, 2), np.float32)
    x[0, 3, 1] = np.nan
    for target in TARGETS:
        y = model.compile(target, input_shape=[1000, 2]).run(x)
        assert y[0, 0] == 1000
        assert np.isnan(y[0, 1])
    # The axis stays where it is kept, open or not.
    model = build([{"type": "Reduce", "axis": 2, "mode": "max", "keepdims": True}], [None, 2])
    assert format_shape(model.graph.nodes[-1].shape) == "(T, 1)"


def test_sums_at_every_width(lanes: int, rng: Any) -> None:
    for channels in (1, 5, 16, 70):
        x = rng.standard_normal((2, 40, 9, channels)).astype(np.float32)
        for axis in (1, 2, 3, [1, 2]):
            wanted = x.astype(np.float64).sum(axis if isinstance(axis, int) else tuple(axis))
            y = run([{"type": "Reduce", "axis": axis}], x, "cpu")
            np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mode", ["sum", "mean"])
@pytest.mark.parametrize("kind", ["alike", "random", "falling"])
def test_sums_of_a_million_steps(lanes: int, mode: str, kind: str, rng: Any) -> None:
    """What is promised holds at any length: 5e-6 of the sum."""
    steps = 1_000_000
    values = {
        "alike": np.full((steps, 3), 0.1),
        "random": rng.uniform(0, 1, (steps, 3)),
        "falling": 1 / np.arange(1, steps + 1)[:, None] * np.ones(3),
    }[kind]
    x = values.astype(np.float32)[None]
    wanted = getattr(x.astype(np.float64), mode)(1)
    y = run([{"type": "Reduce", "axis": 1, "mode": mode}], x, "cpu")
    assert (np.abs(y - wanted) / wanted).max() < 5e-6


def test_products_know_no_order(rng: Any) -> None:
    """Neither what they grow to on the way nor their length matters."""
    layer = {"type": "Reduce", "axis": 1, "mode": "prod"}
    x = np.array([[[1e30, 0], [1e30, np.inf], [1e-30, 1], [-1e-30, 2]]], np.float32)
    for target in TARGETS:
        y = run([layer], x, target)
        np.testing.assert_allclose(y[0, 0], x[0, :, 0].astype(np.float64).prod(), rtol=1e-7)
        assert np.isnan(y[0, 1])
    x = rng.uniform(0.99, 1.01, (1, 100_000, 70)).astype(np.float32)
    np.testing.assert_allclose(
        run([layer], x, "cpu"), x.astype(np.float64).prod(1), rtol=1e-6, atol=0
    )
