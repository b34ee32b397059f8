"""Activation expressions: the grammar, both evaluators, and what is refused."""

from __future__ import annotations

import contextlib
import math
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions import ACTIVATIONS, canonical, evaluate, nodes, parse, source
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
    depth,
)
from tests.counting import calls

X = Variable()


def of(text: str, *values: float, dtype: Any = np.float64) -> Any:
    return evaluate.evaluate(parse(text), np.array(values, dtype))


# --- grammar ---


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("x", X),
        ("1.5e2", Number(150.0)),
        (".5", Number(0.5)),
        ("pi", Number(math.pi)),
        ("-x**2", Negate(Binary("**", X, Number(2.0)))),
        ("x**-2", Binary("**", X, Negate(Number(2.0)))),
        ("x**x**2", Binary("**", X, Binary("**", X, Number(2.0)))),
        ("x - 1 - 2", Binary("-", Binary("-", X, Number(1.0)), Number(2.0))),
        ("x + 1 * 2", Binary("+", X, Binary("*", Number(1.0), Number(2.0)))),
        ("+(x)", X),
        ("pow(x, 3)", Binary("**", X, Number(3.0))),
        ("max(x,\n  0)", Call("max", (X, Number(0.0)))),
        (
            "where(not x < 0 and x != 1 or x > 2, 1, x)",
            Where(
                Logical(
                    "or",
                    Logical(
                        "and", Not(Compare("<", X, Number(0.0))), Compare("!=", X, Number(1.0))
                    ),
                    Compare(">", X, Number(2.0)),
                ),
                Number(1.0),
                X,
            ),
        ),
    ],
)
def test_parse(text: str, expression: Expression) -> None:
    assert parse(text) == expression
    assert hash(parse(text)) == hash(expression)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("x*sigmoid( x )", "x * sigmoid(x)"),
        ("(x)**2.0", "x**2"),
        ("(-x)**2", "(-x)**2"),
        ("-(x**2)", "-x**2"),
        ("x-(1-2)", "x - (1 - 2)"),
        ("(x**2)**3", "(x**2)**3"),
        ("3.141592653589793 * e", "pi * e"),
        (
            "where((x>0 or x<1) and not(x==2), 1e-7, 1e30)",
            "where((x > 0 or x < 1) and not x == 2, 1e-07, 1e+30)",
        ),
    ],
)
def test_canonical(text: str, written: str) -> None:
    assert canonical(parse(text)) == written
    assert parse(written) == parse(text)


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


@settings(deadline=None, max_examples=100)
@given(expressions(_numbers, "+ - * / **"))
def test_canonical_text_reads_back(expression: Expression) -> None:
    text = canonical(expression)
    assume(len(text) <= nodes.MAX_LENGTH)
    assert parse(text) == expression
    assert canonical(parse(text)) == text


# --- NumPy ---

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
    assert source.FUNCTIONS.keys() | own_nodes | activations | chosen == FUNCTIONS.keys()
    assert not source.FUNCTIONS.keys() & (activations | chosen)


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


# --- numba source ---


def test_source_text() -> None:
    assert source.numba_source(parse("x * sigmoid(x)")) == (
        "def activate(x):\n"
        "    t0 = -x\n"
        "    t1 = math.exp(t0)\n"
        "    t2 = np.float32(1.0) + t1\n"
        "    t3 = np.float32(1.0) / t2\n"
        "    t4 = x * t3\n"
        "    return t4\n"
    )
    assert source.numba_source(parse("where(x > 1, x**-3, max(x, 0))"), "f") == (
        "def f(x):\n"
        "    t0 = x * x\n"
        "    t1 = x * t0\n"
        "    t2 = np.float32(1.0) / t1\n"
        "    t3 = np.float32(0.0) if (np.float32(0.0) > x) else x\n"
        "    t4 = t2 if (x > np.float32(1.0)) else t3\n"
        "    return t4\n"
    )
    assert source.numba_source(ACTIVATIONS["linear"]) == "def activate(x):\n    return x\n"
    assert source.numba_source(parse("1e300")) == (
        "def activate(x):\n    return np.float32(np.inf)\n"
    )


def test_whole_powers_are_multiplications() -> None:
    for power in (0, 1, 2, 7, 64, -1, -64):
        text = source.numba_source(parse(f"x**{power}"))
        assert "**" not in text
        assert text.count(" = ") <= 13
        run = in_float64(text)
        assert run(np.float64(1.25)) == pytest.approx(1.25**power, rel=1e-13)
    for other in ("65", "0.5", "x", "-65"):
        assert "**" in source.numba_source(parse(f"x**{other}"))


def test_a_repeated_call_does_not_repeat_its_argument() -> None:
    text = "x"
    for _ in range(60):
        text = f"softplus({text})"
    assert source.numba_source(parse(text)).count("\n") < 60 * 8
    assert np.isfinite(evaluate.evaluate(parse(text), np.zeros(1))).all()


