"""Text to expressions and back, and the texts that are refused."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from speccompiler.diagnostics.core import Problem
from speccompiler.expressions import nodes, source
from speccompiler.expressions.grammar import parse
from speccompiler.expressions.nodes import (
    Binary,
    Call,
    Compare,
    Expression,
    Logical,
    Negate,
    Not,
    Number,
    Where,
    canonical,
    depth,
)
from tests.counting import calls
from tests.expressions.trees import X, _numbers, expressions, of


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


@settings(deadline=None, max_examples=100)
@given(expressions(_numbers, "+ - * / **"))
def test_canonical_text_reads_back(expression: Expression) -> None:
    text = canonical(expression)
    assume(len(text) <= nodes.MAX_LENGTH)
    assert parse(text) == expression
    assert canonical(parse(text)) == text


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
        assert "power" in source.word_source(parse("9**9**9**9"))

    assert calls(both) < 5000


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet="x01.e+-*/()<>=!, andorthexpmaxwhere^\u0663'", max_size=40))
def test_any_text_parses_or_is_a_problem(text: str) -> None:
    expression = None
    with contextlib.suppress(Problem):
        expression = parse(text)
    if expression is not None:
        assert parse(canonical(expression)) == expression
