"""The vector functions of the CPU kernels, judged by NumPy in float64, at every width."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import njit

from speccompiler.expressions.evaluate import evaluate
from speccompiler.expressions.grammar import parse
from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.expressions.nodes import FUNCTIONS
from speccompiler.expressions.source import vector_source
from speccompiler.kernels.cpu.codegen import vector_math
from speccompiler.kernels.cpu.codegen.activation_text import activation_text, constants_of

LARGEST = np.finfo(np.float32).max
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, LARGEST, -LARGEST, 1e-45, -1e-45]


def compiled(text: str, lanes: int) -> Any:
    """An expression of a flat array, through the function that kernels call for activations."""
    module: dict[str, Any] = {}
    exec(activation_text(parse(text), lanes), module)
    activation = module["activation"]
    constants = np.array(constants_of(parse(text)), np.float32)

    @njit(error_model="numpy")
    def call(x: Any, y: Any, count: int, constants: Any) -> None:
        """Python itself cannot call the function: it has no wrapper."""
        activation(x, y, 1, 0, 0, count, constants)

    def run(x: np.ndarray) -> np.ndarray:
        y = np.full_like(x, np.nan)
        call(x, y, x.size, constants)
        return y

    return run


def samples(rng: np.random.Generator) -> np.ndarray:
    """Every exponent of float32 with both signs, where the functions bend, special values."""
    everywhere = np.ldexp(rng.uniform(1, 2, (100, 277)), np.arange(-149, 128)).ravel()
    return np.concatenate(
        [everywhere, -everywhere, rng.uniform(-110, 100, 30_000), rng.uniform(-3, 3, 30_000),
         rng.uniform(0.4, 2, 30_000), SPECIAL]
    ).astype(np.float32)  # fmt: skip


def assert_precise(text: str, y: np.ndarray, x: np.ndarray, ulps: float) -> None:
    judge = evaluate(parse(text), x.astype(np.float64))
    with np.errstate(over="ignore"):
        rounded = judge.astype(np.float32)
    np.testing.assert_array_equal(np.isnan(y), np.isnan(rounded))
    infinite = np.isinf(y) | np.isinf(rounded)
    np.testing.assert_array_equal(y[infinite], rounded[infinite])
    finite = np.isfinite(rounded)
    units = np.spacing(np.minimum(np.abs(rounded[finite]), np.float32(3.4e38))).astype(np.float64)
    error = np.abs(y[finite] - judge[finite]) / units
    assert error.max() <= ulps, (text, x[finite][error.argmax()], error.max())


@pytest.mark.parametrize("lanes", [4, 8, 16])
@pytest.mark.parametrize(
    ("text", "ulps"),
    [("exp(x)", 1), ("expm1(x)", 1.5), ("tanh(x)", 2.5), ("log(x)", 1), ("log1p(x)", 1.5),
     ("softplus(x)", 2), ("elu(x)", 1.5), ("softsign(x)", 1.5), ("sqrt(x)", 0.5),
     ("sin(x)", 1), ("cos(x)", 1), ("erf(x)", 1.5), ("atan(x)", 1)],
)  # fmt: skip
def test_functions_over_the_whole_range(text, ulps, lanes, rng):
    x = samples(rng)
    assert_precise(text, compiled(text, lanes)(x), x, ulps)


@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_sigmoid_loses_only_what_is_below_every_normal_number(lanes, rng):
    """1 / (1 + exp(-x)): where exp overflows the result is 0 instead of 1e-39."""
    x = samples(rng)
    y = compiled("sigmoid(x)", lanes)(x)
    above = ~(x < -88)
    assert_precise("sigmoid(x)", y[above], x[above], 2.5)
    assert np.nanmax(y[~above]) < 1e-38


EXPRESSIONS = [
    "x * sigmoid(x)", "where(x > 0, x, 0.1 * x)", "where(not (x >= -1 and x < 1), x, -x)",
    "where(x == 0 or x != x, 1, 2)", "where(x <= 0.5, 3, x)", "min(max(x, -1), x * x)",
    "clip(x, -0.5, x + 1)", "sign(x) * sqrt(abs(x))", "floor(x) + ceil(2 * x)", "x ** 3 - x ** -2",
    "2 ** x", "abs(x) ** 0.5", "x / (1 + x ** 2)", "3", "x", "pi * x", "tan(x / 4)",
    "sinh(x) - cosh(x / 2)", "log(1 + exp(x)) * tanh(x)", "hard_sigmoid(x)", "relu(x - 1)",
    "min(1e300, x)", "erf(x) * cos(x) + sin(x) * atan(x)",
]  # fmt: skip


@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_expressions(lanes, rng):
    for text in [*EXPRESSIONS, *ACTIVATIONS]:
        text = f"{text}(x)" if text in ACTIVATIONS and text != "linear" else text
        text = "x" if text == "linear" else text
        x = np.concatenate([rng.uniform(-4, 4, 1000), [0, 1, -1, np.nan]]).astype(np.float32)
        with np.errstate(all="ignore"):
            judge = evaluate(parse(text), x.astype(np.float64)).astype(np.float32)
        np.testing.assert_allclose(compiled(text, lanes)(x), judge, 2e-6, 1e-6, err_msg=text)


def test_every_function_of_the_grammar_has_a_vector_form():
    for name, parameters in FUNCTIONS.items():
        arguments = ["x > 0" if p == "condition" else "x" for p in parameters]
        module: dict[str, Any] = {}
        exec(activation_text(parse(f"{name}({', '.join(arguments)})"), 4), module)
        called = set(module["activate"].py_func.__code__.co_names) - {"np", "float32"}
        assert called <= set(module), name


@pytest.mark.parametrize("lanes", [4, 8, 16])
@pytest.mark.parametrize("text", ["tanh(x)", "softplus(x)", "x * sigmoid(x) + x ** 2", "sin(x)"])
def test_a_value_has_the_same_bits_at_every_position(text, lanes, rng):
    run = compiled(text, lanes)
    x = rng.uniform(-5, 5, 67).astype(np.float32)
    whole = run(x)
    for start in range(0, 67, 3):
        for length in (1, 2, 5, 17, 31):
            part = x[start : start + length].copy()
            assert run(part).tobytes() == whole[start : start + length].tobytes()


def test_source_text():
    assert vector_source(parse("where(x > 1, x**-2, max(x, 0))"), "f") == (
        "def f(x):\n"
        "    t0 = mul(x, x)\n"
        "    t1 = splat(np.float32(1.0))\n"
        "    t2 = div(t1, t0)\n"
        "    t3 = splat(np.float32(0.0))\n"
        "    t4 = less(x, t3)\n"
        "    t5 = select(t4, t3, x)\n"
        "    t6 = less(t1, x)\n"
        "    t7 = select(t6, t2, t5)\n"
        "    return t7\n"
    )


def test_functions_stand_before_those_that_call_them():
    text = activation_text(parse("softplus(tanh(x))"), 4)
    order = [text.index(f"def {f}(") for f in ("exp_reduced", "exp", "expm1", "tanh", "log")]
    assert order == sorted(order)
    assert "def sin(" not in text
    assert all(text.count(f"def {f}(") <= 1 for f in vector_math.FUNCTIONS)


def test_constants_are_no_part_of_a_text():
    texts = {activation_text(parse(f"where(x > {a}, x, {b} * x)"), 8) for a, b in
             ((0, 0.3), (1.5, 0.3), (-2, -0.1))}  # fmt: skip
    assert len(texts) == 1
    assert constants_of(parse("where(x > -2, x, -0.1 * x)")) == (-0.1, -2)
    assert "0.1" not in texts.pop()