def in_float64(text: str) -> Callable[[Any], Any]:
    """The generated function run by Python in float64, with IEEE functions."""
    functions = {name: getattr(np, name) for name in dir(math) if hasattr(np, name)}
    functions |= {"atan": np.arctan, "erf": lambda v: np.float64(math.erf(v))}
    module: dict[str, Any] = {
        "math": types.SimpleNamespace(**functions),
        "np": types.SimpleNamespace(float32=np.float64, inf=np.inf, floor=np.floor, ceil=np.ceil),
    }
    exec(text, module)
    run: Callable[[Any], Any] = module["activate"]
    return run


@settings(deadline=None, max_examples=100, derandomize=True)
@given(expressions(_small_numbers, "+ - * /"))
def test_source_computes_the_same(expression: Expression) -> None:
    run = in_float64(source.numba_source(expression))
    for x in (-3.7, -1.0, 0.3, 2.5, 40.0):
        with np.errstate(all="ignore"):
            value = run(np.float64(x))
        expected = evaluate.evaluate(expression, np.array([x]))
        np.testing.assert_array_equal(value, expected[0])


def compiled(text: str) -> Any:
    numba = pytest.importorskip("numba")
    module: dict[str, Any] = {"math": math, "np": np}
    exec(source.numba_source(expression_of(text)), module)
    dispatcher = numba.njit(error_model="numpy")(module["activate"])
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


# --- refused texts ---

_LIST = "abs, atan, ceil, clip, cos, cosh, elu, erf, exp, expm1, floor, hard_sigmoid, log, log1p, "
_LIST += "max, min, pow, relu, sigmoid, sign, sin, sinh, softplus, softsign, sqrt, tan, tanh, where"
_HAS = "an expression has numbers, x, pi, e, + - * / **, parentheses and functions"
_AFTER_COLON = "write only what stands behind the ':', with x for the argument"
_NEEDED = "a value is needed here: a number, x, a function or '('"
_CHOOSE = "choose between two values with where(condition, a, b)"
_COMPARE = "compare it with something, for example x > 0"


@pytest.mark.parametrize(
    ("text", "code", "message", "hint"),
    [
        ("", "CS030", "the expression is empty", "write for example x * sigmoid(x)"),
        (" \n", "CS030", "the expression is empty", "write for example x * sigmoid(x)"),
        ("x ^ 2", "CS030", "unexpected '^' at column 3 of 'x ^ 2'", "write a power as **"),
        ("x.__class__", "CS030", "unexpected '.' at column 2 of 'x.__class__'", _HAS),
        (
            "K.log(x)",
            "CS030",
            "unexpected '.' at column 2 of 'K.log(x)'",
            "write functions without a module: exp(x), not K.exp(x)",
        ),
        (
            "lambda img: img / 255",
            "CS030",
            "unexpected ':' at column 11 of 'lambda img: img / 255'",
            "write only what stands behind the ':', with x for the argument",
        ),
        (
            "__import__('os')",
            "CS030",
            "unexpected \"'\" at column 12 of '__import__('os')'",
            _HAS,
        ),
        ("lambda x: x", "CS030", "unexpected ':' at column 9 of 'lambda x: x'", _AFTER_COLON),
        ("\u0663 + x", "CS030", "unexpected '\u0663' at column 1 of '\u0663 + x'", _HAS),
        ("x +\x00 1", "CS030", "unexpected character U+0000 at column 4 of 'x +  1'", _HAS),
        ("x = 1", "CS030", "unexpected '=' at column 3 of 'x = 1'", "compare with =="),
        (
            "2x",
            "CS030",
            "unexpected 'x' at column 2 of '2x'",
            "put an operator between two values: 2 * x, not 2x",
        ),
        ("x)", "CS030", "unexpected ')' at column 2 of 'x)'", _HAS),
        ("(x", "CS030", "'(' is never closed at column 1 of '(x'", "add the missing ')'"),
        (
            "exp(x x)",
            "CS030",
            "unexpected 'x' at column 7 of 'exp(x x)'",
            "an operator or ')' is needed here",
        ),
        ("x * / 2", "CS030", "unexpected '/' at column 5 of 'x * / 2'", _NEEDED),
        ("max(x,)", "CS030", "unexpected ')' at column 7 of 'max(x,)'", _NEEDED),
        ("()", "CS030", "unexpected ')' at column 2 of '()'", _NEEDED),
        ("x +", "CS030", "the expression ends where a value is needed at column 4 of 'x +'", None),
        ("x + 1e999", "CS030", "a number too large for a float at column 5 of 'x + 1e999'", None),
        (
            "9" * 1900,
            "CS030",
            f"a number too large for a float at column 1 of '{'9' * 60}...'",
            None,
        ),
        (
            "x + sigmoid",
            "CS030",
            "the function 'sigmoid' without arguments at column 5 of 'x + sigmoid'",
            "write sigmoid(a)",
        ),
        ("y + 1", "CS031", "unknown name 'y' at column 1 of 'y + 1'", "the names are x, pi and e"),
        ("X", "CS031", "unknown name 'X' at column 1 of 'X'", "did you mean 'x'?"),
        (
            "x*sigmod(x)",
            "CS031",
            "unknown function 'sigmod' at column 3 of 'x*sigmod(x)'",
            "did you mean 'sigmoid' or 'hard_sigmoid'?",
        ),
        (
            "softmax(x)",
            "CS031",
            "unknown function 'softmax' at column 1 of 'softmax(x)'",
            "softmax looks at all channels together; use it by its name alone",
        ),
        (
            "x(2)",
            "CS031",
            "unknown function 'x' at column 1 of 'x(2)'",
            "x is a value; multiply with x * (...)",
        ),
        (
            "__import__(x)",
            "CS031",
            "unknown function '__import__' at column 1 of '__import__(x)'",
            f"the functions are {_LIST}",
        ),
        (
            "max(x)",
            "CS032",
            "max takes 2 arguments, and 1 is given at column 1 of 'max(x)'",
            "write max(a, b)",
        ),
        (
            "1 + exp()",
            "CS032",
            "exp takes 1 argument, and 0 are given at column 5 of '1 + exp()'",
            "write exp(a)",
        ),
        (
            "clip(x, 0, 1, 2)",
            "CS032",
            "clip takes 3 arguments, and 4 are given at column 1 of 'clip(x, 0, 1, 2)'",
            "write clip(a, low, high)",
        ),
        ("x > 0", "CS034", "a condition where a value is needed at column 1 of 'x > 0'", _CHOOSE),
        (
            "x * (x > 0)",
            "CS034",
            "a condition where a value is needed at column 5 of 'x * (x > 0)'",
            _CHOOSE,
        ),
        (
            "where(0 < x < 1, x, 0)",
            "CS034",
            "a condition where a value is needed at column 7 of 'where(0 < x < 1, x, 0)'",
            "join comparisons with and: 0 < x and x < 1",
        ),
        (
            "where(x, 1, 2)",
            "CS034",
            "a value where a condition is needed at column 7 of 'where(x, 1, 2)'",
            _COMPARE,
        ),
        (
            "where(x > 0 and x, 1, 2)",
            "CS034",
            "a value where a condition is needed at column 17 of 'where(x > 0 and x, 1, 2)'",
            _COMPARE,
        ),
        (
            "exp(not x > 1)",
            "CS034",
            "a condition where a value is needed at column 5 of 'exp(not x > 1)'",
            _CHOOSE,
        ),
    ],
)
def test_refused(text: str, code: str, message: str, hint: str | None) -> None:
    with pytest.raises(Problem) as caught:
        parse(text)
    assert (caught.value.code, caught.value.message, caught.value.hint) == (code, message, hint)


