"""Activations and expressions of every value."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.expressions.library import ACTIVATIONS, LATER_ACTIVATIONS
from tests.kernels.cpu.both_targets import both

NO_LIMIT = {"softsign", "swish", "silu", "gelu", "gelu_tanh", "mish", "hard_silu"}


@pytest.mark.parametrize("rank", [1, 2, 3, 4, 5, 6])
def test_elementwise_over_samples_of_any_rank(rank, rng):
    x = rng.uniform(-1, 1, (2, *(2, 3, 1, 2, 3, 2)[:rank])).astype(np.float32)
    layers = [{"type": "Activation", "activation": "relu"}, {"type": "Flatten"}]
    y, judge = both(layers, x)
    assert np.array_equal(y, judge)


@pytest.mark.parametrize("name", [n for n in (*ACTIVATIONS, *LATER_ACTIVATIONS) if n != "linear"])
def test_activations_at_the_ends_of_the_range(name):
    x = np.array([-3e38, -1e10, -100, -89, -1e-30, 0, 1e-30, 89, 100, 1e10, 3e38, np.inf, -np.inf,
                  np.nan], np.float32)  # fmt: skip
    y, judge = both([{"type": "Activation", "activation": name}], x[None])
    np.testing.assert_allclose(y, judge, rtol=1e-6, atol=1e-36)
    # softsign of infinity has no limit in floating point, nor has a product of x and 0.
    ends = y[0, :-3] if name in NO_LIMIT else y[0, :-1]
    assert not np.isnan(ends).any()


@pytest.mark.parametrize("text", [
    "x", "3", "x ** 3", "-x", "where(x > 0, x, exp(x) - 1)", "min(max(x, -1), 1)", "abs(x) + pi",
    "x / (1 + x * x)", "sqrt(abs(x))", "sin(x) * cos(x)", "log(1 + x ** 2)",
])  # fmt: skip
def test_expressions_are_the_same_on_both_targets(text, rng):
    x = rng.uniform(-3, 3, (1, 500)).astype(np.float32)
    y, judge = both([{"type": "Activation", "activation": {"expr": text}}], x)
    np.testing.assert_allclose(y, judge, rtol=2e-6, atol=1e-6)
