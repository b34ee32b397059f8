"""Expressions for tests: of a text, and any."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from speccompiler.expressions import evaluate
from speccompiler.expressions.grammar import parse
from speccompiler.expressions.nodes import (
    FUNCTIONS,
    Binary,
    Call,
    Compare,
    Condition,
    Expression,
    Logical,
    Negate,
    Not,
    Number,
    Variable,
    Where,
)

X = Variable()


def of(text: str, *values: float, dtype: Any = np.float64) -> Any:
    return evaluate.evaluate(parse(text), np.array(values, dtype))


_numbers = st.floats(0, 1e300).map(lambda v: Number(abs(v)))


_small_numbers = st.integers(0, 40).map(lambda n: Number(n / 8))


_CALLS = [function for function in FUNCTIONS if function not in ("pow", "where")]


_COMPARISONS = ["<", "<=", ">", ">=", "==", "!="]


@st.composite
def expressions(
    draw: st.DrawFn, numbers: st.SearchStrategy[Number], operators: str, levels: int = 4
) -> Expression:
    def inner() -> Expression:
        return draw(expressions(numbers, operators, levels - 1))

    def condition(levels: int) -> Condition:
        match draw(st.sampled_from(["compare", "compare", "not", "logical"])) if levels else "":
            case "not":
                return Not(condition(levels - 1))
            case "logical":
                operator = draw(st.sampled_from(["and", "or"]))
                return Logical(operator, condition(levels - 1), condition(levels - 1))
        return Compare(draw(st.sampled_from(_COMPARISONS)), inner(), inner())

    kinds = ["x", "number", "negate", "binary", "call", "where"]
    match draw(st.sampled_from(kinds if levels else kinds[:2])):
        case "x":
            return X
        case "number":
            return draw(numbers)
        case "negate":
            return Negate(inner())
        case "binary":
            return Binary(draw(st.sampled_from(operators.split())), inner(), inner())
        case "where":
            return Where(condition(2), inner(), inner())
    function = draw(st.sampled_from(_CALLS))
    return Call(function, tuple(inner() for _ in FUNCTIONS[function]))
