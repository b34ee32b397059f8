"""Models as .keras files: what is in them, what is refused, and what Keras 3 makes of them.

Tests that need Keras are marked: ``make test-keras``.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any, get_args

import h5py
import numpy as np
import pytest

import speccompiler
from speccompiler.cli.main import run as command
from speccompiler.convert.conversion import convert
from speccompiler.convert.keras3.builder import KerasLayer, Value, snake_case
from speccompiler.convert.keras3.keras_file import write_keras
from speccompiler.convert.keras3.of_model import keras_model
from speccompiler.convert.keras3.order import in_order
from speccompiler.convert.keras3.table import LAYERS, REFUSED
from speccompiler.diagnostics.core import SpecError
from speccompiler.graph import ir
from speccompiler.model import Model
from tests.cases import CASES, ROWS, build, row_id, spec, variant_layers
from tests.completeness import assert_rows
from tests.convert.onnx_runs import assert_close, judged, samples
from tests.onnx.made_models import model as onnx_model_of
from tests.onnx.made_models import node, random
from tests.test_examples import EXAMPLES, SPECS

UNSEEN = {"name", "trainable", "init", "batch_input_shape", "input_dtype"}
"""Arguments that change nothing in the layers of a file."""


def test_every_operation_is_told() -> None:
    table = "LAYERS or REFUSED (speccompiler/convert/keras3/table.py)"
    assert_rows(table, [*LAYERS, *REFUSED, ir.Input], get_args(ir.Op))
    assert not set(LAYERS) & set(REFUSED)


def written(model: Model, path: Path) -> Path:
    write_keras(path, keras_model(convert(model)))
    return path


NETWORK: list[dict[str, Any]] = [
    {"type": "ZeroPadding2D", "name": "pad", "padding": [1, 1]},
    {"type": "Convolution2D", "name": "conv", "nb_filter": 3, "nb_row": 3, "nb_col": 3,
     "activation": "relu"},
    {"type": "BatchNormalization", "name": "bn", "mode": 0, "axis": -1},
    {"type": "MaxPooling2D", "name": "pool"},
    {"type": "Convolution2D", "name": "more", "nb_filter": 2, "nb_row": 2, "nb_col": 1,
     "activation": "hard_sigmoid"},
    {"type": "Flatten", "name": "flat"},
    {"type": "Dropout", "name": "drop", "p": 0.5},
    {"type": "Dense", "name": "class", "output_dim": 2, "activation": "softmax"},
]  # fmt: skip


def test_what_is_in_a_file(tmp_path: Path) -> None:
    model = build(NETWORK, [6, 8, 2], name="net")
    path = written(model, tmp_path / "m.keras")
    archive = zipfile.ZipFile(path)
    assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
    assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    metadata = json.loads(archive.read("metadata.json"))
    assert metadata["keras_version"] == "3.0.0"
    assert metadata["weights_sha256"] == model.weights_hash
    config = json.loads(archive.read("config.json"))
    layers = config["config"]["layers"]
    assert [(layer["class_name"], layer["name"]) for layer in layers] == [
        ("InputLayer", "pad_input"), ("ZeroPadding2D", "pad"), ("Conv2D", "conv"),
        ("BatchNormalization", "bn"), ("MaxPooling2D", "pool"), ("Conv2D", "more"),
        ("Rescaling", "more_rescaling"), ("ReLU", "more_re_lu"), ("Flatten", "flat"),
        ("Dense", "class"),
    ]  # fmt: skip
    assert config["config"]["input_layers"] == ["pad_input", 0, 0]
    assert config["config"]["output_layers"] == ["class", 0, 0]
    weights = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
    assert weights["layers/conv2d_1/vars"].attrs["name"] == layers[5]["name"]
    assert weights["layers/conv2d/vars/0"].shape == (3, 3, 2, 3)
    assert sorted(weights["layers/batch_normalization/vars"]) == ["0", "1", "2", "3"]
    first = path.read_bytes()
    assert (
        written(build(NETWORK, [6, 8, 2], name="net"), tmp_path / "n.keras").read_bytes() == first
    )


def test_layers_are_named_as_keras_names_their_classes() -> None:
    names = {
        "Conv2D": "conv2d", "MaxPooling1D": "max_pooling1d", "ReLU": "re_lu", "PReLU": "p_re_lu",
        "Conv2DTranspose": "conv2d_transpose", "BatchNormalization": "batch_normalization",
        "GlobalAveragePooling2D": "global_average_pooling2d", "ELU": "elu", "LSTM": "lstm",
        "LeakyReLU": "leaky_re_lu", "DepthwiseConv2D": "depthwise_conv2d",
        "SimpleRNN": "simple_rnn",
        "ConvLSTM2D": "conv_lstm2d", "InputLayer": "input_layer", "ZeroPadding3D": "zero_padding3d",
    }  # fmt: skip
    assert {kind: snake_case(kind) for kind in names} == names


def test_layers_stand_as_keras_sorts_them() -> None:
    """By distance from the outputs; of equal ones, the one that a search finds first."""

    def layer(name: str, *read: Value) -> Value:
        made = KerasLayer("Dense", {}, {}, name, [list(read)])
        return Value(made, 0, 0, (1,))

    x, unused = layer("x"), layer("unused")
    a = layer("a", x)
    b = layer("b", layer("b0", x))
    joined = layer("sum", b, a)
    layers = [v.layer for v in (x, unused, a, b, joined)]
    names = [one.name for one in in_order(layers, [x, unused], [joined])]
    assert names == ["x", "b0", "b", "a", "unused", "sum"]


REFUSALS = {
    "LocallyConnected1D": "a convolution whose positions have weights of their own",
    "SReLU": "this formula of stored tensors",
    "Masking": "a mask that only zeroes: Keras 3 would hand it on to the layers behind",
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_no_layer_says_is_refused(name: str) -> None:
    (case,) = (case for case in CASES if case.layer == name)
    model = build(case.layers(name="one"), case.input_shape)
    with pytest.raises(SpecError) as caught:
        keras_model(convert(model))
    (found,) = caught.value.diagnostics
    assert (found.code, found.layer) == ("CS251", "one")
    assert found.message == f"no layer of Keras 3 is {REFUSALS[name]}"
    assert found.hint == "write it as ONNX instead: .onnx"


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(spec([{"type": "Dense", "output_dim": 2}], [3], seed=1))
    assert command(["convert", "m.yaml", "--output", "m.keras"]) == 0
    assert capsys.readouterr().out == "wrote m.keras: 2 layers\n"
    assert command(["convert", "m.yaml", "-o", "nowhere/m.keras"]) == 2
    assert "CS120" in capsys.readouterr().err


# What Keras 3 makes of a file.

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def refusal(model: Model) -> str | None:
    """Why no layers say a model; None where they do."""
    try:
        keras_model(convert(model))
    except SpecError as error:
        return {"CS251": error.diagnostics[0].message}[error.diagnostics[0].code]
    return None


def assert_keras_agrees(model: Model, inputs: list[Any], path: Path, what: str = "") -> Any:
    """Keras 3 loads what is written, and computes the reference's numbers."""
    keras = pytest.importorskip("keras", reason="make test-keras installs it")
    loaded = keras.saving.load_model(written(model, path))
    found = loaded(inputs if len(inputs) > 1 else inputs[0], training=False)
    outputs = found if isinstance(found, list | tuple) else [found]
    assert_close([np.asarray(y) for y in outputs], judged(model, inputs), what)
    return loaded


