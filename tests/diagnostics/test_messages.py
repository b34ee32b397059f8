"""Hints that say what to write: each is right where it is given, and what it says works."""

from __future__ import annotations

import json
import os
import re
import warnings
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import speccompiler
from speccompiler.cli.main import run
from speccompiler.diagnostics.core import Diagnostic, Severity, SpecError, has_errors
from speccompiler.expressions.evaluate import evaluate
from speccompiler.expressions.grammar import parse
from speccompiler.loading.known_names import (
    EXPRESSIONS,
    KERAS_2_NAMES,
    activation_hint,
    argument_hint,
)
from speccompiler.loading.known_types import type_hint
from speccompiler.loading.schema_errors.paths import place_of
from speccompiler.model import Model, check
from speccompiler.schemas.activation import ActivationName
from speccompiler.schemas.jsonschema import native_schema
from speccompiler.schemas.registry import LAYERS, aliases
from speccompiler.source.encodings import wide_encoding
from speccompiler.source.files import decode_document
from speccompiler.source.texts import parse_document
from speccompiler.source.tree import span_at, to_data
from tests.cases import build, spec


def found(text: str, name: str = "t.json") -> tuple[Diagnostic, ...]:
    return check(parse_document(text, name))[1]


def model_of(layers: list[dict[str, Any]], shape: Any, **header: Any) -> Model:
    return build(layers, shape, **header)


def only(findings: tuple[Diagnostic, ...]) -> Diagnostic:
    (one,) = (d for d in findings if d.severity is Severity.ERROR)
    return one


# --- keys that look like a tag of pydantic's

TAGS = ["<", "<<", "<name>", "<fields>", "<expression>", "<parameters>", "<l2>", "<MaxNorm>",
        "<sides>", "<pair>", "[key]", "int", "tagged-union"]  # fmt: skip
HOLDERS: list[tuple[str, dict[str, Any], tuple[str | int, ...]]] = [
    ("the spec", {}, ()),
    ("semantics", {"semantics": {"profile": "theano"}}, ("semantics",)),
    ("verify", {"verify": {"input": "a.npy", "expect": "b.npy"}}, ("verify",)),
    ("a layer", {}, ("layers", 0)),
    ("init", {}, ("layers", 1, "init")),
    ("activation", {}, ("layers", 1, "activation")),
    ("regulariser", {}, ("layers", 1, "W_regularizer")),
    ("constraint", {}, ("layers", 1, "W_constraint")),
    ("padding", {}, ("layers", 2, "padding")),
    ("padding of an image", {}, ("layers", 3, "padding")),
    ("inside TimeDistributed", {}, ("layers", 4, "layer")),
    ("TimeDistributed", {}, ("layers", 4)),
]
LAYERS_OF = [
    {"type": "Flatten"},
    {"type": "Dense", "output_dim": 2, "init": {"name": "uniform"}, "activation": {"expr": "x"},
     "W_regularizer": {"name": "l2"}, "W_constraint": {"name": "MaxNorm"}},
    {"type": "ZeroPadding1D", "padding": {"left_pad": 1}},
    {"type": "ZeroPadding2D", "padding": {"top_pad": 1}},
    {"type": "TimeDistributed", "layer": {"type": "Dense", "output_dim": 2}},
]  # fmt: skip


@pytest.mark.parametrize("key", TAGS)
@pytest.mark.parametrize(("name", "header", "path"), HOLDERS, ids=[h[0] for h in HOLDERS])
def test_no_key_is_taken_for_a_tag(
    name: str, header: dict[str, Any], path: tuple[str | int, ...], key: str
) -> None:
    root: dict[str, Any] = {"convspec": 1, "input_shape": [3], **header, "layers": LAYERS_OF}
    root = json.loads(json.dumps(root))
    holder: Any = root
    for part in path:
        holder = holder[part]
    holder[key] = 1
    document = parse_document(json.dumps(root, indent=1), "t.json")
    (finding,) = (d for d in check(document)[1] if d.code == "CS022")
    assert document.root is not None
    assert finding.span == span_at(document.root, (*path, key), key=True)
    assert f"'{key}'" in finding.message
    assert finding.hint is not None
    assert finding.hint.startswith(("it takes ", "did you mean "))


def test_a_tag_in_the_middle_of_a_path_is_left_out() -> None:
    dense = LAYERS["Dense"]
    path = ("activation", "<expression>", "<expression>")
    place = place_of(dense, path)
    assert place.path == ("activation", "<expression>")
    assert place.holder is not None
    assert list(place.holder.model_fields) == ["expr"]
    assert place_of(dense, ("nothing", "<l2>")).path == ("nothing", "<l2>")
    assert place_of(LAYERS["Merge"], ("dot_axes", "<pair>", 1)).path == ("dot_axes", 1)
    assert place_of(LAYERS["Flatten"], ("input_shape", 2)).path == ("input_shape", 2)


# --- keys for anchors

