"""Tensors of Bidirectionals in files of Keras: by names where they tell, else in order."""

from __future__ import annotations

import pytest

from speccompiler.diagnostics.core import Problem
from speccompiler.files.tensor_info import StoredLayer, TensorInfo
from speccompiler.weights.matching.by_layer_order import match_by_layer_order
from speccompiler.weights.matching.by_name import match_by_name
from speccompiler.weights.matching.directions import directed, named_after
from speccompiler.weights.matching.wanted_tensors import WantedTensor

OWN = {"W": (3, 2), "U": (2, 2), "b": (2,)}
BOTH = [f"{way}_{name}" for way in ("forward", "backward") for name in OWN]


def wanted(*layers: str) -> dict[tuple[str, str], WantedTensor]:
    return {(x, t): WantedTensor(OWN[t.rpartition("_")[2]]) for x in layers for t in BOTH}


def stored(names: list[str]) -> dict[str, TensorInfo]:
    """Tensors of these names, whose last letter says what they are."""
    ends = {name: name.removesuffix(":0").rstrip("0123456789").rstrip("_")[-1] for name in names}
    return {name: TensorInfo(name, OWN[end], "float32") for name, end in ends.items()}


@pytest.mark.parametrize(
    ("inner", "written"),
    [("rnn_1", "rnn_1"), ("forward_rnn_1", "rnn_1"), ("forward_rnn_1", "forward_rnn_1")],
)
@pytest.mark.parametrize("group", ["", "both/", "model_weights/both/"])
@pytest.mark.parametrize("end", ["", ":0"])
def test_names_by_the_layer_inside(inner, written, group, end):
    """1.0.8 and 1.1.2 wrote the name that the wrapper had given to the very layer."""
    keys = {
        t: f"{group}{way}_{written}_{own}{end}"
        for t in BOTH
        for way, own in [t.split("_")]
    }  # fmt: skip
    found = match_by_name(wanted("both"), stored([*keys.values()]), wrapped={"both": inner})
    assert {tensor: s.key for (_, tensor), s in found.items()} == keys


def test_tensorflow_numbers_the_second_of_a_name():
    """Two wrappers around layers of one name: their groups tell them apart, and the order."""
    names = {
        "bi_1": [f"forward_rnn_{n}:0" for n in OWN] + [f"backward_rnn_{n}:0" for n in OWN],
        "bi_2": [f"forward_rnn_{n}_1:0" for n in OWN] + [f"backward_rnn_{n}_1:0" for n in OWN],
    }
    layers = [
        StoredLayer(group, tuple((name, f"{group}/{name}") for name in own))
        for group, own in names.items()
    ]
    tensors = stored([key for layer in layers for _, key in layer.tensors])
    found = match_by_layer_order(layers, wanted("x", "y"), tensors)
    assert found["x", "forward_W"].key == "bi_1/forward_rnn_W:0"
    assert found["y", "backward_b"].key == "bi_2/backward_rnn_b_1:0"


def test_a_nested_model_is_taken_apart():
    """One group holds a Bidirectional and a layer of the same name as the one inside it."""
    own = [f"{way}_rnn_{n}" for way in ("forward", "backward") for n in OWN]
    names = [*own, *(f"rnn_{n}" for n in OWN)]
    layers = [StoredLayer("model_1", tuple((name, name) for name in names))]
    plain = {("r", name): WantedTensor(shape) for name, shape in OWN.items()}
    found = match_by_layer_order(layers, wanted("both") | plain, stored(names))
    assert [found["both", t].key for t in BOTH] == own
    assert [found["r", t].key for t in OWN] == [f"rnn_{n}" for n in OWN]


def test_a_layer_that_somebody_named_forward_is_none():
    layers = [StoredLayer("forward_rnn", tuple((f"forward_rnn_{n}", f"f/{n}") for n in OWN)),
              StoredLayer("bi", tuple((f"{w}_r_{n}", f"{w}/{n}") for w in ("forward", "backward")
                                      for n in OWN))]  # fmt: skip
    tensors = stored([key for layer in layers for _, key in layer.tensors])
    plain = {("p", name): WantedTensor(shape) for name, shape in OWN.items()}
    found = match_by_layer_order(layers, plain | wanted("both"), tensors)
    assert found["p", "W"].key == "f/W"
    assert found["both", "forward_W"].key == "forward/W"


def test_what_is_told_of_a_name():
    assert directed("forward_lstm_1_W_i", "forward_W_i") == "forward_lstm_1"
    assert directed("backward_lstm_1_W_i", "backward_W_i") == "forward_lstm_1"
    assert directed("backward_lstm_1_W_i", "forward_W_i") is None
    assert directed("forward_W_i", "forward_W_i") is None
    assert directed("lstm_1_W_i", "W_i") is None
    assert list(named_after("lstm_1", "W_i")) == ["lstm_1_W_i"]
    assert list(named_after("lstm_1", "forward_W_i")) == ["forward_lstm_1_W_i"]


@pytest.mark.parametrize("ours", ["cpu", "gpu"])
def test_the_other_layout_of_gates_is_named(ours):
    """Keras 1.x itself reads a file of consume_less: gpu as no other's, nor the other way round."""
    names = {"gpu": ["W", "U", "b"], "cpu": [f"{t}_{g}" for g in "zrh" for t in "WUb"]}
    theirs = "gpu" if ours == "cpu" else "cpu"
    keys = [f"gru_1/gru_1_{name}:0" for name in names[theirs]]
    layers = [StoredLayer("gru_1", tuple((key.split("/")[1], key) for key in keys))]
    tensors = {key: TensorInfo(key, (2,), "float32") for key in keys}
    own = {("gru_1", name): WantedTensor((2,)) for name in names[ours]}
    with pytest.raises(Problem) as caught:
        match_by_layer_order(layers, own, tensors)
    kind = "all gates side by side" if theirs == "gpu" else "each gate"
    assert caught.value.hint == (
        f"the file has the tensors of {kind}: a layer that says consume_less: {theirs} reads them"
    )
