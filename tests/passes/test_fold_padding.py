"""fold_padding on small graphs, before and after, and on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from speccompiler.graph.ir import Pad, Reshape, Softmax, Transpose, Upsample
from speccompiler.passes.fold_padding import fold_padding
from speccompiler.passes.rewrite import without_dead_nodes
from tests.cases import build
from tests.lowering.formulas import assert_gives
from tests.passes.small_graphs import (
    SOURCE,
    TANH,
    assert_same_values,
    conv,
    folded,
    graph,
    pool,
    rows,
)


@pytest.mark.parametrize("padding", [((0, 0),), ((1, 2),), ((2, -3),)])
@pytest.mark.parametrize("stride", [1, 2])
def test_padding_folds_into_a_convolution(padding: Any, stride: int) -> None:
    zeros = ((3, 1),)
    before = graph(SOURCE, ("p", Pad(zeros), "in"),
                   ("c", conv(padding=padding, stride=(stride,)), "p"))  # fmt: skip
    after = without_dead_nodes(fold_padding(before))
    ((b, a),) = padding
    assert rows(after) == [SOURCE, ("c", conv(padding=((b + 3, a + 1),), stride=(stride,)), "in")]
    assert_same_values(before, after)


@pytest.mark.parametrize("mode", ["max", "average"])
@pytest.mark.parametrize("padding", [((0, 0),), ((1, 1),), ((2, 2),), ((-1, -2),), ((2, -3),)])
@pytest.mark.parametrize("s", [1, 2, 3])
def test_padding_folds_into_a_pool_and_still_counts(mode: str, padding: Any, s: int) -> None:
    before = graph(SOURCE, ("p", Pad(((3, 1),)), "in"), ("m", pool(mode, 3, s, padding), "p"))
    after = without_dead_nodes(fold_padding(before))
    assert rows(after) == [SOURCE, ("m", pool(mode, 3, s, padding, ((3, 1),)), "in")]
    assert_same_values(before, after)


def test_padding_folds_into_padding():
    before = graph(SOURCE, ("p", Pad(((1, 0),)), "in"), ("q", Pad(((2, 3),)), "p"),
                   ("m", pool("average"), "q"))  # fmt: skip
    after = without_dead_nodes(fold_padding(before))
    assert rows(after) == [SOURCE, ("m", pool("average", zeros=((3, 3),)), "in")]
    assert_same_values(before, after)


def test_padding_that_others_read_stays_for_them():
    before = graph(SOURCE, ("p", Pad(((1, 1),)), "in"), ("c", conv(), "p"), ("m", pool("max"), "p"),
                   ("t", TANH, "p"), outputs=("c", "m", "t"))  # fmt: skip
    after = without_dead_nodes(fold_padding(before))
    assert {n: i for n, _, *i in rows(after)} == {
        "in": [], "p": ["in"], "c": ["in"], "m": ["in"], "t": ["p"],
    }  # fmt: skip
    assert_same_values(before, after)


def test_padding_does_not_fold_into_anything_else():
    for op in (TANH, Upsample((2,)), Softmax(), Transpose((1, 0)), Reshape((22,))):
        before = graph(SOURCE, ("p", Pad(((1, 1),)), "in"), ("n", op, "p"))
        assert fold_padding(before) == before


@pytest.mark.parametrize("mode", ["Max", "Average"])
@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
@pytest.mark.parametrize("border_mode", ["valid", "same"])
@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_a_padded_pool_over_negative_data_on_the_cpu(mode, semantics, border_mode, ordering):
    """Zeros of a ZeroPadding win over negative data; the pool's own padding never does."""
    layers = [
        {"type": "ZeroPadding2D", "padding": [2, 0, 1, 3]},
        {"type": f"{mode}Pooling2D", "pool_size": [3, 2], "strides": [1, 2],
         "border_mode": border_mode},
    ]  # fmt: skip
    shape = (3, 4, 5) if ordering == "th" else (4, 5, 3)
    model = build(layers, shape, semantics=semantics, dim_ordering=ordering)
    assert not [s for s in model.plan().steps if s.kernel == "resize"]
    x = -np.random.default_rng(0).uniform(1, 2, (2, *shape)).astype(np.float32)
    judge = model.compile("reference").run(x)
    np.testing.assert_allclose(model.compile("cpu").run(x), judge, rtol=1e-6)
    if mode == "Max":
        assert judge.max() == 0


def test_cut_and_padded_again():
    """What was cut off comes back as zeros: the padding may not be folded into the cut."""
    x = np.arange(1.0, 6).reshape(1, 5, 1)
    layers = [{"type": "Cropping1D"}, {"type": "ZeroPadding1D"}]
    assert_gives(layers, x, [[[0], [2], [3], [4], [0]]])
    conv = {"type": "Convolution1D", "nb_filter": 1, "filter_length": 3, "border_mode": "same",
            "weights": [[[[[1.0]]], [[[10.0]]], [[[100.0]]]], [0.0]]}  # fmt: skip
    assert_gives([layers[0], conv], x, [[[320], [432], [43]]])
    valid = conv | {"border_mode": "valid"}
    assert_gives([layers[0], valid], x, [[[432]]])
    assert len(folded([layers[0], valid], [5, 1]).nodes) == 2
    pool = {"type": "AveragePooling1D", "pool_length": 3, "stride": 1, "border_mode": "same"}
    assert_gives([layers[0], pool], x, [[[2.5], [3], [3.5]]])
    assert [type(node.op).__name__ for node in folded([layers[0], pool], [5, 1])].count("Pad") == 1
    valid_pool = pool | {"border_mode": "valid"}
    assert len(folded([layers[0], valid_pool], [5, 1]).nodes) == 2