CANNOT = {"LocallyConnected1D", "LocallyConnected2D", "SReLU", "ParametricSoftplus", "Masking",
          "LRN2D", "UnitNormalization", "Reduce"}  # fmt: skip
"""Layers that Keras 3 has nothing for, with the arguments of the case table."""


def variants_of(case: Any, *, few: bool) -> list[Any]:
    """A case by itself, and some of its variants that change layers: Keras is slow to start."""
    found = [
        variant
        for owner, variant in ROWS
        if owner is case
        and variant is not None
        and variant.argument not in UNSEEN
        and variant.changes in {"output", "shape"}
    ]
    return [None] if few else [None, *(found if len(found) < 5 else found[::2])]


@pytest.mark.keras
@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
@pytest.mark.parametrize("case", CASES, ids=row_id)
def test_layers_in_keras(case: Any, semantics: str, tmp_path: Path) -> None:
    said = 0
    for variant in variants_of(case, few=semantics == "theano"):
        layers, shape = variant_layers(case, variant)
        model = build(layers, shape, semantics=semantics)
        if refusal(model) is None:
            assert_keras_agrees(model, samples(model), tmp_path / "m.keras", row_id(variant))
            said += 1
    if semantics == "tensorflow":  # of Theano only the first variant is tried
        assert bool(said) == (case.layer not in CANNOT)


@pytest.mark.keras
def test_a_network_in_keras(tmp_path: Path) -> None:
    for ordering, semantics, shape in (
        ("tf", "tensorflow", [6, 8, 2]),
        ("th", "theano", [2, 6, 8]),
    ):
        layers = [dict(layer) for layer in NETWORK]
        layers[2]["axis"] = -1 if ordering == "tf" else 1
        model = build(layers, shape, dim_ordering=ordering, semantics=semantics)
        loaded = assert_keras_agrees(model, samples(model), tmp_path / "m.keras")
        loaded.save(tmp_path / "again.keras")


