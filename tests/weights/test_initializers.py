"""Initialisers: documented formulas, exact bounds, independent streams."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.diagnostics.core import Problem
from speccompiler.weights.initializers import INITIALIZERS, Fans, conv_fans, dense_fans, initialize

LARGE = (3, 5, 100, 200)
FANS = conv_fans((3, 5), 100, 200)
UNIFORM = [
    "-0x1.8e27100000000p-5",
    "-0x1.f8401a0000000p-6",
    "-0x1.06a9260000000p-6",
    "0x1.77d5b40000000p-6",
]
NORMAL = [
    "-0x1.8266500000000p-5",
    "0x1.a7ca1a0000000p-5",
    "-0x1.7c964c0000000p-7",
    "-0x1.ba2f5c0000000p-7",
]


def draw(name: str, shape=LARGE, fans=FANS, seed=7, stream="conv1/W", **parameters):
    return initialize(name, parameters, shape, fans, seed=seed, stream=stream)


def test_fans_count_the_receptive_field_in_both():
    assert conv_fans((3, 3), 64, 128) == Fans(576, 1152)
    assert conv_fans((5,), 40, 48) == Fans(200, 240)
    assert conv_fans((2, 3, 5), 20, 24) == Fans(600, 720)
    assert dense_fans(784, 10) == Fans(784, 10)


def test_every_name_of_keras_1_is_known():
    assert set(INITIALIZERS) == {
        "uniform",
        "normal",
        "lecun_uniform",
        "glorot_normal",
        "glorot_uniform",
        "he_normal",
        "he_uniform",
        "orthogonal",
        "identity",
        "zero",
        "one",
    }
    assert {n: dict(i.parameters) for n, i in INITIALIZERS.items() if i.parameters} == {
        "uniform": {"scale": 0.05},
        "normal": {"scale": 0.05},
        "orthogonal": {"scale": 1.1},
        "identity": {"scale": 1.0},
    }


@pytest.mark.parametrize(
    ("name", "parameters", "limit"),
    [
        ("uniform", {}, 0.05),
        ("uniform", {"scale": 0.3}, 0.3),
        ("lecun_uniform", {}, math.sqrt(3 / 1500)),
        ("glorot_uniform", {}, math.sqrt(6 / 4500)),
        ("he_uniform", {}, math.sqrt(6 / 1500)),
    ],
)
def test_uniform_fills_its_interval_and_no_more(name, parameters, limit):
    w = draw(name, **parameters)
    assert w.dtype == np.float32
    assert w.shape == LARGE
    assert np.abs(w).max() <= np.float32(limit)
    assert w.max() > 0.9999 * limit
    assert w.min() < -0.9999 * limit
    assert w.std() == pytest.approx(limit / math.sqrt(3), rel=0.01)
    assert abs(w.mean()) < 0.005 * limit


@pytest.mark.parametrize(
    ("name", "parameters", "std"),
    [
        ("normal", {}, 0.05),
        ("normal", {"scale": 2.0}, 2.0),
        ("glorot_normal", {}, math.sqrt(2 / 4500)),
        ("he_normal", {}, math.sqrt(2 / 1500)),
    ],
)
def test_normal_has_its_deviation_and_is_not_truncated(name, parameters, std):
    w = draw(name, **parameters)
    assert w.std() == pytest.approx(std, rel=0.01)
    assert abs(w.mean()) < 0.01 * std
    assert np.mean(np.abs(w) > 2 * std) == pytest.approx(0.0455, abs=0.003)
    assert np.abs(w).max() > 4 * std


def test_a_normal_tensor_does_not_show_the_chunks_it_was_drawn_in(monkeypatch):
    whole = draw("normal")
    monkeypatch.setattr("speccompiler.weights.initializers._CHUNK", 1000)
    assert np.array_equal(draw("normal"), whole)


@pytest.mark.parametrize("shape", [(8, 3, 3, 3), (3, 3, 8, 16), (40, 10), (10, 40), (6, 6), (5,)])
@pytest.mark.parametrize("scale", [1.1, 2.0])
def test_orthogonal_rows_or_columns_have_length_scale(shape, scale):
    w = draw("orthogonal", shape, scale=scale).astype(np.float64)
    matrix = w.reshape(shape[0], -1)
    gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(gram, scale**2 * np.eye(len(gram)), atol=1e-6)


def test_orthogonal_has_no_preferred_sign():
    corners = [draw("orthogonal", (4, 4), seed=s)[0, 0] for s in range(200)]
    assert 70 < np.count_nonzero(np.array(corners) > 0) < 130


def test_constants_and_identity():
    assert np.array_equal(draw("zero"), np.zeros(LARGE))
    assert np.array_equal(draw("one"), np.ones(LARGE))
    assert np.array_equal(draw("identity", (3, 3), scale=0.5), 0.5 * np.eye(3))


@pytest.mark.parametrize("shape", [(3, 4), (3, 3, 2, 2), (3,)])
def test_identity_needs_a_square_matrix(shape):
    with pytest.raises(Problem) as caught:
        draw("identity", shape)
    assert caught.value.code == "CS091"
    assert caught.value.message == (
        f"'identity' needs a square matrix; this tensor has shape {shape}"
    )


def test_orthogonal_refuses_to_run_for_hours():
    with pytest.raises(Problem) as caught:
        draw("orthogonal", (100_000, 100_000))
    assert caught.value.code == "CS091"
    assert caught.value.message == (
        "'orthogonal' on a matrix of 100000 x 100000 would take too long"
    )


@pytest.mark.parametrize(
    ("name", "parameters"), [("lecun", {}), ("glorot_uniform", {"scale": 1.0})]
)
def test_names_and_parameters_outside_the_table_are_our_own_bugs(name, parameters):
    with pytest.raises(AssertionError):
        draw(name, **parameters)


@pytest.mark.parametrize("name", ["uniform", "normal", "orthogonal"])
def test_a_stream_depends_on_seed_and_name_alone(name):
    first = draw(name, (20, 20))
    assert np.array_equal(draw(name, (20, 20)), first)
    for other in (draw(name, (20, 20), stream="conv2/W"), draw(name, (20, 20), seed=8)):
        assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.15


def test_seed_and_stream_are_not_run_together():
    """A seed of 1 with stream "2x" is not a seed of 12 with stream "x"."""
    assert not np.array_equal(
        draw("uniform", (50,), seed=1, stream="2x"), draw("uniform", (50,), seed=12, stream="x")
    )


def test_the_numbers_themselves():
    """Frozen: a change here changes every model initialised from a seed."""
    uniform = draw("uniform", (4,), seed=0, stream="conv1/W")
    normal = draw("normal", (4,), seed=0, stream="conv1/W")
    assert [float(v).hex() for v in uniform] == UNIFORM
    assert [float(v).hex() for v in normal] == NORMAL


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**63 - 1),
    stream=st.text(max_size=20),
    name=st.sampled_from(sorted(set(INITIALIZERS) - {"identity"})),
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=5).map(tuple),
)
def test_any_seed_stream_and_shape_gives_finite_float32(seed, stream, name, shape):
    w = initialize(name, {}, shape, Fans(9, 12), seed=seed, stream=stream)
    assert w.shape == shape
    assert w.dtype == np.float32
    assert w.flags.c_contiguous
    assert np.isfinite(w).all()
