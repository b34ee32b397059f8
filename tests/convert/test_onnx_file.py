"""The ONNX file itself: names, types, what it says of its origin, how it is written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import speccompiler
from speccompiler.cli.main import run as command
from speccompiler.convert.conversion import convert
from speccompiler.convert.onnx import onnx_file
from speccompiler.convert.onnx.of_model import onnx_model
from speccompiler.convert.onnx.protobuf import IR_VERSION, OPSET
from speccompiler.diagnostics.core import SpecError
from tests.cases import array, build, spec
from tests.convert.onnx_runs import assert_close, assert_same, exported, judged, kinds, run, samples

LAYERS: list[dict[str, Any]] = [
    {"type": "Convolution2D", "name": "conv1", "nb_filter": 3, "nb_row": 3, "nb_col": 2},
    {"type": "Activation", "name": "act", "activation": "relu"},
    {"type": "Flatten", "name": "flat"},
    {"type": "Dense", "name": "class", "output_dim": 2, "activation": "softmax"},
]


def names(entries: Any) -> list[str]:
    return [entry.name for entry in entries]


def sizes(entry: Any) -> list[Any]:
    return [d.dim_param or d.dim_value for d in entry.type.tensor_type.shape.dim]


def test_names_and_versions() -> None:
    made = exported(build(LAYERS, [5, 4, 2]))
    assert (made.ir_version, made.opset_import[0].version) == (IR_VERSION, OPSET) == (8, 17)
    graph = made.graph
    assert names(graph.input) == ["conv1_input"]
    assert names(graph.output) == ["class"]
    assert sizes(graph.input[0]) == ["N", 5, 4, 2]
    assert names(graph.node) == [
        "conv1/Transpose", "conv1", "act", "flat/Transpose", "flat", "class:conv", "class",
    ]  # fmt: skip
    assert names(graph.initializer)[:2] == ["conv1/W", "conv1/b"]
    assert {t.data_type for t in graph.initializer} == {
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.INT64,
    }


def test_open_lengths_have_names() -> None:
    layers = [{"type": "MaxPooling1D", "name": "pool", "pool_length": 3, "stride": 2}]
    made = exported(build(layers, [None, 2]))
    assert sizes(made.graph.input[0]) == ["N", "T", 2]
    assert sizes(made.graph.output[0]) == ["N", "ceil((T - 2)/2)", 2]


def test_inputs_have_the_names_of_input_layers() -> None:
    layers = [
        {"type": "InputLayer", "name": "left", "input_shape": [3]},
        {"type": "InputLayer", "name": "right", "input_shape": [3]},
        {"type": "Dense", "name": "d", "output_dim": 3},
        {"type": "Merge", "name": "sum", "inputs": ["left", "d"], "mode": "sum"},
    ]
    model = build(layers, outputs=["sum", "left", "d"])
    made = exported(model)
    assert names(made.graph.input) == ["left", "right"]
    assert names(made.graph.output) == ["sum", "left_output", "d"]
    given = samples(model)
    assert_close(run(made, given), judged(model, given))


def test_an_input_is_rounded_to_its_type() -> None:
    model = build([{"type": "Flatten", "input_dtype": "uint8", "input_shape": [2, 2]}])
    made = exported(model)
    assert kinds(made) == ["Cast", "Cast", "Reshape"]
    x = np.array([[[0.2, 1.9], [254.5, 3.0]]], np.float32)
    assert run(made, [x])[0].tolist() == [[0, 1, 254, 3]]


def test_a_shared_tensor_is_there_once() -> None:
    layers = [
        {"type": "InputLayer", "name": "a", "input_shape": [3]},
        {"type": "InputLayer", "name": "b", "input_shape": [3]},
        {"type": "Dense", "name": "d", "output_dim": 4, "inputs": ["a"]},
        {"type": "Shared", "layer": "d", "name": "d2", "inputs": ["b"]},
        {"type": "Merge", "mode": "concat", "inputs": ["d", "d2"]},
    ]
    model = build(layers)
    made = assert_same(model, samples(model))
    tensors = [name for name in names(made.graph.initializer) if "/" in name]
    assert tensors == ["d/W", "d/b"]


def test_kernels_are_reversed_for_theano() -> None:
    """What Theano's convolution does is in the numbers."""
    w = array(3, 2, 2, 3)
    layer = {"type": "Convolution2D", "name": "c", "nb_filter": 3, "nb_row": 2, "nb_col": 2}
    for semantics in ("tensorflow", "theano"):
        model = build([{**layer, "weights": [np.array(w).transpose(1, 2, 3, 0).tolist(),
                       [0, 0, 0]]}], [4, 4, 3], semantics=semantics)  # fmt: skip
        made = assert_same(model, samples(model))
        (kernel,) = (numpy_helper.to_array(t) for t in made.graph.initializer if t.name == "c/W")
        stored = np.array(w, np.float32).transpose(0, 3, 1, 2)
        wanted = stored if semantics == "tensorflow" else stored[:, :, ::-1, ::-1]
        assert np.array_equal(kernel, wanted)


def test_other_semantics_and_orderings() -> None:
    model = build(LAYERS, [2, 5, 4], semantics="theano", dim_ordering="th")
    (x,) = samples(model)
    made = exported(model, semantics="tensorflow", dim_ordering="tf")
    assert sizes(made.graph.input[0]) == ["N", 5, 4, 2]
    assert_close(run(made, [x.transpose(0, 2, 3, 1)]), judged(model, [x]))
    assert "Converted from theano to tensorflow semantics" in made.doc_string


