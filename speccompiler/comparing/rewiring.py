"""Which layers read something else: what moved, and what is wired otherwise.

A layer that stands behind an inserted one reads that, and one behind a removed layer reads what
that read. Neither is a change of its own: what came, what went and what moved is looked through.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from speccompiler.comparing.outline import Outline
from speccompiler.comparing.sequence_alignment import rising
from speccompiler.frozen import dataclass

Slots = tuple[frozenset[int], ...]


@dataclass(frozen=True, slots=True)
class Rewiring:
    """New calls, by their numbers, whose place in the graph is another."""

    moved: frozenset[int]
    rewired: frozenset[int]


def rewiring(
    old: Outline,
    new: Outline,
    to_old: Mapping[int, int],
    to_new: Mapping[int, int],
    inputs: Mapping[int, int],
) -> Rewiring:
    """What moved, and what is wired otherwise, once the calls are paired."""
    came = {n for n in range(len(new.items)) if n not in to_old}
    went = {n for n in range(len(old.items)) if n not in to_new}
    differing = _differing(old, new, to_old, to_new, inputs, came, went)
    if not differing:
        return Rewiring(frozenset(), frozenset())
    order = sorted(to_old)
    # Of two that changed places the one without weights has moved.
    worth = [1000 + bool(new.items[number].layer.stored) for number in order]
    kept = rising([to_old[number] for number in order], worth)
    displaced = {number for place, number in enumerate(order) if place not in kept}
    moved = displaced & differing
    # A block moves as a whole: what in it reads only the block does not differ by itself.
    for number in order:
        if number in displaced and set(new.items[number].reads) & moved:
            moved.add(number)
    if moved:
        through = came | moved, went | {to_old[number] for number in moved}
        differing = _differing(old, new, to_old, to_new, inputs, *through)
    return Rewiring(frozenset(moved), frozenset(differing - moved))


def _differing(
    old: Outline,
    new: Outline,
    to_old: Mapping[int, int],
    to_new: Mapping[int, int],
    inputs: Mapping[int, int],
    came: Collection[int],
    went: Collection[int],
) -> set[int]:
    """The paired new calls that read other values, what came and went looked through."""

    def renamed(number: int) -> int:
        return inputs[number] if number < 0 else to_new[number]

    sources, targets = _ends(old, went), _ends(new, came)
    found = set()
    for number, partner in to_old.items():
        one = [frozenset(map(renamed, _of(sources, read))) for read in old.items[partner].reads]
        other = [_of(targets, read) for read in new.items[number].reads]
        if len(one) != len(other) or any(a.isdisjoint(b) for a, b in zip(one, other, strict=True)):
            found.add(number)
    return found


def _ends(side: Outline, through: Collection[int]) -> dict[int, frozenset[int]]:
    """What stands behind each call that is looked through."""
    found: dict[int, frozenset[int]] = {}
    for number in sorted(through):
        reads = side.items[number].reads
        found[number] = frozenset().union(*(_of(found, read) for read in reads))
    return found


def _of(ends: Mapping[int, frozenset[int]], read: int) -> frozenset[int]:
    return ends[read] if read in ends else frozenset((read,))


def slots(side: Outline, number: int) -> Sequence[str]:
    """What a call reads, by name; an input of the model by its own."""
    return [
        side.spec.inputs[-1 - read].name if read < 0 else side.items[read].name
        for read in side.items[number].reads
    ]
