"""Activations and all functions of expressions."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.expressions.grammar import parse
from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.graph.ir import Map
from tests.kernels.cuda.simulated.on_simulator import check_operation

EXPRESSIONS = [
    *ACTIVATIONS,
    *(f"{f}(x)" for f in ("exp", "expm1", "abs", "sign", "floor", "ceil", "sin", "cos", "tan")),
    *(f"{f}(x)" for f in ("sinh", "cosh", "atan", "erf")),
    *("log(x + 3)", "log1p(abs(x))", "sqrt(abs(x))", "x ** 3", "2 ** x", "abs(x) ** 1.5"),
    *("where(x > 0 and not x > 1, x, -x / 3)", "min(x, 0.5)", "clip(x, -1, 1)", "1 / x", "pi * x"),
]
X = np.array([-2.5, -1, -0.25, 0, 0.25, 0.75, 1.5, 2], np.float32).reshape(1, 8)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions(text):
    x = X + np.float32(0.125) if text == "1 / x" else X
    check_operation(Map(ACTIVATIONS[text] if text in ACTIVATIONS else parse(text)), (8,), x)


def test_values_one_at_a_time(draw):
    """A number of values that does not divide by four."""
    check_operation(Map(ACTIVATIONS["tanh"]), (7, 3), draw(2, 7, 3))
