"""Where boxes and lines of a drawing stand: nothing overlaps, chains are straight, few crossings.

Overlaps and crossings are found again from the coordinates alone.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.drawing.layout import Box, Layout, Place, Point, Spacing, lay_out
from speccompiler.drawing.ranks import ranks

Edges = Sequence[tuple[int, int]]


def drawn(edges: Edges, sizes: dict[int, tuple[float, float]] | None = None, count: int = 0,
          direction: str = "down") -> Layout:  # fmt: skip
    count = max([count, *(max(edge) + 1 for edge in edges)])
    boxes = [Box(str(n), *(sizes or {}).get(n, (60.0, 30.0))) for n in range(count)]
    return lay_out(boxes, [(str(a), str(b)) for a, b in edges], direction)  # type: ignore[arg-type]


def overlaps(one: Place, other: Place) -> bool:
    return (
        one.x < other.x + other.width - 0.02
        and other.x < one.x + one.width - 0.02
        and one.y < other.y + other.height - 0.02
        and other.y < one.y + one.height - 0.02
    )


def enters(place: Place, start: tuple[float, float], end: tuple[float, float]) -> bool:
    """Whether a straight line passes through the inside of a box: Liang and Barsky's clipping."""
    low, high = 0.0, 1.0
    for axis, (near, size) in enumerate(((place.x, place.width), (place.y, place.height))):
        delta = end[axis] - start[axis]
        first, last = near + 0.05, near + size - 0.05
        if abs(delta) < 1e-9:
            if not first < start[axis] < last:
                return False
            continue
        a, b = sorted(((first - start[axis]) / delta, (last - start[axis]) / delta))
        low, high = max(low, a), min(high, b)
    return low < high


def curve(start: Point, end: Point, direction: str) -> list[Point]:
    """Points of the curve that a route may be drawn as."""
    (x, y), (u, v) = start, end
    corners = (start, (x, (y + v) / 2), (u, (y + v) / 2), end)
    if direction == "right":
        corners = (start, ((x + u) / 2, y), ((x + u) / 2, v), end)
    points = []
    for t in (step / 8 for step in range(9)):
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        pairs = list(zip(weights, corners, strict=True))
        points.append((sum(w * c[0] for w, c in pairs), sum(w * c[1] for w, c in pairs)))
    return points


def check(layout: Layout, edges: Edges, direction: str = "down") -> None:
    """All that a drawing has to keep."""
    places = {place.name: place for place in layout.places}
    for one, other in itertools.combinations(layout.places, 2):
        assert not overlaps(one, other)
    for place in layout.places:
        assert place.x >= -0.02
        assert place.y >= -0.02
        assert place.x + place.width <= layout.width + 0.02
        assert place.y + place.height <= layout.height + 0.02
    assert [(r.source, r.target) for r in layout.routes] == [
        (str(a), str(b)) for a, b in dict.fromkeys(edges)
    ]
    across, along = (0, 1) if direction == "down" else (1, 0)
    for route in layout.routes:
        source, target = places[route.source], places[route.target]
        assert source.rank < target.rank
        start, end = route.points[0], route.points[-1]
        corner, size = (target.x, target.y), (target.width, target.height)
        far = (source.x + source.width, source.y + source.height)
        assert start[along] == pytest.approx(far[along], abs=0.02)
        assert end[along] == pytest.approx(corner[along], abs=0.02)
        assert corner[across] < end[across] < corner[across] + size[across]
        for a, b in itertools.pairwise(route.points):
            assert a[along] <= b[along]
            bent = curve(a, b, direction)
            for place in layout.places:
                assert not enters(place, a, b)
                assert not any(enters(place, p, q) for p, q in itertools.pairwise(bent))
        assert all(0 <= p[0] <= layout.width + 0.02 for p in route.points)
        assert all(0 <= p[1] <= layout.height + 0.02 for p in route.points)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[tuple[int, int]], dict[int, tuple[float, float]]]:
    count = draw(st.integers(1, 16))
    pairs = [(a, b) for b in range(count) for a in range(b)]
    edges = draw(st.lists(st.sampled_from(pairs), max_size=30)) if pairs else []
    sizes = st.tuples(st.floats(1, 200), st.floats(1, 200))
    return edges, {n: draw(sizes) for n in range(count)}