ANCHORED = """convspec: 1
dim_ordering: tf
input_shape: [8, 8, 1]
x-conv: &conv {type: Convolution2D, nb_row: 3, nb_col: 3, border_mode: same}
x-relu: &relu {activation: relu}
x-: {anything: [1, {x: y}]}
layers:
  - {<<: [*conv, *relu], nb_filter: 8}
  - {<<: *conv, nb_filter: 1}
"""


def test_keys_for_anchors_are_ignored() -> None:
    document = parse_document(ANCHORED, "a.yaml")
    model, findings = check(document)
    assert findings == ()
    assert model is not None
    assert [layer.output_shape for layer in model.shapes().layers] == [(8, 8, 8), (8, 8, 1)]
    assert [getattr(layer, "activation", None) for layer in model.spec.layers] == ["relu", None]
    jsonschema = pytest.importorskip("jsonschema")
    assert document.root is not None
    jsonschema.Draft202012Validator(native_schema()).validate(to_data(document.root))


def test_only_the_top_has_keys_for_anchors() -> None:
    codes = [d.code for d in found(spec([{"type": "Flatten", "x-mine": 1}], [3]))]
    assert codes == ["CS022"]
    codes = [d.code for d in found(spec([{"type": "Flatten"}], [3], **{"X-mine": 1, "xx-a": 2}))]
    assert codes == ["CS022", "CS022"]


MERGES = [
    ("<<: *d\n    <<: *e", "<<: [*d, *e]", 1),
    ("<<: [*d, *e]\n    <<: *f", "<<: [*d, *e, *f]", 1),
    ("<<:\n      - *d\n      - *f\n    <<: *e", "<<: [*d, *f, *e]", 1),
    ("<<: *d\n    <<: *e\n    <<: *f", "<<: [*d, *e, *f]", 2),
    ("<<: *d\n    <<: {trainable: false}", "<<: [*d, {trainable: false}]", 1),
    ("<<: *d\n    <<:\n      trainable: false", "<<: [*a, *b]", 1),
]


@pytest.mark.parametrize(("text", "written", "count"), MERGES)
def test_two_merge_keys_are_one_with_a_list(text: str, written: str, count: int) -> None:
    head = (
        "convspec: 1\ninput_shape: [8]\nx-d: &d {type: Dense, output_dim: 3}\n"
        "x-e: &e {activation: relu}\nx-f: &f {bias: false}\nlayers:\n  - "
    )
    findings = parse_document(f"{head}{text}\n", "m.yaml").diagnostics
    assert [d.code for d in findings] == ["CS004"] * count
    assert {d.hint for d in findings} == {f"merge them with one key: {written}"}
    if "*a" not in written:
        model, mended = check(parse_document(f"{head}{written}\n", "m.yaml"))
        assert (model is not None, mended) == (True, ())


# --- text that is not UTF-8

TEXTS = ["convspec: 1\n", "{}", "[", "# grün: größe\nconvspec: 1\n", "名: 前\nlayers: []\n",
         '{"convspec": 1, "name": "名前"}', "\n\n\nconvspec: 1", "a: " + "x" * 9000,
         "name: 😀😀\n"]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_wide_text_is_called_what_it_is(text: str) -> None:
    for size in ("16", "32"):
        for mark in ("", "-le", "-be"):
            data = text.encode(f"utf-{size}{mark}")
            assert wide_encoding(data) == f"UTF-{size}", (size, mark)
            (finding,) = decode_document(data, "t.yaml").diagnostics
            assert finding.code == "CS002"
            assert finding.message == f"this is UTF-{size} text, not YAML or JSON as UTF-8 text"
    assert wide_encoding(text.encode()) is None
    assert wide_encoding(text.encode("utf-8-sig")) is None


@pytest.mark.parametrize("data", [b"", b"a", b"a\x00", b"convspec\x00: 1\nlayers: []\n"])
def test_a_nul_alone_is_no_wide_text(data: bytes) -> None:
    wide = wide_encoding(data)
    assert wide is None or data == b"a\x00"


# --- names of other releases


def test_names_of_keras_2_are_told_by_the_layer_that_has_them() -> None:
    taken = {name for layer in LAYERS.values() for name in layer.model_fields}
    for groups in KERAS_2_NAMES.values():
        assert all(name in taken for names in groups for name in names)
    for name, layer, wanted in [
        ("strides", "Convolution1D", "subsample_length"),
        ("strides", "Convolution3D", "subsample"),
        ("strides", "AveragePooling1D", "stride"),
        ("kernel_size", "LocallyConnected1D", "filter_length"),
        ("kernel_size", "Deconvolution2D", "nb_row and nb_col"),
        ("kernel_size", "Convolution3D", "kernel_dim1, kernel_dim2 and kernel_dim3"),
        ("dilation_rate", "AtrousConvolution2D", "atrous_rate"),
        ("stddev", "GaussianNoise", "sigma"),
        ("rate", "SpatialDropout2D", "p"),
        ("units", "Dense", "output_dim"),
        ("embeddings_initializer", "Embedding", "init"),
        ("axis", "Merge", "concat_axis"),
        ("size", "UpSampling1D", "length"),
        ("recurrent_activation", "LSTM", "inner_activation"),
        ("recurrent_initializer", "GRU", "inner_init"),
        ("recurrent_regularizer", "SimpleRNN", "U_regularizer"),
        ("dropout", "GRU", "dropout_W"),
        ("recurrent_dropout", "ConvLSTM2D", "dropout_U"),
        ("kernel_size", "ConvLSTM2D", "nb_row and nb_col"),
        ("kernel_constraint", "Dense", "W_constraint"),
    ]:
        hint = argument_hint(name, list(LAYERS[layer].model_fields))
        assert hint == f"'{name}' is Keras 2's name; Keras 1.x says {wanted}"


