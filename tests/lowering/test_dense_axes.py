"""Dense: its input_dim, and inputs of any rank."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.graph.ir import Conv, Reshape
from speccompiler.passes import optimize
from tests.cases import array, build
from tests.models import assert_targets_agree, checked, keras, refusal


@pytest.mark.parametrize("shape", [[10, 6], [6], [2, 3, 6], [None, 6]])
def test_input_dim_is_about_the_last_axis(shape):
    model = build([{"type": "Dense", "output_dim": 4, "input_dim": 6}], shape)
    assert model.graph.nodes[-1].shape[-1] == 4
    assert len(model.graph.nodes[-1].shape) == len(shape)


def test_a_keras_dense_over_a_sequence_loads():
    text = keras(
        ("Convolution1D", {"name": "c", "nb_filter": 6, "filter_length": 3,
                           "batch_input_shape": [None, 12, 2]}),
        ("Dense", {"name": "d", "output_dim": 4, "input_dim": 6}),
    )  # fmt: skip
    model, found = checked(text, seed=1, semantics="tensorflow")
    assert model is not None, found
    assert model.graph.nodes[-1].shape == (10, 4)


def test_input_dim_declares_a_shape_where_nothing_else_does():
    model = build([{"type": "Dense", "output_dim": 4, "input_dim": 6}])
    assert model.graph.nodes[0].shape == (6,)
    model = build([{"type": "Dense", "output_dim": 4, "input_dim": 6}], [5, None])
    assert model.graph.nodes[0].shape == (5, 6)


def test_input_dim_that_contradicts_the_last_axis():
    for layers in (
        [{"type": "Dense", "output_dim": 4, "input_dim": 6}],
        [{"type": "Dropout", "p": 0.5}, {"type": "Dense", "output_dim": 4, "input_dim": 6}],
    ):
        found = refusal(lambda layers=layers: build(layers, [6, 5]))
        assert (found.code, found.message, found.hint) == (
            "CS037",
            "'input_dim' says 6, but the last axis of the input (6, 5) is 5 long",
            "drop it: the shape of the input is known without it",
        )


@pytest.mark.parametrize("shape", [(5,), (4, 5), (3, 4, 5), (2, 3, 4, 5), (2, 1, 2, 3, 4, 5)])
def test_dense_over_any_rank(shape, rng):
    w, b = array(5, 3), [0.1, 0.2, 0.3]
    layers = [
        {"type": "Dense", "name": "d", "output_dim": 3, "activation": "tanh", "weights": [w, b]},
        {"type": "Dropout", "p": 0.5},
    ]
    model = build(layers, list(shape))
    x = rng.standard_normal((2, *shape)).astype(np.float32)
    want = np.tanh(x @ np.array(w) + b)
    np.testing.assert_allclose(assert_targets_agree(model, x), want, rtol=1e-5, atol=1e-6)
    for target in ("cpu", "reference"):
        found = model.compile(target, layers=["d"]).run_all(x)["d"]
        np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-6)
    (conv,) = [n for n in optimize(model.graph) if isinstance(n.op, Conv)]
    assert conv.op.activation is not None, "the activation is not fused"
    assert len(conv.op.kernel) == min(len(shape) - 1, 1)


def test_dense_of_a_grid_stays_a_grid():
    dense = {"type": "Dense", "output_dim": 4}
    conv = {"type": "Convolution2D", "nb_filter": 2, "nb_row": 3, "nb_col": 3}
    report = build([conv, dense, conv], [None, 9, 2]).shapes()
    assert [layer.receptive_field for layer in report.layers] == [(3, 3), (3, 3), (5, 5)]
    assert report.layers[1].stride == (1, 1)


def test_softmax_of_a_dense_layer_needs_the_rank_that_keras_needs():
    layer = {"type": "Dense", "output_dim": 3, "activation": "softmax"}
    assert build([layer], [4, 5]).graph.nodes[-1].shape == (4, 3)
    assert refusal(lambda: build([layer], [2, 4, 5])).code == "CS043"


def test_nodes_that_are_layers_end_in_the_layers_name():
    model = build([{"type": "Dense", "name": "d", "output_dim": 3}], [2, 4, 5])
    nodes = model.graph.by_call()["d"]
    assert nodes[-1].name == "d"
    assert isinstance(nodes[-1].op, Reshape)