@pytest.mark.keras
@pytest.mark.parametrize(
    "example",
    [e for e in EXAMPLES if e.run is not None],
    ids=lambda example: example.file,
)
def test_examples_in_keras(example: Any, tmp_path: Path) -> None:
    model = speccompiler.load(SPECS / example.file, semantics=example.semantics, seed=3)
    shapes = [example.run] if isinstance(example.run, tuple) else [*example.run.values()]
    random = np.random.default_rng(5)
    looks_up = any(isinstance(node.op, ir.Lookup) for node in model.graph)
    low, high = (0, 50) if looks_up else (-1, 1)
    inputs = [random.uniform(low, high, shape).astype(np.float32) for shape in shapes]
    refused = refusal(model)
    if refused is not None:
        pytest.skip(refused)
    assert_keras_agrees(model, inputs, tmp_path / "m.keras")


@pytest.mark.keras
def test_branches_and_shared_layers_in_keras(tmp_path: Path) -> None:
    """Weights of layers of one class find them, however far each is from the outputs."""

    def dense(name: str, read: str, units: int = 4) -> dict[str, Any]:
        return {"type": "Dense", "name": name, "output_dim": units, "inputs": [read]}

    layers = [
        {"type": "InputLayer", "name": "a", "input_shape": [4]},
        {"type": "InputLayer", "name": "b", "input_shape": [4]},
        dense("d1", "a"), dense("d2", "b"), dense("d3", "d2"), dense("d4", "d3"),
        {"type": "Shared", "layer": "d1", "name": "d1_again", "inputs": ["d4"]},
        {"type": "Merge", "name": "m", "mode": "mul", "inputs": ["d1", "d1_again"]},
        dense("d5", "m", 2), dense("d6", "d2", 2),
    ]  # fmt: skip
    model = build(layers, outputs=["d6", "d5"])
    loaded = assert_keras_agrees(model, samples(model), tmp_path / "m.keras")
    assert [layer.name for layer in loaded.layers].count("d1") == 1


@pytest.mark.keras
@pytest.mark.parametrize("gate", ["hard_sigmoid", "sigmoid"])
@pytest.mark.parametrize("layer", ["SimpleRNN", "LSTM", "GRU"])
def test_cells_in_keras(layer: str, gate: str, tmp_path: Path) -> None:
    cell: dict[str, Any] = {"type": layer, "output_dim": 3}
    if layer != "SimpleRNN":
        cell["inner_activation"] = gate
    for more in (
        [cell],
        [{**cell, "return_sequences": True, "go_backwards": True}],
        [{"type": "Bidirectional", "layer": {**cell, "return_sequences": True}}, cell],
        [{"type": "Bidirectional", "merge_mode": "sum", "layer": cell}],
    ):
        model = build(more, [5, 4])
        assert_keras_agrees(model, samples(model), tmp_path / "m.keras", f"{more}")


def residual_network(path: Path, *, first: str = "Relu") -> Path:
    """A pool that pads, channels that are scaled by their means: as PyTorch exports them."""
    constants = {"w": random(4, 3, 3, 3), "s": random(4, 4, 1, 1)}
    nodes = [
        node("Conv", "x w", "c", name="stem", pads=[1, 1, 1, 1]),
        node(first, "c", "r"),
        node("MaxPool", "r", "p", name="pool", kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 2]),
        node("ReduceMean", "p", "m", axes=[2, 3], keepdims=1),
        node("Conv", "m s", "e"),
        node("Sigmoid", "e", "g"),
        node("Mul", "p g", "y"),
    ]
    made = onnx_model_of(nodes, {"x": ["N", 3, 9, 8]}, constants=constants)
    path.write_bytes(made.SerializeToString())
    return path


@pytest.mark.keras
def test_padded_pools_and_scaled_channels_in_keras(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras", reason="make test-keras installs it")
    path = residual_network(tmp_path / "m.onnx")
    assert command(["convert", str(path), "-o", str(tmp_path / "m.keras")]) == 0
    model, x = speccompiler.load(path), random(2, 3, 9, 8)
    found = keras.saving.load_model(tmp_path / "m.keras")(x, training=False)
    assert_close([np.asarray(found)], judged(model, [x]))


def test_a_padded_pool_of_values_below_0_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = residual_network(tmp_path / "m.onnx", first="Tanh")
    assert command(["convert", str(path), "-o", str(tmp_path / "m.keras")]) == 1
    told = capsys.readouterr()
    assert (
        "no layer of Keras 3 is a pool with this padding, which is not counted: 1 and 1, 1 and 1"
        in told.out + told.err
    )