def test_what_recurrent_layers_do_without_is_told() -> None:
    taken = list(LAYERS["LSTM"].model_fields)
    for name, why in [
        ("kernel_constraint", "only training uses it"),
        ("implementation", "it changes no number; consume_less says how tensors are stored"),
        ("unit_forget_bias", "where a forget gate has a bias, forget_bias_init is one by default"),
        ("return_state", "a stateful layer's state is what run_stateful returns"),
    ]:
        assert argument_hint(name, taken) == f"'{name}' is Keras 2's; drop it: {why}"
    gates = {"type": "LSTM", "output_dim": 2, "inner_activation": "hard_swish"}
    (one,) = found(spec([gates], [4, 3]))
    assert one.hint == 'write inner_activation: {expr: "x * clip(x + 3, 0, 6) / 6"}'


def test_what_is_said_beside_the_layer_of_a_wrapper() -> None:
    inner = {"type": "LSTM", "output_dim": 2}
    both = {"type": "Bidirectional", "layer": inner}
    for wrong, hint in [
        ({"return_sequences": True},
         "what is said of the layer inside is said in its own mapping, behind layer:"),
        ({"sequences": True},
         "it takes layer, merge_mode, weights, name, trainable, input_shape, batch_input_shape, "
         "input_dtype"),
        ({"merge_mode": "multiply"}, "'multiply' is called mul here"),
        ({"layer": "LSTM"}, "write layer: {type: LSTM, output_dim: 10}, as a layer of its own"),
    ]:  # fmt: skip
        assert only(found(spec([both | wrong], [4, 3]))).hint == hint


def test_an_argument_of_keras_2_is_one_finding() -> None:
    layer = {"type": "Conv2D", "filters": 4, "kernel_size": [3, 3], "strides": [2, 2],
             "padding": "same", "use_bias": False}  # fmt: skip
    findings = found(spec([layer], [8, 8, 1], dim_ordering="tf"))
    assert [d.code for d in findings] == ["CS022"] * 5
    # What no other name says is missing still.
    findings = found(spec([{"type": "Conv2D", "filters": 4}], [8, 8, 1], dim_ordering="tf"))
    assert [d.message.split()[-1] for d in findings] == ["'nb_row'", "'nb_col'", "'filters'"]


SIGMOID = "1 / (1 + np.exp(-x))"
FORMULAS = {
    "swish": f"x * ({SIGMOID})",
    "silu": f"x * ({SIGMOID})",
    "gelu": "0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))",
    "selu": "1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1))",
    "mish": "x * np.tanh(np.log(1 + np.exp(x)))",
    "leaky_relu": "np.where(x > 0, x, 0.3 * x)",
    "LeakyReLU": "np.where(x > 0, x, 0.3 * x)",
    "exponential": "np.exp(x)",
    "relu6": "np.minimum(np.maximum(x, 0), 6)",
    "hard_swish": "x * np.minimum(np.maximum(x + 3, 0), 6) / 6",
    "hard_tanh": "np.minimum(np.maximum(x, -1), 1)",
    "log_sigmoid": f"np.log({SIGMOID})",
    "tanh_shrink": "x - np.tanh(x)",
    "softshrink": "np.sign(x) * np.maximum(np.abs(x) - 0.5, 0)",
    "hard_shrink": "np.where(np.abs(x) > 0.5, x, 0)",
    "celu": "np.maximum(x, 0) + np.minimum(np.exp(x) - 1, 0)",
    "quick_gelu": "x / (1 + np.exp(-1.702 * x))",
    "gelu_new": "0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))",
    "squareplus": "(x + np.sqrt(x ** 2 + 4)) / 2",
    "squared_relu": "np.maximum(x, 0) ** 2",
}


