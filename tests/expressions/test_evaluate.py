"""Expressions over NumPy arrays, by formula and at extremes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from speccompiler.expressions import evaluate, source
from speccompiler.expressions.grammar import parse
from speccompiler.expressions.library import ACTIVATIONS, COMPLEMENT, COSINE_NORM
from speccompiler.expressions.nodes import FUNCTIONS, Expression

_GRID = np.linspace(-20, 20, 2001)


_FORMULAS: dict[str, Callable[[Any], Any]] = {
    "elu": lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "relu": lambda x: x * (x > 0),
    "tanh": lambda x: (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1),
    "sigmoid": lambda x: np.exp(x) / (1 + np.exp(x)),
    "hard_sigmoid": lambda x: np.maximum(0, np.minimum(1, x / 5 + 0.5)),
    "linear": lambda x: x,
    "x * sigmoid(x)": lambda x: x / (1 + np.exp(-x)),
    "0.5 * x * (1 + erf(x / sqrt(2)))": lambda x: np.array(
        [0.5 * v * math.erfc(-v / math.sqrt(2)) for v in x]
    ),
    "where(x >= -1 and not x > 1, x**3, sign(x) * abs(x)**0.5)": lambda x: np.where(
        np.abs(x) <= 1, x * x * x, np.sign(x) * np.sqrt(np.abs(x))
    ),
    "log(abs(x) + 1) - log1p(abs(x)) + floor(x / 3) * ceil(x / 3)": lambda x: (
        np.floor(x / 3) * np.ceil(x / 3)
    ),
    "sin(x)**2 + cos(x)**2 + tan(x / 20) - atan(x)": lambda x: (
        1 + np.sin(x / 20) / np.cos(x / 20) - np.arctan(x)
    ),
    "sinh(x / 9) + cosh(x / 9) + min(expm1(x / 9), pow(x, 0))": lambda x: (
        np.exp(x / 9) + np.minimum(np.exp(x / 9) - 1, 1)
    ),
}


def expression_of(text: str) -> Expression:
    return ACTIVATIONS[text] if text in ACTIVATIONS else parse(text)


@pytest.mark.parametrize("text", _FORMULAS)
def test_numpy_values(text: str) -> None:
    values = evaluate.evaluate(expression_of(text), _GRID)
    assert values.dtype == np.float64
    np.testing.assert_allclose(values, _FORMULAS[text](_GRID), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name not in ("linear",)])
def test_an_activation_is_a_function_of_the_same_name(name: str) -> None:
    called = evaluate.evaluate(parse(f"{name}(x - 1)"), _GRID)
    np.testing.assert_array_equal(called, evaluate.evaluate(ACTIVATIONS[name], _GRID - 1))


def test_every_function_is_implemented_once() -> None:
    own_nodes = {"pow", "where"}
    activations = set(ACTIVATIONS) - {"linear", "tanh"}
    assert evaluate.FUNCTIONS.keys() | own_nodes | activations == FUNCTIONS.keys()
    assert not evaluate.FUNCTIONS.keys() & activations
    chosen = {"min", "max", "clip", "sign"}
    assert source.FUNCTIONS | own_nodes | activations | chosen == FUNCTIONS.keys()
    assert not source.FUNCTIONS & (activations | chosen)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "text", [*_FORMULAS, "2", "pi * 0 + 1e300", "erf(1)", "where(1 < 2, 3, 4)"]
)
def test_dtype_and_shape_are_those_of_x(text: str, dtype: Any) -> None:
    for shape in [(), (0,), (2, 3)]:
        x = np.ones(shape, dtype)
        values = evaluate.evaluate(expression_of(text), x)
        assert (values.dtype, values.shape) == (x.dtype, shape)
        assert not np.shares_memory(values, x) or values.size == 0


_EXTREMES = [1e30, -1e30, math.inf, -math.inf, math.nan]


_AT_EXTREMES: dict[str, list[float]] = {
    "elu": [1e30, -1, math.inf, -1, math.nan],
    "softplus": [1e30, 0, math.inf, 0, math.nan],
    "softsign": [1, -1, math.nan, math.nan, math.nan],
    "relu": [1e30, 0, math.inf, 0, math.nan],
    "tanh": [1, -1, 1, -1, math.nan],
    "sigmoid": [1, 0, 1, 0, math.nan],
    "hard_sigmoid": [1, 0, 1, 0, math.nan],
    "linear": [1e30, -1e30, math.inf, -math.inf, math.nan],
    "max(0, x)": [1e30, 0, math.inf, 0, math.nan],
    "min(x, -x)": [-1e30, -1e30, -math.inf, -math.inf, math.nan],
    "max(1, min(2, x))": [2, 1, 2, 1, math.nan],
    "sign(x)": [1, -1, 1, -1, math.nan],
    "1 / (x - x)": [math.inf, math.inf, math.nan, math.nan, math.nan],
    "log(-abs(x)) + 1 / 0": [math.nan, math.nan, math.nan, math.nan, math.nan],
    "9**9**9**9 + where(x > 0, 0, exp(1000))": [math.inf, math.inf, math.inf, math.inf, math.inf],
    "where(x == x, floor(x), x)": [1e30, -1e30, math.inf, -math.inf, math.nan],
    "x**0": [1, 1, 1, 1, 1],
    "x**-3": [0, 0, 0, 0, math.nan],
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("text", _AT_EXTREMES)
def test_extremes_in_numpy(text: str, dtype: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = evaluate.evaluate(expression_of(text), np.array(_EXTREMES, dtype))
    np.testing.assert_allclose(values, np.array(_AT_EXTREMES[text], dtype), rtol=1e-6, atol=1e-80)


def test_what_stands_there_as_a_tree_is_what_its_text_says() -> None:
    """Neither needs the grammar, which most models then do not import."""
    for name, text in ACTIVATIONS.texts.items():
        assert ACTIVATIONS[name] == parse(text), name
    assert parse("1 - x") == COMPLEMENT
    assert parse("max(sqrt(max(x, 0)), 1e-7)") == COSINE_NORM
