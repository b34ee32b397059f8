"""Resize against TensorFlow 1.x's resize_bilinear_op.cc and resize_nearest_neighbor_op.cc."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from speccompiler.graph.shapes import format_shape
from tests.cases import build
from tests.lowering.new_layers import TARGETS, resized, run

SIZES = [(5, 7), (10, 14), (3, 4), (1, 1), (13, 2), (6, 50), (66, 20)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("aligned", [False, True])
def test_sizes(size: tuple[int, int], interpolation: str, aligned: bool, rng: Any) -> None:
    x = rng.standard_normal((2, 5, 7, 3)).astype(np.float32)
    wanted = resized(x.astype(np.float64), *size, interpolation == "bilinear", aligned)
    layer = {"type": "Resize", "size": list(size), "interpolation": interpolation,
             "align_corners": aligned, "dim_ordering": "tf"}  # fmt: skip
    for target in TARGETS:
        y = run([layer], x, target)
        np.testing.assert_allclose(y, wanted, rtol=2e-6, atol=2e-6)
    first = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    y = run([{**layer, "dim_ordering": "th"}], first, "cpu")
    np.testing.assert_allclose(y, wanted.transpose(0, 3, 1, 2), rtol=2e-6, atol=2e-6)


def test_a_hand_worked_row() -> None:
    """Twice as many columns: 0, 0.5, 1, 1.5; the last has nothing beyond it to weigh."""
    x = np.array([[10, 20, 40]], np.float32).reshape(1, 1, 3, 1)
    layer = {"type": "Resize", "size": [1, 6], "dim_ordering": "tf"}
    assert run([layer], x).ravel().tolist() == [10, 15, 20, 30, 40, 40]
    nearest = {**layer, "interpolation": "nearest"}
    assert run([nearest], x).ravel().tolist() == [10, 10, 20, 20, 40, 40]
    aligned = {**layer, "size": [1, 5], "align_corners": True}
    assert run([aligned], x).ravel().tolist() == [10, 15, 20, 30, 40]
    # Half-way places go to the next, as roundf does.
    assert run([{**aligned, "interpolation": "nearest"}], x).ravel().tolist() == [
        10, 20, 20, 40, 40,
    ]  # fmt: skip


def test_places_are_those_of_float32() -> None:
    """41 * (1 / 41) in float32 may be less than 1, and then TensorFlow looks one earlier."""
    x = np.arange(50, dtype=np.float32).reshape(1, 1, 50, 1)
    for factor in (3, 41, 49, 55, 61):
        layer = {"type": "Resize", "factor": [1, factor], "interpolation": "nearest",
                 "dim_ordering": "tf"}  # fmt: skip
        wanted = resized(x, 1, 50 * factor, bilinear=False, aligned=False)
        for target in TARGETS:
            np.testing.assert_array_equal(run([layer], x, target), wanted)
    assert (wanted.ravel() != np.repeat(np.arange(50), factor)).any()


@pytest.mark.parametrize("channels", [1, 3, 4, 16, 17])
def test_resizing_at_every_width(channels: int, lanes: int, rng: Any) -> None:
    x = rng.standard_normal((2, 9, 8, channels)).astype(np.float32)
    for bilinear, name in ((False, "nearest"), (True, "bilinear")):
        layer = {"type": "Resize", "size": [6, 13], "interpolation": name, "dim_ordering": "tf"}
        y = run([layer], x, "cpu")
        np.testing.assert_allclose(
            y, resized(x.astype(np.float64), 6, 13, bilinear, False), rtol=3e-6, atol=3e-6
        )
        alone = build([layer], x.shape[1:]).compile("cpu").run(x[1:])
        np.testing.assert_array_equal(alone[0], y[1])


def test_open_images(rng: Any) -> None:
    model = build([{"type": "Resize", "factor": [2, 3], "dim_ordering": "tf"}], [None, None, 3])
    assert format_shape(model.graph.nodes[-1].shape) == "(2*H, 3*W, 3)"
    x = rng.standard_normal((1, 4, 5, 3)).astype(np.float32)
    y = model.compile("cpu", input_shape=(4, 5, 3)).run(x)
    np.testing.assert_allclose(y, resized(x, 8, 15, True, False), rtol=2e-6, atol=2e-6)
