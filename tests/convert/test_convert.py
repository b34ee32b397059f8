"""``convspec convert``: native specs that give what Keras gave, under any convention."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import speccompiler
from speccompiler.cli.main import run
from speccompiler.convert import convert, spec_text, write_pair
from speccompiler.convert.adapters import moved_axes
from speccompiler.convert.rules import RULES
from speccompiler.convert.spec_text import flow
from speccompiler.diagnostics.core import SpecError
from speccompiler.schemas.registry import LAYERS
from speccompiler.source.texts import parse_document
from speccompiler.source.tree import to_data
from tests.cases import build
from tests.places import GOLDEN, OWN_GOLDEN

WHOLE = sorted(p.parent for p in GOLDEN.glob("keras-*/m_*/weights.npz"))
SINGLE = [p.parent for p in sorted(OWN_GOLDEN.glob("*/*/weights.npz"))]
DIGITS = sorted(p.parent for p in GOLDEN.glob("digits/*/model.h5"))
UNKNOWN = {"CS028", "CS039"}


def cases(folders: list[Path]) -> list[Any]:
    return [pytest.param(f, id="-".join(f.parts[-2:])) for f in folders]


def loaded(folder: Path) -> speccompiler.Model:
    meta = json.loads((folder / "meta.json").read_text())
    said = (
        meta["layer"][1].get("dim_ordering", "default") if meta["kind"] == "single" else "default"
    )
    ordering = meta["image_dim_ordering"] if said == "default" else said
    try:
        return speccompiler.load(
            folder / "model.json",
            weights=folder / "weights.npz",
            semantics=meta["backend"],
            dim_ordering=ordering,
        )
    except SpecError as error:
        if {d.code for d in error.diagnostics} <= UNKNOWN or meta.get("degenerate"):
            pytest.skip(error.diagnostics[0].message)
        raise


def arrays(folder: Path, what: str) -> list[np.ndarray]:
    return [
        np.load(p)
        for p in sorted(folder.glob(f"{what}.npy")) + sorted(folder.glob(f"{what}_[0-9].npy"))
    ]


def expected(folder: Path, model: speccompiler.Model) -> list[np.ndarray]:
    """What the unconverted model gives, once it is known to be what Keras gave."""
    outputs = results(model, arrays(folder, "input"))
    meta = json.loads((folder / "meta.json").read_text())
    if not meta.get("degenerate") and not meta.get("tf_version_dependent"):
        for y, recorded in zip(outputs, arrays(folder, "output"), strict=True):
            np.testing.assert_allclose(y, recorded, rtol=0, atol=1e-5 * np.abs(recorded).max())
    return outputs


def results(model: speccompiler.Model, inputs: list[np.ndarray]) -> list[np.ndarray]:
    shapes: Any = {n: x.shape[1:] for n, x in zip(model.input_names, inputs, strict=True)}
    shape = shapes if len(inputs) > 1 else inputs[0].shape[1:]
    compiled = model.compile("reference", input_shape=shape)
    return list(compiled.run_all(inputs[0] if len(inputs) == 1 else inputs).values())


def written(model: speccompiler.Model, folder: Path, **options: Any) -> speccompiler.Model:
    converted = convert(model, **options)
    weights = folder / "m.safetensors" if converted.has_weights else None
    write_pair(converted, folder / "m.yaml", weights)
    return speccompiler.load(folder / "m.yaml")


def refusal(model: speccompiler.Model, **options: Any) -> tuple[Any, ...] | None:
    """Why a model cannot be converted; None where it can."""
    try:
        convert(model, **options)
    except SpecError as error:
        return error.diagnostics
    return None


def moved(x: np.ndarray, ordering: Any) -> np.ndarray:
    if x.ndim < 4:
        return x
    return x.transpose(0, *(a + 1 for a in moved_axes(x.ndim - 1, ordering)))


def assert_same(found: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    for y, recorded in zip(found, wanted, strict=True):
        assert y.shape == recorded.shape
        np.testing.assert_allclose(y, recorded, rtol=0, atol=2e-6 * np.abs(recorded).max())


@pytest.mark.parametrize("folder", cases(WHOLE + SINGLE))
def test_a_native_spec_says_all_that_the_keras_file_meant(folder: Path, tmp_path: Path) -> None:
    model = loaded(folder)
    native = written(model, tmp_path)
    assert_same(results(native, arrays(folder, "input")), expected(folder, model))
    assert written(native, tmp_path).spec == native.spec
    before, after = model.weight_sources.read(), native.weight_sources.read()
    by_name = {(w.layer, w.tensor): a for w, a in after.items()}
    for weight, array in before.items():
        assert np.array_equal(by_name[weight.layer, weight.tensor], array)


@pytest.mark.parametrize("folder", cases(WHOLE + SINGLE))
def test_the_other_semantics_give_the_same_numbers(folder: Path, tmp_path: Path) -> None:
    model = loaded(folder)
    assert model.spec.semantics is not None
    other: Any = "tensorflow" if model.spec.semantics.profile == "theano" else "theano"
    refused = refusal(model, semantics=other)
    if refused is not None:
        assert {d.code for d in refused} == {"CS150"}
        windows = [layer.name for layer in model.spec.layers if "same" in str(layer)]
        assert {d.layer for d in refused} <= set(windows)
        return
    native = written(model, tmp_path, semantics=other)
    assert native.spec.semantics is not None
    assert native.spec.semantics.profile == other
    assert_same(results(native, arrays(folder, "input")), expected(folder, model))


@pytest.mark.parametrize("folder", cases(WHOLE + SINGLE))
def test_the_other_ordering_gives_the_same_numbers(folder: Path, tmp_path: Path) -> None:
    model = loaded(folder)
    orderings = {o for layer in model.spec.layers if (o := getattr(layer, "dim_ordering", None))}
    if len(orderings) != 1:
        pytest.skip("no layer has an ordering")
    here = orderings.pop()
    other: Any = "th" if here == "tf" else "tf"
    refused = refusal(model, dim_ordering=other)
    if refused is not None:
        assert {d.code for d in refused} == {"CS151"}
        return
    native = written(model, tmp_path, dim_ordering=other)
    inputs = arrays(folder, "input")
    found = results(native, [moved(x, other) for x in inputs])
    assert_same([moved(y, here) for y in found], expected(folder, model))
    back = written(native, tmp_path, dim_ordering=here)
    assert_same(results(back, inputs), expected(folder, model))
    stored = {(w.layer, w.tensor): a for w, a in back.weight_sources.read().items()}
    for weight, array in model.weight_sources.read().items():
        assert np.array_equal(stored[weight.layer, weight.tensor], array)


@pytest.mark.parametrize("folder", cases(DIGITS))
def test_the_digits_convert(folder: Path, tmp_path: Path) -> None:
    semantics: Any = folder.name.split("-")[0]
    try:
        model = speccompiler.load(folder / "model.h5", semantics=semantics)
    except SpecError as error:
        if {d.code for d in error.diagnostics} <= UNKNOWN:
            pytest.skip(error.diagnostics[0].message)
        raise
    images, predictions = np.load(folder / "images.npy"), np.load(folder / "predictions.npy")
    native = written(model, tmp_path)
    np.testing.assert_allclose(results(native, [images])[0], predictions, rtol=0, atol=1e-5)
    other: Any = {"theano-th": "tf", "tensorflow-tf": "th"}[folder.name]
    native = written(model, tmp_path, dim_ordering=other)
    found = results(native, [moved(images, other)])[0]
    np.testing.assert_allclose(found, predictions, rtol=0, atol=1e-5)
    with pytest.raises(SpecError) as caught:
        convert(model, semantics="theano" if semantics == "tensorflow" else "tensorflow")
    assert [(d.code, d.layer) for d in caught.value.diagnostics] == [
        ("CS150", "conv2"),
        ("CS150", "pool3"),
    ]


# --- what it says


LENET = [
    {"type": "Convolution2D", "name": "c", "nb_filter": 2, "nb_row": 3, "nb_col": 3,
     "activation": "relu", "W_constraint": {"name": "MaxNorm", "m": 2, "axis": [0, 1, 2]}},
    {"type": "Activation", "name": "a", "activation": {"expr": "x * sigmoid(x)"}},
    {"type": "Flatten", "name": "f"},
    {"type": "Dense", "name": "d", "output_dim": 3, "W_regularizer": "l2"},
]  # fmt: skip


def test_the_text(tmp_path: Path) -> None:
    model = build(LENET, [5, 6, 1], name="a: b", semantics="theano", seed=3)
    converted = convert(model, semantics="tensorflow", dim_ordering="th")
    text = spec_text(converted, spec_path=Path("m.yaml"), weights_path=Path("w/m.safetensors"))
    assert text == (
        """\
