"""What each border mode pads, and how many windows fit: by enumeration and by formula."""

from __future__ import annotations

import itertools
import math

import pytest

from speccompiler.graph.dims import evaluate, symbol
from speccompiler.graph.padding import (
    full,
    partial,
    same_tensorflow,
    same_theano_conv,
    same_theano_pool,
    same_theano_pool3d,
    theano_pool3d_breaks,
    window_count,
)

GEOMETRY = list(itertools.product(range(1, 14), range(1, 8), range(1, 6)))
"""(length, kernel, stride)."""


def keras_length(n, k, s, mode):
    """conv_output_length of Keras 1.2.2, utils/np_utils.py:99."""
    length = {"same": n, "valid": n - k + 1, "full": n + k - 1}[mode]
    return (length + s - 1) // s


def windows(n, k, s, before, after):
    """Where each window starts, found by trying every place."""
    return [p for p in range(-before, n + after) if (p + before) % s == 0 and p + k <= n + after]


def count(n, k, s, before, after):
    return len(windows(n, k, s, before, after))


@pytest.mark.parametrize("mode", ["valid", "same", "full"])
def test_lengths_by_enumeration(mode):
    for n, k, s in GEOMETRY:
        splits = {
            "valid": [(0, 0)],
            "full": [full(k)],
            "same": [
                same_tensorflow(n, k, s),
                same_theano_conv(n, k, s),
                same_theano_pool(n, k, s),
            ],
        }[mode]
        for before, after in splits:
            wanted = keras_length(n, k, s, mode)
            if wanted >= 1:
                assert count(n, k, s, before, after) == wanted
            assert max(window_count(n, k, s, before, after), 0) == max(wanted, 0)


def test_tensorflow_split_by_its_documented_formula():
    for n, k, s in GEOMETRY:
        total = max((math.ceil(n / s) - 1) * s + k - n, 0)
        assert same_tensorflow(n, k, s) == (total // 2, total - total // 2)


def test_theano_convolution_is_half_padding_cropped():
    """Padded by k // 2 on both sides, valid, then the first ceil(n / s) windows."""
    for n, k, s in GEOMETRY:
        original = windows(n, k, s, k // 2, k // 2)[: math.ceil(n / s)]
        assert len(original) == math.ceil(n / s)
        assert windows(n, k, s, *same_theano_conv(n, k, s)) == original


def test_theano_pool_is_padded_and_cropped():
    for n, k, s in GEOMETRY:
        p = k - 2 if k > 2 and k % 2 == 1 else k - 1
        original = windows(n, k, s, p, p)[: math.ceil(n / s)]
        assert windows(n, k, s, *same_theano_pool(n, k, s)) == original
        # No window is empty, so no mean divides by nothing.
        assert all(start < n and start + k > 0 for start in original)


def test_partial_pools_see_every_value_and_pad_behind_alone():
    """As many windows as Theano's ``ignore_border=False`` gave; none is empty."""
    for n, k, s in GEOMETRY:
        before, after = partial(n, k, s)
        starts = windows(n, k, s, before, after)
        assert before == 0
        assert starts == list(range(0, len(starts) * s, s))
        assert all(start < n for start in starts)
        # One more would begin behind the data, or see nothing that the last one does not.
        assert starts[-1] + s >= n or (s < k and starts[-1] + k >= n)
        assert len(starts) == 1 or s >= k or starts[-2] + k < n


@pytest.mark.parametrize("mode", ["max", "average"])
def test_theano_pool_of_rank_3_starts_one_late_at_a_window_of_1(mode):
    """p = k - 2 without the guard: -1. What the original makes of it decides who follows it."""
    for n, k, s in GEOMETRY:
        split = same_theano_pool3d(n, k, s, mode)
        if k > 1:
            assert split == same_theano_pool(n, k, s)
            assert not theano_pool3d_breaks(n, k, s, mode)
        elif theano_pool3d_breaks(n, k, s, mode):
            assert windows(n, k, s, *split) == list(range(0, n, s))
        else:
            assert windows(n, k, s, *split) == list(range(1, n, s))
            assert len(range(1, n, s)) == math.ceil(n / s)


def test_where_theano_and_tensorflow_agree():
    """Section 4.2: for every length only with k = 1, or k odd and s = 1."""
    for k, s in itertools.product(range(1, 8), range(1, 6)):
        agree = all(
            windows(n, k, s, *same_tensorflow(n, k, s))
            == windows(n, k, s, *same_theano_conv(n, k, s))
            for n in range(1, 30)
        )
        assert agree == (k == 1 or (k % 2 == 1 and s == 1))
    for k, s in itertools.product(range(1, 8), range(1, 6)):
        agree = all(
            windows(n, k, s, *same_tensorflow(n, k, s))
            == windows(n, k, s, *same_theano_pool(n, k, s))
            for n in range(1, 30)
        )
        assert agree == (k == 1 or (k == 3 and s == 1))


def test_open_lengths_are_the_same_formulas():
    t = symbol("T")
    for k, s in itertools.product(range(1, 8), range(1, 6)):
        for split in (same_tensorflow, same_theano_conv, same_theano_pool):
            before, after = split(t, k, s)
            length = window_count(t, k, s, before, after)
            for n in range(1, 20):
                known = split(n, k, s)
                assert evaluate(before, {"T": n}) == known[0]
                assert evaluate(length, {"T": n}) == math.ceil(n / s)
