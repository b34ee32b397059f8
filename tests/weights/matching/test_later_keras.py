"""Weights that Keras 2 saved: other names and other layouts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import speccompiler
from speccompiler.diagnostics.core import SpecError
from speccompiler.source.texts import parse_document
from speccompiler.weights.matching.later_groups import groups_by_name
from speccompiler.weights.matching.saved_paths import layers_of_paths, snake_case
from tests.weights.saved_by_hand import (
    KERNEL,
    LAYERS,
    SPEC,
    WEIGHTS,
    notes,
    refusal,
)

KERAS3 = {"keras_version": "3.15.0"}
pytestmark = pytest.mark.usefixtures("folder")


def keras2(ending: str, kernel: np.ndarray = KERNEL) -> str:
    tensors = [kernel, *WEIGHTS[1:]]
    own = ["kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "kernel", "bias"]
    owners = [layer for layer, mine in LAYERS for _ in mine]
    if ending == "npz":
        named = {
            f"{layer}/{name}:0": w for layer, name, w in zip(owners, own, tensors, strict=True)
        }
        np.savez("k2.npz", **named)
        return "k2.npz"
    with h5py.File("k2.h5", "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = b"2.1.6", b"tensorflow"
        file.attrs["layer_names"] = [b"conv1", b"bn", b"fc"]
        for layer, name, values in zip(owners, own, tensors, strict=True):
            group = file.require_group(layer)
            group[f"{layer}/{name}:0"] = values
            mine = [n for o, n in zip(owners, own, strict=True) if o == layer]
            group.attrs["weight_names"] = [f"{layer}/{n}:0".encode() for n in mine]
    return "k2.h5"


@pytest.mark.parametrize("ending", ["h5", "npz"])
def test_weights_of_keras_2_by_their_names(ending: str) -> None:
    assert notes(keras2(ending)) == []


def test_weights_of_keras_2_by_the_order_of_layers() -> None:
    renamed = SPEC.replace("name: conv1", "name: first").replace("name: fc", "name: last")
    assert renamed.count("first") == renamed.count("last") == 1
    Path("m.yaml").write_text(renamed)
    model = speccompiler.load("m.yaml", weights=keras2("h5"))
    (note,) = [d for d in model.diagnostics if d.code == "CS108"]
    assert note.message == (
        "Keras 2.1.6 wrote these tensors, and names them kernel, bias, moving_mean .., so weights "
        "were matched by the order of the layers, as Keras does: 'first' from 'conv1/conv1', "
        "'last' from 'fc/fc'"
    )


def test_a_kernel_of_keras_2_under_th() -> None:
    """Keras 2 stores (rows, columns, in, out) under both orderings."""
    Path("m.yaml").write_text(
        SPEC.replace("tf", "th")
        .replace("[5, 4, 2]", "[2, 5, 4]")
        .replace("0.001", "0.001, axis: 1")
    )
    model = speccompiler.load("m.yaml", weights=keras2("h5"))
    read = {w.name: a for w, a in model.weight_sources.read().items()}
    assert np.array_equal(read["conv1", "W"], KERNEL.transpose(3, 2, 0, 1))
    # Its square kernel would fit without a transposition as well, and is not left as it is.
    Path("m.yaml").write_text(
        "convspec: 1\nsemantics: tensorflow\ninput_shape: [2, 5, 4]\nlayers:\n"
        "  - {type: Convolution2D, name: c, nb_filter: 2, nb_row: 2, nb_col: 2, dim_ordering: th,"
        " bias: false}\n"
    )
    square = np.arange(16, dtype=np.float32).reshape(2, 2, 2, 2)
    with h5py.File("k2.h5", "w") as file:
        file.attrs["keras_version"], file.attrs["layer_names"] = "2.0.2", ["c"]
        file["c/c/kernel:0"] = square
        file["c"].attrs["weight_names"] = ["c/kernel:0"]
    (array,) = speccompiler.load("m.yaml", weights="k2.h5").weight_sources.read().values()
    assert np.array_equal(array, square.transpose(3, 2, 0, 1))


def test_a_kernel_of_keras_2_over_steps() -> None:
    Path("m.yaml").write_text(
        "convspec: 1\nsemantics: tensorflow\ninput_shape: [5, 2]\nlayers:\n"
        "  - {type: Convolution1D, name: c, nb_filter: 4, filter_length: 3, bias: false}\n"
    )
    kernel = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
    with h5py.File("k2.h5", "w") as file:
        file.attrs["keras_version"], file.attrs["layer_names"] = "2.2.4", ["c"]
        file["c/c/kernel:0"] = kernel
        file["c"].attrs["weight_names"] = ["c/kernel:0"]
    (array,) = speccompiler.load("m.yaml", weights="k2.h5").weight_sources.read().values()
    assert np.array_equal(array, kernel.reshape(3, 1, 2, 4))


def test_names_of_keras_2_are_told_for_what_they_are() -> None:
    Path("m.yaml").write_text(SPEC.replace("name: fc", "name: last"))
    finding = refusal(keras2("npz"))
    assert finding.code == "CS105"
    assert finding.message.startswith("missing from the weight file: conv1/W (2, 3, 2, 3)")
    assert finding.message.endswith(
        "; Keras 2 wrote these tensors, and names them kernel, bias, moving_mean .."
    )
    assert finding.hint == (
        "the layers are Keras 1.x's, whose tensors are <layer>/W, b, running_mean, running_std: "
        "give the weights that Keras 1.x saved, or rename them so"
    )
    Path("m.yaml").write_text(SPEC)
    other = refusal(keras2("h5", KERNEL[:1]))
    assert other.code == "CS106"
    assert "Keras 2.1.6 wrote these tensors" in other.message
    assert other.hint == finding.hint


@pytest.mark.parametrize(("keys", "found"), [
    (["c/kernel:0", "c/bias:0"], {"c": ["c/kernel:0", "c/bias:0"]}),
    (["c/bias", "c/kernel"], {"c": ["c/kernel", "c/bias"]}),
    (["b/bias", "b/bias_1", "b/kernel", "b/kernel_1"],
     {"b": ["b/kernel", "b/bias", "b/kernel_1", "b/bias_1"]}),
    (["m/b/backward_l/l_cell/kernel", "m/b/forward_l/l_cell/kernel", "m/b/forward_l/l_cell/bias"],
     {"b": ["m/b/forward_l/l_cell/kernel", "m/b/forward_l/l_cell/bias",
            "m/b/backward_l/l_cell/kernel"]}),
    (["n/moving_variance", "n/gamma", "n/moving_mean", "n/beta", "n/count"],
     {"n": ["n/gamma", "n/beta", "n/moving_mean", "n/moving_variance"]}),
    (["layers/conv2d_1/vars/0", "layers/conv2d/vars/1", "layers/conv2d/vars/0",
      "optimizer/vars/0", "layers/dropout/seed_generator/vars/0"],
     {"one": ["layers/conv2d/vars/0", "layers/conv2d/vars/1"], "two": ["layers/conv2d_1/vars/0"]}),
    (["layers/bidirectional/backward_layer/cell/vars/0",
      "layers/bidirectional/forward_layer/cell/vars/0"],
     {"b": ["layers/bidirectional/forward_layer/cell/vars/0",
            "layers/bidirectional/backward_layer/cell/vars/0"]}),
    (["m/r/stacked/b_cell/kernel", "m/r/stacked/b_cell/bias", "m/r/stacked/a_cell/kernel"],
     {"r_cell1": ["m/r/stacked/b_cell/kernel", "m/r/stacked/b_cell/bias"],
      "r": ["m/r/stacked/a_cell/kernel"]}),
    (["r/kernel:0", "r/bias:0", "r/kernel_1:0", "r/bias_1:0"],
     {"r_cell1": ["r/kernel:0", "r/bias:0"], "r": ["r/kernel_1:0", "r/bias_1:0"]}),
    (["c/kernel", "d/kernel"], None),
])  # fmt: skip
def test_groups_by_the_names_of_later_keras(
    keys: list[str], found: dict[str, list[str]] | None
) -> None:
    owners = {"layers/conv2d": "one", "layers/conv2d_1": "two", "layers/bidirectional": "b"}
    groups = groups_by_name(keys, list(found or {"c": []}), owners)
    if found is None:
        assert groups is None
        return
    assert groups is not None
    assert {group.name: [key for _, key in group.tensors] for group in groups} == found


@pytest.mark.parametrize(("name", "path"), [
    ("Conv2D", "conv2d"), ("MaxPooling2D", "max_pooling2d"), ("LSTM", "lstm"), ("ReLU", "re_lu"),
    ("SimpleRNN", "simple_rnn"), ("BatchNormalization", "batch_normalization"),
    ("ConvLSTM2D", "conv_lstm2d"), ("TimeDistributed", "time_distributed"), ("PReLU", "p_re_lu"),
])  # fmt: skip
def test_classes_in_paths(name: str, path: str) -> None:
    """What real files of Keras 3 have."""
    assert snake_case(name) == path


def test_convspecs_own_names_of_a_model_of_keras_2() -> None:
    """In the order of the alphabet U stands before W, and has the shape of W here."""
    config = {"name": "l", "units": 3, "batch_input_shape": [None, 4, 3]}
    conv = {"name": "c", "filters": 3, "kernel_size": [2]}
    layers = [{"class_name": "LSTM", "config": {**config, "return_sequences": True}},
              {"class_name": "Conv1D", "config": conv}]  # fmt: skip
    whole = {"class_name": "Sequential", "config": layers, "keras_version": "2.1.6"}
    Path("k.json").write_text(json.dumps({**whole, "backend": "tensorflow"}))
    wanted = speccompiler.load("k.json").graph.weights()
    rng = np.random.default_rng(0)
    arrays = {f"{w.layer}/{w.tensor}": rng.random(w.stored_shape, np.float32) for w in wanted}
    np.savez("w.npz", **{name: arrays[name] for name in sorted(arrays)})
    found = speccompiler.load("k.json", weights="w.npz").weight_sources.read()
    assert len(found) == 5
    assert all(np.array_equal(arrays[f"{w.layer}/{w.tensor}"], a) for w, a in found.items())


@pytest.mark.parametrize("names", ["012", ("mean", "variance", "count")])
def test_a_file_of_keras_3_tells_no_backend_and_counts_samples(names: Sequence[str]) -> None:
    """Its names have no ``:0`` on any backend; a Normalization keeps how many it has seen."""
    config = {"name": "n", "axis": [-1], "batch_input_shape": [None, 2]}
    layers = [{"class_name": "Normalization", "config": config}]
    Path("m.json").write_text(
        json.dumps({"class_name": "Sequential", "config": {"layers": layers}, **KERAS3})
    )
    place = "layers/normalization/vars" if names[0] == "0" else "n/n"
    with h5py.File("k3.h5", "w") as file:
        for name, values in zip(names, ([1.0, 2.0], [4.0, 9.0], np.int32(7)), strict=True):
            file[f"{place}/{name}"] = values
        if place == "n/n":
            file.attrs["keras_version"], file.attrs["layer_names"] = "3.15.0", ["n"]
            file["n"].attrs["weight_names"] = [f"n/{name}" for name in names]
    model = speccompiler.load("m.json", weights="k3.h5")
    assert model.compile("reference").run(np.array([[3, 8]], np.float32)).tolist() == [[1, 2]]
    assert [d.code for d in (*model.diagnostics, *model.weight_sources.diagnostics)] == []


def test_layers_of_equal_names_and_cells_on_one_another_have_paths_of_their_own() -> None:
    def of(kind: str, name: str, **config: Any) -> dict[str, Any]:
        return {"class_name": kind, "config": {"name": name, **config}}

    def tower(name: str) -> dict[str, Any]:
        start = of("InputLayer", "start", batch_shape=[None, 3])
        return of("Sequential", name, layers=[start, of("Dense", "fc", units=2)])

    cells = [of("GRUCell", "a"), of("LSTMCell", "b"), of("GRUCell", "c")]
    stack = of("RNN", "scan", cell=of("StackedRNNCells", "cells", cells=cells))
    held = of("TimeDistributed", "td", layer=of("Dense", "inner", units=2))
    model = of("Functional", "net", layers=[tower("left"), tower("right"), stack, held])
    document = parse_document(json.dumps(model), "m.json")
    paths = layers_of_paths(document.root)
    assert {path: name for path, name in paths.items() if path.startswith("layers/")} == {
        "layers/sequential/layers/dense": "fc",
        "layers/sequential_1/layers/dense": "right_fc",
        "layers/rnn": "scan",
        "layers/rnn/cell/cells/gru_cell": "scan_cell1",
        "layers/rnn/cell/cells/lstm_cell": "scan_cell2",
        "layers/rnn/cell/cells/gru_cell_1": "scan",
        "layers/time_distributed": "td",
    }


def test_a_file_of_another_model_of_the_same_keras_is_told_as_that() -> None:
    dense = {
        "class_name": "Dense",
        "config": {"name": "d", "units": 2, "batch_input_shape": [1, 3]},
    }
    model = {"class_name": "Sequential", "config": [dense], "keras_version": "2.2.4"}
    Path("m.json").write_text(json.dumps({**model, "backend": "tensorflow"}))
    with h5py.File("k2.h5", "w") as file:
        file.attrs["keras_version"] = "2.2.4"
        file["c/c/kernel:0"], file["e/e/kernel:0"] = np.zeros((3, 2)), np.zeros((2, 2))
    with pytest.raises(SpecError) as caught:
        speccompiler.load("m.json", weights="k2.h5")
    (found,) = caught.value.diagnostics
    assert (found.code, found.hint) == (
        "CS105",
        "check that the file belongs to this model: it holds weights of other layers, or of "
        "another number of them",
    )