# Made by convspec convert from t.json.
# Converted from theano to tensorflow semantics: the kernels of c are reversed.
# Converted from dim_ordering tf to th: images go in and come out with their channels first.
# Transposed for that: c.
# Flat values come in another order, and so do the rows of d.
convspec: 1
name: "a: b"
semantics: tensorflow        # kernels are correlated, 'same' is split as TensorFlow does
dim_ordering: th             # channels after the batch axis
input_shape: [1, 5, 6]
seed: 3
weights: w/m.safetensors

layers:
  # (N, 2, 3, 4), 20 parameters
  - type: Convolution2D
    name: c
    nb_filter: 2
    nb_row: 3
    nb_col: 3
    activation: relu
    W_constraint: {name: MaxNorm, m: 2.0, axis: [1, 2, 3]}
  - {type: Activation, name: a, activation: {expr: "x * sigmoid(x)"}}  # (N, 2, 3, 4)
  - {type: Flatten, name: f}  # (N, 24)
  - {type: Dense, name: d, output_dim: 3, W_regularizer: l2}  # (N, 3), 75 parameters
"""
    )


def test_arguments_come_as_documented_and_what_is_needed_first(tmp_path: Path) -> None:
    layers = [
        {"type": "TimeDistributed", "name": "t", "layer": {
            "bias": False, "type": "Convolution2D", "nb_col": 2, "nb_row": 3, "nb_filter": 4,
            "border_mode": "same", "activation": "relu", "init": "zero"}},
        {"type": "TimeDistributed", "name": "p", "layer": {"type": "MaxPooling2D"}},
    ]  # fmt: skip
    converted = convert(build(layers, [5, 8, 8, 3]))
    text = spec_text(converted, spec_path=Path("m.yaml"), weights_path=None)
    assert text == (
        """\
