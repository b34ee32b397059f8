"""Constraints: Keras's formulas, and sentences with the measured norms."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.diagnostics.core import Problem
from speccompiler.weights.constraints import MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from speccompiler.weights.files.weight_file import open_weights
from tests.places import GOLDEN

CASES = sorted(p.parent for p in GOLDEN.glob("keras-*/*/constrained.npz"))
CLASSES = {"MaxNorm": MaxNorm, "NonNeg": NonNeg, "UnitNorm": UnitNorm, "MinMaxNorm": MinMaxNorm}

# Columns of norm 5, 0.5 and 0: axis 0 is summed over.
COLUMNS = np.array([[3.0, 0.3, 0.0], [-4.0, 0.4, 0.0]], np.float32)


def norms(w, axis=0):
    return np.sqrt(np.sum(np.square(w, dtype=np.float64), axis=axis))


def test_projections_by_hand():
    np.testing.assert_allclose(norms(MaxNorm(2).project(COLUMNS)), [2, 0.5, 0], rtol=1e-6)
    np.testing.assert_allclose(norms(UnitNorm().project(COLUMNS)), [1, 1, 0], rtol=1e-6)
    np.testing.assert_allclose(norms(MinMaxNorm(1, 3).project(COLUMNS)), [3, 1, 0], rtol=1e-6)
    halfway = MinMaxNorm(1, 3, rate=0.5).project(COLUMNS)
    np.testing.assert_allclose(norms(halfway), [4, 0.75, 0], rtol=1e-6)
    assert np.array_equal(
        NonNeg().project(COLUMNS), np.array([[3, 0.3, 0], [0, 0.4, 0]], np.float32)
    )


def test_epsilon_is_added_to_the_norm():
    w = np.array([1e-7], np.float32)
    assert UnitNorm().project(w)[0] == pytest.approx(0.5)
    assert UnitNorm().project(w, epsilon=0.0)[0] == pytest.approx(1.0)


def test_a_projection_keeps_float32_and_the_argument():
    before = COLUMNS.copy()
    for constraint in (MaxNorm(), NonNeg(), UnitNorm(), MinMaxNorm()):
        assert constraint.project(COLUMNS).dtype == np.float32
    assert np.array_equal(COLUMNS, before)


@pytest.mark.parametrize(
    ("constraint", "sentence"),
    [
        (MaxNorm(2), "largest norm over axis 0 is 5, allowed 2"),
        (MaxNorm(2, axis=(0, 1)), "largest norm over axes 0 and 1 is 5.025, allowed 2"),
        (MaxNorm(5), None),
        (MaxNorm(4.9999), "largest norm over axis 0 is 5, allowed 4.9999"),
        (NonNeg(), "1 value is negative, the smallest -4; allowed 0 or more"),
        (UnitNorm(), "largest norm over axis 0 is 5, allowed 1"),
        (UnitNorm(axis=-1), "largest norm over axis -1 is 4.02, allowed 1"),
        (MinMaxNorm(0.5, 5), None),
        (MinMaxNorm(0.6, 5), "smallest norm over axis 0 is 0.5, allowed 0.6 or more"),
        (MinMaxNorm(0, 3), "largest norm over axis 0 is 5, allowed 3"),
        (
            MinMaxNorm(0, 3, rate=0.5),
            "largest norm over axis 0 is 5, allowed 3; "
            "with rate 0.5 an update moves it only part of the way",
        ),
        (MinMaxNorm(0, 3, rate=0), None),
    ],
)
def test_violations_give_the_measured_norm(constraint, sentence):
    assert constraint.violation(COLUMNS) == sentence


def test_more_violations():
    assert UnitNorm().violation(COLUMNS / 5) == (
        "smallest norm over axis 0 is 0.1, allowed 1 or more"
    )
    assert NonNeg().violation(-np.ones(3, np.float32)) == (
        "3 values are negative, the smallest -1; allowed 0 or more"
    )
    barely = np.array([2.0001], np.float32)
    assert MaxNorm(2).violation(barely) == "largest norm over axis 0 is 2.0001, allowed 2"
    assert MaxNorm(2).violation(np.array([2.00001], np.float32)) is None
    assert MaxNorm(2).violation(np.empty((0, 3), np.float32)) is None
    assert UnitNorm().violation(np.empty((3, 0), np.float32)) is None


@pytest.mark.parametrize("constraint", [MaxNorm(1, 4), UnitNorm((0, -5)), MinMaxNorm(axis=7)])
def test_an_axis_the_tensor_lacks(constraint):
    w = np.ones((3, 3, 2, 4), np.float32)
    axes = constraint.axis if isinstance(constraint.axis, tuple) else (constraint.axis,)
    for call in (constraint.project, constraint.violation):
        with pytest.raises(Problem) as caught:
            call(w)
        assert caught.value.code == "CS092"
        assert caught.value.message == (
            f"constraint axis {axes[-1]} does not exist in a tensor of shape (3, 3, 2, 4)"
        )
        assert caught.value.hint == "allowed axes are -4 to 3"


def test_an_axis_named_twice():
    with pytest.raises(Problem) as caught:
        MaxNorm(1, (0, 1, -4)).project(np.ones((3, 3, 2, 4), np.float32))
    assert caught.value.code == "CS092"
    assert caught.value.message == (
        "constraint axes 0, 1 and -4 name one axis twice in a tensor of shape (3, 3, 2, 4)"
    )


@settings(deadline=None, max_examples=100)
@given(
    seed=st.integers(0, 2**32),
    exponent=st.integers(-1, 30),
    axis=st.sampled_from([0, -1, (0, 1), (1, -1), (0, 1, 2)]),
    limit=st.floats(0.01, 100),
)
def test_a_projected_tensor_does_not_violate(seed, exponent, axis, limit):
    """Norms above 0.01, where epsilon is below the tolerance."""
    w = np.random.default_rng(seed).standard_normal((3, 4, 5)).astype(np.float32)
    w = (np.sign(w) * (np.abs(w) + 0.2) * np.float32(10.0) ** exponent).astype(np.float32)
    for constraint in (
        MaxNorm(limit, axis),
        NonNeg(),
        UnitNorm(axis),
        MinMaxNorm(limit, 2 * limit, 1, axis),
    ):
        assert constraint.violation(constraint.project(w)) is None


@pytest.mark.skipif(not CASES, reason="no golden data")
@pytest.mark.parametrize("case", CASES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_projections_of_the_real_keras(case):
    weights = open_weights(case / "weights.npz")
    expected = open_weights(case / "constrained.npz")
    configs = {}
    for layer in json.loads((case / "model.json").read_text())["config"]:
        for tensor in ("W", "b"):
            if config := layer["config"].get(f"{tensor}_constraint"):
                configs[f"{layer['config']['name']}_{tensor}"] = config
    assert {key.removesuffix(":0") for key in expected.tensors} == set(configs)
    for key in expected.tensors:
        config = dict(configs[key.removesuffix(":0")])
        constraint = CLASSES[config.pop("name")](**config)
        w, wanted = weights.read(key), expected.read(key)
        np.testing.assert_allclose(constraint.project(w), wanted, rtol=3e-7, atol=1e-9)
        if getattr(constraint, "rate", 1) == 1:
            assert constraint.violation(wanted) is None
