"""Short convolutions, in rational numbers: what they compute is the sum, exactly."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from speccompiler.kernels.toom_cook import constants, lines, short_convolution

SIZES = [(4, 3), (2, 5), (6, 3), (4, 5), (2, 7), (2, 3), (1, 1), (3, 2)]
WORDS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "fma": lambda a, b, c: a * b + c,
}


def times(matrix, vector):
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def some(count, seed):
    numbers = random.Random(seed)
    return [Fraction(numbers.randint(-9, 9), numbers.randint(1, 4)) for _ in range(count)]


@pytest.mark.parametrize(("outputs", "taps"), SIZES)
def test_the_matrices_compute_the_sum(outputs, taps):
    short = short_convolution(outputs, taps)
    assert short.points == outputs + taps - 1
    x, w = some(short.points, 1), some(taps, 2)
    products = zip(times(short.filter, w), times(short.input, x), strict=True)
    y = times(short.output, [a * b for a, b in products])
    assert y == [sum(x[i + k] * w[k] for k in range(taps)) for i in range(outputs)]


@pytest.mark.parametrize(("outputs", "taps"), SIZES)
@pytest.mark.parametrize("side", ["input", "filter", "output"])
def test_the_text_computes_the_matrix(outputs, taps, side):
    matrix = getattr(short_convolution(outputs, taps), side)
    x = some(len(matrix[0]), 3)
    names = {f"d{i}": value for i, value in enumerate(x)}
    made = [f"o{i}" for i in range(len(matrix))]
    space = (
        WORDS
        | names
        | {k: Fraction(v).limit_denominator(10**6) for k, v in constants(matrix).items()}
    )
    exec("\n".join(lines(matrix, list(names), made)), space)
    assert [space[name] for name in made] == times(matrix, x)


def test_shared_sums_are_computed_once():
    """F(4, 3): 12 operations for the input and 10 for the output, as written by hand."""
    short = short_convolution(4, 3)
    for side, most in (("input", 16), ("output", 12)):
        matrix = getattr(short, side)
        text = "\n".join(lines(matrix, [f"d{i}" for i in range(6)], [f"o{i}" for i in range(6)]))
        assert sum(text.count(f"{word}(") for word in WORDS) <= most


def test_too_large_a_tile_is_a_mistake():
    with pytest.raises(AssertionError, match="so large a tile"):
        short_convolution(7, 3)


@pytest.mark.parametrize(("outputs", "taps"), SIZES)
def test_without_fused_words_the_text_is_the_same_sum(outputs, taps):
    matrix = short_convolution(outputs, taps).filter
    x = some(taps, 4)
    names = {f"d{i}": value for i, value in enumerate(x)}
    made = [f"o{i}" for i in range(len(matrix))]
    text = lines(matrix, list(names), made, fused=False)
    assert not any("fma" in line for line in text)
    values = {k: Fraction(v).limit_denominator(10**6) for k, v in constants(matrix).items()}
    space = WORDS | names | values
    exec("\n".join(text), space)
    assert [space[name] for name in made] == times(matrix, x)