_DEEP = "the expression nests more than 64 levels of parentheses and operations, and at most 64"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x" * 2001, "the expression has 2001 characters, and at most 2000 are allowed"),
        (
            " + ".join(["x"] * 251),
            "the expression has more than 500 numbers, variables and operations, "
            "and at most 500 are allowed",
        ),
        ("(" * 65 + "x" + ")" * 65, f"{_DEEP} are allowed"),
        ("(" * 2000, f"{_DEEP} are allowed"),
        ("-" * 1999 + "x", f"{_DEEP} are allowed"),
        ("+" * 1999 + "x", f"{_DEEP} are allowed"),
        ("exp(" * 499, f"{_DEEP} are allowed"),
        ("not " * 499, f"{_DEEP} are allowed"),
        ("x**" * 600 + "x", f"{_DEEP} are allowed"),
        ("+".join(["x"] * 65), f"{_DEEP} are allowed"),
        ("where(x<x and x<x+x*where(" * 70, f"{_DEEP} are allowed"),
        (
            "+".join(f"({'+'.join(['1e9'] * 12)})" for _ in range(20)),
            "written out, the expression has more than 2000 characters, "
            "and at most 2000 are allowed",
        ),
    ],
)
def test_too_large(text: str, message: str) -> None:
    with pytest.raises(Problem) as caught:
        parse(text)
    assert (caught.value.code, caught.value.message) == ("CS033", message)
    groups = ", or split a long sum into groups in parentheses" if message.startswith(_DEEP) else ""
    assert caught.value.hint == f"write a shorter expression{groups}"


def test_the_limits_themselves_are_allowed() -> None:
    assert parse("(" * 64 + "x" + ")" * 64) == X
    assert depth(parse("-" * 63 + "x")) == 64
    assert parse(canonical(parse("-(x*" * 31 + "x" + ")" * 31))) is not None
    widest = "+".join(f"({'+'.join(['x'] * 25)})" for _ in range(10))
    assert canonical(parse(widest)).count("x") == 250


def test_powers_of_powers_are_quick() -> None:
    """Whoever counted up to such an exponent would not come back."""

    def both() -> None:
        assert of("9**9**9**9", 1.0) == math.inf
        assert "**" in source.numba_source(parse("9**9**9**9"))

    assert calls(both) < 5000


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet="x01.e+-*/()<>=!, andorthexpmaxwhere^\u0663'", max_size=40))
def test_any_text_parses_or_is_a_problem(text: str) -> None:
    expression = None
    with contextlib.suppress(Problem):
        expression = parse(text)
    if expression is not None:
        assert parse(canonical(expression)) == expression
