"""The common part of two sequences, judged by the table of all prefixes."""

from __future__ import annotations

import random
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from speccompiler.comparing import sequence_alignment
from speccompiler.comparing.sequence_alignment import common, rising

SHORT = st.lists(st.integers(0, 3), max_size=14)


def longest(old: list[int], new: list[int]) -> int:
    """The length of a longest common subsequence, by the table that defines it."""
    table = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i, a in enumerate(old):
        for j, b in enumerate(new):
            table[i + 1][j + 1] = (
                table[i][j] + 1 if a == b else max(table[i][j + 1], table[i + 1][j])
            )
    return table[-1][-1]


def is_alignment(old: list[int], new: list[int], pairs: list[tuple[int, int]]) -> bool:
    both = list(pairwise(pairs))
    return all(old[i] == new[j] for i, j in pairs) and all(
        a < c and b < d for (a, b), (c, d) in both
    )


@given(old=SHORT, new=SHORT)
def test_the_longest_common_part_is_found(old: list[int], new: list[int]) -> None:
    pairs = common(old, new)
    assert is_alignment(old, new, pairs)
    assert len(pairs) == longest(old, new)


@given(old=SHORT, new=SHORT)
def test_a_search_that_is_given_up_goes_on_from_where_it_came_to(
    old: list[int], new: list[int]
) -> None:
    before = sequence_alignment.MOST_EDITS
    sequence_alignment.MOST_EDITS = 2
    try:
        pairs = common(old, new)
    finally:
        sequence_alignment.MOST_EDITS = before
    assert is_alignment(old, new, pairs)
    if old == new:
        assert len(pairs) == len(old)


def test_ten_thousand_values() -> None:
    old = [i % 3 for i in range(10_000)]
    assert common(old, [5, *old]) == [(i, i + 1) for i in range(10_000)]
    new = [value for value in old if random.Random(value).random() >= 0]
    del new[7000:7010], new[2000]
    assert len(common(old, new)) == len(new)
    assert common(old, [value + 3 for value in old]) == []


@given(values=st.lists(st.integers(0, 20), unique=True, max_size=12))
def test_a_longest_rising_part(values: list[int]) -> None:
    kept = [values[place] for place in sorted(rising(values))]
    assert kept == sorted(kept)
    assert len(kept) == longest(values, sorted(values))


@given(
    values=st.lists(st.integers(0, 20), unique=True, max_size=9),
    worths=st.lists(st.integers(1, 4), min_size=9, max_size=9),
)
def test_a_rising_part_of_most_worth(values: list[int], worths: list[int]) -> None:
    worth = dict(zip(values, worths, strict=False))
    kept = [values[place] for place in sorted(rising(values, worths))]
    assert kept == sorted(kept)
    most = max(
        sum(worth[value] for value in chosen)
        for count in range(len(values) + 1)
        for chosen in combinations(values, count)
        if list(chosen) == sorted(chosen)
    )
    assert sum(worth[value] for value in kept) == most