@pytest.mark.parametrize("name", FORMULAS)
def test_an_activation_without_a_name_has_an_expression(name: str) -> None:
    import math

    hint = activation_hint(name)
    assert hint is not None
    (written,) = re.findall(r'\{expr: "(.*?)"\}', hint)
    x = np.linspace(-7.3, 7.3, 401)
    wanted = eval(FORMULAS[name], {"np": np, "math": math, "x": x})
    np.testing.assert_allclose(evaluate(parse(written), x), wanted, rtol=1e-12, atol=1e-15)
    line = f'{{type: Activation, activation: {{expr: "{written}"}}}}'
    text = f"convspec: 1\ninput_shape: [3]\nlayers:\n  - {line}\n"
    assert not has_errors(found(text, "t.yaml"))
    findings = found(spec([{"type": "Activation", "activation": name}], [3]))
    if name not in get_args(ActivationName):
        assert [(f.code, f.hint) for f in findings] == [("CS023", hint)]
    # A Keras 1 file has none of these names: they are functions of its author's.
    layer = {"class_name": "Activation", "config": {"activation": name, "name": "a"}}
    layer["config"] |= {"batch_input_shape": [None, 3]}
    keras = {"class_name": "Sequential", "config": [layer], "keras_version": "1.2.2"}
    finding = only(found(json.dumps(keras), "t.json"))
    assert (finding.code, finding.hint) == ("CS023", hint)


def test_all_expressions_can_be_read() -> None:
    for expression in EXPRESSIONS.values():
        parse(expression)


TYPES = {
    "soft_max": "write {type: Activation, activation: softmax}",
    "relu": "write {type: Activation, activation: relu}",
    "HardSigmoid": "write {type: Activation, activation: hard_sigmoid}",
    "ReLU6": "write {type: Activation, activation: relu6}",
    "Conv2DTranspose": "it is called Deconvolution2D here",
    "ConvTranspose2d": "it is called Deconvolution2D here",
    "GlobalAvgPool2D": "it is called GlobalAveragePooling2D here",
    "GlobalMaxPool1D": "it is called GlobalMaxPooling1D here",
    "MaxPool3D": "it is called MaxPooling3D here",
    "AvgPool1D": "it is called AveragePooling1D here",
    "max_pooling_2d": "did you mean 'MaxPooling2D'?",
    "Add": "write {type: Merge, mode: sum, inputs: [a, b]}",
    "Concatenate": "write {type: Merge, mode: concat, inputs: [a, b]}",
    "BatchNorm2d": "it is called BatchNormalization here",
    "Linear": "it is called Dense here",
    "conv2d": "did you mean 'Conv2D'?",
    "zero_padding2d": "did you mean 'ZeroPadding2D'?",
    "Convolutoin2D": "did you mean 'Convolution2D' or 'Deconvolution2D'?",
}


@pytest.mark.parametrize("name", TYPES)
def test_a_type_of_another_name(name: str) -> None:
    finding = only(found(spec([{"type": name}], [3])))
    assert (finding.code, finding.hint) == ("CS027", TYPES[name])
    called = re.fullmatch(r"it is called (\w+) here", TYPES[name])
    assert called is None or called[1] in LAYERS


def test_the_hint_for_any_type_is_short_and_names_layers() -> None:
    for name in ("Xyzzy", "LRN", "", "L" * 500, "DepthwiseConv2D", "Norm", "Sub-pixel"):
        hint = type_hint(name, native=True)
        assert 0 < len(hint) < 260
        assert any(known in hint for known in (*LAYERS, *aliases()))


# --- what the backends refused

C2 = {"nb_filter": 4, "nb_row": 3, "nb_col": 3}
ATROUS = {"type": "AtrousConvolution2D", **C2}
SEPARABLE = {"type": "SeparableConvolution2D", **C2}
REFUSED = [
    # A layer, its input, and whether TensorFlow and Theano refuse it.
    ({"type": "Convolution1D", "nb_filter": 2, "filter_length": 3, "border_mode": "full"}, [9, 1],
     True, False),
    ({"type": "Convolution2D", **C2, "border_mode": "full"}, [9, 9, 1], True, False),
    ({"type": "Convolution3D", "nb_filter": 2, "kernel_dim1": 2, "kernel_dim2": 2,
      "kernel_dim3": 2, "border_mode": "full"}, [4, 4, 4, 1], True, False),
    ({"type": "Convolution2D", **C2, "border_mode": "same"}, [9, 9, 1], False, False),
    ({**ATROUS, "atrous_rate": [2, 2]}, [9, 9, 1], False, False),
    ({**ATROUS, "atrous_rate": [2, 1]}, [9, 9, 1], True, False),
    ({**ATROUS, "atrous_rate": [2, 2], "subsample": [2, 2]}, [9, 9, 1], True, False),
    ({**ATROUS, "atrous_rate": [1, 1], "subsample": [2, 2]}, [9, 9, 1], False, False),
    ({"type": "AtrousConvolution1D", "nb_filter": 2, "filter_length": 3, "atrous_rate": 2,
      "subsample_length": 2}, [9, 1], True, False),
    (SEPARABLE, [9, 9, 2], False, True),
    ({**SEPARABLE, "depth_multiplier": 3}, [9, 9, 2], True, True),
    ({**SEPARABLE, "subsample": [2, 1]}, [9, 9, 2], True, True),
    ({"type": "UpSampling1D"}, [None, 2], True, False),
    ({"type": "UpSampling1D"}, [4, 2], False, False),
    ({"type": "UpSampling2D"}, [None, None, 2], False, False),
    ({"type": "UpSampling3D"}, [2, None, 2, 1], True, False),
    ({"type": "BatchNormalization", "epsilon": 1e-5}, [4], False, True),
    ({"type": "BatchNormalization", "epsilon": 1e-6, "mode": 2}, [4], False, True),
    ({"type": "BatchNormalization", "epsilon": 1e-5, "mode": 1}, [4], False, False),
    ({"type": "BatchNormalization", "epsilon": 1.1e-5}, [4], False, False),
    ({"type": "TimeDistributed", "layer": {"type": "Convolution2D", **C2, "border_mode": "full"}},
     [3, 9, 9, 1], True, False),
    ({"type": "Deconvolution2D", **C2, "border_mode": "full", "output_shape": [None, 7, 7, 4]},
     [9, 9, 1], True, False),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "shape", "tensorflow", "theano"), REFUSED)
