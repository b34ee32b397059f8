"""Activations that are layers, by their formulas."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.diagnostics.core import SpecError
from speccompiler.model import load
from tests.cases import build
from tests.lowering.formulas import TARGETS, assert_gives, keras


def test_activations_that_are_layers(values):
    x = values
    assert_gives([{"type": "LeakyReLU", "alpha": -0.25}], x, np.where(x > 0, x, -0.25 * x))
    assert_gives([{"type": "ELU", "alpha": 0.5}], x, np.where(x > 0, x, 0.5 * np.expm1(x)))
    assert_gives([{"type": "ThresholdedReLU", "theta": 0.7}], x, np.where(x > 0.7, x, 0))


def test_parametric_activations(values, rng):
    a, b, c, d = (rng.uniform(-1, 1, (4, 3)).round(3) for _ in range(4))
    x = values
    weights = [w.tolist() for w in (a, b, c, d)]
    assert_gives([{"type": "PReLU", "weights": weights[:1]}], x, np.where(x > 0, x, a * x))
    shared = [{"type": "PReLU", "weights": [a[:1].tolist()], "shared_axes": [1]}]
    assert_gives(shared, x, np.where(x > 0, x, a[0] * x))
    softplus = a * np.log1p(np.exp(b * x))
    assert_gives([{"type": "ParametricSoftplus", "weights": weights[:2]}], x, softplus)
    # Positive left slopes: there the backends agree.
    b, right = np.abs(b), a + np.abs(c)
    y = np.where(x <= a, a + b * (x - a), np.where(x < right, x, right + d * (x - right)))
    weights[1] = b.tolist()
    for semantics in ("tensorflow", "theano"):
        assert_gives([{"type": "SReLU", "weights": weights}], x, y, semantics=semantics)


def test_a_negative_left_slope_of_srelu():
    """Theano's relu cuts off what rises on the left too; TensorFlow's does not."""
    x = np.array([[-5.0]])
    layer = {"type": "SReLU", "weights": [[1.0], [-2.0], [3.0], [1.0]]}
    assert_gives([layer], x, [[1 - 2 * (-6)]], semantics="tensorflow")
    assert_gives([layer], x, [[1 + 3]], semantics="theano")


@pytest.mark.parametrize("stored", [(5, 4, 3), (1, 1, 3), (1, 4, 1), (5, 1, 1), (1, 1, 1)])
def test_shared_axes_are_read_off_the_file(stored, tmp_path, rng):
    """Keras does not write shared_axes: the shape of the stored parameters says them."""
    config = {"name": "p", "trainable": True, "init": "zero", "batch_input_shape": [None, 5, 4, 3]}
    (tmp_path / "m.json").write_text(keras([("PReLU", config)], "1.2.2"))
    alphas = rng.uniform(-1, 1, stored).astype(np.float32)
    np.savez(tmp_path / "w.npz", p_alphas=alphas)
    model = load(tmp_path / "m.json", weights=tmp_path / "w.npz")
    x = rng.standard_normal((2, 5, 4, 3)).astype(np.float32)
    for target in TARGETS:
        np.testing.assert_array_equal(model.compile(target).run(x), np.where(x > 0, x, alphas * x))


@pytest.mark.parametrize("kind", ["PReLU", "ParametricSoftplus", "SReLU"])
def test_along_an_open_axis_one_parameter_is_shared(kind, rng):
    """Whatever length the axis gets: as with shared_axes."""
    x = rng.standard_normal((2, 4, 3)).astype(np.float32)
    layer = {"type": kind, "name": "p"}
    judge = build([{**layer, "shared_axes": [1]}], [4, 3]).compile("reference").run(x)
    for target in TARGETS:
        found = build([layer], [None, 3]).compile(target).run(x)
        np.testing.assert_allclose(found, judge, rtol=1e-6)


def test_parameters_of_a_wrong_shape(tmp_path):
    np.savez(tmp_path / "w.npz", p_alphas=np.zeros((4, 1)))
    with pytest.raises(SpecError) as caught:
        build([{"type": "PReLU", "name": "p"}], [5, 3], weights=tmp_path / "w.npz")
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == (
        "CS106",
        "wrong shapes: p/alphas is stored as (4, 1), expected (5, 3), or 1 along the axes that "
        "share it",
    )
