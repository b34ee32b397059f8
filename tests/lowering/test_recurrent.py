"""Recurrent layers: what their arguments mean, by formulas written out, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from speccompiler.graph import ir
from speccompiler.model import check
from speccompiler.source.texts import parse_document
from speccompiler.weights.penalties import weight_penalties
from tests.cases import build
from tests.lowering.formulas import TARGETS, refused

X = np.random.default_rng(3).standard_normal((2, 5, 4)).astype(np.float32)
UNITS = 3


def run(layers: list[dict[str, Any]], target: str, x: np.ndarray = X, **header: Any) -> Any:
    model = build(layers, x.shape[1:], **header)
    return model.compile(target, math="precise").run(x)


def tensors(layers: list[dict[str, Any]], shape: Any) -> dict[str, np.ndarray]:
    """The tensors of the only layer that has some, as they are drawn."""
    found = build(layers, shape).weight_sources.read()
    return {weight.tensor: array.astype(np.float64) for weight, array in found.items()}


def hard(x: np.ndarray) -> np.ndarray:
    return np.clip(0.2 * x + 0.5, 0, 1)


@pytest.mark.parametrize("target", TARGETS)
def test_a_reset_gate_before_and_after_the_product(target):
    """With reset_after the state's product has a bias of its own: the second row of b."""
    layer = {"type": "GRU", "name": "g", "output_dim": UNITS, "reset_after": True,
             "weights": [np.full((4, 9), 0.1).tolist(), (np.arange(27).reshape(3, 9) / 30).tolist(),
                         (np.arange(18).reshape(2, 9) / 20 - 0.4).tolist()]}  # fmt: skip
    w, u, b = (np.array(a) for a in layer["weights"])
    h = np.zeros((2, UNITS))
    for t in range(5):
        x, s = X[:, t] @ w + b[0], h @ u + b[1]
        z, r = hard(x[:, :3] + s[:, :3]), hard(x[:, 3:6] + s[:, 3:6])
        h = z * h + (1 - z) * np.tanh(x[:, 6:] + r * s[:, 6:])
    np.testing.assert_allclose(run([layer], target), h, atol=2e-6)


@pytest.mark.parametrize("layer", ["LSTM", "GRU"])
@pytest.mark.parametrize("target", TARGETS)
def test_the_two_layouts_hold_the_same_tensors(layer, target):
    """Apart i, c, f, o; side by side i, f, c, o. Of a GRU z, r, h in both."""
    apart = {"type": layer, "name": "r", "output_dim": UNITS}
    drawn = tensors([apart], [5, 4])
    order = "ifco" if layer == "LSTM" else "zrh"
    joined = [np.concatenate([drawn[f"{n}_{g}"] for g in order], -1).tolist() for n in "WUb"]
    fused = {**apart, "consume_less": "gpu", "weights": joined}
    np.testing.assert_allclose(run([apart], target), run([fused], target), atol=1e-6)


def test_the_bias_of_the_forget_gate_is_drawn_as_its_argument_says():
    for kind, sizes in (("LSTM", {}), ("ConvLSTM2D", {"nb_row": 2, "nb_col": 2})):
        units = {"nb_filter": 2} if sizes else {"output_dim": 2}
        layer = {"type": kind, **units, **sizes}
        joined = {"fused": True} if sizes else {"consume_less": "gpu"}
        shape = [4, 5, 5, 3] if sizes else [4, 3]
        assert tensors([layer], shape)["b_f"].tolist() == [1, 1]
        assert tensors([layer], shape)["b_i"].tolist() == [0, 0]
        assert tensors([layer | joined], shape)["b"].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
        none = layer | joined | {"forget_bias_init": "zero"}
        assert not tensors([none], shape)["b"].any()


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("target", TARGETS)
def test_both_directions_are_two_layers(backwards, target):
    """The copy's outputs are turned round, whichever way the layer itself goes."""
    inner = {"type": "LSTM", "output_dim": UNITS, "return_sequences": True,
             "go_backwards": backwards}  # fmt: skip
    both = {"type": "Bidirectional", "name": "b", "layer": inner}
    drawn = tensors([both], [5, 4])
    own = {
        way: [drawn[name].tolist() for name in drawn if name.startswith(way)]
        for way in ("forward", "backward")
    }
    forward = run([inner | {"weights": own["forward"]}], target)
    backward = run([inner | {"weights": own["backward"], "go_backwards": not backwards}], target)
    turned = backward[:, ::-1]
    merged = {"sum": forward + turned, "mul": forward * turned, "ave": (forward + turned) / 2,
              "concat": np.concatenate([forward, turned], -1),
              None: np.stack([forward, turned], 1)}  # fmt: skip
    for mode, wanted in merged.items():
        y = run([both | {"merge_mode": mode}], target)
        np.testing.assert_allclose(y, wanted, atol=2e-6)
    for index, wanted in enumerate((forward, turned)):
        y = run([both | {"merge_mode": None}, {"type": "Pick", "index": index}], target)
        np.testing.assert_allclose(y, wanted, atol=2e-6)


def test_one_product_then_one_scan():
    """The input's part of all steps is one operation, with the bias; no rows are left over."""
    graph = build([{"type": "LSTM", "name": "l", "output_dim": 2}], [None, 4]).graph
    assert [type(node.op) for node in graph] == [ir.Input, ir.Conv, ir.Recurrent, ir.Reshape]
    product = graph.nodes[1].op
    assert isinstance(product, ir.Conv)
    assert product.weight.shape == (1, 4, 8)
    assert isinstance(product.weight, ir.Joined)
    assert [part.tensor for part in product.weight.parts] == ["W_i", "W_f", "W_c", "W_o"]


