"""What specs at the edge of a rule give: each case once went wrong, or could."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import speccompiler
from speccompiler.diagnostics.core import Diagnostic, SpecError
from speccompiler.graph.ir import Conv, Pool, Reshape
from speccompiler.graph.receptive_fields import Reach
from speccompiler.model import Model, check
from speccompiler.passes import optimize
from speccompiler.source.document import parse_document
from speccompiler.weights.files import weight_file
from tests.cases import array, build, spec
from tests.counting import growth


def refusal(run: Any) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        run()
    (found,) = (d for d in caught.value.diagnostics if d.severity == "error")
    return found


def keras(*layers: tuple[str, dict[str, Any]], version: str | None = "1.2.2") -> str:
    config = [{"class_name": name, "config": arguments} for name, arguments in layers]
    given = {} if version is None else {"keras_version": version}
    return json.dumps({"class_name": "Sequential", "config": config, **given})


def checked(text: str, file: str = "t.json", **given: Any) -> tuple[Model | None, Any]:
    return check(parse_document(text, file), **given)


def assert_targets_agree(model: Model, x: np.ndarray) -> np.ndarray:
    judge = model.compile("reference", input_shape=x.shape[1:]).run(x)
    y = model.compile("cpu", input_shape=x.shape[1:]).run(x)
    np.testing.assert_allclose(y, judge, atol=1e-5 * np.abs(judge).max())
    return judge


# input_dim of Dense


@pytest.mark.parametrize("shape", [[10, 6], [6], [2, 3, 6], [None, 6]])
def test_input_dim_is_about_the_last_axis(shape):
    model = build([{"type": "Dense", "output_dim": 4, "input_dim": 6}], shape)
    assert model.graph.nodes[-1].shape[-1] == 4
    assert len(model.graph.nodes[-1].shape) == len(shape)


def test_a_keras_dense_over_a_sequence_loads():
    text = keras(
        ("Convolution1D", {"name": "c", "nb_filter": 6, "filter_length": 3,
                           "batch_input_shape": [None, 12, 2]}),
        ("Dense", {"name": "d", "output_dim": 4, "input_dim": 6}),
    )  # fmt: skip
    model, found = checked(text, seed=1, semantics="tensorflow")
    assert model is not None, found
    assert model.graph.nodes[-1].shape == (10, 4)


def test_input_dim_declares_a_shape_where_nothing_else_does():
    model = build([{"type": "Dense", "output_dim": 4, "input_dim": 6}])
    assert model.graph.nodes[0].shape == (6,)
    model = build([{"type": "Dense", "output_dim": 4, "input_dim": 6}], [5, None])
    assert model.graph.nodes[0].shape == (5, 6)


def test_input_dim_that_contradicts_the_last_axis():
    for layers in (
        [{"type": "Dense", "output_dim": 4, "input_dim": 6}],
        [{"type": "Dropout", "p": 0.5}, {"type": "Dense", "output_dim": 4, "input_dim": 6}],
    ):
        found = refusal(lambda layers=layers: build(layers, [6, 5]))
        assert (found.code, found.message, found.hint) == (
            "CS037",
            "'input_dim' says 6, but the last axis of the input (6, 5) is 5 long",
            "drop it: the shape of the input is known without it",
        )


# Sizes


@pytest.mark.parametrize(
    ("layer", "path"),
    [
        ({"type": "Dense", "output_dim": 2**31}, "'output_dim'"),
        ({"type": "UpSampling2D", "size": [1, 2**31]}, "'size' item 2"),
        ({"type": "ZeroPadding1D", "padding": 2**31}, "'padding'"),
        ({"type": "ZeroPadding2D", "padding": {"top_pad": 2**31}}, "'padding' key 'top_pad'"),
        ({"type": "Reshape", "target_shape": [2**31]}, "'target_shape' item 1"),
        ({"type": "Dropout", "p": 0.5, "noise_shape": [2**31]}, "'noise_shape' item 1"),
        ({"type": "InputLayer", "input_shape": [2**31]}, "'input_shape' item 1"),
    ],
)
def test_sizes_have_an_upper_bound(layer, path):
    found = refusal(lambda: build([layer], [4, 4, 4]))
    assert (found.code, found.message) == (
        "CS025", f"{path} is 2147483648; it must be 2147483647 or less",
    )  # fmt: skip


def test_an_axis_has_bounds():
    layer = {
        "type": "Dense",
        "output_dim": 2,
        "W_constraint": {"name": "MaxNorm", "axis": -(2**40)},
    }
    codes = {d.code for d in checked(spec([layer], [4]))[1]}
    assert "CS025" in codes


def test_the_seed_of_a_spec_has_an_upper_bound():
    dense = [{"type": "Dense", "output_dim": 2}]
    assert build(dense, [4], seed=2**63 - 1).spec.seed == 2**63 - 1
    found = refusal(lambda: build(dense, [4], seed=2**63))
    assert (found.code, found.message) == (
        "CS025", f"'seed' is {2**63}; it must be {2**63 - 1} or less",
    )  # fmt: skip


def test_no_size_grows_without_bound():
    up = {"type": "UpSampling1D", "length": 2**31 - 1}
    for shape in ([4, 1], [None, 1]):
        found = refusal(lambda shape=shape: build([up] * 1000, shape))
        assert (found.code, found.layer) == ("CS047", "upsampling1d_2")
    assert refusal(lambda: build([{"type": "Dropout", "p": 0}], [2**30] * 3)).code == "CS047"
    # A stride multiplies too, while the value stays small.
    pool = {"type": "MaxPooling1D", "pool_length": 5, "stride": 2**31 - 1, "border_mode": "same"}
    report = build([pool] * 1000, [4, 1]).shapes()
    assert report.layers[0].stride == (2**31 - 1,)
    assert report.layers[-1].receptive_field is None
    json.dumps(report.to_data())


# Keywords


@pytest.mark.parametrize(
    ("keywords", "code", "message"),
    [
        (
            {"semantics": "bogus"},
            "CS023",
            "'semantics' is 'bogus'; allowed: tensorflow, theano, tensorflow-1.0, theano-0.8",
        ),
        (
            {"semantics": 3},
            "CS023",
            "'semantics' is 3; allowed: tensorflow, theano, tensorflow-1.0, theano-0.8",
        ),
        ({"dim_ordering": "xx"}, "CS023", "'dim_ordering' is 'xx'; allowed: th, tf"),
        ({"seed": -1}, "CS025", "'seed' is -1; it must be 0 or more"),
        ({"seed": 2**63}, "CS025", f"'seed' is {2**63}; it must be {2**63 - 1} or less"),
        ({"seed": 1.5}, "CS024", "'seed' is 1.5, not a whole number"),
        ({"seed": True}, "CS024", "'seed' is true, not a whole number"),
        ({"seed": "1"}, "CS024", "'seed' is '1', not a whole number"),
    ],
)
def test_keywords_are_judged_like_a_spec(keywords, code, message, tmp_path):
    text = spec([{"type": "Dense", "output_dim": 2}], [4])
    (tmp_path / "m.json").write_text(text)
    for run in (
        lambda: speccompiler.load(tmp_path / "m.json", **keywords),
        lambda: checked(text, **keywords),
    ):
        found = refusal(run)
        assert (found.code, found.message) == (code, message)


def test_a_seed_may_be_a_numpy_number():
    text = spec([{"type": "Dense", "output_dim": 2}], [4])
    model, _ = checked(text, seed=np.int64(7))
    assert model is not None
    assert model.spec.seed == 7


# Dense over several axes


@pytest.mark.parametrize("shape", [(5,), (4, 5), (3, 4, 5), (2, 3, 4, 5), (2, 1, 2, 3, 4, 5)])
def test_dense_over_any_rank(shape, rng):
    w, b = array(5, 3), [0.1, 0.2, 0.3]
    layers = [
        {"type": "Dense", "name": "d", "output_dim": 3, "activation": "tanh", "weights": [w, b]},
        {"type": "Dropout", "p": 0.5},
    ]
    model = build(layers, list(shape))
    x = rng.standard_normal((2, *shape)).astype(np.float32)
    want = np.tanh(x @ np.array(w) + b)
    np.testing.assert_allclose(assert_targets_agree(model, x), want, rtol=1e-5, atol=1e-6)
    for target in ("cpu", "reference"):
        found = model.compile(target, layers=["d"]).run_all(x)["d"]
        np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-6)
    (conv,) = [n for n in optimize(model.graph) if isinstance(n.op, Conv)]
    assert conv.op.activation is not None, "the activation is not fused"
    assert len(conv.op.kernel) == min(len(shape) - 1, 1)


def test_dense_of_a_grid_stays_a_grid():
    dense = {"type": "Dense", "output_dim": 4}
    conv = {"type": "Convolution2D", "nb_filter": 2, "nb_row": 3, "nb_col": 3}
    report = build([conv, dense, conv], [None, 9, 2]).shapes()
    assert [layer.receptive_field for layer in report.layers] == [(3, 3), (3, 3), (5, 5)]
    assert report.layers[1].stride == (1, 1)


def test_softmax_of_a_dense_layer_needs_the_rank_that_keras_needs():
    layer = {"type": "Dense", "output_dim": 3, "activation": "softmax"}
    assert build([layer], [4, 5]).graph.nodes[-1].shape == (4, 3)
    assert refusal(lambda: build([layer], [2, 4, 5])).code == "CS043"


# Layers and shapes that a caller names


def test_a_layer_that_no_model_has():
    model = build([{"type": "Dropout", "name": "first", "p": 0.5}], [4])
    found = refusal(lambda: model.tapped(layers=["first", "frist"]))
    assert (found.code, found.message, found.hint) == (
        "CS132", "no layer 'frist' in t", "did you mean 'first'?",
    )  # fmt: skip
    assert refusal(lambda: model.plan(layers=["zzz"])).hint == "layers: first"
    # A node's name is none.
    assert refusal(lambda: model.compile(layers=["first:input"])).code == "CS132"
    assert model.tapped(layers=["first"])[0].outputs == ("first",)


@pytest.mark.parametrize(
    ("shape", "code", "message"),
    [
        ((None, 3), "CS052", "the input (T, 3) has open lengths"),
        ((0, 3), "CS025", "the input shape (0, 3) has a length below 1"),
        ((-4, 3), "CS025", "the input shape (-4, 3) has a length below 1"),
        ((2.0, 3), "CS024", "a length of the shape is 2.0, not a whole number"),
        ((True, 3), "CS024", "a length of the shape is true, not a whole number"),
    ],
)
def test_input_shapes_that_are_none(shape, code, message):
    model = build([{"type": "UpSampling1D"}], [None, 3])
    found = refusal(lambda: model.compile(input_shape=shape))
    assert (found.code, found.message) == (code, message)


def test_an_input_shape_of_numpy_numbers():
    model = build([{"type": "UpSampling1D"}], [None, 3])
    assert model.plan(tuple(np.array([4, 3]))).inputs[0][1] == (4, 3)


# Versions of Keras


@pytest.mark.parametrize(
    ("version", "output"),
    [
        (None, (5, 8, 2)), ("0.3.3", (5, 8, 2)), ("1.0.2", (5, 8, 2)), ("1.1.0", (5, 8, 2)),
        ("1.1.1", (6, 7, 2)), ("1.2.2", (6, 7, 2)), ("1.2", (6, 7, 2)), ("1.x", (6, 7, 2)),
    ],
)  # fmt: skip
def test_padding_by_side_is_read_as_its_keras_did(version, output):
    layer = {"name": "p", "padding": [1, 2, 0, 3], "batch_input_shape": [None, 3, 4, 2]}
    model, found = checked(keras(("ZeroPadding2D", layer), version=version), dim_ordering="tf")
    assert model is not None
    assert model.graph.nodes[-1].shape == output
    assert [d.code for d in found] == (["CS053"] if output == (5, 8, 2) else [])
    if found:
        writer = "this Keras (before 1.0.4)" if version is None else f"Keras {version}"
        assert found[0].message == (
            f"{writer} used only the first two of [1, 2, 0, 3]: 1 rows and 2 columns on both sides"
        )
        assert found[0].span is not None
        assert model.diagnostics == found


def test_a_native_spec_has_no_old_rules():
    model = build([{"type": "ZeroPadding2D", "padding": [1, 2, 0, 3]}], [3, 4, 2])
    assert (model.graph.nodes[-1].shape, model.diagnostics) == ((6, 7, 2), ())


# Where Theano fails


def test_one_broken_axis_decides_the_rule_of_all(rng):
    """Rows: a window of 1 at stride 3 over 6, which Theano starts one late. Depth breaks."""
    layer = {"type": "MaxPooling3D", "pool_size": [1, 1, 2], "strides": [1, 3, 2],
             "border_mode": "same"}  # fmt: skip
    model = build([layer], [4, 6, 4, 1], semantics="theano")
    assert [d.code for d in model.diagnostics] == ["CS051"]
    x = rng.standard_normal((1, 4, 6, 4, 1)).astype(np.float32)
    judge = assert_targets_agree(model, x)
    flat = build([{"type": "MaxPooling2D", "pool_size": [1, 2], "strides": [3, 2],
                   "border_mode": "same"}], [6, 4, 1], semantics="theano")  # fmt: skip
    np.testing.assert_array_equal(judge[0], flat.compile("reference").run(x[0]))
    sound = build([layer | {"pool_size": [2, 1, 2]}], [4, 6, 4, 1], semantics="theano")
    (node,) = [n for n in sound.graph if isinstance(n.op, Pool)]
    assert sound.diagnostics == ()
    assert node.op.padding[1][0] == -1


# The report


FIELD = {"type": "Convolution2D", "nb_filter": 2, "nb_row": 3, "nb_col": 5}


@pytest.mark.parametrize("ordering", ["tf", "th"])
def test_receptive_fields_behind_a_reshape(ordering):
    """All values see 3 x 5 until something mixes them."""
    shape = [8, 8, 2] if ordering == "tf" else [2, 8, 8]
    rest = [
        {"type": "Flatten"},
        {"type": "Activation", "activation": "relu"},
        {"type": "Reshape", "target_shape": [4, 12]},
        {"type": "ZeroPadding1D"},
        {"type": "UpSampling1D"},
    ]
    report = build([FIELD, *rest], shape, dim_ordering=ordering).shapes()
    assert [layer.receptive_field for layer in report.layers] == [(3, 5)] * 6
    assert [layer.stride for layer in report.layers] == [(1, 1), *[None] * 5]
    assert report.to_data()["layers"][1]["stride"] is None

    for last, field in (
        ({"type": "Dense", "output_dim": 2}, ()),
        ({"type": "MaxPooling1D"}, ()),
        ({"type": "Convolution1D", "nb_filter": 1, "filter_length": 2}, ()),
        ({"type": "Activation", "activation": "softmax"}, ()),
    ):
        found = build([FIELD, *rest, last, {"type": "Flatten"}], shape, dim_ordering=ordering)
        assert [layer.receptive_field for layer in found.shapes().layers[-2:]] == [field] * 2

    for last in (
        {"type": "Dense", "output_dim": 2},
        {"type": "Activation", "activation": "softmax"},
    ):
        found = build([FIELD, rest[0], last, {"type": "Reshape", "target_shape": [1, -1]}], shape,
                      dim_ordering=ordering)  # fmt: skip
        assert [layer.receptive_field for layer in found.shapes().layers[2:]] == [None, None]


def test_one_position_keeps_its_window_where_it_is_flattened():
    layers = [FIELD, {"type": "Flatten"}, {"type": "Dense", "output_dim": 2}]
    report = build(layers, [3, 5, 2]).shapes()
    assert [layer.receptive_field for layer in report.layers] == [(3, 5)] * 3


def test_a_flat_input_is_seen_whole():
    report = build([{"type": "Dense", "output_dim": 2}], [4]).shapes()
    assert report.layers[0].receptive_field is None


def test_dense_along_a_spatial_axis_is_unknown():
    layers = [FIELD | {"dim_ordering": "th"}, {"type": "Dense", "output_dim": 2}]
    assert build(layers, [2, 8, 8]).shapes().layers[1].receptive_field == ()


STEPS = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=8
)


@settings(deadline=None, max_examples=100)
@given(STEPS)
def test_running_values_are_those_of_the_whole_history(steps):
    reach = Reach()
    for step in steps:
        reach = reach.then(*step)
    seen, stride = 1, Fraction(1)
    for window, s, factor in reversed(steps):
        seen = -(-(seen - 1) // factor) * s + window
        stride = stride * s / factor
    assert (reach.receptive_field, reach.stride) == (seen, stride)


def test_histories_are_short():
    reach = Reach()
    for _ in range(1000):
        reach = reach.then(3, 1).then(factor=2).then(3, 2)
    assert len(reach.stretches) == 1


# Long models


@pytest.mark.parametrize(
    "layer",
    [
        {"type": "Dropout", "p": 0.5},
        {"type": "Convolution1D", "nb_filter": 2, "filter_length": 3, "border_mode": "same"},
        {"type": "Convolution1D", "nb_filter": 2, "filter_length": 3},
    ],
)
def test_long_models_are_no_harder(layer):
    """Twice the layers would take four times the work if each looked at all others."""

    def check_and_optimize(count):
        model, found = checked(spec([layer] * count, [32, 2], seed=1))
        assert (model is None) == ("CS044" in [d.code for d in found])
        if model is not None:
            optimize(model.graph)

    assert growth(check_and_optimize, 1000) < 2.2


def test_a_file_is_opened_once(tmp_path, monkeypatch):
    opened = []
    first = weight_file.open_weights
    monkeypatch.setattr(weight_file, "open_weights", lambda p: opened.append(p) or first(p))
    np.savez(tmp_path / "m.npz", **{f"{i}/W": np.eye(2, dtype="f4") for i in range(20)})
    layers = [
        {"type": "Dense", "output_dim": 2, "bias": False, "weights": [f"m.npz#{i}/W"]}
        for i in range(20)
    ]
    model, found = checked(spec(layers, [2]), str(tmp_path / "t.json"))
    assert model is not None, found
    assert opened == [tmp_path / "m.npz"]


# Functional models


def functional(inputs: list[Any], outputs: list[Any]) -> str:
    layers = [
        {"class_name": "InputLayer", "name": "i", "inbound_nodes": [],
         "config": {"name": "i", "batch_input_shape": [None, 4]}},
        {"class_name": "Dense", "name": "a", "inbound_nodes": [[["i", 0, 0]]],
         "config": {"name": "a", "output_dim": 3}},
        {"class_name": "Dense", "name": "b", "inbound_nodes": [[["a", 0, 0]]],
         "config": {"name": "b", "output_dim": 2}},
    ]  # fmt: skip
    config = {"name": "m", "layers": layers, "input_layers": inputs, "output_layers": outputs}
    return json.dumps({"class_name": "Model", "config": config, "keras_version": "1.2.2"})


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ("a", "b", "the model's input 'a' is a layer that reads others"),
        ("ii", "b", "'i' is listed as an input twice"),
        ("", "b", "the model has no input"),
        ("i", "", "the model has no output"),
        ("i", "c", "no layer of the model is named 'c'"),
    ],
)
def test_the_ends_of_a_functional_model(inputs, outputs, message):
    text = functional([[n, 0, 0] for n in inputs], [[n, 0, 0] for n in outputs])
    model, found = checked(text)
    assert model is None
    assert [(d.code, d.message) for d in found] == [("CS061", message)]
    assert found[0].span is not None


def test_an_output_in_the_middle_and_two_outputs():
    model, found = checked(functional([["i", 0, 0]], [["a", 0, 0]]))
    assert model is not None
    assert [(d.code, d.layer) for d in found] == [("CS065", "b")]
    assert model.output_names == ("a",)
    model, found = checked(functional([["i", 0, 0]], [["b", 0, 0], ["a", 0, 0]]))
    assert model is not None
    assert not found
    assert model.output_names == ("b", "a")


def test_a_functional_model_whose_ends_are_its_ends():
    model, _ = checked(functional([["i", 0, 0]], [["b", 0, 0]]))
    assert model is not None
    assert model.graph.nodes[-1].shape == (2,)


# Reshape with open lengths


@pytest.mark.parametrize(
    ("shape", "target", "bound", "output"),
    [
        ([None, 8], [-1, 16], (4, 8), (2, 16)),
        ([None, 8], [4, 4], (2, 8), (4, 4)),
        ([None, None, 1], [5, 7], (7, 5, 1), (5, 7)),
    ],
)
def test_open_lengths_may_still_fit(shape, target, bound, output):
    model = build([{"type": "Reshape", "target_shape": target}], shape)
    assert model.bind(bound)[0].nodes[-1].shape == output
    x = np.arange(2 * np.prod(bound), dtype=np.float32).reshape(2, *bound)
    assert np.array_equal(model.run(x), x.reshape(2, *output))
    wrong = (bound[0] + 1, *bound[1:])
    assert refusal(lambda: model.compile(input_shape=wrong)).code == "CS046"


@pytest.mark.parametrize(
    ("shape", "target"), [([None, 8], [3, 5]), ([None, 8], [2, 2]), ([9, 2], [-1, 4])]
)
def test_what_no_length_makes_right_is_refused(shape, target):
    assert (
        refusal(lambda: build([{"type": "Reshape", "target_shape": target}], shape)).code == "CS046"
    )


# Numbers that YAML reads as text


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1_000", "underscores make it text in YAML 1.2: write 1000"),
        ("012", "a leading zero makes it text in YAML 1.2: write 12"),
        ("-0012", "a leading zero makes it text in YAML 1.2: write -12"),
        ("0_12", "underscores make it text in YAML 1.2: write 12"),
        ("'12'", "write the number without quotes"),
        ("'0.5'", "write the number without quotes"),
        ("twelve", None),
        ("nan", None),
    ],
)
def test_a_number_that_is_text(text, hint):
    source = f"convspec: 1\ninput_shape: [4]\nlayers:\n  - {{type: Dense, output_dim: {text}}}\n"
    _, (found,) = check(parse_document(source, "t.yaml"))
    assert (found.code, found.hint) == ("CS024", hint)


# Constraints


def constrained(tmp_path: Any, kernel: str, bias: str, **header: Any) -> Model:
    layers = [
        {"type": "Dense", "name": "d", "output_dim": 2, "W_constraint": kernel or None,
         "b_constraint": bias or None, "weights": ["m.npz#W", "m.npz#b"]},
        {"type": "Dense", "name": "e", "output_dim": 2, "W_constraint": "unitnorm"},
    ]  # fmt: skip
    model, found = checked(spec(layers, [2], **header), str(tmp_path / "t.json"))
    assert model is not None, found
    return model


def test_only_given_and_constrained_weights_are_checked(tmp_path, monkeypatch):
    from speccompiler.weights.penalties import violations

    np.savez(tmp_path / "m.npz", W=-np.eye(2, dtype="f4"), b=np.float32([-1, 1]))
    model = constrained(tmp_path, "", "nonneg", seed=1)
    sources = model.weight_sources
    read = []
    first = weight_file.WeightFile.read
    monkeypatch.setattr(
        weight_file.WeightFile, "read", lambda file, name: read.append(name) or first(file, name)
    )
    found = violations(model.spec, sources.given)
    assert [(d.code, d.layer, d.message) for d in found] == [
        ("CS096", "d",
         "b breaks its NonNeg constraint: 1 value is negative, the smallest -1; allowed 0 or more")
    ]  # fmt: skip
    assert read == ["b"]
    assert [(w.layer, w.tensor) for w in sources.given] == [("d", "W"), ("d", "b")]
    assert len(sources.given) == 2


def test_nodes_that_are_layers_end_in_the_layers_name():
    model = build([{"type": "Dense", "name": "d", "output_dim": 3}], [2, 4, 5])
    nodes = model.graph.by_call()["d"]
    assert nodes[-1].name == "d"
    assert isinstance(nodes[-1].op, Reshape)


def test_tensorflow_names_under_theano_semantics(tmp_path):
    """Wrong numbers would come without a word; files can be converted, so it is a warning."""
    import json

    import numpy as np

    from speccompiler.model import check
    from speccompiler.source import parse_document

    layer = {"type": "Dense", "name": "d", "output_dim": 2}
    spec = {"convspec": 1, "input_shape": [3], "layers": [layer]}
    for end, expected in ((":0", ["CS054"]), ("", [])):
        path = tmp_path / f"w{len(end)}.npz"
        np.savez(path, **{f"d_W{end}": np.ones((3, 2), "f"), f"d_b{end}": np.ones(2, "f")})
        document = parse_document(json.dumps(spec), "s.json")
        for semantics, codes in (("theano", expected), ("tensorflow", [])):
            model, found = check(document, weights=path, semantics=semantics)
            assert model is not None
            assert [d.code for d in found] == codes


def test_theano_names_under_tensorflow_semantics(tmp_path):
    """An HDF5 file that Keras wrote; in other files a name without ':0' says nothing."""
    import h5py
    import numpy as np

    from speccompiler.model import check
    from speccompiler.source import parse_document

    text = "convspec: 1\ninput_shape: [3]\nlayers: [{type: Dense, name: d, output_dim: 2}]\n"
    document = parse_document(text, "s.yaml")
    for listed, end, semantics, message in (
        (True, "", "tensorflow", "the tensors' names do not end in ':0', as TensorFlow's do: "
         "Theano saved them, but the semantics are TensorFlow's"),
        (True, ":0", "tensorflow", None),
        (True, "", "theano", None),
        (False, "", "tensorflow", None),
    ):  # fmt: skip
        path = tmp_path / "w.h5"
        with h5py.File(path, "w") as file:
            group = file.create_group("d")
            group[f"d_W{end}"], group[f"d_b{end}"] = np.ones((3, 2), "f"), np.ones(2, "f")
            if listed:
                file.attrs["layer_names"] = [b"d"]
                group.attrs["weight_names"] = [f"d_W{end}".encode(), f"d_b{end}".encode()]
        model, found = check(document, weights=path, semantics=semantics)
        assert model is not None
        assert [(d.code, d.message) for d in found] == ([("CS054", message)] if message else [])


def test_outputs_that_are_not_finite_are_said(tmp_path, capfd):
    import numpy as np

    from speccompiler.cli.main import run

    spec = tmp_path / "s.yaml"
    spec.write_text("convspec: 1\ninput_shape: [2]\nlayers: [{type: Dropout, p: 0.5}]\n")
    x, y = tmp_path / "x.npy", tmp_path / "y.npy"
    np.save(x, np.array([[1, np.nan], [np.inf, 2]], np.float32))
    assert run(["run", str(spec), "--input", str(x), "--output", str(y)]) == 0
    assert "warning CS098: the output holds 2 values that are not finite" in capfd.readouterr().err
    np.save(x, np.full((1, 2), np.nan, np.float32))
    assert run(["run", str(spec), "--input", str(x)]) == 0
    assert "no finite value, 2 values are not finite" in capfd.readouterr().out


def test_an_output_never_replaces_what_is_read(tmp_path, capfd):
    import numpy as np

    from speccompiler.cli.main import run

    spec = tmp_path / "s.yaml"
    spec.write_text("convspec: 1\ninput_shape: [2]\nlayers: [{type: Dropout, name: d, p: 0.5}]\n")
    x = tmp_path / "x.npy"
    np.save(x, np.ones((1, 2), np.float32))
    kept = x.read_bytes()
    assert run(["run", str(spec), "--input", str(x), "--output", str(x)]) == 2
    assert "is the input of this run; name another output" in capfd.readouterr().err
    side = tmp_path / "o.d.npy"
    side.write_bytes(kept)
    main = str(tmp_path / "o.npy")
    assert run(["run", str(spec), "--input", str(side), "--output", main, "--layer", "d"]) == 2
    assert side.read_bytes() == x.read_bytes() == kept


@pytest.mark.parametrize(
    ("mode", "private"), [(0o700, True), (0o755, True), (0o775, False), (0o777, False)]
)
def test_a_cache_is_used_only_where_nobody_else_writes(tmp_path, mode, private):
    from speccompiler.system.cache import is_private

    tmp_path.chmod(mode)
    assert is_private(tmp_path) is private


def test_a_shared_umask_keeps_the_cache(tmp_path):
    """With umask 002 new folders would be writable by the group; the cache is used all the same."""
    import os
    import subprocess
    import sys

    code = (
        "import os; os.umask(0o002)\n"
        "from speccompiler.kernels.cpu.runtime.kernel_cache import load_kernel\n"
        "from speccompiler.kernels.cpu.softmax import source\n"
        "load_kernel('softmax', source(4))\n"
    )
    environment = {**os.environ, "CONVSPEC_CACHE_DIR": str(tmp_path)}
    times = []
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
        times.append([(path, path.stat().st_mtime_ns) for path in sorted(tmp_path.rglob("*.*"))])
    assert [path.suffix for path, _ in times[0]] == [".o", ".py"]
    assert times[0] == times[1]


def test_one_grey_image_is_told_which_axes_it_lacks():
    from speccompiler.arrays.input_checks import check_array
    from speccompiler.diagnostics.core import Problem

    with pytest.raises(Problem) as caught:
        check_array((28, 28, 1), (28, 28))
    assert caught.value.hint == "this is one sample without its channel axis: x[None, ..., None]"
    with pytest.raises(Problem) as caught:
        check_array((28, 28, 1), (28, 30))
    assert caught.value.hint is None