def test_what_a_backend_refused_is_noted(
    layer: dict[str, Any], shape: Any, tensorflow: bool, theano: bool
) -> None:
    for semantics, refused in (("tensorflow", tensorflow), ("theano", theano)):
        model = build([layer], shape, semantics=semantics, dim_ordering="tf")
        noted = [d for d in model.diagnostics if d.code == "CS055"]
        assert [d.severity for d in noted] == [Severity.NOTE] * refused, semantics
        title = "TensorFlow" if semantics == "tensorflow" else "Theano"
        assert all(f"refuses this on {title}: " in d.message for d in noted)
        other = "theano" if semantics == "tensorflow" else "tensorflow"
        # Theano 0.8 took any epsilon, so that its model need not be TensorFlow's.
        told = not (tensorflow and theano) and layer["type"] != "BatchNormalization"
        assert all((f"--semantics {other}" in (d.hint or "")) == told for d in noted)


def keras(version: str, name: str, **config: Any) -> str:
    layers = [{"class_name": name, "config": {"name": "l", **config}}]
    return json.dumps({"class_name": "Sequential", "keras_version": version, "config": layers})


def test_what_an_older_keras_refused_is_noted_by_its_release() -> None:
    volume = {"batch_input_shape": [None, 4, 4, 4, 1], "pool_size": [2, 2, 2],
              "dim_ordering": "tf", "border_mode": "valid", "strides": [2, 2, 2]}  # fmt: skip
    steps = {"batch_input_shape": [None, 8, 1], "pool_length": 2, "stride": 2,
             "border_mode": "same"}  # fmt: skip
    for text, semantics, count in [
        (keras("1.0.5", "MaxPooling3D", **volume), "tensorflow", 1),
        (keras("1.0.6", "MaxPooling3D", **volume), "tensorflow", 0),
        (keras("1.0.5", "MaxPooling3D", **volume), "theano", 0),
        (keras("1.1.2", "MaxPooling1D", **steps), "theano", 1),
        (keras("1.2.0", "MaxPooling1D", **steps), "theano", 0),
        (keras("1.1.2", "MaxPooling1D", **steps), "tensorflow", 0),
        # Nothing has decided on a backend.
        (keras("1.1.2", "MaxPooling1D", **steps), None, 0),
    ]:
        document = parse_document(text, "t.json")
        model, findings = check(document, semantics=semantics)  # type: ignore[arg-type]
        assert model is not None, findings
        assert [d.code for d in findings].count("CS055") == count


def test_a_refusal_is_told_once_for_all_layers() -> None:
    layer = {"type": "Convolution1D", "nb_filter": 2, "filter_length": 3, "border_mode": "full"}
    model = build([layer] * 6, [9, 1])
    (note,) = model.diagnostics
    assert note.layer == "convolution1d_1"
    assert note.message == (
        "Keras itself refuses this on TensorFlow: it has no border_mode 'full' there (and so of "
        "'convolution1d_2', 'convolution1d_3', 'convolution1d_4' and 2 more)"
    )


# --- the axis of the channels