REGULARISED = {
    "name": "r", "output_dim": 2, "batch_input_shape": [None, 3, 2],
    "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.1},
    "U_regularizer": {"name": "WeightRegularizer", "l1": 0.3, "l2": 0.0},
}  # fmt: skip


@pytest.mark.parametrize(
    ("version", "kind", "extra", "terms", "noted"),
    [
        # Keras 1.2 gave the regulariser of W to U too, and forgot that of U.
        ("1.2.2", "GRU", {}, {"W": 0.1, "U": 0.1}, True),
        ("1.2.2", "GRU", {"consume_less": "gpu"}, {"W": 0.1, "U": 0.3}, False),
        ("1.2.2", "SimpleRNN", {}, {"W": 0.1, "U": 0.3}, False),
        ("1.1.2", "GRU", {}, {"W": 0.1, "U": 0.3}, False),
        ("1.0.5", "LSTM", {}, {"W": 0.1, "U": 0.3}, False),
    ],
)
def test_regularisers_are_those_that_the_release_applied(version, kind, extra, terms, noted):
    layer = {"class_name": kind, "config": REGULARISED | extra}
    document = {"class_name": "Sequential", "config": [layer], "keras_version": version}
    model, found = check(parse_document(json.dumps(document), "m.json"), seed=1)
    assert model is not None, found
    arrays = model.weight_sources.tensors
    wanted = {
        weight.tensor: terms["W"] * (array**2).sum() if terms[weight.tensor[0]] == 0.1
        else 0.3 * np.abs(array).sum()
        for weight, array in arrays.items() if weight.tensor[0] in terms
    }  # fmt: skip
    penalties = {p.term: p.value for p in weight_penalties(model.spec, arrays)}
    assert penalties == pytest.approx(wanted, rel=1e-5)
    assert (["CS053"] if noted else []) == [d.code for d in found if d.code == "CS053"]
    if noted:
        (note,) = (d for d in found if d.code == "CS053")
        assert note.message == (
            "Keras 1.2.2 used the regularisers of 'r' otherwise than they are named, and so do "
            "penalties here"
        )


ONE = {"type": "LSTM", "output_dim": 2}


@pytest.mark.parametrize(
    ("layer", "shape", "code", "message"),
    [
        (ONE, [4], "CS038",
         "LSTM takes samples of shape (steps, channels), but its input has shape (4,)"),
        ({"type": "ConvLSTM2D", "nb_filter": 2, "nb_row": 2, "nb_col": 2}, [4, 5, 5], "CS038",
         "ConvLSTM2D takes samples of shape (steps, rows, columns, channels), but its input has "
         "shape (4, 5, 5)"),
        (ONE, [4, None], "CS045",
         "LSTM needs a known number of channels, but the channel axis of its input is open (C)"),
        ({**ONE, "inner_activation": {"expr": "x +"}}, [4, 3], "CS030",
         "the expression ends where a value is needed at column 4 of 'x +'"),
        ({**ONE, "inner_init": "identity", "consume_less": "gpu"}, [4, 3], "CS091",
         "'identity' needs a square matrix; U has shape (2, 8)"),
        ({**ONE, "U_regularizer": {"name": "EigenvalueRegularizer", "k": 2}, "b_regularizer":
          {"name": "EigenvalueRegularizer", "k": 2}}, [4, 3], "CS093",
         "the eigenvalue regulariser needs a matrix; b_i is a vector"),
        ({"type": "Bidirectional", "layer": {"type": "Dense", "output_dim": 2}}, [4, 3], "CS026",
         "'layer': expected a recurrent layer: SimpleRNN, LSTM, GRU or ConvLSTM2D"),
        ({"type": "Bidirectional", "layer": {**ONE, "weights": [[1.0]]}}, [4, 3], "CS090",
         "the weights of a Bidirectional are its own, and its LSTM has some"),
        ({"type": "Bidirectional", "layer": ONE, "merge_mode": "max"}, [4, 3], "CS023",
         "'merge_mode' is 'max'; allowed: sum, mul, concat, ave"),
        ({**ONE, "weights": [[[1.0]]]}, [4, 3], "CS090",
         "'weights' has 1 array; the layer takes 12: W_i (3, 2) and U_i (2, 2) and b_i (2,) and "
         "W_c (3, 2) and U_c (2, 2) and b_c (2,) and W_f (3, 2) and U_f (2, 2) and b_f (2,) and "
         "W_o (3, 2) and U_o (2, 2) and b_o (2,)"),
        ({"type": "Pick", "index": 3}, [3, 4], "CS068",
         "there is no value 3 along the first axis of (3, 4)"),
        ({"type": "Pick", "index": 0}, [3], "CS068",
         "there is no value 0 along the first axis of (3,)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(layer, shape, code, message):
    found = refused([layer], shape)
    assert (found.code, found.message) == (code, message)


def test_a_mask_of_pixels_needs_a_state_of_as_many():
    film = {"type": "ConvLSTM2D", "nb_filter": 2, "nb_row": 3, "nb_col": 3, "name": "c"}
    found = refused([{"type": "Masking", "name": "m"}, film], [4, 5, 5, 2], semantics="theano")
    assert found.code == "CS210"
    assert "a mask (4, 5, 5) has no value for each of the state's pixels" in found.message
