"""Encoders and decoders: last states that are outputs, and layers that are called on states.

What Keras 2, tf.keras and Keras 3 write of them, against the steps written out in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.loading.keras2.test_keras2 import (
    KERAS2,
    KERAS3,
    TFK,
    errors,
    functional,
    good,
    layer,
    member,
)
from tests.lowering.formulas import TARGETS, refused, run
from tests.lowering.test_random_recurrent import apart, step

UNITS, CHANNELS = 4, 3
STATES = {"SimpleRNN": 1, "GRU": 1, "LSTM": 2}
ARGUMENTS = {"activation": "tanh", "return_state": True, "trainable": True}


def tensor(name: str, output: int = 0) -> dict[str, Any]:
    history = {"shape": [None], "dtype": "float32", "keras_history": [name, 0, output]}
    return {"class_name": "__keras_tensor__", "config": history}


def called(form: str, x: str, of: str, outputs: list[int]) -> list[Any]:
    """``inbound_nodes`` of a layer that is called on a value and on outputs of another layer."""
    if form == "Keras 2":
        return [[[x, 0, 0, {}], *([of, 0, k, {}] for k in outputs)]]
    if form == "tf.keras":
        return [[[x, 0, 0, {"initial_state": [[of, 0, k] for k in outputs]}]]]
    states = {"initial_state": [tensor(of, k) for k in outputs]}
    return [{"args": [tensor(x)], "kwargs": states}]


def translator(kind: str, form: str, mask: bool) -> dict[str, Any]:
    """A layer that reads ``source``, and one that goes on from its states with ``target``."""
    numbers = [k + 1 for k in range(STATES[kind])]
    says = {**ARGUMENTS, "units": UNITS, "return_sequences": True}
    if kind != "SimpleRNN":
        says["recurrent_activation"] = "sigmoid"
    masking = member("Masking", "masked", "source", mask_value=0.0, trainable=True)
    front = [masking] if mask else []
    from_ = "masked" if mask else "source"
    encoder = layer(kind, "encoder", **{**says, "return_sequences": False})
    inbound = [[[from_, 0, 0, {}]]]
    members = [
        *(member("InputLayer", name, batch_input_shape=[None, None, CHANNELS], dtype="float32")
          for name in ("source", "target")),
        *front,
        {**encoder, "name": "encoder", "inbound_nodes": inbound},
        {**layer(kind, "decoder", **says), "name": "decoder",
         "inbound_nodes": called(form, "target", "encoder", numbers)},
    ]  # fmt: skip
    if form == "Keras 3":
        for one in members:
            if one["inbound_nodes"] and one["name"] != "decoder":
                read = one["inbound_nodes"][0][0][0]
                one["inbound_nodes"] = [{"args": [tensor(read)], "kwargs": {}}]
    said = {"Keras 2": KERAS2, "tf.keras": TFK, "Keras 3": KERAS3}[form]
    outputs = [["decoder", 0, 0], *(["decoder", 0, k] for k in numbers)]
    return functional(*members, outputs=outputs, **said)


def steps(kind: str, w: Any, x: Any, state: list[Any], kept: Any = None) -> Any:
    """The outputs of all steps, and the last states."""
    config = {"activation": "tanh", "inner_activation": "sigmoid"}
    rows = []
    for t in range(x.shape[1]):
        new = step(kind, config, w, x[:, t], state)
        here = np.ones((len(x), 1), bool) if kept is None else kept[:, t, None]
        state = [np.where(here, a, b) for a, b in zip(new, state, strict=True)]
        rows.append(state[0])
    return np.stack(rows, 1), state


def values(rng: Any, count: int) -> Any:
    return rng.uniform(-1, 1, (3, count, CHANNELS)).astype(np.float32)


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("form", ["Keras 2", "tf.keras", "Keras 3"])
@pytest.mark.parametrize("kind", STATES)
def test_a_decoder_goes_on_from_the_states_of_an_encoder(kind, form, mask, rng):
    model = good(translator(kind, form, mask), seed=1)
    x, y = values(rng, 5), values(rng, 2)
    x[0, 3:] = x[1] = 0
    read = model.weight_sources.read()
    of = {name: apart(kind, {w.tensor: np.asarray(a, np.float64) for w, a in read.items()
                             if w.layer == name}, UNITS)
          for name in ("encoder", "decoder")}  # fmt: skip
    kept = (x != 0).any(-1) if mask else None
    nought = [np.zeros((len(x), UNITS))] * STATES[kind]
    _, state = steps(kind, of["encoder"], x, nought, kept)
    wanted, last = steps(kind, of["decoder"], y, state)
    for target in TARGETS:
        shapes = {"source": x.shape[1:], "target": y.shape[1:]}
        found = model.compile(target, input_shape=shapes).run({"source": x, "target": y})
        for one, other in zip(found, [wanted, *last], strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("form", ["Keras 2", "tf.keras", "Keras 3"])
def test_masked_steps_of_a_decoder(form, rng):
    """Skipped up to tf.keras; first ones give the states in Keras 2, and zeros in tf.keras.

    Keras 3 gives a call on states no mask (keras 3.15 layers/layer.py:948, measured).
    """
    model = good(masked_decoder(form), seed=1)
    x = values(rng, 4)
    x[0, 2:] = x[1, :2] = 0
    h, c = rng.uniform(-1, 1, (2, len(x), UNITS)).astype(np.float32)
    w = {w.tensor: np.asarray(a, np.float64) for w, a in model.weight_sources.read().items()}
    kept = None if form == "Keras 3" else (x != 0).any(-1)
    wanted, _ = steps("LSTM", apart("LSTM", w, UNITS), x, [h, c], kept)
    if form == "tf.keras":
        wanted[1, :2] = 0
    for target in TARGETS:
        found = model.compile(target, input_shape={"x": x.shape[1:], "h": (UNITS,), "c": (UNITS,)})
        np.testing.assert_allclose(found.run({"x": x, "h": h, "c": c}), wanted, atol=1e-6)


def masked_decoder(form: str) -> dict[str, Any]:
    says = {"units": UNITS, "activation": "tanh", "recurrent_activation": "sigmoid",
            "return_sequences": True, "trainable": True}  # fmt: skip
    masking: Any = member("Masking", "masked", "x", mask_value=0.0, trainable=True)
    inbound: Any = [[["masked", 0, 0, {"initial_state": [["h", 0, 0], ["c", 0, 0]]}]]]
    if form == "Keras 2":
        inbound = [[["masked", 0, 0, {}], ["h", 0, 0, {}], ["c", 0, 0, {}]]]
    if form == "Keras 3":
        masking["inbound_nodes"] = [{"args": [tensor("x")], "kwargs": {}}]
        states = {"initial_state": [tensor("h"), tensor("c")]}
        inbound = [{"args": [tensor("masked")], "kwargs": states}]
    shapes = {"x": [None, None, CHANNELS], "h": [None, UNITS], "c": [None, UNITS]}
    members = [
        *(member("InputLayer", name, batch_input_shape=shape, dtype="float32")
          for name, shape in shapes.items()),
        masking,
        {**layer("LSTM", "decoder", **says), "name": "decoder", "inbound_nodes": inbound},
    ]  # fmt: skip
    said = {"Keras 2": KERAS2, "tf.keras": TFK, "Keras 3": KERAS3}[form]
    return functional(*members, outputs=[["decoder", 0, 0]], **said)


@pytest.mark.parametrize("target", TARGETS)
def test_a_bidirectional_layer_leaves_the_states_of_both_directions(target, rng):
    both = {"type": "Bidirectional", "name": "both", "merge_mode": "sum",
            "layer": {"type": "LSTM", "output_dim": 2}}  # fmt: skip
    x = values(rng, 4)
    forward, _, backward, _ = (
        run([both, {"type": "State", "index": k}], x, target, seed=3) for k in range(4)
    )
    np.testing.assert_allclose(forward + backward, run([both], x, target, seed=3), atol=1e-6)


@pytest.mark.parametrize("ordering", ["tf", "th"])
@pytest.mark.parametrize("target", TARGETS)
def test_films_go_on_from_the_states_of_the_film_before(target, ordering, rng):
    film = {"type": "ConvLSTM2D", "name": "film", "nb_filter": 2, "nb_row": 3, "nb_col": 2,
            "border_mode": "same", "dim_ordering": ordering}  # fmt: skip
    x = rng.uniform(-1, 1, (2, 4, 3, 5, 6)).astype(np.float32)
    start = {"type": "Slice", "axis": 1, "stop": 2}
    first = [
        {"type": "Activation", "name": "x", "activation": "linear"},
        {**start, "name": "one", "inputs": "x"},
        {**start, "name": "two", "inputs": "x", "start": 2, "stop": None},
        {**film, "name": "film", "inputs": "one"},
        {"type": "State", "name": "h", "inputs": "film"},
        {"type": "State", "name": "c", "inputs": "film", "index": 1},
        {"type": "Shared", "layer": "film", "name": "rest", "inputs": ["two", "h", "c"]},
    ]
    whole = run([film], x, target, seed=5)
    np.testing.assert_allclose(run(first, x, target, seed=5), whole, atol=1e-6)


LSTM = {"type": "LSTM", "name": "lstm", "output_dim": 3}


@pytest.mark.parametrize(
    ("layers", "code", "message"),
    [
        ([{"type": "Dense", "name": "d", "output_dim": 3}, {"type": "State"}], "CS068",
         "'d' leaves no states behind; there is no state 0"),
        ([{**LSTM, "type": "GRU"}, {"type": "State", "index": 1}], "CS068",
         "'lstm' leaves 1 state behind; there is no state 1"),
        ([{"type": "TimeDistributed", "name": "t", "layer": {"type": "RepeatVector", "n": 2}},
          {"type": "TimeDistributed", "name": "u", "layer": LSTM | {"name": None}},
          {"type": "State"}], "CS068", "'u' leaves no states behind; there is no state 0"),
        ([LSTM, {"type": "Dense", "name": "d", "output_dim": 2},
          {**LSTM, "name": "next", "inputs": ["x", "lstm", "d"]}], "CS063",
         "this LSTM begins with states of shape (3,); 'd' has shape (2,)"),
        ([LSTM, {**LSTM, "name": "next", "inputs": ["x", "lstm"]}], "CS062",
         "LSTM takes one input, or that and the 2 states that it begins with; here it has 2: "
         "'x', 'lstm'"),
        ([LSTM, {**LSTM, "type": "GRU", "name": "next", "inputs": ["x", "lstm", "lstm"]}], "CS062",
         "GRU takes one input, or that and the state that it begins with; here it has 3: "
         "'x', 'lstm', 'lstm'"),
    ],
)  # fmt: skip
def test_states_that_are_not_there(layers, code, message):
    x = {"type": "Activation", "name": "x", "activation": "linear"}
    if "RepeatVector" in str(layers):
        x = {"type": "Reshape", "name": "x", "target_shape": [5, 4]}
    found = refused([x, *layers], (5, 4))
    assert (found.code, found.message) == (code, message)


def test_what_is_no_state(rng):
    model = translator("LSTM", "tf.keras", mask=False)
    (decoder,) = (m for m in model["config"]["layers"] if m["name"] == "decoder")
    decoder["inbound_nodes"][0][0][3]["initial_state"] = [1.0, 2.0]
    said = "'decoder' is called with the argument 'initial_state', which is not read"
    assert ("CS242", said) in errors(model)
    model = translator("LSTM", "Keras 2", mask=False)
    model["config"]["output_layers"] = [["decoder", 0, 3]]
    assert errors(model) == [("CS061", "layer 'decoder' has 3 outputs: there is no output 3")]