BN = {"type": "BatchNormalization", "name": "bn"}
CONV = {"type": "Convolution2D", **C2}
STEPS = {"type": "Convolution1D", "nb_filter": 4, "filter_length": 3}
AXES: list[tuple[list[dict[str, Any]], Any, str, int | None]] = [
    # Layers, input, ordering, and the axis that is told; None where nothing is.
    ([CONV, BN], [3, 8, 8], "th", 1),
    ([CONV, {**BN, "axis": 1}], [3, 8, 8], "th", None),
    ([CONV, {**BN, "axis": -3}], [3, 8, 8], "th", None),
    ([CONV, {**BN, "axis": 2}], [3, 8, 8], "th", 1),
    ([CONV, BN], [8, 8, 3], "tf", None),
    ([CONV, {**BN, "axis": 1}], [8, 8, 3], "tf", 3),
    ([CONV, {**BN, "axis": 3}], [8, 8, 3], "tf", None),
    ([BN, CONV], [3, 8, 8], "th", 1),
    ([BN], [3, 8, 8], "th", None),
    ([CONV, {"type": "Activation", "activation": "relu"}, {"type": "Dropout", "p": 0.5}, BN],
     [3, 8, 8], "th", 1),
    ([CONV, {"type": "Permute", "dims": [2, 3, 1]}, BN], [3, 8, 8], "th", None),
    ([CONV, {"type": "Flatten"}, BN], [3, 8, 8], "th", None),
    ([CONV, {"type": "GlobalAveragePooling2D"}, BN], [3, 8, 8], "th", None),
    ([CONV, {"type": "Flatten"}, {"type": "Dense", "output_dim": 3}, BN], [3, 8, 8], "th", None),
    ([STEPS, BN], [8, 2], "th", None),
    ([STEPS, {**BN, "axis": 1}], [8, 2], "th", 2),
    ([CONV, {**BN, "mode": 2}], [3, 8, 8], "th", 1),
    ([CONV, {**BN, "mode": 1}], [3, 8, 8], "th", None),
    ([{"type": "TimeDistributed", "layer": CONV},
      {"type": "TimeDistributed", "layer": {"type": "BatchNormalization"}, "name": "bn"}],
     [5, 3, 8, 8], "th", 1),
    ([{"type": "TimeDistributed", "layer": CONV}, BN], [5, 3, 8, 8], "th", 2),
]  # fmt: skip


@pytest.mark.parametrize(("layers", "shape", "ordering", "axis"), AXES)
def test_an_axis_that_is_not_the_channels(
    layers: list[dict[str, Any]], shape: Any, ordering: str, axis: int | None
) -> None:
    model = build(layers, shape, dim_ordering=ordering)
    told = [d for d in model.diagnostics if d.code == "CS088"]
    assert len(told) == (axis is not None)
    for finding in told:
        assert (finding.severity, finding.layer) == (Severity.WARNING, "bn")
        assert (finding.hint or "").endswith(f"write axis: {axis}")


# --- variances without a root


def normalized(tmp_path: Path, std: list[float], **more: Any) -> tuple[str, str]:
    header = {k: more.pop(k) for k in ("semantics",) if k in more}
    layer = {**BN, **more}
    (tmp_path / "s.json").write_text(spec([layer], [len(std)], **header))
    n = len(std)
    tensors = {"gamma": np.ones(n), "beta": np.zeros(n), "running_mean": np.zeros(n),
               "running_std": np.array(std)}  # fmt: skip
    np.savez(tmp_path / "w.npz", **{f"bn/{k}": v.astype("f4") for k, v in tensors.items()})
    return str(tmp_path / "s.json"), str(tmp_path / "w.npz")


def test_a_negative_variance_is_told_by_every_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, weights = normalized(tmp_path, [1, -0.5, 2])
    np.save(tmp_path / "x.npy", np.ones((4, 3), "f4"))
    message = (
        "warning CS087: running_std holds -0.5 in channel 1, of 3: a variance that, with epsilon "
        "0.001, is not above 0 has no root to divide by; every value of that channel is NaN or "
        "infinite [layer bn]"
    )
    for command in (
        ["validate", file, "--weights", weights],
        ["weights", file, "--weights", weights],
        ["run", file, "--weights", weights, "--input", str(tmp_path / "x.npy"),
         "--target", "reference"],
    ):  # fmt: skip
        assert run(command) == 0
        out, err = capsys.readouterr()
        assert message in out + err
    assert "warning CS098: the output holds 4 values that are not finite" in err


@pytest.mark.parametrize(
    ("std", "more", "channels"),
    [
        ([1, -0.0005], {}, None),
        ([-1, 1, -2], {}, "-1 in channel 0, -2 in channel 2, of 3"),
        ([0, 1], {}, None),
        ([0, 1], {"epsilon": 0.0}, "0 in channel 0, of 2"),
        ([1, -0.5], {"mode": 2}, None),
        ([1, -0.5], {"semantics": {"running_std": "deviation"}}, None),
        ([-0.0005, 1], {"semantics": {"running_std": "root_variance"}},
         "-0.0005 in channel 0, of 2"),
        ([-1.0] * 8, {}, "-1 in channel 0, -1 in channel 1, -1 in channel 2, -1 in channel 3, "
         "-1 in channel 4 and 3 more, of 8"),
        ([float("nan"), 1], {}, None),
    ],
)  # fmt: skip
def test_which_variances_have_no_root(
    tmp_path: Path, std: list[float], more: dict[str, Any], channels: str | None
) -> None:
    file, weights = normalized(tmp_path, std, **more)
    compiled = speccompiler.load(file, weights=weights).compile("reference")
    told = [d.message for d in compiled.diagnostics if d.code == "CS087"]
    assert len(told) == (channels is not None)
    assert channels is None or f"running_std holds {channels}: " in told[0]
    if not any(map(np.isnan, std)) and more.get("mode", 0) == 0:
        y = compiled.run(np.full((2, len(std)), 3, "f4"))
        assert np.isfinite(y).all() == (channels is None)


