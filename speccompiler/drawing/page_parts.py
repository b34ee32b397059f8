"""A long graph in parts that stand side by side, cut where only one value is passed on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from speccompiler.drawing.layout import Box, Direction, Layout, Spacing, lay_out
from speccompiler.drawing.units import Unit
from speccompiler.frozen import dataclass

PAGE = 1.35
"""The width of a page by its height, about which parts are arranged."""
BETWEEN = 46.0
"""From one part to the next."""
LEAST_LENGTH = 700.0
"""Shorter graphs are not cut."""
JUNCTION = 6.0
"""The size of the dot where the value of the part before comes in, and goes to several boxes."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the units, in order, laid out."""

    units: tuple[Unit, ...]
    layout: Layout
    entry: str | None
    """The box or the dot where the value of the part before comes in."""
    exit: str
    """The box that the next part reads."""


def parts(
    all_units: Sequence[Unit],
    direction: Direction,
    spacing: Spacing,
    box: Callable[[Unit], Box],
) -> list[Part]:
    """As many parts as give a page its shape, in their order."""
    whole = _part(all_units, None, direction, spacing, box)
    size = whole.layout.height, whole.layout.width
    length, across = size if direction == "down" else size[::-1]
    page = PAGE if direction == "down" else 1 / PAGE
    count = round((length * page / (across + BETWEEN)) ** 0.5)
    if length < LEAST_LENGTH or count < 2:
        return [whole]
    rank = {place.name: place.rank for place in whole.layout.places}
    chosen = _chosen(_cuts(all_units, rank), max(rank.values()) + 1, count)
    groups: list[list[Unit]] = [[] for _ in range(len(chosen) + 1)]
    for unit in all_units:
        groups[sum(rank[unit.key] >= cut for cut in chosen)].append(unit)
    found: list[Part] = []
    for group in groups:
        before = found[-1].exit if found else None
        found.append(_part(group, before, direction, spacing, box))
    return found


def _part(
    units: Sequence[Unit],
    before: str | None,
    direction: Direction,
    spacing: Spacing,
    box: Callable[[Unit], Box],
) -> Part:
    boxes = [box(unit) for unit in units]
    inside = {unit.key for unit in units}
    edges = [(key, unit.key) for unit in units for key in unit.reads if key in inside]
    readers = [unit.key for unit in units if before in unit.reads]
    starts = [unit.key for unit in units if inside.isdisjoint(unit.reads)]
    entry = None
    if before is not None and readers == starts and len(readers) == 1:
        entry = readers[0]
    elif before is not None:
        entry = before
        boxes.append(Box(entry, JUNCTION, JUNCTION))
        edges += [(entry, reader) for reader in readers]
    layout = lay_out(boxes, edges, direction, spacing)
    own = [place for place in layout.places if place.name in inside]
    return Part(tuple(units), layout, entry, max(own, key=lambda place: place.rank).name)


def _cuts(all_units: Sequence[Unit], rank: dict[str, int]) -> list[int]:
    """Ranks before which all that is read later is the value of the only box of a rank."""
    furthest: dict[str, int] = {}
    alone = [0] * (max(rank.values()) + 1)
    for unit in all_units:
        alone[rank[unit.key]] += 1
        for key in unit.reads:
            furthest[key] = max(furthest.get(key, 0), rank[unit.key])
    begun = [0] * (len(alone) + 1)
    ended = [0] * (len(alone) + 1)
    for key, last in furthest.items():
        begun[rank[key] + 1] += 1
        ended[last + 1] += 1
    found, passing = [], 0
    for index in range(len(alone)):
        passing += begun[index] - ended[index]
        if passing == begun[index] == 1 and alone[index - 1] == 1:
            found.append(index)
    return found


def _chosen(cuts: Sequence[int], ranks: int, count: int) -> list[int]:
    """The cuts that make parts of about the length that ``count`` equal ones would have.

    None where that leaves a part twice as long: what is cut off would make the rest no shorter.
    """
    wanted = ranks / count
    near: set[int] = set()
    for part in range(1, count):
        near |= set(sorted(cuts, key=lambda cut: abs(cut - part * wanted))[:5])
    ends = [0, *sorted(near), ranks]
    # For each end the least sum of squared errors of the parts before it, and the end before.
    best: list[tuple[float, int]] = [(0.0, 0)]
    for index in range(1, len(ends)):
        costs = (
            (best[start][0] + (ends[index] - ends[start] - wanted) ** 2, start)
            for start in range(index)
        )
        best.append(min(costs))
    chosen: list[int] = []
    index = best[-1][1]
    while index:
        chosen.insert(0, ends[index])
        index = best[index][1]
    edges = [0, *chosen, ranks]
    longest = max(later - cut for cut, later in pairwise(edges))
    return chosen if longest <= 2 * wanted else []
