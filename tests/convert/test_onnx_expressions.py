"""Every function and operator of expressions, and what has a name of its own in ONNX."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.convert.onnx.activations import CellFunction, cell_function
from speccompiler.convert.onnx.expressions import FUNCTIONS, OPERATORS
from speccompiler.expressions.evaluate import evaluate
from speccompiler.expressions.grammar import parse
from speccompiler.expressions.library import ACTIVATIONS, LATER_ACTIVATIONS
from speccompiler.expressions.nodes import BINDING, Expression
from speccompiler.expressions.nodes import FUNCTIONS as ALL
from tests.cases import build
from tests.completeness import assert_rows
from tests.convert.onnx_runs import assert_same, exported, kinds, run

X = np.concatenate(
    [np.linspace(-9, 9, 61), [0.0, 1e-6, -1e-6, 3e-4, -3e-4, 0.5, -0.5, 30.0, -30.0]]
).astype(np.float32)

TEXTS = {
    **{name: f"{name}(x)" for name in ALL if ALL[name] == ("a",)},
    "log": "log(x * x + 0.1)",
    "log1p": "log1p(x * x) + log1p(0.001 * x) + 1e-6 * log1p(1e12 * abs(x))",
    "sqrt": "sqrt(abs(x))",
    "min": "min(x, 2 - x)",
    "max": "max(x, 0.3 * x - 1)",
    "clip": "clip(x, -1, 2.5)",
    "exp": "exp(0.3 * x)",
    "sinh": "sinh(0.3 * x)",
    "cosh": "cosh(0.3 * x)",
    "tan": "tan(0.15 * x)",
    "expm1": "expm1(0.2 * x)",
    "pow": "pow(abs(x), 1.5)",
    "where": "where(x > 1 or not (x >= -2 and x != 0.5), x * x, -x / 3)",
    "comparisons": "where(x < 1, 2, 0) + where(x <= 0, x, 1) + where(x == 0, 5, x - pi)",
    "powers": "x**2 - x**3 / 50 + (x * x + 1)**-0.5",
    "twice": "tanh(x) * sigmoid(tanh(x)) + hard_sigmoid(x)",
    "constant": "2 * pi",
    "swish": "x * sigmoid(x)",
    "relu6": "min(max(x, 0), 6)",
    **{f"of Keras 2: {name}": text for name, text in LATER_ACTIVATIONS.texts.items()},
}


def test_the_tables_are_whole() -> None:
    known = {*FUNCTIONS, *ACTIVATIONS, "pow", "where"}
    assert_rows("FUNCTIONS (speccompiler/convert/onnx/expressions.py)", known & set(ALL), ALL)
    wanted = {symbol for symbol in BINDING if symbol != "!="} | {"**"}
    assert_rows("OPERATORS (speccompiler/convert/onnx/expressions.py)", OPERATORS, wanted)
    assert set(ALL) <= set(TEXTS)


@pytest.mark.parametrize("name", TEXTS)
def test_an_expression(name: str) -> None:
    model = build([{"type": "Activation", "activation": {"expr": TEXTS[name]}}], [len(X)])
    (y,) = run(exported(model), [X[None]])
    wanted = evaluate(parse(TEXTS[name]), X.astype(np.float64))
    np.testing.assert_allclose(y[0], wanted, rtol=2e-6, atol=1e-6 * min(1, np.abs(wanted).max()))


def test_small_values_keep_their_digits() -> None:
    """``exp(x) - 1`` and ``log(1 + x)`` would have lost them."""
    x = np.array([[1e-6, -1e-6, 2e-5, -3e-5]], np.float32)
    for text in ("expm1(x)", "log1p(x)", "elu(x)"):
        model = build([{"type": "Activation", "activation": {"expr": text}}], [4])
        (y,) = run(exported(model), [x])
        np.testing.assert_allclose(y[0], evaluate(parse(text), x[0].astype(np.float64)), rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("sigmoid(x)", "Sigmoid"),
        ("1 / (1 + exp(-x))", "Sigmoid"),
        ("max(x, 0)", "Relu"),
        ("hard_sigmoid(x)", "HardSigmoid"),
        ("clip(x / 6 + 0.5, 0, 1)", "HardSigmoid"),
        ("softplus(x)", "Softplus"),
        ("softsign(x)", "Softsign"),
        ("where(x > 0, x, 0.3 * x)", "LeakyRelu"),
        ("where(x > 1.5, x, 0 * x)", "ThresholdedRelu"),
        ("min(max(x, 0), 6)", "Clip"),
    ],
)
def test_one_operation_where_onnx_has_one(text: str, kind: str) -> None:
    model = build([{"type": "Activation", "activation": {"expr": text}}], [5])
    x = np.array([[-2.5, -0.1, 0.0, 0.7, 8.0]], np.float32)
    assert kinds(assert_same(model, [x])) == [kind]


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("tanh(x)", CellFunction("Tanh")),
        ("x", CellFunction("Affine", (1.0,), (0.0,))),
        ("hard_sigmoid(x)", CellFunction("HardSigmoid", (0.2,), (0.5,))),
        ("clip(x / 6 + 0.5, 0, 1)", CellFunction("HardSigmoid", (1 / 6,), (0.5,))),
        ("where(x > 0, x, expm1(x))", CellFunction("Elu", (1.0,))),
        ("where(x > 0, x, 0.1 * x)", CellFunction("LeakyRelu", (0.1,))),
        ("sin(x)", None),
        ("sigmoid(2 * x)", None),
    ],
)
def test_activations_of_cells(text: str, function: CellFunction | None) -> None:
    expression: Expression = parse(text)
    if text.startswith("hard"):
        expression = ACTIVATIONS["hard_sigmoid"]
    assert cell_function(expression) == function


def test_a_softmax_is_none_of_a_cell() -> None:
    assert cell_function("softmax") is None