def test_where_it_is_from(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(spec(LAYERS, [5, 4, 2], seed=4, name="small"))
    model = speccompiler.load(path)
    made = onnx_model(convert(model))
    facts = {entry.key: entry.value for entry in made.metadata_props}
    assert list(facts) == [
        "convspec_version", "source", "semantics", "model_sha256", "weights_sha256",
    ]  # fmt: skip
    assert (facts["source"], facts["semantics"]) == ("small.yaml", "tensorflow")
    assert facts["weights_sha256"] == model.weights_hash
    assert (made.producer_name, made.producer_version) == ("convspec", speccompiler.__version__)
    assert (made.graph.name, made.doc_string) == (
        "small",
        "Made by convspec convert from small.yaml.",
    )
    again = onnx_model(convert(speccompiler.load(path)))
    assert made.SerializeToString() == again.SerializeToString()


def test_nothing_without_weights() -> None:
    with pytest.raises(SpecError) as caught:
        onnx_model(convert(build(LAYERS, [5, 4, 2], seed=None)))
    assert {d.code for d in caught.value.diagnostics} == {"CS095"}


def test_what_onnx_cannot_say_is_refused() -> None:
    layers = [{"type": "Cropping1D", "cropping": [2, 2]}, {"type": "Flatten", "name": "flat"}]
    with pytest.raises(SpecError) as caught:
        onnx_model(convert(build(layers, [4, 2])))
    (found,) = caught.value.diagnostics
    assert (found.code, found.layer) == ("CS250", "flat")
    assert found.message == "ONNX cannot say a shape in which a length is 0"


def test_many_weights_go_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_file, "MOST_BYTES", 4000)
    model = build([{"type": "Dense", "name": "d", "output_dim": 40},
                   {"type": "Dense", "name": "e", "output_dim": 20}], [30])  # fmt: skip
    path = tmp_path / "m.onnx"
    written = onnx_file.write_onnx(path, onnx_model(convert(model)))
    assert written == onnx_file.Written(2, 4, tmp_path / "m.onnx.data")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.onnx", "m.onnx.data"]
    onnx.checker.check_model(str(path), full_check=True)
    made = onnx.load(str(path), load_external_data=False)
    places = {t.name: {e.key: e.value for e in t.external_data} for t in made.graph.initializer}
    assert places["d/W"] == {"location": "m.onnx.data", "offset": "0", "length": "4800"}
    assert places["e/W"] == {"location": "m.onnx.data", "offset": "8192", "length": "3200"}
    assert places["d/b"] == {}
    given = samples(model)
    assert_close(run(str(path), given), judged(model, given))


def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"old")
    made = onnx_model(convert(build([{"type": "Dense", "output_dim": 2}], [3])))

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(onnx_file, "write_all", full)
    with pytest.raises(SpecError) as caught:
        onnx_file.write_onnx(path, made)
    assert [d.code for d in caught.value.diagnostics] == ["CS121"]
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(spec([{"type": "Dense", "output_dim": 2}], [3], seed=1))
    assert command(["convert", "m.yaml", "--output", "m.onnx"]) == 0
    assert capsys.readouterr().out == "wrote m.onnx: 1 node, 2 tensors\n"
    onnx.checker.check_model("m.onnx", full_check=True)
    assert command(["convert", "m.yaml", "-o", "n.onnx", "--weights-output", "w.safetensors"]) == 2
    assert "--weights-output: n.onnx holds the weights itself" in capsys.readouterr().err
    assert command(["convert", "m.yaml", "-o", "m.pb"]) == 2
    assert "in .onnx for an ONNX model" in capsys.readouterr().err
    assert command(["convert", "m.yaml", "-o", "nowhere/m.onnx"]) == 2
    assert "CS120" in capsys.readouterr().err


def test_a_missing_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(spec([{"type": "Dense", "output_dim": 2}], [3], seed=1))
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert command(["convert", "m.yaml", "-o", "m.onnx"]) == 2
    assert capsys.readouterr().err == (
        "m.onnx: error CS104: ONNX files need the package onnx, which is not installed\n"
        '  hint: pip install "convspec[onnx]"\n\nfound 1 error\n'
    )


def test_an_extra_that_cannot_be_imported_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(spec([{"type": "Dense", "output_dim": 2}], [3], seed=1))
    Path("onnx.py").write_text("raise ImportError('no libprotobuf')")
    monkeypatch.delitem(sys.modules, "onnx")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert command(["convert", "m.yaml", "-o", "m.onnx"]) == 2
    assert capsys.readouterr().err == (
        "m.onnx: error CS104: ONNX files need the package onnx, which cannot be imported: "
        "no libprotobuf\n"
        '  hint: install it again: pip install --force-reinstall "convspec[onnx]"\n\n'
        "found 1 error\n"
    )


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """convspec reads its own file to the same numbers, and writes it again."""
    layers = [
        *LAYERS[:2],
        {"type": "MaxPooling2D", "name": "pool", "border_mode": "same"},
        {"type": "Reshape", "name": "rows", "target_shape": [4, 3]},
        {"type": "LSTM", "name": "lstm", "output_dim": 2, "return_sequences": True},
        {"type": "LSTM", "name": "last", "output_dim": 3},
    ]
    model = build(layers, [2, 5, 4], semantics="theano", dim_ordering="th")
    path = tmp_path / "m.onnx"
    made = onnx_model(convert(model))
    onnx_file.write_onnx(path, made)
    again = speccompiler.load(path)
    given = samples(model)
    assert_close(judged(again, given), judged(model, given))
    assert command(["convert", str(path), "-o", str(tmp_path / "n.onnx")]) == 0
    second = onnx.load(str(tmp_path / "n.onnx"))
    assert kinds(second)[:4] == kinds(made)[:4] == ["Conv", "Relu", "MaxPool", "Reshape"]
    assert_close(run(second, given), judged(model, given))