@given(graphs(), st.sampled_from(["down", "right"]))
@settings(max_examples=200, deadline=None)
def test_any_graph_is_drawn_without_overlap(
    graph: tuple[list[tuple[int, int]], dict[int, tuple[float, float]]], direction: str
) -> None:
    edges, sizes = graph
    layout = drawn(edges, sizes, len(sizes), direction)
    check(layout, edges, direction)
    assert layout == drawn(edges, sizes, len(sizes), direction)


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_ranks_go_down_and_are_no_longer_than_longest_paths(
    graph: tuple[list[tuple[int, int]], dict[int, tuple[float, float]]],
) -> None:
    edges, sizes = graph
    found = ranks(len(sizes), edges)
    longest = [0] * len(sizes)
    for b in range(len(sizes)):
        longest[b] = max((longest[a] + 1 for a, t in edges if t == b), default=0)
    assert all(found[a] < found[b] for a, b in edges)
    assert min(found) == 0
    assert max(found) <= max(longest)
    distinct = set(edges)
    assert sum(found[b] - found[a] for a, b in distinct) <= sum(
        longest[b] - longest[a] for a, b in distinct
    )


def middle(layout: Layout, node: int) -> float:
    place = layout.places[node]
    return round(place.x + place.width / 2, 2)


CHAIN = [(n, n + 1) for n in range(9)]
RESIDUAL = [*CHAIN, (1, 4), (5, 8)]
MODULE = [(0, 1), (0, 2), (2, 3), (0, 4), (4, 5), (0, 6), (6, 7), (1, 8), (3, 8), (5, 8), (7, 8)]
"""Four branches between a fork and a concatenation, one of them shorter."""
DENSE = [(a, b) for b in range(8) for a in range(b)]
U_NET = [*((n, n + 1) for n in range(8)), (0, 8), (1, 7), (2, 6), (3, 5)]


def test_a_chain_stands_straight_whatever_its_boxes_are() -> None:
    sizes = {n: (20.0 + 13 * n % 70, 10.0 + n) for n in range(10)}
    layout = drawn(CHAIN, sizes)
    check(layout, CHAIN)
    assert len({middle(layout, n) for n in range(10)}) == 1
    assert all(len(route.points) == 2 for route in layout.routes)
    assert layout.width == max(width for width, _ in sizes.values())


@pytest.mark.parametrize("edges", [RESIDUAL, U_NET])
def test_skip_connections_run_beside_a_straight_trunk(edges: Edges) -> None:
    layout = drawn(edges)
    check(layout, edges)
    assert len({middle(layout, place.rank) for place in layout.places}) == 1
    assert layout.crossings == 0
    trunk = layout.places[0]
    for route in layout.routes:
        if int(route.target) - int(route.source) > 1:
            # Its own way down lies beside all boxes.
            assert max(x for x, _ in route.points) > trunk.x + trunk.width


def test_nested_skip_connections_do_not_touch() -> None:
    layout = drawn(U_NET)
    furthest = [max(x for x, _ in r.points) for r in layout.routes
                if int(r.target) - int(r.source) > 1]  # fmt: skip
    assert len(set(furthest)) == len(furthest)


def test_a_module_stands_around_its_fork_and_its_end() -> None:
    edges = [*MODULE, *((8 + a, 8 + b) for a, b in MODULE)]
    layout = drawn(edges)
    check(layout, edges)
    assert layout.crossings == 0
    for branch in ((2, 3), (4, 5), (6, 7)):
        assert len({middle(layout, n) for n in branch}) == 1
    # Branches stand in the order that they were given in.
    assert sorted(range(1, 8), key=lambda n: middle(layout, n)) == list(range(1, 8))
    outer = (middle(layout, 1) + middle(layout, 6)) / 2
    assert middle(layout, 0) == pytest.approx(outer, abs=8)
    assert middle(layout, 8) == pytest.approx(outer, abs=8)


