"""What Keras 2, tf.keras and Keras 3 write, layer by layer; the numbers are worked out by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.model import Model, check
from speccompiler.source.texts import parse_document

KERAS2 = {"keras_version": "2.2.4", "backend": "tensorflow"}
TFK = {"keras_version": "2.9.0", "backend": "tensorflow"}
KERAS3 = {"keras_version": "3.0.0"}
KERAS3_4 = {"keras_version": "3.4.0"}


def layer(kind: str, name: str, **arguments: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name, **arguments}}


def sequential(*layers: Any, **top: Any) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": "net", "layers": [*layers]}, **top}


def member(kind: str, name: str, *reads: Any, **arguments: Any) -> dict[str, Any]:
    nodes = [[[read, 0, 0, {}] if isinstance(read, str) else read for read in reads]]
    return {**layer(kind, name, **arguments), "name": name, "inbound_nodes": nodes if reads else []}


def functional(*members: Any, outputs: Any, **top: Any) -> dict[str, Any]:
    inputs = [[m["name"], 0, 0] for m in members if m["class_name"] == "InputLayer"]
    config = {"name": "net", "layers": [*members], "input_layers": inputs,
              "output_layers": outputs}  # fmt: skip
    return {"class_name": "Model", "config": config, **top}


def read(model: Any, **options: Any) -> tuple[Model | None, list[Diagnostic]]:
    found, diagnostics = check(parse_document(json.dumps(model), "m.json"), **options)
    return found, list(diagnostics)


def good(model: Any, **options: Any) -> Model:
    found, diagnostics = read(model, **options)
    assert found is not None, diagnostics
    return found


def run(model: Model, *inputs: Any) -> Any:
    shapes = dict(zip(model.input_names, (x.shape[1:] for x in inputs), strict=True))
    return model.compile("reference", input_shape=shapes).run(
        inputs[0] if len(inputs) == 1 else list(inputs)
    )


def errors(model: Any, **options: Any) -> list[tuple[str, str]]:
    return [(d.code, d.message) for d in read(model, **options)[1] if d.severity is Severity.ERROR]


def notes(model: Any) -> list[tuple[str, str]]:
    return [(d.code, d.message) for d in read(model)[1] if d.severity is Severity.NOTE]


DENSE = layer("Dense", "d", units=2, use_bias=True, activation="linear")
INPUT = layer("InputLayer", "i", batch_input_shape=[None, 4, 3], dtype="float32")
X = np.arange(24, dtype=np.float32).reshape(2, 4, 3) - 11


@pytest.mark.parametrize(
    ("backend", "semantics"),
    [("theano", "theano"), ("tensorflow", "tensorflow"), ("cntk", "tensorflow"),
     ("jax", "tensorflow")],
)  # fmt: skip
@pytest.mark.parametrize("key", ["backend", "original_backend"])
def test_the_backend_decides_the_semantics(backend: str, semantics: str, key: str) -> None:
    model = sequential(INPUT, DENSE, keras_version="2.1.6", **{key: backend})
    spec = good(model).spec
    assert spec.semantics is not None
    assert spec.semantics.profile == semantics
    assert good(model, semantics="theano").spec.semantics.profile == "theano"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("top", "slope"),
    [(KERAS2, 0.2), (TFK, 0.2), (KERAS3, 1 / 6)],
)
def test_hard_sigmoid_has_the_slope_of_its_release(top: Any, slope: float) -> None:
    model = good(sequential(INPUT, layer("Activation", "a", activation="hard_sigmoid"), **top))
    np.testing.assert_allclose(run(model, X), np.clip(slope * X + 0.5, 0, 1), atol=1e-6)


def test_bilinear_looks_at_other_places_since_tensorflow_2() -> None:
    image = np.float32([[[[0], [4]]]])
    shape = layer("InputLayer", "i", batch_input_shape=[None, 1, 2, 1])
    up = layer("UpSampling2D", "u", size=[1, 2], interpolation="bilinear")
    old, new = (good(sequential(shape, up, **top)) for top in (KERAS2, TFK))
    assert run(old, image).ravel().tolist() == [0, 2, 4, 4]
    assert run(new, image).ravel().tolist() == [0, 1, 3, 4]
    plain = sequential(shape, layer("UpSampling2D", "u", size=[1, 2]), **TFK)
    assert run(good(plain), image).ravel().tolist() == [0, 0, 4, 4]
    assert notes(plain) == [
        ("CS243", "'u': TensorFlow 1 did not write the interpolation of an UpSampling2D; this is "
         "'nearest', as it reads such a file itself")
    ]  # fmt: skip


def test_activations_are_objects_and_functions_too() -> None:
    relu = {"class_name": "ReLU", "config": {"name": "r", "max_value": 2.0}}
    function = {"class_name": "function", "config": "relu6", "registered_name": "relu6"}
    for activation, expected in (
        ("relu6", np.clip(X, 0, 6)),
        (function, np.clip(X, 0, 6)),
        (relu, np.clip(X, 0, 2)),
        ("hard_tanh", np.clip(X, -1, 1)),
    ):
        model = good(sequential(INPUT, layer("Activation", "a", activation=activation), **KERAS3))
        np.testing.assert_allclose(run(model, X), expected, atol=1e-6)
        assert model.spec.layers[-1].name == "a"
    dense = layer("Dense", "d", units=2, activation={**relu})
    model = good(sequential(INPUT, dense, **TFK))
    assert [(one.name, one.class_name) for one in model.spec.layers[1:]] == [
        ("d", "Dense"), ("d_activation", "ReLU")
    ]  # fmt: skip


def test_a_function_of_the_authors_is_answered_by_name() -> None:
    dense = layer("Dense", "d", units=2, activation="my_own")
    model = sequential(INPUT, dense, **TFK)
    assert errors(model) == [
        ("CS027", "'my_own' is no layer and no activation of Keras 2 or later: it is the "
         "work of the model's author or of another package")
    ]  # fmt: skip
    found = good(model, replace={"d_activation": "x * 2"})
    assert [one.name for one in found.spec.layers] == ["i", "d", "d_activation"]


@pytest.mark.parametrize(
    "beside",
    [
        {"module": "my.layers", "registered_name": "Pkg>Dense"},
        {"module": None, "registered_name": "Custom>Dense"},
        {"module": "my.layers", "registered_name": None},
    ],
)
def test_classes_of_other_packages_are_code_whatever_they_are_called(beside: Any) -> None:
    custom = {**layer("Dense", "mine", units=3), **beside}
    model = sequential(INPUT, custom, **KERAS3)
    assert [code for code, _ in errors(model)] == ["CS027"]
    assert np.array_equal(run(good(model, replace={"mine": "x + 1"}), X), X + 1)


def test_code_in_a_lambda_is_answered_and_never_run() -> None:
    code = {"class_name": "__lambda__", "config": {"code": "4wEAAAAAAAA=", "defaults": None}}
    held = layer("Lambda", "f", function=code, arguments={})
    for inside in (held, layer("TimeDistributed", "f", layer=layer("Lambda", "f", function=code))):
        model = sequential(INPUT, inside, **KERAS3)
        assert [code for code, _ in errors(model)] == ["CS082"]
        assert np.array_equal(run(good(model, replace={"f": "x / 2"}), X), X / 2)


def test_channels_first_steps_stand_between_swaps() -> None:
    pool = layer("MaxPooling1D", "p", pool_size=[3], data_format="channels_first")
    mean = layer("GlobalAveragePooling1D", "g", data_format="channels_first")
    assert np.array_equal(run(good(sequential(INPUT, pool, **TFK)), X), X.max(2, keepdims=True))
    np.testing.assert_allclose(run(good(sequential(INPUT, mean, **TFK)), X), X.mean(2))


NOT_READ = [
    (layer("LSTM", "r", units=2, time_major=True),
     "'time_major' of 'r': the steps stand in front of the samples"),
    (layer("Masking", "m", dtype={"class_name": "QuantizedDTypePolicy",
                                  "config": {"name": "int8_from_float32"}}),
     "the dtype policy 'int8_from_float32' of 'm' is none that convspec follows"),
    (layer("LayerNormalization", "n", rms_scaling=True), "'rms_scaling' of 'n' is not read"),
    (layer("GRU", "r", units=2, recurrent_activation="mine"),
     "'recurrent_activation' of 'r' is mine, which is not read inside of a recurrent layer"),
    (layer("LSTM", "r", units=2, activation={"class_name": "LeakyReLU", "config": {"name": "l"}}),
     "'activation' of 'r' is LeakyReLU, which is not read inside of a recurrent layer"),
    (layer("Resizing", "z", height=2, width=2, interpolation="bicubic"),
     "interpolation 'bicubic' of 'z' is not read; 'nearest' and 'bilinear' are"),
    (layer("Bidirectional", "b", layer=layer("LSTM", "f", units=2, go_backwards=False),
           backward_layer=layer("LSTM", "k", units=3, go_backwards=True)),
     "the backward layer of 'b' is not the copy of its forward layer"),
    (layer("LocallyConnected1D", "l", filters=2, kernel_size=[3], implementation=2,
           data_format="channels_first"),
     "'implementation' of 'l' is 2, with which its kernel is stored in another form: of "
     "data_format 'channels_first' that is not read"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "message"), NOT_READ)
def test_what_would_give_other_numbers_is_refused(one: Any, message: str) -> None:
    assert ("CS242", message) in errors(sequential(INPUT, one, **TFK))


def test_a_copy_with_numbers_of_its_own_objects_is_a_copy() -> None:
    def way(name: str, back: bool, number: int) -> Any:
        zeros = {"class_name": "Zeros", "config": {}, "shared_object_id": number}
        return layer("LSTM", name, units=2, go_backwards=back, bias_initializer=zeros)

    both = layer("Bidirectional", "b", layer=way("f", False, 1), backward_layer=way("k", True, 2))
    assert good(sequential(INPUT, both, **KERAS3)).spec.layers[-1].class_name == "Bidirectional"


def test_cudnn_layers_and_cells_are_their_layers() -> None:
    for kind, ours in (("CuDNNLSTM", "LSTM"), ("CuDNNGRU", "GRU")):
        one = good(sequential(INPUT, layer(kind, "r", units=2), **KERAS2)).spec.layers[-1]
        assert (one.class_name, one.inner_activation) == (ours, "sigmoid")  # type: ignore[attr-defined]
        assert getattr(one, "reset_after", True)
    cells = [layer("LSTMCell", "a", units=3, recurrent_activation="sigmoid"),
             layer("GRUCell", "b", units=2, reset_after=True)]  # fmt: skip
    stack = layer("StackedRNNCells", "s", cells=cells)
    model = good(sequential(INPUT, layer("RNN", "r", cell=stack, return_sequences=False), **TFK))
    assert [(one.name, one.class_name, one.return_sequences) for one in model.spec.layers[1:]] == [  # type: ignore[attr-defined]
        ("r_cell1", "LSTM", True), ("r", "GRU", False)
    ]  # fmt: skip
    back = layer("RNN", "r", cell=stack, go_backwards=True)
    assert errors(sequential(INPUT, back, **TFK)) == [
        ("CS242", "'r' goes backwards through several cells on one another, which is not read")
    ]
    both = layer("Bidirectional", "b", layer=layer("RNN", "r", cell=stack))
    assert errors(sequential(INPUT, both, **TFK)) == [
        ("CS242", "'b' goes both ways through several cells on one another, which is not read")
    ]
    mine = layer("RNN", "r", cell=layer("MyCell", "c", units=2))
    assert errors(sequential(INPUT, mine, **TFK)) == [
        ("CS028", "RNN is a layer of Keras 2 and later that convspec does not run")
    ]


@pytest.mark.parametrize("name", ["glu", "sparsemax", "threshold"])
def test_activations_of_keras_3_that_are_not_run_are_keras_3s(name: str) -> None:
    dense = layer("Dense", "d", units=2, activation=name)
    assert errors(sequential(INPUT, dense, **KERAS3)) == [
        ("CS028", f"{name} is an activation of Keras 3 that convspec does not run")
    ]


@pytest.mark.parametrize(
    ("one", "error"),
    [
        (layer("LSTM", "r", output_dim=2, bias=False),
         ("CS022", "LSTM has no argument 'bias' in Keras 1.x")),
        (layer("Convolution1D", "c", nb_filter=2, filter_length=2, border_mode="causal"),
         ("CS023", "'border_mode' is 'causal'; allowed in Keras 1.x: valid, same, full")),
    ],
)  # fmt: skip
def test_what_keras_1_has_not_is_not_taken_in_its_files(one: Any, error: Any) -> None:
    one["config"]["batch_input_shape"] = [None, 4, 3]
    model = {"class_name": "Sequential", "config": [one], "keras_version": "1.2.2"}
    assert errors(model) == [error]


def test_links_stand_alone_and_carry_arguments() -> None:
    one = member("Activation", "a", activation="relu")
    one["inbound_nodes"] = [["i", 0, 0, {"training": False, "mask": None}]]
    start = {**INPUT, "name": "i", "inbound_nodes": []}
    assert np.array_equal(
        run(good(functional(start, one, outputs=["a", 0, 0], **TFK)), X), np.maximum(X, 0)
    )
    one["inbound_nodes"] = [["i", 0, 0, {"scale": 2.0}]]
    assert errors(functional(start, one, outputs=[["a", 0, 0]], **TFK)) == [
        ("CS242", "'a' is called with the argument 'scale', which is not read")
    ]


def tensor(*history: Any) -> dict[str, Any]:
    config = {"shape": [None, 4, 3], "dtype": "float32", "keras_history": [*history]}
    return {"class_name": "__keras_tensor__", "config": config}


def operation(kind: str, *arguments: Any) -> dict[str, Any]:
    call = {"args": [*arguments], "kwargs": {}}
    return {**member(kind, "o"), "module": "keras.src.ops.numpy", "inbound_nodes": [call]}


FUNCTIONS = [
    (operation("Multiply", tensor("i", 0, 0), 2.0), X * 2),
    (operation("Subtract", 1, tensor("i", 0, 0)), 1 - X),
    (operation("Maximum", tensor("i", 0, 0), tensor("i", 0, 0)), X),
    (operation("Square", tensor("i", 0, 0)), X * X),
]
TENSORFLOWS = [
    ("math.truediv", ["i", 0, 0, {"y": 127.5, "name": None}], X / 127.5),
    ("__operators__.add", ["i", 0, 0, {"y": ["i", 0, 0], "name": None}], X + X),
    ("math.subtract", ["_CONSTANT_VALUE", -1, 2.0, {"y": ["i", 0, 0]}], 2 - X),
    ("nn.relu", ["i", 0, 0, {"name": "r"}], np.maximum(X, 0)),
]


@pytest.mark.parametrize(("node", "expected"), FUNCTIONS)
def test_operations_are_expressions_and_merges(node: Any, expected: Any) -> None:
    start = {**INPUT, "name": "i", "inbound_nodes": []}
    model = good(functional(start, node, outputs=["o", 0, 0], **KERAS3))
    np.testing.assert_allclose(run(model, X), expected, rtol=1e-6)


@pytest.mark.parametrize(("function", "call", "expected"), TENSORFLOWS)
def test_tensorflows_functions_are_too(function: str, call: Any, expected: Any) -> None:
    start = {**INPUT, "name": "i", "inbound_nodes": []}
    node = {**member("TFOpLambda", "o", function=function), "inbound_nodes": [call]}
    model = good(functional(start, node, outputs=[["o", 0, 0]], **TFK))
    np.testing.assert_allclose(run(model, X), expected, rtol=1e-6)


def test_an_operation_with_the_name_of_a_layer_is_not_that_layer() -> None:
    start = {**INPUT, "name": "i", "inbound_nodes": []}
    node = operation("Dot", tensor("i", 0, 0), tensor("i", 0, 0))
    assert errors(functional(start, node, outputs=["o", 0, 0], **KERAS3)) == [
        ("CS028", "keras.ops.Dot is a function among the layers that convspec does not run")
    ]


@pytest.mark.parametrize(("first", "top"), [(0, KERAS3), (1, KERAS2), (0, TFK)])
def test_calls_of_nested_models_are_counted_from_0_or_1(first: int, top: Any) -> None:
    inner = sequential(layer("Activation", "f", activation="relu", batch_input_shape=[None, 4, 3]))
    nested = {**inner, "name": "s", "inbound_nodes": [[["i", 0, 0, {}]], [["m", 0, 0, {}]]]}
    minus = member("Activation", "m", "i", activation="softsign")
    start = {**INPUT, "name": "i", "inbound_nodes": []}
    outputs = [["s", first, 0], ["s", first + 1, 0]]
    one, other = run(good(functional(start, minus, nested, outputs=outputs, **top)), X)
    np.testing.assert_allclose(one, np.maximum(X, 0))
    np.testing.assert_allclose(other, np.maximum(X / (1 + abs(X)), 0), rtol=1e-6)


def test_layers_of_nested_models_may_share_a_name() -> None:
    def tower(name: str) -> Any:
        inner = sequential(layer("Dense", "fc", units=1, batch_input_shape=[None, 4, 3]))
        return {**inner, "name": name, "inbound_nodes": [[["i", 0, 0, {}]]]}

    towers = [tower("left"), tower("right")]
    for each in towers:
        each["config"] = {"name": each["name"], "layers": each["config"]["layers"]}
    start = {**INPUT, "name": "i", "inbound_nodes": []}
    model = good(functional(start, *towers, outputs=[["left", 1, 0], ["right", 1, 0]], **KERAS2))
    assert [one.name for one in model.spec.layers] == ["i", "fc", "right_fc"]


def test_precision_and_what_does_nothing_are_said_once() -> None:
    half = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
    model = sequential(
        INPUT,
        layer("Dense", "a", units=2, dtype=half),
        layer("Dense", "b", units=2, dtype=half),
        layer("RandomZoom", "z", height_factor=0.1),
        **TFK,
    )
    assert notes(model) == [
        ("CS240", "'a' and 1 more computed in mixed_float16; convspec computes in float32"),
        ("CS241", "RandomZoom does nothing in a forward pass; passed over in 'z'"),
    ]


def test_initialisers_and_rules_have_keras_1_names() -> None:
    def of(kind: str, **config: Any) -> Any:
        return {"class_name": kind, "config": config}

    for given, expected in (
        (of("GlorotUniform", seed=None), "glorot_uniform"),
        (of("VarianceScaling", scale=2.0, mode="fan_in", distribution="truncated_normal"),
         "he_normal"),
        (of("RandomUniform", minval=-0.1, maxval=0.1), ("uniform", 0.1)),
        (of("Orthogonal", gain=1.5, seed=None), ("orthogonal", 1.5)),
    ):  # fmt: skip
        dense = layer("Dense", "d", units=2, kernel_initializer=given)
        init = good(sequential(INPUT, dense, **TFK)).spec.layers[-1].init  # type: ignore[attr-defined]
        assert (init if isinstance(init, str) else (init.name, init.scale)) == expected
    dense = layer(
        "Dense", "d", units=2,
        kernel_regularizer=of("L2", l2=0.5), kernel_constraint=of("MaxNorm", max_value=3, axis=0),
        kernel_initializer=of("LecunNormal", seed=None),
    )  # fmt: skip
    model = good(sequential(INPUT, dense, **TFK))
    one: Any = model.spec.layers[-1]
    assert (one.W_regularizer.l1, one.W_regularizer.l2) == (0, 0.5)
    assert one.W_constraint.m == 3
    assert [d.code for d in model.diagnostics] == ["CS074"]  # of the initialiser


def test_a_subclass_of_model_has_no_layers_in_its_config() -> None:
    model = {"class_name": "Functional", "config": {"name": "mine"}, **TFK}
    assert errors(model) == [
        ("CS021", "the config of this model lists no layers: it is a subclass of Model, whose "
         "layers are in its code")
    ]  # fmt: skip


def test_a_release_that_nobody_knows_is_refused() -> None:
    assert errors(sequential(INPUT, DENSE, keras_version="4.1")) == [
        ("CS040", "this was written by Keras 4.1; convspec reads what Keras 0.1 to 3 wrote")
    ]


def test_resizing_looks_at_half_pixels() -> None:
    image = np.float32([[[[0], [4]]]])
    shape = layer("InputLayer", "i", batch_shape=[None, 1, 2, 1])
    for how, expected in (("bilinear", [0, 1, 3, 4]), ("nearest", [0, 0, 4, 4])):
        one = layer("Resizing", "r", height=1, width=4, interpolation=how)
        assert run(good(sequential(shape, one, **KERAS3)), image).ravel().tolist() == expected


def test_a_normalised_axis_in_front_is_computed_alike_by_every_target() -> None:
    """gamma and beta have fewer axes than the value beside which they are moved."""
    shape = layer("InputLayer", "i", batch_shape=[None, 4, 5, 3])
    one = layer("LayerNormalization", "n", axis=[1, 2], epsilon=0.001)
    model = sequential(shape, layer("Activation", "a", activation="relu"), one, **KERAS3)
    loaded = good(model, seed=1)
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype(np.float32)
    by_reference = loaded.compile("reference").run(x)
    np.testing.assert_allclose(loaded.compile("cpu").run(x), by_reference, atol=1e-6)


def call(*reads: Any, **keywords: Any) -> list[Any]:
    return [{"args": [*reads], "kwargs": keywords}]


def masked(number: float, *, zero: bool = True) -> Any:
    """Words, their rows, and an LSTM with the mask that Keras 3 lists among the layers."""
    words = tensor("i", 0, 0)
    start = {**layer("InputLayer", "i", batch_shape=[None, 4]), "name": "i", "inbound_nodes": []}
    rows = member("Embedding", "e", input_dim=5, output_dim=3, mask_zero=zero)
    mask = {**operation("NotEqual", words, number), "name": "n", "config": {"name": "n"}}
    scan = member("LSTM", "r", units=2, recurrent_activation="sigmoid")
    rows["module"] = scan["module"] = "keras.layers"
    rows["inbound_nodes"] = call(words)
    scan["inbound_nodes"] = call(tensor("e", 0, 0), mask=tensor("n", 0, 0), training=False)
    return functional(start, rows, mask, scan, outputs=["r", 0, 0], **KERAS3)


def test_masks_that_are_listed_as_functions_travel_by_themselves() -> None:
    words = np.array([[2, 3, 0, 0], [2, 3, 1, 1]], np.float32)
    plain = sequential(
        layer("Embedding", "e", input_dim=5, output_dim=3, mask_zero=True),
        layer("LSTM", "r", units=2, recurrent_activation="sigmoid"),
        **KERAS3,
    )
    plain["config"]["layers"][0]["config"]["batch_input_shape"] = [None, 4]
    one = run(good(masked(0), seed=0), words)
    np.testing.assert_array_equal(one, run(good(plain, seed=0), words))
    assert np.abs(one[0] - one[1]).max() > 1e-3


@pytest.mark.parametrize(("number", "zero"), [(1, True), (0, False)])
def test_a_mask_of_something_else_is_not_left_out(number: int, zero: bool) -> None:
    assert errors(masked(number, zero=zero)) == [
        ("CS028", "keras.ops.NotEqual is a function among the layers that convspec does not run"),
        ("CS242", "'r' is called with the argument 'mask', which is not read"),
    ]


@pytest.mark.parametrize(
    ("kind", "release", "merged"),
    [
        ("Multiply", "3.0.0", [0, 0]), ("Multiply", "3.15.0", [5, 3]),
        ("Maximum", "3.3.0", [0, 0]), ("Maximum", "3.4.0", [-5, -3]),
        ("Minimum", "3.3.0", [-5, -3]), ("Minimum", "3.4.0", [-5, -3]),
    ],
)  # fmt: skip
def test_what_masks_do_not_keep_is_no_part_of_merges(
    kind: str, release: str, merged: list[float]
) -> None:
    """Keras 3.4 and later leave it out (3.15 layers/merging/multiply.py, base_merge.py)."""
    members = [
        {**layer("InputLayer", name, batch_shape=[None, 2, 1]), "name": name, "inbound_nodes": []}
        for name in ("i", "j")
    ]
    both = [member("Masking", "a", "i", mask_value=0), member("Masking", "b", "j", mask_value=0)]
    merge = member(kind, "m", "a", "b")
    model = good(functional(*members, *both, merge, outputs=[["m", 0, 0]], keras_version=release))
    x, y = np.array([[[5.0], [0.0]]], np.float32), np.array([[[0.0], [3.0]]], np.float32)
    if kind != "Multiply":
        x, y = -x, -y
    assert run(model, x, y).ravel().tolist() == merged


def test_of_two_masked_maxima_each_stands_in_for_the_other() -> None:
    """As Keras 3.15 merges one after the other, of which the second has no mask."""
    members = [
        {**layer("InputLayer", name, batch_shape=[None, 3, 1]), "name": name, "inbound_nodes": []}
        for name in ("i", "j", "k")
    ]
    masks = [member("Masking", name, read, mask_value=9) for name, read in (("a", "i"), ("c", "k"))]
    merge = member("Maximum", "m", "a", "j", "c")
    model = good(functional(*members, *masks, merge, outputs=[["m", 0, 0]], **KERAS3_4))
    x, y, z = (
        np.array(v, np.float32).reshape(1, 3, 1) for v in ([9, -1, -1], [-4] * 3, [-7, 9, 9])
    )
    assert run(model, x, y, z).ravel().tolist() == [-4, -1, -1]


def test_masks_of_open_lengths_merge() -> None:
    """Each input has a length of its own, and only a run tells that they are equal."""
    members = [
        {**layer("InputLayer", name, batch_shape=[None, None, 2]), "name": name,
         "inbound_nodes": []} for name in ("i", "j")
    ]  # fmt: skip
    masks = [member("Masking", name, read, mask_value=0) for name, read in (("a", "i"), ("b", "j"))]
    merge, scan = member("Add", "s", "a", "b"), member("LSTM", "r", "s", units=2)
    model = good(functional(*members, *masks, merge, scan, outputs=[["r", 0, 0]], **KERAS2), seed=0)
    x = np.ones((1, 3, 2), np.float32)
    x[:, 2] = 0
    short = run(model, x[:, :2], np.ones((1, 2, 2), np.float32))
    np.testing.assert_array_equal(run(model, x, np.ones((1, 3, 2), np.float32)), short)


def test_a_dropout_of_maps_says_less_in_hdf5() -> None:
    """Its get_config leaves out what tells layers from functions there (Keras 3.15)."""
    call = {"args": [tensor("i", 0, 0)], "kwargs": {"training": False}}
    dropout = {**layer("SpatialDropout1D", "d", rate=0.3, dtype="float32", seed=None), "name": "d",
               "inbound_nodes": [call]}  # fmt: skip
    entry = {**layer("InputLayer", "i", batch_shape=[None, 4, 3]), "name": "i", "inbound_nodes": []}
    model = good(functional(entry, dropout, outputs=[["d", 0, 0]], **KERAS3))
    assert run(model, X).tolist() == X.tolist()


def test_a_softmax_of_steps_behind_the_channels_is_of_the_steps() -> None:
    """Keras takes it along the last axis, wherever the channels are."""
    one = layer("Conv1D", "c", filters=3, kernel_size=1, data_format="channels_first",
                activation="softmax", batch_input_shape=[None, 4, 3])  # fmt: skip
    y = run(good(sequential(one, **KERAS3), seed=0), X)
    np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-6)


def test_what_keras_2_calls_the_deviation_of_noise_is_read() -> None:
    one = layer("GaussianNoise", "g", stddev=0.2, batch_input_shape=[None, 4, 3])
    assert run(good(sequential(one, **KERAS2)), X).tolist() == X.tolist()


def test_images_of_steps_are_read_apart() -> None:
    one = layer("ConvLSTM2D", "c", filters=2, kernel_size=[2, 1], dilation_rate=[3, 2],
                recurrent_activation="sigmoid", batch_input_shape=[None, 1, 6, 5, 1])  # fmt: skip
    model = good(sequential(one, **KERAS3), seed=0)
    x = np.random.default_rng(0).normal(size=(1, 1, 6, 5, 1)).astype(np.float32)
    y = run(model, x)
    assert y.shape == (1, 3, 5, 2)
    x[:, :, [1, 2, 4, 5]] = 0  # the first row of the output is made of rows 0 and 3
    assert np.array_equal(run(model, x)[:, 0], y[:, 0])
    x[:, :, 3] = 0
    assert not np.array_equal(run(model, x)[:, 0], y[:, 0])


def test_a_dot_of_values_of_many_axes_sums_over_one_since_keras_3() -> None:
    members = [
        {**layer("InputLayer", "i", batch_shape=[None, 2, 4, 3]), "name": "i", "inbound_nodes": []},
        member("Dot", "d", "i", "i", axes=[3, 3], normalize=False),
    ]
    x = np.arange(24, dtype=np.float32).reshape(1, 2, 4, 3)
    y = run(good(functional(*members, outputs=[["d", 0, 0]], **KERAS3)), x)
    np.testing.assert_array_equal(y[0], np.einsum("abc,dec->abde", x[0], x[0]))
    assert [code for code, _ in errors(functional(*members, outputs=[["d", 0, 0]], **KERAS2))] == [
        "CS063"
    ]


IMAGE = layer("InputLayer", "i", batch_shape=[None, 7, 6, 2])
PICTURE = np.arange(168, dtype=np.float32).reshape(2, 7, 6, 2)


@pytest.mark.parametrize(("shape", "known"), [([None, 7, 6, 2], True), ([None, 3, 6, 2], False)])
def test_a_centre_crop_is_read_where_the_file_tells_the_image(shape: Any, known: bool) -> None:
    crop = {**layer("CenterCrop", "c", height=4, width=3), "build_config": {"input_shape": shape}}
    model = sequential(IMAGE, crop, **KERAS3)
    if known:
        assert np.array_equal(run(good(model), PICTURE), PICTURE[:, 1:5, 1:4])
    else:
        assert errors(model) == [
            ("CS028", "CenterCrop is a layer of Keras 2 and later that convspec does not run")
        ]


def test_layers_that_hold_others_and_do_nothing_else() -> None:
    held = layer("ReLU", "r", max_value=20.0)
    twice = layer("Rescaling", "s", scale=2)
    pipe = layer("Pipeline", "p", layers=[layer("RandomFlip", "f"), twice])
    spectral = layer("SpectralNormalization", "n", layer=held, power_iterations=1)
    model = good(sequential(IMAGE, pipe, spectral, **KERAS3))
    assert [one.name for one in model.spec.layers] == ["i", "f", "s", "n"]
    assert np.array_equal(run(model, PICTURE), (2 * PICTURE).clip(0, 20))
    broken = layer("SpectralNormalization", "n", layer=3)
    assert errors(sequential(IMAGE, broken, **KERAS3)) == [
        ("CS026", "'layer' is a mapping that says a layer")
    ]


def test_a_sequential_that_was_built_late_has_its_shape_beside_its_layers() -> None:
    model = sequential(layer("ReLU", "r"), **TFK)
    model["config"]["build_input_shape"] = [32, 7, 6, 2]
    assert good(model).spec.inputs[0].shape == (7, 6, 2)


def test_sparse_inputs_and_quantized_layers() -> None:
    sparse = layer("InputLayer", "i", batch_shape=[None, 4], sparse=True)
    assert not good(sequential(sparse, DENSE, **KERAS3)).diagnostics
    int8 = {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8",
            "source_name": "float32"}}  # fmt: skip
    dense = layer("Dense", "d", units=2, dtype=int8)
    assert errors(sequential(sparse, dense, **KERAS3)) == [
        ("CS242", "the dtype policy 'int8 from float32' of 'd' is none that convspec follows")
    ]