# --- shapes


def test_what_would_fit_is_told() -> None:
    step = {"type": "Convolution1D", "nb_filter": 2, "filter_length": 3}
    finding = only(found(spec([step], [1, 24])))
    assert (finding.code, finding.hint) == (
        "CS044",
        "steps come first, then channels: write input_shape: [24, 1], which would give (22, 2)",
    )
    turned = {"type": "Reshape", "target_shape": [1, 24]}
    finding = only(found(spec([turned, step], [24])))
    assert finding.hint == (
        "steps come first, then channels: a Permute with dims [2, 1] before it turns them, which "
        "would give (22, 2)"
    )
    # What fits neither way is told as before.
    finding = only(found(spec([step], [1, 2])))
    assert finding.hint == "use a smaller window, border_mode 'same', or a larger input"


@pytest.mark.parametrize(
    ("shapes", "axis", "hint"),
    [
        (([8, 8, 3], [8, 8, 5]), 1, "with concat_axis: -1 they fit and give (8, 8, 8)"),
        (([8, 8, 3], [4, 8, 3]), 3, "with concat_axis: 1 they fit and give (12, 8, 3)"),
        (([8, 8, 3], [8, 5, 3]), -1, "with concat_axis: 2 they fit and give (8, 13, 3)"),
        (([8, 8, 3], [4, 8, 5]), 1, "all inputs need the same lengths along every other axis"),
        (([8, 3], [4, 8, 5]), 1, "all inputs need the same lengths along every other axis"),
    ],
)
def test_the_axis_along_which_values_fit(shapes: Any, axis: int, hint: str) -> None:
    merge = {"type": "Merge", "mode": "concat", "concat_axis": axis, "inputs": ["a", "b"]}
    inputs = dict(zip("ab", shapes, strict=True))
    finding = only(found(spec([merge], None, inputs=inputs)))
    assert (finding.code, finding.hint) == ("CS063", hint)
    number = re.search(r"concat_axis: (-?\d+)", hint)
    if number is not None:
        build([{**merge, "concat_axis": int(number[1])}], None, inputs=inputs)


