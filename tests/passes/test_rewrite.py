"""What passes are made of, alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from speccompiler.graph.ir import Pad
from speccompiler.passes import PASSES, run_pass
from speccompiler.passes.rewrite import without_dead_nodes
from tests.passes.small_graphs import SOURCE, TANH, conv, graph, rows


def test_unread_nodes_go_and_the_input_stays():
    made = graph(SOURCE, ("p", Pad(((1, 1),)), "in"), ("q", TANH, "p"), ("c", conv(), "in"))
    assert rows(without_dead_nodes(made)) == [SOURCE, ("c", conv(), "in")]
    tapped = replace(made, outputs=("c", "p"))
    assert [name for name, *_ in rows(without_dead_nodes(tapped))] == ["in", "p", "c"]


@pytest.mark.parametrize("transform", PASSES)
def test_a_pass_that_finds_nothing_returns_the_graph_itself(transform):
    """Then nobody derives its shapes again: most models give most passes nothing to do."""
    made = graph(SOURCE, ("c", conv(), "in"), ("d", conv(), "c"))
    assert run_pass(transform, made) is made
