"""Penalties: hand-computed values, Keras's own numbers, streaming."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.diagnostics.core import Problem
from speccompiler.weights.files.weight_file import open_weights
from speccompiler.weights.regularizers import L1L2, Eigenvalue
from tests.places import GOLDEN

CASES = sorted(
    p.parent
    for pattern in ("keras-*/*_rc_*/meta.json", "keras-*/m_seq_regs/meta.json")
    for p in GOLDEN.glob(pattern)
    if '"penalties"' in p.read_text()
)


def test_l1_and_l2_by_hand():
    w = np.array([[1.0, -2.0], [0.5, 0.0]], np.float32)
    assert L1L2(l1=0.1).penalty(w) == pytest.approx(0.35)
    assert L1L2(l2=0.1).penalty(w) == pytest.approx(0.525)
    assert L1L2(0.1, 0.1).penalty(w) == pytest.approx(0.875)
    assert L1L2().penalty(w) == 0.0


def test_sums_are_in_float64():
    w = np.full(10_000_000, 0.1, np.float32)
    assert L1L2(l1=1).penalty(w) == pytest.approx(1e7 * float(np.float32(0.1)), rel=1e-14)


def test_activity_sums_over_all_samples_and_does_not_average():
    y = np.ones((8, 2, 3), np.float32)
    assert L1L2(l1=1, l2=1).accumulate(0.0, y) == 96.0


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32), samples=st.integers(1, 20), cuts=st.lists(st.integers(0, 20)))
def test_activity_does_not_depend_on_the_split_into_batches(seed, samples, cuts):
    y = np.random.default_rng(seed).standard_normal((samples, 3, 7), np.float32)
    regularizer = L1L2(0.01, 0.03)
    total = 0.0
    for batch in np.split(y, sorted(min(c, samples) for c in cuts)):
        total = regularizer.accumulate(total, batch)
    assert total == regularizer.accumulate(0.0, y)
    assert total == pytest.approx(regularizer.penalty(y), rel=1e-12)


def test_eigenvalue_is_k_times_the_largest_singular_value():
    rng = np.random.default_rng(0)
    u, _ = np.linalg.qr(rng.standard_normal((6, 4)))
    v, _ = np.linalg.qr(rng.standard_normal((4, 4)))
    w = u @ np.diag([3.0, 0.5, 0.2, 0.1]) @ v.T
    assert Eigenvalue(2.0).penalty(w) == pytest.approx(6.0, rel=1e-9)


def test_eigenvalue_takes_nine_steps_as_keras_does():
    """Singular values 1 and 0.95 are not yet told apart: the quotient is worked out by hand."""
    w = np.diag([1.0, 0.95])
    a, b = 1.0, 0.95**2
    expected = ((a * a**18 + b * b**18) / (a**18 + b**18)) ** 0.5
    assert Eigenvalue(1.0).penalty(w) == pytest.approx(expected, rel=1e-12)
    assert expected < 0.996


def test_eigenvalue_at_the_edges():
    assert Eigenvalue(1.0).penalty(np.zeros((3, 2))) == 0.0
    assert Eigenvalue(1.0).penalty(np.array([[1.0, -1.0]])) == 0.0
    assert Eigenvalue(1.0).penalty(np.diag([1e30, 1e30])) == pytest.approx(1e30)
    with pytest.raises(Problem) as caught:
        Eigenvalue(1.0).penalty(np.zeros((3, 3, 2, 4)))
    assert caught.value.code == "CS093"
    assert caught.value.message == (
        "the eigenvalue regulariser needs a tensor of rank 2; this one has rank 4"
    )


@pytest.mark.skipif(not CASES, reason="no golden data")
@pytest.mark.parametrize("case", CASES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_penalties_of_the_real_keras(case):
    config = json.loads((case / "model.json").read_text())["config"]
    expected = json.loads((case / "meta.json").read_text())["penalties"]
    weights = open_weights(case / "weights.npz")
    ending = ":0" if any(key.endswith(":0") for key in weights.tensors) else ""
    checked = 0
    for layer in (entry["config"] for entry in config):
        name = layer["name"]
        wanted = dict(expected.get(name, {}))
        for tensor in ("W", "b"):
            term = layer.get(f"{tensor}_regularizer")
            if term:
                found = L1L2(term["l1"], term["l2"]).penalty(
                    weights.read(f"{name}_{tensor}{ending}")
                )
                assert found == pytest.approx(wanted.pop(tensor), rel=1e-6)
                checked += 1
        term = layer.get("activity_regularizer")
        if term and len(config) == 1:
            output = np.load(case / "output.npy")
            found = L1L2(term["l1"], term["l2"]).accumulate(0.0, output)
            assert found == pytest.approx(wanted.pop("activity"), rel=1e-6)
            checked += 1
        wanted.pop("activity", None)  # of an inner layer: its output is not stored
        assert not wanted
    assert checked