def test_lengths_that_are_open_where_a_layer_needs_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layers = [CONV, {"type": "Flatten"}, {"type": "Dropout", "p": 0.1},
              {"type": "Dense", "output_dim": 3}]  # fmt: skip
    file = tmp_path / "s.json"
    file.write_text(spec(layers, [None, None, 3], dim_ordering="tf"))
    finding = only(found(file.read_text()))
    assert finding.code == "CS045"
    assert "but 'flatten_1' makes one axis of all, with lengths that are open: " in finding.message
    assert finding.hint == (
        "give the input's lengths numbers (input_shape, or --input-shape), or put a "
        "GlobalAveragePooling or GlobalMaxPooling in the place of 'flatten_1'"
    )
    assert run(["shapes", str(file), "--input-shape", "8,8,3", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["input_shape"] == [8, 8, 3]
    assert data["layers"][-1]["parameters"] == 6 * 6 * 4 * 3 + 3
    assert run(["shapes", str(file), "--input-shape", "8,8"]) == 1
    assert "CS116" in capsys.readouterr().err
    assert run(["plan", str(file), "--input-shape", "8,8,3"]) == 0
    # What is open but not flattened: the channels, or those of the other ordering.
    finding = only(found(spec([CONV | {"dim_ordering": "tf"}], [None, 8, None])))
    assert finding.hint == "only spatial lengths may be null"
    finding = only(found(spec([CONV], [None, None, 3], dim_ordering="th")))
    assert (finding.code, finding.hint) == (
        "CS045",
        "write dim_ordering: tf at the top of the spec: with it everything fits",
    )


@pytest.mark.parametrize(
    ("layer", "shape", "ordering", "hint"),
    [
        (STEPS, [8], "tf", "a row of single values is (8, 1); or that of steps: steps of 8 values "
         "each are (steps, 8)"),
        (CONV, [8, 9], "tf", "a grey image is (8, 9, 1)"),
        (CONV, [8, 9], "th", "a grey image is (1, 8, 9)"),
        ({"type": "MaxPooling3D"}, [4, 5, 6], "tf", "a volume of single values is (4, 5, 6, 1)"),
    ],
)  # fmt: skip
def test_the_channel_axis_may_be_missing(layer: Any, shape: Any, ordering: str, hint: str) -> None:
    finding = only(found(spec([layer], shape, dim_ordering=ordering)))
    assert finding.hint == f"the channel axis may be missing: {hint}"


@pytest.mark.parametrize(
    ("layer", "shape", "sizes"),
    [
        (CONV, [3, 32, 32], "3, 32, 32"),
        (STEPS, [8, 2], "8, 2"),
        ({"type": "MaxPooling2D"}, [None, None, 3], "S, T, 3"),
    ],
)
def test_the_axis_of_steps_may_be_missing(layer: Any, shape: Any, sizes: str) -> None:
    wrapped = {"type": "TimeDistributed", "layer": layer}
    finding = only(found(spec([wrapped], shape, dim_ordering="tf")))
    assert finding.code == "CS038"
    assert finding.hint == (
        f"the axis of steps is missing: an input of shape (steps, {sizes}) has it; null leaves it "
        "open"
    )


# --- commands


@pytest.mark.parametrize("command", ["validate", "shapes", "plan", "weights"])
def test_an_empty_name_is_a_usage_error(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, ""]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "a name is empty" in err


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for name in ("a", "b", "c", ".hidden"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "s.json").write_text(spec([{"type": "Flatten"}], [3]))
    return tmp_path


@pytest.mark.parametrize("error", [FileNotFoundError, PermissionError, NotADirectoryError])
def test_a_folder_that_vanishes_is_passed_over(
    folders: Path,
    error: type[OSError],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    scandir = os.scandir

    def gone(path: Any) -> Any:
        if Path(path).name == "b":
            raise error(2, "gone", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", gone)
    assert run(["validate", str(folders)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out == [f"{folders / name / 's.json'}: ok, 1 layer" for name in "ac"]


def test_a_file_that_vanishes_is_passed_over(
    folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from speccompiler.cli import documents

    read = documents.read_document

    def after_others_are_gone(path: Path) -> Any:
        (folders / "c" / "s.json").unlink(missing_ok=True)
        return read(path)

    monkeypatch.setattr(documents, "read_document", after_others_are_gone)
    assert run(["validate", str(folders)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out == [f"{folders / name / 's.json'}: ok, 1 layer" for name in "ab"]


def test_the_reference_overflows_as_the_kernels_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    activation = {"type": "Activation", "activation": {"expr": "x * x"}}
    (tmp_path / "s.json").write_text(spec([activation], [3]))
    np.save(tmp_path / "x.npy", np.full((2, 3), 1e30, "f4"))
    line = ["run", str(tmp_path / "s.json"), "--input", str(tmp_path / "x.npy")]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run([*line, "--target", "reference"]) == 0
    out, err = capsys.readouterr()
    assert "warning CS098: the output holds 6 values that are not finite" in err
    assert "RuntimeWarning" not in out + err


# --- Python


def test_findings_are_value_errors() -> None:
    model = build([{"type": "Flatten", "name": "f"}], [3])
    for wrong in (
        lambda: model.compile("gpu"),
        lambda: model.compile("reference", layers=["g"]),
        lambda: speccompiler.load("nowhere.yaml"),
        lambda: speccompiler.load("nowhere.yaml", semantics="torch"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValueError, match="CS") as caught:
            wrong()
        assert isinstance(caught.value, SpecError)
        assert caught.value.diagnostics


def test_a_refusal_says_where_a_keras_file_was_trained() -> None:
    step = {"batch_input_shape": [None, 9, 1], "nb_filter": 2, "filter_length": 3,
            "border_mode": "full", "subsample_length": 1}  # fmt: skip
    model, _ = check(parse_document(keras("1.2.2", "Convolution1D", **step), "t.json"))
    assert model is not None
    asked = model.undecided_finding()
    assert asked is not None
    assert asked.hint == (
        "a run needs --semantics tensorflow or --semantics theano; Keras on TensorFlow refuses "
        "'l', so that it was trained on Theano"
    )


@pytest.mark.parametrize("version", ["1.0.4", "1.1.2", "1.2.2"])
def test_what_the_last_theano_alone_refuses_says_nothing(version: str) -> None:
    """The default epsilon of Keras up to 1.1.2 was 1e-6 or 1e-5; Theano 0.8 took either."""
    layers = [
        {"class_name": "Convolution2D", "config": {
            "name": "c", "batch_input_shape": [None, 3, 8, 8], "dim_ordering": "th",
            "nb_filter": 2, "nb_row": 3, "nb_col": 3}},
        {"class_name": "BatchNormalization", "config": {
            "name": "b", "epsilon": 1e-6, "mode": 0, "axis": 1, "momentum": 0.9}},
    ]  # fmt: skip
    saved = {"class_name": "Sequential", "config": layers, "keras_version": version}
    text = json.dumps(saved)
    model, _ = check(parse_document(text, "t.json"))
    assert model is not None
    asked = model.undecided_finding()
    assert asked is not None
    assert asked.hint == "a run needs --semantics tensorflow or --semantics theano"
    model, found = check(parse_document(text, "t.json"), semantics="theano")
    assert model is not None
    assert [(d.code, d.message, d.hint) for d in found] == [
        (
            "CS055",
            "Keras itself refuses this on Theano: Theano 0.9 takes no epsilon below 1e-5, which "
            "1e-06 is in float32; Theano 0.8 took it",
            "the result follows the layer's definition",
        )
    ]
