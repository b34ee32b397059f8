"""Permutations of axes: what a kernel moves in one go, and larger ones in several."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

Axes = tuple[int, ...]
MOST_RUNS = 4
"""Runs of axes that one transposition moves."""


def runs(axes: Sequence[int]) -> list[list[int]]:
    """The permutation as runs of axes that stay side by side."""
    found: list[list[int]] = []
    for axis in axes:
        if found and found[-1][-1] + 1 == axis:
            found[-1].append(axis)
        else:
            found.append([axis])
    return found


def one_go(axes: Axes) -> bool:
    """Whether a transposition of at most ``MOST_RUNS`` runs does it."""
    return len(runs(axes)) <= MOST_RUNS


def steps(axes: Axes) -> list[Axes]:
    """The same permutation as transpositions that are each done in one go.

    Where it is not one, each step brings one more axis to its place: what was before it,
    the axis, what it leaps over and what is behind make four runs at most.
    """
    if one_go(axes):
        return [axes]
    found: list[Axes] = []
    order = list(range(len(axes)))
    for place, axis in enumerate(axes):
        at = order.index(axis)
        if at != place:
            moved = [*range(place), at, *range(place, at), *range(at + 1, len(axes))]
            found.append(tuple(moved))
            order = [order[i] for i in moved]
    return found


def permuted(
    values: Sequence[float], shape: Sequence[int], axes: Sequence[int]
) -> tuple[float, ...]:
    """The numbers of an array, row by row, once axis i is what axis ``axes[i]`` was."""
    apart = [prod(shape[axis + 1 :]) for axis in axes]
    places = product(*(range(shape[axis]) for axis in axes))
    return tuple(values[sum(i * a for i, a in zip(place, apart, strict=True))] for place in places)