def test_a_value_that_many_read_is_one_line() -> None:
    layout = drawn(DENSE)
    check(layout, DENSE)
    assert len({middle(layout, n) for n in range(8)}) == 1
    # All lines from the first box leave it together.
    starts = {route.points[0] for route in layout.routes if route.source == "0"}
    assert len(starts) == 1


def brute_force(edges: Edges, layers: Sequence[Sequence[int]]) -> int:
    """The fewest crossings of a graph of two ranks, by all orders."""
    upper, lower = layers
    fewest = None
    for one in itertools.permutations(upper):
        for other in itertools.permutations(lower):
            up = {n: i for i, n in enumerate(one)}
            down = {n: i for i, n in enumerate(other)}
            count = sum(
                (up[a] - up[c]) * (down[b] - down[d]) < 0
                for (a, b), (c, d) in itertools.combinations(edges, 2)
            )
            fewest = count if fewest is None else min(fewest, count)
    assert fewest is not None
    return fewest


TWO_RANKS = {
    # A complete graph of three and three cannot be drawn with fewer than 9 in two rows.
    "complete": [(a, b) for a in (0, 1, 2) for b in (3, 4, 5)],
    "reversed": [(0, 7), (1, 6), (2, 5), (3, 4)],
    "a ring": [(0, 4), (1, 4), (1, 5), (2, 5), (2, 6), (3, 6), (3, 7), (0, 7)],
    "mixed": [(0, 6), (0, 4), (1, 7), (1, 4), (2, 5), (2, 7), (3, 5), (3, 6)],
}


@pytest.mark.parametrize("name", TWO_RANKS)
def test_as_few_lines_cross_as_can(name: str) -> None:
    edges = TWO_RANKS[name]
    layout = drawn(edges)
    check(layout, edges)
    targets = {b for _, b in edges}
    upper = sorted({a for a, _ in edges} - targets)
    assert layout.crossings == brute_force(edges, (upper, sorted(targets)))


def test_a_tree_and_separate_parts_cross_nothing() -> None:
    tree = [((n - 1) // 2, n) for n in range(1, 31)]
    parts = [(40, 41), (41, 42), (43, 42)]
    layout = drawn([*tree, *parts])
    check(layout, [*tree, *parts])
    assert layout.crossings == 0


def test_an_input_that_is_read_late_stands_above_what_reads_it() -> None:
    layout = drawn([*CHAIN, (10, 11), (11, 7)])
    assert [layout.places[n].rank for n in (10, 11, 7)] == [5, 6, 7]


def test_nothing_at_all() -> None:
    assert lay_out([], []) == Layout(0, 0, (), (), 0)


def test_the_same_to_the_right() -> None:
    sizes = {n: (20.0 + n, 40.0 - n) for n in range(10)}
    down = drawn(RESIDUAL, {n: (h, w) for n, (w, h) in sizes.items()})
    right = drawn(RESIDUAL, sizes, direction="right")
    assert (right.width, right.height) == (down.height, down.width)
    assert [(p.y, p.x) for p in right.places] == [(p.x, p.y) for p in down.places]


def test_spacing_is_kept() -> None:
    boxes = [Box(name, 50, 20) for name in "abc"]
    layout = lay_out(boxes, [("a", "b"), ("a", "c")], spacing=Spacing(ranks=40, boxes=60))
    a, b, c = layout.places
    assert b.y - (a.y + a.height) == 40
    assert abs(c.x - b.x) - 50 == 60


def test_large_graphs_are_drawn_in_time() -> None:
    """Not in quadratic time, and without recursion. The limits are loose: machines differ."""
    chain = [(n, n + 1) for n in range(9_999)]
    nested = [*chain, *((n, 9_999 - n) for n in range(4_990))]
    every = [*((n, n + 1) for n in range(999)), *((n, 999) for n in range(998))]
    for edges in (chain, nested, every):
        start = time.perf_counter()
        layout = drawn(edges)
        assert time.perf_counter() - start < 20
        assert layout.crossings == 0
        assert len({middle(layout, p.rank) for p in layout.places}) == 1
