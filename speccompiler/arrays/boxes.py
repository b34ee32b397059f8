"""Boxes: parts of an array that are a range along each axis."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TypeAlias

Box: TypeAlias = tuple[tuple[int, int], ...]
"""First and past last along each axis; the samples' axis too where it is part of an array."""


def whole(shape: Sequence[int]) -> Box:
    """All of an array."""
    return tuple([(0, length) for length in shape])


def shape_of(box: Box) -> tuple[int, ...]:
    """How long a box is along each axis."""
    return tuple([last - first for first, last in box])


def size_of(box: Box) -> int:
    """How many values lie in it."""
    return prod(last - first for first, last in box)


def slices(box: Box) -> tuple[slice, ...]:
    """What takes a box out of an array."""
    return tuple([slice(first, last) for first, last in box])
