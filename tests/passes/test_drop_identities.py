"""drop_identities on small graphs, before and after."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.graph.ir import (
    Identity,
    Node,
    Op,
    Pad,
    Pool,
    Reshape,
    Softmax,
    Transpose,
    Upsample,
)
from speccompiler.graph.shapes import verify
from speccompiler.passes.drop_identities import changes_nothing, drop_identities
from tests.cases import build
from tests.passes.small_graphs import (
    RELU,
    SOURCE,
    TANH,
    ZEROS,
    assert_same_values,
    conv,
    graph,
    rows,
)


@pytest.mark.parametrize(
    ("op", "nothing"),
    [
        (Identity(), True),
        (Upsample((1, 1)), True),
        (Upsample((1, 2)), False),
        (Pad(((0, 0), (0, 0))), True),
        (Pad(((0, 0), (0, 1))), False),
        (Pool("max", (1,), (1,), ZEROS, ZEROS), True),
        (Pool("max", (1,), (2,), ZEROS, ZEROS), False),
        (Pool("average", (2,), (1,), ZEROS, ZEROS), False),
        (Pool("max", (1,), (1,), ZEROS, ((1, 0),)), False),
        (Pool("max", (1,), (1,), ((-1, 0),), ZEROS), False),
        (Transpose((0, 1, 2)), True),
        (Transpose((0, 2, 1)), False),
        (Reshape((18,)), False),
        (RELU, False),
        (Softmax(), False),
    ],
)
def test_what_changes_nothing(op: Op, nothing: bool) -> None:
    assert changes_nothing(Node("n", op, ("in",), (), "n")) is nothing


def test_identities_are_dropped():
    before = graph(SOURCE, ("a", conv(), "in"), ("b", Identity(), "a"), ("p", Pad(ZEROS), "b"),
                   ("c", RELU, "p"))  # fmt: skip
    after = drop_identities(before)
    assert rows(after) == [SOURCE, ("a", conv(), "in"), ("c", RELU, "a")]
    assert_same_values(before, after)


def test_an_identity_at_the_end_gives_its_name_to_what_it_reads():
    before = graph(SOURCE, ("a", conv(), "in"), ("b", Identity(), "a"), ("c", Identity(), "b"))
    after = drop_identities(before)
    assert rows(after) == [SOURCE, ("c", conv(), "in")]
    assert after.outputs == ("c",)


def test_an_identity_of_the_input_stays():
    """The caller's array cannot be an output: it has to be copied."""
    before = graph(SOURCE, ("a", Identity(), "in"), ("b", Identity(), "a"))
    after = drop_identities(before)
    assert rows(after) == [SOURCE, ("b", Identity(), "in")]


def test_two_outputs_of_one_value_both_stay():
    before = graph(SOURCE, ("a", conv(), "in"), ("b", Identity(), "a"), ("c", Identity(), "b"),
                   outputs=("c", "a", "b"))  # fmt: skip
    after = drop_identities(before)
    verify(after)
    assert after.outputs == ("c", "a", "b")
    assert_same_values(before, after)


def test_a_tapped_dropout_between_others():
    before = graph(SOURCE, ("a", conv(), "in"), ("b", Identity(), "a"), ("c", Identity(), "b"),
                   ("d", TANH, "c"), outputs=("d", "c"))  # fmt: skip
    after = drop_identities(before)
    verify(after)
    assert rows(after) == [SOURCE, ("c", conv(), "in"), ("d", TANH, "c")]
    assert_same_values(before, after)


def test_readers_of_an_identity_that_was_dropped_before_a_rename():
    """A branch: c reads what b, an output, took its name from."""
    before = graph(SOURCE, ("s", conv(), "in"), ("a", Identity(), "s"), ("b", Identity(), "a"),
                   ("c", TANH, "a"), outputs=("c", "b"))  # fmt: skip
    after = drop_identities(before)
    verify(after)
    assert_same_values(before, after)


@pytest.mark.parametrize("layers", [
    [{"type": "Dropout", "p": 0.5}],
    [{"type": "InputLayer"}, {"type": "Dropout", "p": 0.5}, {"type": "Dropout", "p": 0.1}],
    [{"type": "UpSampling2D", "size": [1, 1], "dim_ordering": "th"}],
    [{"type": "MaxPooling2D", "pool_size": [1, 1]}, {"type": "ZeroPadding2D", "padding": [0, 0]}],
    [{"type": "Reshape", "target_shape": [2, 3, 4]}],
    [{"type": "Reshape", "target_shape": [4, -1]}, {"type": "Reshape", "target_shape": [2, 3, 4]},
     {"type": "Dropout", "p": 0.5}],
])  # fmt: skip
@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_a_model_that_does_nothing_returns_a_copy(layers, target):
    model = build(layers, [2, 3, 4])
    x = np.random.default_rng(0).standard_normal((3, 2, 3, 4)).astype(np.float32)
    names = [str(layer.name) for layer in model.spec.layers]
    for name, y in model.compile(target, layers=names).run_all(x).items():
        assert np.array_equal(y.ravel(), x.ravel()), name
        assert not np.shares_memory(x, y)