# Made by convspec convert from t.json.
convspec: 1
name: t
semantics: tensorflow        # kernels are correlated, 'same' is split as TensorFlow does
dim_ordering: tf             # channels last
input_shape: [5, 8, 8, 3]
seed: 1

layers:
  # (N, 5, 8, 8, 4), 72 parameters
  - type: TimeDistributed
    name: t
    layer: {type: Convolution2D, nb_filter: 4, nb_row: 3, nb_col: 2, init: zero, activation: relu, border_mode: same, bias: false}
  - {type: TimeDistributed, name: p, layer: {type: MaxPooling2D}}  # (N, 5, 4, 4, 4)
"""  # noqa: E501
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co")), max_size=12),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text("ab:#- ", min_size=1, max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_any_value_is_read_as_it_was_written(value: Any) -> None:
    document = parse_document(f"convspec: {flow(value)}\n", "m.yaml")
    assert document.root is not None, document.diagnostics
    assert to_data(document.root) == {"convspec": value}


def test_every_layer_has_a_rule_or_none_for_a_reason() -> None:
    """What reads its input by place, and has no ordering, reads it as it was before."""
    unruled = {name for name in LAYERS if name not in RULES}
    one_dimensional = {name for name in unruled if name.endswith("1D")}
    assert unruled - one_dimensional <= {
        "Reshape", "RepeatVector", "Masking", "Embedding", "TimeDistributed", "Highway",
        "MaxoutDense", "TimeDistributedDense", "Deconvolution2D", "LocallyConnected2D", "Lambda",
        "LSTM", "GRU", "SimpleRNN", "Bidirectional", "ConvLSTM2D",
    }  # fmt: skip


def image(name: str, **others: Any) -> dict[str, Any]:
    return {"type": "Convolution2D", "name": name, "nb_filter": 3, "nb_row": 3, "nb_col": 3,
            "border_mode": "same", **others}  # fmt: skip


DENSE = {"type": "Dense", "name": "d", "output_dim": 4}
FLATTEN = {"type": "Flatten", "name": "f"}
TO_IMAGE = {"type": "Reshape", "name": "r", "target_shape": [2, 4, 5]}
POOL = {"type": "GlobalAveragePooling2D", "name": "g"}


@pytest.mark.parametrize(
    ("layers", "shape", "added"),
    [
        # A segmentation's end: a class and a pixel are the axes of the softmax.
        ([image("c"), {"type": "Reshape", "name": "r", "target_shape": [3, -1]},
          {"type": "Permute", "name": "p", "dims": [2, 1]},
          {"type": "Activation", "name": "s", "activation": "softmax"}],
         [2, 4, 5], {"c_restored": (3, 1, 2)}),
        # A generator's beginning.
        ([{**DENSE, "output_dim": 40}, TO_IMAGE, image("c"), POOL],
         [6], {"r_moved": (2, 3, 1)}),
        # An input that no layer takes as an image goes in as before.
        ([TO_IMAGE, image("c"), POOL], [5, 4, 2], {"r_moved": (2, 3, 1)}),
        ([image("c"), DENSE, image("e"), POOL],
         [2, 4, 5], {"c_restored": (3, 1, 2), "d_moved": (2, 3, 1)}),
        ([image("c"), {"type": "BatchNormalization", "name": "b", "mode": 1}, image("e"), POOL],
         [2, 4, 5], {"c_restored": (3, 1, 2), "b_moved": (2, 3, 1)}),
        # One Permute for each value, however many read it.
        ([image("c"), {**TO_IMAGE, "target_shape": [3, 4, 5]}, {**DENSE, "inputs": "c"},
          {**DENSE, "name": "e", "inputs": "c"},
          {"type": "Merge", "name": "n", "mode": "dot", "inputs": ["d", "e"]},
          {"type": "Merge", "name": "m", "mode": "concat", "concat_axis": 1,
           "inputs": ["c", "r"]}, image("h"), POOL,
          {"type": "Flatten", "name": "f", "inputs": "n"},
          {"type": "Merge", "name": "o", "mode": "concat", "inputs": ["g", "f"]}],
         [2, 4, 5], {"c_restored": (3, 1, 2), "r_moved": (2, 3, 1)}),
        # Flat values that more than a Dense reads keep their order.
        ([image("c"), FLATTEN], [2, 4, 5], {"c_restored": (3, 1, 2)}),
        ([image("c"), FLATTEN, {"type": "RepeatVector", "name": "r", "n": 2}],
         [2, 4, 5], {"c_restored": (3, 1, 2)}),
        ([image("c"), FLATTEN, {**DENSE, "type": "MaxoutDense", "output_dim": 40}, TO_IMAGE,
          image("e"), POOL],
         [2, 4, 5], {"c_restored": (3, 1, 2), "r_moved": (2, 3, 1)}),
        # The name is taken.
        ([image("c"), {**FLATTEN, "name": "c_restored"}],
         [2, 4, 5], {"c_restored_": (3, 1, 2)}),
    ],
)  # fmt: skip
def test_what_reads_values_by_place_reads_them_as_before(
    layers: Any, shape: list[int], added: dict[str, Any], tmp_path: Path
) -> None:
    theano: Any = {"dim_ordering": "th", "semantics": "theano"}
    if any(layer.get("mode") == "dot" for layer in layers):
        layers = [{**x, "dot_axes": 1} if x.get("mode") == "dot" else x for x in layers]
    model = build(layers, shape, seed=1, **theano)
    native = written(model, tmp_path, dim_ordering="tf")
    names = {layer.name for layer in model.spec.layers}
    found = {x.name: getattr(x, "dims", None) for x in native.spec.layers if x.name not in names}
    assert found == added
    kept = layers[0] is TO_IMAGE
    x = np.random.default_rng(0).standard_normal((2, *shape)).astype(np.float32)
    wanted = results(model, [x])
    assert_same(results(native, [x if kept else moved(x, "tf")]), wanted)
    note = "No layer takes r as an image: it goes in as before."
    assert (note in (tmp_path / "m.yaml").read_text()) == kept
    assert_same(results(written(native, tmp_path, dim_ordering="th"), [x]), wanted)


@pytest.mark.parametrize(
    ("layers", "inputs", "outputs"),
    [([image("c")], False, False), ([image("c"), DENSE], False, True),
     ([{**DENSE, "output_dim": 5}, image("c")], True, False)],
)  # fmt: skip
def test_notes_say_what_keeps_its_layout(layers: Any, inputs: bool, outputs: bool) -> None:
    """A shape alone does not tell: that of a cube is the same when its channels have moved."""
    notes = convert(build(layers, [5, 5, 5], dim_ordering="th"), dim_ordering="tf").notes
    assert ("No layer takes d as an image: it goes in as before." in notes) == inputs
    assert ("No image any more, and so as before: what d gives." in notes) == outputs
    assert any("as before" in note for note in notes[1:2]) == (inputs or outputs)


def test_open_lengths_are_no_hindrance(tmp_path: Path) -> None:
    """The order of the flat values is not known, so that they are left in it."""
    layers = [image("c"), {"type": "MaxPooling2D", "name": "p"}, FLATTEN]
    native = written(build(layers, [2, None, 5], dim_ordering="th", seed=1), tmp_path,
                     dim_ordering="tf")  # fmt: skip
    assert [layer.name for layer in native.spec.layers] == ["c", "p", "p_restored", "f"]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([image("c"), {"type": "Reshape", "name": "r", "target_shape": [3, 1, 5, 2]},
          {"type": "TimeDistributed", "name": "t", "layer": image("e")}],
         "it applies Convolution2D with dim_ordering 'th' to steps"),
        ([image("c"), {"type": "Reshape", "name": "r", "target_shape": [3, 5, 2]},
          {"type": "Permute", "name": "p", "dims": [1, 3, 2], "inputs": "c"},
          {"type": "Shared", "layer": "p", "inputs": "r"},
          {"type": "Merge", "name": "m", "inputs": ["p", "p@2"]}],
         "its calls would need different arguments"),
    ],
)  # fmt: skip
def test_what_has_no_equal_is_refused(layers: Any, message: str) -> None:
    model = build(layers, [4, 5, 2], dim_ordering="th")
    with pytest.raises(SpecError) as caught:
        convert(model, dim_ordering="tf")
    assert [d.message for d in caught.value.diagnostics] == [message]
    assert {d.code for d in caught.value.diagnostics} == {"CS151"}


def test_even_kernels_and_strides_are_refused_with_the_reason() -> None:
    conv = {"type": "Convolution1D", "nb_filter": 1, "filter_length": 3, "border_mode": "same"}
    layers = [
        {**conv, "name": "plain"},
        {**conv, "name": "even", "filter_length": 4},
        {**conv, "name": "strided", "subsample_length": 2},
        {"type": "MaxPooling1D", "name": "pool", "border_mode": "same"},
    ]
    with pytest.raises(SpecError) as caught:
        convert(build(layers, [8, 1], seed=1), semantics="theano")
    found = caught.value.diagnostics
    assert [d.layer for d in found] == ["even", "strided", "pool"]
    assert found[0].message == (
        "'same' is padded differently by the two backends: (1, 2) here, (2, 1) there; no kernel "
        "makes up for that"
    )
    assert "ZeroPadding" in str(found[0].hint)
    assert found[1].message.endswith("(0, 1) here, (1, 0) there; no kernel makes up for that")


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text(
        "convspec: 1\ninput_shape: [3]\nseed: 1\nverify: {input: x.npy, expect: [[0]]}\n"
        "layers: [{type: Dense, name: d, output_dim: 1}]\n"
    )
    np.save("x.npy", np.zeros((1, 3), np.float32))
    (tmp_path / "out").mkdir()
    assert run(["convert", "m.yaml", "--output", "out/n.yaml"]) == 0
    assert capsys.readouterr().out == (
        "wrote out/n.safetensors: 2 tensors\nwrote out/n.yaml: 1 layers\n"
    )
    text = (tmp_path / "out" / "n.yaml").read_text()
    assert '\nverify:\n  input: "../x.npy"\n  expect: [[0]]\n' in text
    assert run(["verify", "out/n.yaml", "--target", "reference"]) == 0
    assert run(["validate", "out/n.yaml"]) == 0
    capsys.readouterr()
    assert run(["convert", "m.yaml"]) == 0
    assert "weights:" not in capsys.readouterr().out
    for wrong in (
        ["--output", "n.json"],
        ["--output", "m.yaml"],
        ["--weights-output", "w.safetensors"],
        ["--output", "n.yaml", "--weights-output", "w.npz"],
    ):
        assert run(["convert", "m.yaml", *wrong]) == 2
    assert run(["convert", "m.yaml", "--output", "nowhere/n.yaml"]) == 2
    assert "CS120" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.yaml", "out", "x.npy"]


def test_a_keras_file_that_says_nothing_is_not_guessed_at(tmp_path: Path, capsys: Any) -> None:
    config = {"name": "c", "nb_filter": 1, "filter_length": 3, "batch_input_shape": [None, 4, 1]}
    layer = {"class_name": "Convolution1D", "config": config}
    path = tmp_path / "m.json"
    path.write_text(json.dumps({"class_name": "Sequential", "config": [layer]}))
    assert run(["convert", str(path)]) == 1
    assert "CS050" in capsys.readouterr().err
    config["filter_length"] = 1
    path.write_text(json.dumps({"class_name": "Sequential", "config": [layer]}))
    assert run(["convert", str(path)]) == 0
    out = capsys.readouterr().out
    assert "# Its numbers are the same under TensorFlow's semantics and under Theano's.\n" in out


@pytest.mark.parametrize(
    ("version", "semantics", "said"),
    [
        ("1.0.5", "tensorflow", "deviation"),
        ("1.0.6", "theano", "deviation"),
        ("1.0.7", "theano", "root_variance"),
        ("1.2.2", "theano", None),
    ],
)
def test_what_the_release_decided_is_said(
    tmp_path: Path, version: str, semantics: Any, said: Any
) -> None:
    """``running_std`` was a deviation, then a variance; a native spec has no release."""
    config = {"name": "n", "batch_input_shape": [None, 3], "epsilon": 0.5, "mode": 0}
    model: Any = {"class_name": "Sequential", "config": [{"class_name": "BatchNormalization",
                  "config": config}], "keras_version": version}  # fmt: skip
    (tmp_path / "k.json").write_text(json.dumps(model))
    tensors = {"n_gamma": [1, 2, 3], "n_beta": [0, 1, 0], "n_running_mean": [1, 0, 0],
               "n_running_std": [4, 9, 16]}  # fmt: skip
    np.savez(tmp_path / "w.npz", **{k: np.array(v, np.float32) for k, v in tensors.items()})
    keras = speccompiler.load(tmp_path / "k.json", weights=tmp_path / "w.npz", semantics=semantics)
    native = written(keras, tmp_path)
    assert native.spec.semantics is not None
    assert native.spec.semantics.running_std == said
    x = np.array([[2, 3, 4]], np.float32)
    stored = np.array([4, 9, 16])
    deviation = {
        "deviation": stored + 0.5,
        "root_variance": np.sqrt(stored) + 0.5,
        None: np.sqrt(stored + 0.5),
    }[said]
    by_hand = ([[1, 3, 4]] / deviation) * [1, 2, 3] + [0, 1, 0]
    for converted in (native, written(keras, tmp_path, semantics="tensorflow")):
        np.testing.assert_allclose(results(converted, [x])[0], by_hand, rtol=1e-6)
