"""fuse_activations on small graphs, before and after."""

from __future__ import annotations

from dataclasses import replace

from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.graph.ir import Softmax, Upsample
from speccompiler.passes.fuse_activations import fuse_activations
from tests.passes.small_graphs import (
    RELU,
    SOURCE,
    TANH,
    assert_same_values,
    conv,
    graph,
    pool,
    rows,
)


def test_a_map_fuses_into_its_convolution():
    before = graph(SOURCE, ("c", conv(), "in"), ("m", RELU, "c"), ("n", TANH, "m"))
    after = fuse_activations(before)
    fused = replace(conv(), activation=ACTIVATIONS["relu"])
    # Only one: a second activation stays a step of its own.
    assert rows(after) == [SOURCE, ("m", fused, "in"), ("n", TANH, "m")]
    assert_same_values(before, after)


def test_a_map_stays_where_others_read_the_convolution():
    for outputs in (("m", "c"), ("c", "m")):
        tapped = graph(SOURCE, ("c", conv(), "in"), ("m", RELU, "c"), outputs=outputs)
        assert fuse_activations(tapped) == tapped
    shared = graph(SOURCE, ("c", conv(), "in"), ("m", RELU, "c"), ("n", TANH, "c"),
                   outputs=("m", "n"))  # fmt: skip
    assert fuse_activations(shared) == shared


def test_a_map_stays_behind_what_is_no_convolution():
    for op in (pool("max"), Upsample((2,)), Softmax(), TANH):
        before = graph(SOURCE, ("p", op, "in"), ("m", RELU, "p"))
        assert fuse_activations(before) == before
