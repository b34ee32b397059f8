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
from speccompiler.convert.export_source import Given, Origin
from speccompiler.convert.keras3.builder import KerasLayer, LayerCall, Value, snake_case
from speccompiler.convert.keras3.export import Functional, functional
from speccompiler.convert.keras3.keras_file import write_keras
from speccompiler.convert.keras3.of_model import keras_model
from speccompiler.convert.keras3.order import in_order
from speccompiler.convert.keras3.table import LAYERS, REFUSED
from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.graph import ir
from speccompiler.model import Model
from tests import test_conformance_keras2 as keras2
from tests import test_conformance_recurrent as keras1
from tests.cases import CASES, ROWS, build, row_id, spec, variant_layers
from tests.completeness import assert_rows
from tests.convert.onnx_runs import assert_close, judged, run, samples
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
        made = KerasLayer("Dense", {}, {}, name, [LayerCall(read)])
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
    "ParametricSoftplus": "this formula of stored tensors",
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

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask:UserWarning"),
]


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


CANNOT = {"LocallyConnected1D", "LocallyConnected2D", "SReLU", "ParametricSoftplus", "LRN2D"}
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


@pytest.mark.keras
@pytest.mark.parametrize("mode", ["MaxPool", "AveragePool"])
def test_padded_pools_of_values_below_0_in_keras(mode: str, tmp_path: Path) -> None:
    """What pads is the edge again for a maximum; a mean is divided by what it counts."""
    keras = pytest.importorskip("keras", reason="make test-keras installs it")
    pool = node(mode, "x", "y", kernel_shape=[3, 2], pads=[1, 1, 2, 0], strides=[2, 1])
    made = onnx_model_of([pool], {"x": ["N", 3, 9, 8]})
    path = tmp_path / "m.onnx"
    path.write_bytes(made.SerializeToString())
    assert command(["convert", str(path), "-o", str(tmp_path / "m.keras")]) == 0
    x = random(2, 3, 9, 8) - 5
    found = keras.saving.load_model(tmp_path / "m.keras")(x, training=False)
    (wanted,) = run(str(path), [x])
    assert_close([np.asarray(found)], [wanted])


WORDS = {"type": "Embedding", "name": "words", "input_dim": 9, "output_dim": 4, "mask_zero": True}
SEQUENCES: dict[str, Any] = {"output_dim": 3, "return_sequences": True}


def test_a_mask_travels_where_keras_3_brings_the_same() -> None:
    """No layer computes a mask that an Embedding makes and an LSTM reads two layers later."""
    layers: list[dict[str, Any]] = [
        WORDS,
        {"type": "LSTM", **SEQUENCES},
        {"type": "Activation", "activation": "relu"},
        {"type": "GRU", "output_dim": 2},
    ]
    made = keras_model(convert(build(layers, [7])))
    assert [layer.kind for layer in made.layers] == [
        "InputLayer", "Embedding", "LSTM", "Activation", "GRU"
    ]  # fmt: skip
    assert made.layers[1].config["mask_zero"]
    assert all(call.mask is None for layer in made.layers for call in layer.calls)


MASKED: dict[str, list[dict[str, Any]]] = {
    "words": [WORDS, {"type": "LSTM", **SEQUENCES}, {"type": "GRU", "output_dim": 2}],
    "both ways": [
        WORDS,
        {"type": "Bidirectional", "layer": {"type": "LSTM", **SEQUENCES}},
        {"type": "SimpleRNN", "output_dim": 2, "go_backwards": True},
    ],
    "a product": [
        WORDS,
        {"type": "Bidirectional", "merge_mode": "mul", "layer": {"type": "GRU", **SEQUENCES}},
        {"type": "LSTM", "output_dim": 2},
    ],
    "a mask again": [
        WORDS,
        {"type": "Masking", "mask_value": 0.0},
        {"type": "LSTM", **SEQUENCES},
        {"type": "TimeDistributed", "layer": {"type": "Dense", "output_dim": 2}},
        {"type": "LSTM", "output_dim": 2},
    ],
}


@pytest.mark.keras
@pytest.mark.parametrize("release", ["1.2.2", "2.3.1", "3.3.0", "3.15.0"])
@pytest.mark.parametrize("name", MASKED)
def test_masks_in_keras(name: str, release: str, tmp_path: Path) -> None:
    model = build(MASKED[name], [None], keras_version=release)
    x = np.array([[1, 2, 0, 3, 4, 0], [0, 0, 5, 6, 0, 7], [8, 1, 2, 3, 4, 5]], np.float32)
    assert_keras_agrees(model, [x], tmp_path / "m.keras", name)


@pytest.mark.keras
def test_slices_and_steps_in_keras(tmp_path: Path) -> None:
    for start, step, count in (
        ([1, 0, 1], [2, 1, 1], [3, 6, 2]),
        ([6, 5, 3], [-1, -1, -2], [7, 6, 2]),
        ([0, 2, 0], [1, 3, 2], [7, 2, 2]),
    ):
        graph = sliced([7, 6, 4], start, step, count)
        refused = step[-1] < -1
        made = functional_of(graph, refused=refused)
        if made is None:
            continue
        keras = pytest.importorskip("keras", reason="make test-keras installs it")
        write_keras(tmp_path / "m.keras", made)
        x = random(2, 7, 6, 4)
        cut = (slice(None), *(slice(a, a + s * n, s) if a + s * n >= 0 else slice(a, None, s)
                              for a, s, n in zip(start, step, count, strict=True)))  # fmt: skip
        found = keras.saving.load_model(tmp_path / "m.keras")(x, training=False)
        np.testing.assert_array_equal(np.asarray(found), x[cut])


