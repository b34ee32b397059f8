"""Symbolic dimensions: exact arithmetic, one normal form, readable text."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.diagnostics.core import Problem
from speccompiler.graph.dims import Dim, Expr, evaluate, format_dim, is_known, symbol, symbols
from speccompiler.graph.rounding import MAX_FACTORS, MAX_NESTING, ceil_div, lower_bound, maximum

T, H, W = symbol("T"), symbol("H"), symbol("W")

# A tree: a number, a name, or an operation with its operands.
Tree = Any
_leaves = st.one_of(st.integers(-9, 9), st.sampled_from(["H", "T", "W"]))
_trees = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from("+-*"), inner, inner),
        st.tuples(st.just("ceil"), inner, st.integers(1, 6)),
        st.tuples(st.just("max"), inner, st.integers(-9, 9)),
    ),
    max_leaves=8,
)
_sizes = st.fixed_dictionaries({name: st.integers(1, 40) for name in "HTW"})


def symbolic(tree: Tree) -> Dim:
    match tree:
        case int():
            return tree
        case str():
            return symbol(tree)
        case ("+", a, b):
            return symbolic(a) + symbolic(b)
        case ("-", a, b):
            return symbolic(a) - symbolic(b)
        case ("*", a, b):
            return symbolic(a) * symbolic(b)
        case ("ceil", a, b):
            return ceil_div(symbolic(a), b)
        case ("max", a, b):
            return maximum(symbolic(a), b)
    raise AssertionError(tree)


def plain(tree: Tree, values: Mapping[str, int]) -> int:
    match tree:
        case int(number):
            return int(number)
        case str(name):
            return values[name]
        case ("+", a, b):
            return plain(a, values) + plain(b, values)
        case ("-", a, b):
            return plain(a, values) - plain(b, values)
        case ("*", a, b):
            return plain(a, values) * plain(b, values)
        case ("ceil", a, b):
            quotient, remainder = divmod(plain(a, values), b)
            return int(quotient + (remainder > 0))
        case ("max", a, b):
            return max(plain(a, values), int(b))
    raise AssertionError(tree)


def read_back(text: str, values: Mapping[str, int]) -> int:
    """The value of a printed dimension, read as exact Python arithmetic."""
    from fractions import Fraction

    exact = {name: Fraction(value) for name, value in values.items()}
    names = {**exact, "ceil": lambda v: Fraction(-(-v // 1)), "max": max, "__builtins__": {}}
    return int(eval(text, names))


@settings(deadline=None, max_examples=100)
@given(_trees, _sizes)
def test_normal_form_keeps_the_value(tree: Tree, values: dict[str, int]) -> None:
    assert evaluate(symbolic(tree), values) == plain(tree, values)


@settings(deadline=None, max_examples=100)
@given(_trees, _sizes)
def test_text_says_the_value(tree: Tree, values: dict[str, int]) -> None:
    assert read_back(format_dim(symbolic(tree)), values) == plain(tree, values)


@settings(deadline=None, max_examples=100)
@given(_trees)
def test_lower_bound_is_the_smallest_value(tree: Tree) -> None:
    bound = lower_bound(symbolic(tree))
    if bound is not None:
        sizes = itertools.product((1, 2, 3, 5, 8, 40), repeat=3)
        assert min(plain(tree, dict(zip("HTW", s, strict=True))) for s in sizes) == bound


@settings(deadline=None, max_examples=100)
@given(_trees, _trees, _trees)
def test_arithmetic_laws_hold_structurally(a: Tree, b: Tree, c: Tree) -> None:
    x, y, z = symbolic(a), symbolic(b), symbolic(c)
    assert x + y == y + x
    assert x * y == y * x
    assert (x + y) + z == x + (y + z)
    assert x * (y + z) == x * y + x * z
    assert x - x == 0
    assert type(x - x) is int
    assert hash(x + y) == hash(y + x)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(-4, 4)), max_size=6), st.integers(1, 60))
def test_a_chain_of_strided_windows_is_one_ceiling(
    windows: list[tuple[int, int]], length: int
) -> None:
    size: Dim = T
    for stride, extra in windows:
        size = ceil_div(size + extra, stride)
        length = -(-(length + extra) // stride)
    assert format_dim(size).count("ceil") <= 1


@pytest.mark.parametrize(
    ("dim", "text"),
    [
        (T, "T"),
        (T - 4, "T - 4"),
        (4 - T, "-T + 4"),
        (2 * T + 1, "2*T + 1"),
        (-2 * T, "-2*T"),
        (T * T * 3 - T, "3*T**2 - T"),
        (T + H * W, "H*W + T"),
        (W + T + H, "H + T + W"),
        (ceil_div(T, 2), "ceil(T/2)"),
        (ceil_div(3 * T, 2), "ceil(3*T/2)"),
        (ceil_div(T - 2, 2), "ceil((T - 2)/2)"),
        (ceil_div(T - 1, 2), "ceil((T - 1)/2)"),
        (ceil_div(T + 1, 2), "ceil((T + 1)/2)"),
        (ceil_div(T, 2) + 1, "ceil(T/2) + 1"),
        (2 * ceil_div(T - 2, 2), "2*ceil((T - 2)/2)"),
        (2 * ceil_div(T, 2) - 1, "2*ceil(T/2) - 1"),
        (ceil_div(4 * T + 3, 2), "2*T + 2"),
        (ceil_div(2 * T + 1, 4), "ceil((T + 1)/2)"),
        (ceil_div(3 * T + 2 * W, 2), "ceil(3*T/2) + W"),
        (ceil_div(ceil_div(T, 2) - 2, 2), "ceil((T - 4)/4)"),
        (ceil_div(2 * ceil_div(T, 3) + 1, 5), "ceil((2*ceil(T/3) + 1)/5)"),
        (16 * ceil_div(H, 2) * W, "16*ceil(H/2)*W"),
        (
            16 * ceil_div(H - 2, 2) * ceil_div(W - 2, 2),
            "16*ceil((H - 2)/2)*ceil((W - 2)/2)",
        ),
        (T * ceil_div(T, 2), "T*ceil(T/2)"),
        (maximum(T - 3, 0), "max(T - 3, 0)"),
        (maximum(maximum(T - 3, -5), -1), "max(T - 3, -1)"),
        (ceil_div(maximum(T - 3, 0), 2), "ceil(max(T - 3, 0)/2)"),
        (7, "7"),
    ],
)
def test_text(dim: Dim, text: str) -> None:
    assert format_dim(dim) == text
    assert str(dim) == text


def test_one_normal_form_for_two_ways_to_a_size() -> None:
    assert ceil_div(T - 2, 2) == ceil_div(T, 2) - 1
    assert ceil_div(ceil_div(T - 2, 2) - 2, 2) == ceil_div(T - 6, 4)
    assert ceil_div(2 * T, 4) == ceil_div(T, 2)
    assert len({ceil_div(T - 2, 2), ceil_div(T, 2) - 1}) == 1
    assert ceil_div(T, 1) == T


def test_what_differs_is_not_equal() -> None:
    assert T != H
    assert ceil_div(T, 2) != ceil_div(T, 3)
    one: object = 1
    assert one != T
    assert maximum(T - 3, 0) != maximum(T - 3, 1)


def test_numbers_stay_plain_integers() -> None:
    for dim in (T - T, 0 * T, 3 + T - T, ceil_div(7, 2), maximum(3, 5), ceil_div(T - T + 3, 2)):
        assert type(dim) is int
        assert is_known(dim)
    assert ceil_div(-3, 2) == -1
    assert not is_known(T)
    assert 0 - (-T) == T


@pytest.mark.parametrize(
    ("dim", "lower", "kept"),
    [(T, 1, T), (T + 3, 4, T + 3), (3 - T, 2, 2), (T - T, 1, 1), (H * W - H, 0, H * W - H)],
)
def test_a_provable_maximum_is_decided(dim: Dim, lower: int, kept: Dim) -> None:
    assert maximum(dim, lower) == kept


@pytest.mark.parametrize(
    ("dim", "bound"),
    [
        (5, 5),
        (T - 4, -3),
        (2 * T + 1, 3),
        (ceil_div(T - 2, 2), 0),
        (H * W - H, 0),
        (maximum(T - 3, 0), 0),
        (maximum(H - W, 0), 0),
        (maximum(H - W, -1) + 2, None),
        (4 - T, None),
        (H - W, None),
        (ceil_div(H - W, 2), None),
    ],
)
def test_lower_bound(dim: Dim, bound: int | None) -> None:
    assert lower_bound(dim) == bound


def test_symbols() -> None:
    assert symbols(3) == frozenset()
    assert symbols(ceil_div(maximum(T - 3, 0) + H, 2) * W) == {"H", "T", "W"}


def test_evaluate_needs_every_symbol() -> None:
    with pytest.raises(KeyError, match="W"):
        evaluate(H * W, {"H": 2})


def test_expressions_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        T.terms = frozenset()  # type: ignore[misc]


def test_foreign_operands_are_refused() -> None:
    for operation in (lambda: T + "1", lambda: 1.5 - T, lambda: T * None):  # type: ignore[operator]
        with pytest.raises(TypeError):
            operation()


def nest(times: int) -> Dim:
    size: Dim = T
    for _ in range(times):
        size = ceil_div(2 * size + 1, 3)
    return size


def test_deep_nesting_is_refused() -> None:
    deepest = nest(MAX_NESTING)
    assert isinstance(deepest, Expr)
    assert format_dim(deepest).count("ceil") == MAX_NESTING
    expected = 10**9
    for _ in range(MAX_NESTING):
        expected = -(-(2 * expected + 1) // 3)
    assert evaluate(deepest, {"T": 10**9}) == expected
    with pytest.raises(Problem) as caught:
        nest(MAX_NESTING + 1)
    assert caught.value.code == "CS033"
    assert caught.value.message == (
        "a size that depends on unknown dimensions nests more than 50 rounded divisions"
    )
    assert caught.value.hint == "give the unknown input dimensions numbers"


def test_growing_sizes_are_refused() -> None:
    def doubled(times: int) -> Dim:
        size: Dim = T
        for _ in range(times):
            size = ceil_div(2 * ceil_div(size, 5) + 3 * ceil_div(2 * size, 7), 11)
        return size

    with pytest.raises(Problem) as caught:
        doubled(MAX_NESTING)
    assert caught.value.code == "CS033"
    assert caught.value.message == (
        f"a size that depends on unknown dimensions has more than {MAX_FACTORS} terms"
    )
