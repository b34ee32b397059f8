"""The text of a Python function over one value computes the same, as Python and compiled."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from speccompiler.expressions import evaluate, source
from speccompiler.expressions.grammar import parse
from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.expressions.nodes import Expression
from tests.expressions.test_evaluate import _AT_EXTREMES, _EXTREMES, _FORMULAS, _GRID, expression_of
from tests.expressions.trees import _small_numbers, expressions


def test_source_text() -> None:
    assert source.word_source(parse("x * sigmoid(x)")) == (
        "def activate(x):\n"
        "    t0 = -x\n"
        "    t1 = exp(t0)\n"
        "    t2 = np.float32(1.0) + t1\n"
        "    t3 = np.float32(1.0) / t2\n"
        "    t4 = x * t3\n"
        "    return t4\n"
    )
    assert source.word_source(parse("where(x > 1, x**-3, max(x, 0))"), "f") == (
        "def f(x):\n"
        "    t0 = x * x\n"
        "    t1 = x * t0\n"
        "    t2 = np.float32(1.0) / t1\n"
        "    t3 = np.float32(0.0) if (np.float32(0.0) > x) else x\n"
        "    t4 = t2 if (x > np.float32(1.0)) else t3\n"
        "    return t4\n"
    )
    assert source.word_source(ACTIVATIONS["linear"]) == "def activate(x):\n    return x\n"
    assert source.word_source(parse("1e300")) == (
        "def activate(x):\n    return np.float32(np.inf)\n"
    )
    assert source.word_source(parse("abs(x)**0.5")) == (
        "def activate(x):\n"
        "    t0 = absolute(x)\n"
        "    t1 = power(t0, np.float32(0.5))\n"
        "    return t1\n"
    )


def test_whole_powers_are_multiplications() -> None:
    for power in (0, 1, 2, 7, 64, -1, -64):
        text = source.word_source(parse(f"x**{power}"))
        assert "power" not in text
        assert text.count(" = ") <= 13
        run = in_float64(text)
        assert run(np.float64(1.25)) == pytest.approx(1.25**power, rel=1e-13)
    for other in ("65", "0.5", "x", "-65"):
        assert "power" in source.word_source(parse(f"x**{other}"))


def test_a_repeated_call_does_not_repeat_its_argument() -> None:
    text = "x"
    for _ in range(60):
        text = f"softplus({text})"
    assert source.word_source(parse(text)).count("\n") < 60 * 8
    assert np.isfinite(evaluate.evaluate(parse(text), np.zeros(1))).all()


def in_float64(text: str) -> Callable[[Any], Any]:
    """The generated function run by Python in float64, with IEEE functions."""
    module: dict[str, Any] = {name: getattr(np, name, None) for name in source.FUNCTIONS}
    module |= {"atan": np.arctan, "erf": lambda v: np.float64(math.erf(v))}
    module |= {"absolute": np.abs, "power": np.power}
    module["np"] = types.SimpleNamespace(float32=np.float64, inf=np.inf)
    exec(text, module)
    run: Callable[[Any], Any] = module["activate"]
    return run


@settings(deadline=None, max_examples=100, derandomize=True)
@given(expressions(_small_numbers, "+ - * /"))
def test_source_computes_the_same(expression: Expression) -> None:
    run = in_float64(source.word_source(expression))
    for x in (-3.7, -1.0, 0.3, 2.5, 40.0):
        with np.errstate(all="ignore"):
            value = run(np.float64(x))
        expected = evaluate.evaluate(expression, np.array([x]))
        np.testing.assert_array_equal(value, expected[0])


def compiled(text: str) -> Any:
    numba = pytest.importorskip("numba")
    jit = numba.njit(error_model="numpy")
    module: dict[str, Any] = {name: getattr(math, name, None) for name in source.FUNCTIONS}
    # numba's math.floor and math.ceil give int64.
    module |= {"floor": np.floor, "ceil": np.ceil, "absolute": abs, "np": np}
    module["power"] = jit(lambda a, b: a**b)
    exec(source.word_source(expression_of(text)), module)
    dispatcher = jit(module["activate"])
    dispatcher.compile((numba.float32,))
    return dispatcher


@pytest.mark.parametrize("text", [*_FORMULAS, *sorted(_AT_EXTREMES.keys() - _FORMULAS.keys())])
def test_numba_in_float32(text: str) -> None:
    run = compiled(text)
    (overload,) = run.overloads.values()
    assert str(overload.signature.return_type) == "float32"
    steps = {n: str(t) for n, t in overload.type_annotation.typemap.items() if n[0] in "tx"}
    assert set(steps.values()) <= {"float32"}

    values = np.array([run(v) for v in np.array(_EXTREMES, np.float32)])
    expected = evaluate.evaluate(expression_of(text), np.array(_EXTREMES, np.float32))
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    if text in _FORMULAS:
        grid = _GRID.astype(np.float32)
        values = np.array([run(v) for v in grid])
        expected = evaluate.evaluate(expression_of(text), grid.astype(np.float64))
        error = np.abs(values - expected) / np.maximum(1, np.abs(expected))
        assert error.max() <= 1e-6
