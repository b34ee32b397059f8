"""sink_transposes on small graphs, before and after, and in models with channels first."""

from __future__ import annotations

import itertools

from speccompiler.graph.ir import Reshape, Softmax, Transpose
from speccompiler.graph.shapes import verify
from speccompiler.passes.rewrite import without_dead_nodes
from speccompiler.passes.sink_transposes import sink_transposes
from tests.passes.small_graphs import (
    FIRST,
    IMAGE,
    LAST,
    RELU,
    TANH,
    assert_same_values,
    conv,
    graph,
    rows,
)


def test_transposes_between_th_layers_cancel():
    k = conv(kernel=(3, 3), padding=((1, 1), (1, 1)))
    before = graph(
        IMAGE, ("t1", LAST, "in"), ("c1", k, "t1"), ("l1", FIRST, "c1"),
        ("t2", LAST, "l1"), ("c2", k, "t2"), ("l2", FIRST, "c2"),
    )  # fmt: skip
    after = without_dead_nodes(sink_transposes(before))
    assert rows(after) == [
        IMAGE, ("t1", LAST, "in"), ("c1", k, "t1"), ("c2", k, "c1"), ("l2", FIRST, "c2"),
    ]  # fmt: skip
    assert_same_values(before, after)


def test_a_transpose_moves_below_a_map_and_cancels():
    k = conv(kernel=(1, 1))
    before = graph(
        IMAGE, ("t1", LAST, "in"), ("c1", k, "t1"), ("l1", FIRST, "c1"),
        ("m", RELU, "l1"), ("n", TANH, "m"), ("t2", LAST, "n"), ("c2", k, "t2"),
    )  # fmt: skip
    after = without_dead_nodes(sink_transposes(before))
    assert [type(op).__name__ for _, op, *_ in rows(after)] == [
        "Input", "Transpose", "Conv", "Map", "Map", "Conv",
    ]  # fmt: skip
    assert_same_values(before, after)


def test_a_tap_between_th_layers_keeps_its_layout():
    k = conv(kernel=(1, 1))
    before = graph(IMAGE, ("t1", LAST, "in"), ("c1", k, "t1"), ("l1", FIRST, "c1"),
                   ("m", RELU, "l1"), ("t2", LAST, "m"), ("c2", k, "t2"),
                   outputs=("c2", "l1", "m"))  # fmt: skip
    after = without_dead_nodes(sink_transposes(before))
    verify(after)
    assert_same_values(before, after)
    # The taps are transposed for their reader only: the path to c2 has none but the first.
    path, name = [], "c2"
    while name != "in":
        node = after.by_name()[name]
        path.append(type(node.op).__name__)
        (name,) = node.inputs
    assert path == ["Conv", "Map", "Conv", "Transpose"]


def test_transposes_stay_before_what_reads_the_layout():
    for op in (Reshape((40,)), Softmax()):
        before = graph(IMAGE, ("t", LAST, "in"), ("f", op, "t"))
        assert sink_transposes(before) == before


def test_two_transposes_merge_into_one():
    before = graph(IMAGE, ("a", LAST, "in"), ("b", LAST, "a"))
    after = without_dead_nodes(sink_transposes(before))
    assert rows(after) == [IMAGE, ("b", Transpose((2, 0, 1)), "in")]
    assert_same_values(before, after)


def test_any_two_transposes_merge():
    for one, other in itertools.product(itertools.permutations(range(3)), repeat=2):
        before = graph(IMAGE, ("a", Transpose(one), "in"), ("b", Transpose(other), "a"))
        after = without_dead_nodes(sink_transposes(before))
        assert len(after.nodes) <= 2 or one == (0, 1, 2) or other == (0, 1, 2)
        verify(after)
        assert_same_values(before, after)