def sliced(shape: list[int], start: list[int], step: list[int], count: list[int]) -> ir.Graph:
    x = ir.Node("x", ir.Input(tuple(shape)), (), tuple(shape), "x")
    op = ir.Slice(tuple(start), tuple(step), tuple(count))
    return ir.Graph((x, ir.Node("y", op, ("x",), tuple(count), "y")), ("y",))


def functional_of(graph: ir.Graph, *, refused: bool) -> Functional | None:
    origin = Origin("m", "", {})
    if refused:
        with pytest.raises(Problem, match="a slice that goes backwards over a part of an axis"):
            functional(graph, lambda weight: random(1), [Given("x")], origin)
        return None
    return functional(graph, lambda weight: random(1), [Given("x")], origin)


@pytest.mark.keras
@pytest.mark.parametrize("kind", ["Convolution2D", "DepthwiseConvolution2D", "Deconvolution2D"])
def test_a_stride_with_a_dilation_in_keras(kind: str, tmp_path: Path) -> None:
    attributes = {"strides": [2, 1], "dilations": [1, 3], "pads": [1, 0, 2, 1]}
    weights = {"Convolution2D": (5, 4, 3, 2), "DepthwiseConvolution2D": (4, 1, 3, 2)}
    if kind == "Deconvolution2D":
        one = node("ConvTranspose", "x w", "y", strides=[2, 1], dilations=[3, 1])
        shape: tuple[int, ...] = (4, 5, 3, 2)
    else:
        groups = {"group": 4} if kind.startswith("Depth") else {}
        attributes["dilations"] = [2, 3]
        one, shape = node("Conv", "x w", "y", **attributes, **groups), weights[kind]
    made = onnx_model_of([one], {"x": ["N", 4, 11, 12]}, constants={"w": random(*shape)})
    path = tmp_path / "m.onnx"
    path.write_bytes(made.SerializeToString())
    assert command(["convert", str(path), "-o", str(tmp_path / "m.keras")]) == 0
    keras = pytest.importorskip("keras", reason="make test-keras installs it")
    x = random(2, 4, 11, 12)
    found = keras.saving.load_model(tmp_path / "m.keras")(x, training=False)
    assert_close([np.asarray(found)], run(str(path), [x]))


@pytest.mark.keras
@pytest.mark.parametrize("dtype", ["int32", "uint8", "float16"])
def test_inputs_of_other_types_in_keras(dtype: str, tmp_path: Path) -> None:
    model = build([{"type": "Dense", "output_dim": 2}], [3], input_dtype=dtype)
    assert_keras_agrees(model, [np.array([[1.25, 2.75, 3.5]], np.float32)], tmp_path / "m.keras")


# The real Keras of each release: what is written gives the numbers that it gave.


def golden_models() -> list[Any]:
    found = [pytest.param(*case.values, id=f"2-{case.id}") for case in keras2.cases()]
    return [*found, *(pytest.param(*c.values, id=f"1-{c.id}") for c in keras1.params(keras1.FOUND))]


REFUSED_GOLDEN = {
    "k2_local1d": "a convolution whose positions have weights of their own",
    "k2_local1d_s2": "a convolution whose positions have weights of their own",
    "k2_conv2d_none_spatial": "a padding that depends on open lengths",
    "convlstm_tf_none_spatial": "a convolutional cell over images of open size",
    "convlstm_masking": "a convolutional cell with a mask of single places or of open length",
}
"""All that Keras 3 cannot say of 1,752 recorded models."""


def loaded_golden(golden: Any, tmp_path: Path) -> Model:
    if isinstance(golden, keras1.Golden):
        return golden.load(tmp_path)
    loaded: Model = golden.load(weights=golden.weights)
    return loaded


@pytest.mark.parametrize("golden", golden_models())
def test_what_keras_3_cannot_say_of_recorded_models(golden: Any, tmp_path: Path) -> None:
    said = refusal(loaded_golden(golden, tmp_path))
    if said is not None:
        assert said == f"no layer of Keras 3 is {REFUSED_GOLDEN[golden.folder.name]}"


@pytest.mark.keras
@pytest.mark.parametrize("golden", golden_models())
def test_recorded_models_in_keras(golden: Any, tmp_path: Path) -> None:
    keras = pytest.importorskip("keras", reason="make test-keras installs it")
    model = loaded_golden(golden, tmp_path)
    if refusal(model) is not None or (
        isinstance(golden, keras2.Golden) and not keras2.held(golden)
    ):
        return
    first = isinstance(golden, keras1.Golden)
    inputs = golden.arrays("inputs") if first else golden.inputs
    outputs = golden.arrays("outputs") if first else golden.outputs
    loaded = keras.saving.load_model(written(model, tmp_path / "m.keras"))
    found = loaded(inputs if len(inputs) > 1 else inputs[0], training=False)
    tolerance = keras1.EXPLODING.get(golden.folder.name, 1e-5) if first else 1e-5
    for y, wanted in zip(
        found if isinstance(found, list | tuple) else [found], outputs, strict=True
    ):
        most = np.abs(wanted[np.isfinite(wanted)]).max(initial=0)
        np.testing.assert_allclose(np.asarray(y), wanted, rtol=0, atol=tolerance * most)
