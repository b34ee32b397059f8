"""Parts of axes: which axis of the first input each axis of a value moves along, and how fast.

An axis of a value is a row-major product of *parts*. That of an image of H rows is one part. A
Reshape of (H, W, C) to (H*W, C) makes an axis of two parts, and one back to (H, W, C) takes them
apart again: parts are only grouped in another way. A Transpose moves them. So a box of any value
is an interval of each of its parts.

Each part moves along a *root*, an axis of an input or one that an operation makes, by ``stride``
positions of it a step. Where values are combined position by position, their roots become one.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import TypeAlias

from speccompiler.frozen import dataclass

Span: TypeAlias = tuple[int, int]
"""First and past last."""
AxisSpans: TypeAlias = tuple[Span, ...]
"""Of each part of an axis."""
Spans: TypeAlias = tuple[AxisSpans, ...]
"""Of each axis of a value: a box of it."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of an axis: ``length`` steps of ``stride`` positions of a root."""

    length: int
    root: int
    stride: Fraction = Fraction(1)


Axis: TypeAlias = tuple[Part, ...]
"""The parts of an axis, the slowest first; none of an axis that is 1 long."""
Layout: TypeAlias = tuple[Axis, ...]
"""The axes of a value."""


class Roots:
    """Roots, and which of them are one: each knows another that it moves along, and how fast."""

    def __init__(self) -> None:
        self._parents: list[tuple[int, Fraction]] = []

    def new(self) -> int:
        """One more root."""
        self._parents.append((len(self._parents), Fraction(1)))
        return len(self._parents) - 1

    def find(self, root: int) -> tuple[int, Fraction]:
        """The first root that it is one with, and how many positions of that a step is."""
        stride = Fraction(1)
        while self._parents[root][0] != root:
            root, more = self._parents[root]
            stride *= more
        return root, stride

    def resolved(self, part: Part) -> Part:
        """The part along the first root that its own is one with."""
        root, stride = self.find(part.root)
        return Part(part.length, root, part.stride * stride)

    def join(self, one: Part, other: Part) -> bool:
        """Make the roots of two parts one whose steps stand side by side.

        False where they are one already, and the parts move along it at different speeds.
        """
        one, other = self.resolved(one), self.resolved(other)
        if one.root == other.root:
            return one.stride == other.stride
        first, second = (one, other) if one.root < other.root else (other, one)
        self._parents[second.root] = first.root, first.stride / second.stride
        return True


def axis_length(axis: Axis) -> int:
    """Values along an axis."""
    return prod(part.length for part in axis)


def inner_length(axis: Axis) -> int:
    """Values along an axis for each step of its first part."""
    return prod(part.length for part in axis[1:])


def whole_axis(axis: Axis) -> AxisSpans:
    """All of an axis."""
    return tuple([(0, part.length) for part in axis])


def whole_spans(layout: Layout) -> Spans:
    """All of a value."""
    return tuple(map(whole_axis, layout))


def spans_on(axis: Axis, interval: Span) -> AxisSpans:
    """The least box of the parts that holds an interval of the axis; the inner parts whole."""
    if not axis:
        return ()
    inner = inner_length(axis)
    return ((interval[0] // inner, -(-interval[1] // inner)), *whole_axis(axis[1:]))


def interval_of(axis: Axis, spans: AxisSpans) -> Span:
    """The interval that a box of the parts is, whose inner parts are whole."""
    if not axis:
        return 0, 1
    assert spans[1:] == whole_axis(axis[1:]), "an inner part that is cut is no interval"
    inner = inner_length(axis)
    return spans[0][0] * inner, spans[0][1] * inner


def shape_of_spans(spans: Spans) -> tuple[int, ...]:
    """How long a box is along each axis."""
    return tuple([prod(last - first for first, last in axis) for axis in spans])


def hull(one: Spans, other: Spans) -> Spans:
    """The least box that holds two."""
    return tuple(
        [
            tuple([(min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(*axes, strict=True)])
            for axes in zip(one, other, strict=True)
        ]
    )


def boxes_of(layout: Layout, spans: Spans) -> Sequence[Span]:
    """A box as an interval of each axis."""
    return [interval_of(*of) for of in zip(layout, spans, strict=True)]
