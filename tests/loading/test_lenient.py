"""What Keras did not look at in a file stops no forward pass, and is never passed over silently."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import speccompiler
from speccompiler.cli import main
from speccompiler.cli.main import run
from speccompiler.convert.conversion import convert
from speccompiler.convert.spec_text import spec_text
from speccompiler.diagnostics.core import Diagnostic, SpecError
from speccompiler.model import check
from speccompiler.source.files import read_document
from speccompiler.source.texts import parse_document

RNG = np.random.default_rng(10)
W = RNG.standard_normal((4, 2)).astype(np.float32)
B = RNG.standard_normal(2).astype(np.float32)
X = RNG.standard_normal((3, 4)).astype(np.float32)


def layer(class_name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": config}


def sequential(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": list(layers), "keras_version": "1.2.2"}


def dense(**config: Any) -> dict[str, Any]:
    return layer("Dense", name="d", output_dim=2, batch_input_shape=[None, 4], **config)


def found_in(model: Any) -> tuple[speccompiler.Model | None, list[Diagnostic]]:
    loaded, found = check(parse_document(json.dumps(model), "m.json"))
    return loaded, list(found)


def messages(found: list[Diagnostic]) -> list[tuple[str, str, str]]:
    return [(d.code, str(d.severity), d.message) for d in found]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "w.npz"
    np.savez(path, **{"d/W": W, "d/b": B})
    return path


def saved(tmp_path: Path, model: Any) -> Path:
    path = tmp_path / "m.json"
    path.write_text(json.dumps(model))
    return path


ALL_INITIALISERS = (
    "uniform, normal, lecun_uniform, glorot_normal, glorot_uniform, he_normal, he_uniform, "
    "orthogonal, identity, zero, one"
)
CLIP = {"name": "ClipWeights", "c": 0.01}
MINE = {"name": "MyRegularizer", "k": 1.0}


@pytest.mark.parametrize(
    ("argument", "value", "said"),
    [
        ("init", "my_init", "'init' is 'my_init'"),
        ("init", "<lambda>", "'init' is '<lambda>'"),
        ("init", None, "'init' is null"),
        ("init", {"name": "VarianceScaling", "scale": 2.0}, "'init' key 'name' is "
         "'VarianceScaling'"),
        ("W_regularizer", MINE, "'W_regularizer': 'MyRegularizer' is no regulariser"),
        ("W_regularizer", "mine", "'W_regularizer' is 'mine'"),
        ("W_regularizer", {"name": "EigenvalueRegularizer"}, "'W_regularizer' needs 'k'"),
        ("W_regularizer", {"name": "WeightRegularizer", "l1": "x"}, "'W_regularizer' key 'l1' is "
         "'x', not a number"),
        ("b_regularizer", 7, "'b_regularizer': 7 is no regulariser"),
        ("activity_regularizer", MINE, "'activity_regularizer': 'MyRegularizer' is no regulariser"),
        ("W_constraint", CLIP, "'W_constraint': 'ClipWeights' is no constraint"),
        ("b_constraint", {"name": "MaxNorm", "m": -1}, "'b_constraint' key 'm' is -1"),
        ("b_constraint", {"name": "MaxNorm", "axis": 3}, "'b_constraint': constraint axis 3 does "
         "not exist in a tensor of shape (2,)"),
        ("b_regularizer", {"name": "EigenvalueRegularizer", "k": 1}, "'b_regularizer': the "
         "eigenvalue regulariser needs a matrix; b is a vector"),
        ("init", "identity", "'init': 'identity' needs a square matrix; W has shape (4, 2)"),
        ("trainable", 0, "'trainable' is 0"),
        ("trainable", "no", "'trainable' is 'no'"),
    ],
)  # fmt: skip
def test_an_argument_of_training_is_passed_over(
    argument: str, value: Any, said: str, tmp_path: Path, weights: Path
) -> None:
    path = saved(tmp_path, sequential(dense(**{argument: value})))
    model = speccompiler.load(path, weights=weights)
    note = f"{said}; passed over in 'd', as only training uses it"
    assert messages(list(model.diagnostics)) == [("CS074", "note", note)]
    y = model.compile("reference").run(X)
    np.testing.assert_allclose(y, X @ W + B, rtol=1e-5, atol=1e-6)
    report = model.shapes()
    assert report.layers[0].trainable is bool(value if argument == "trainable" else True)
    native = {"convspec": 1, "layers": [{"type": "Dense", "output_dim": 2, argument: value}]}
    _, found = found_in({**native, "input_shape": [4]})
    assert [str(d.severity) for d in found] == ["error"]
    text = spec_text(convert(model), spec_path=tmp_path / "n.yaml", weights_path=weights)
    (tmp_path / "n.yaml").write_text(text)
    assert (f"; left out: {said}" in text) == (argument != "trainable")
    again = speccompiler.load(tmp_path / "n.yaml")
    assert not again.diagnostics
    assert again.shapes().trainable_parameters == report.trainable_parameters
    np.testing.assert_array_equal(again.compile("reference").run(X), y)


@pytest.mark.parametrize(
    ("class_name", "config"),
    [
        ("Dropout", {"p": "0.5"}),
        ("Dropout", {"p": 1.5}),
        ("Dropout", {"p": None}),
        ("Dropout", {"p": 0.5, "noise_shape": "x"}),
        ("Dropout", {"p": 0.5, "noise_shape": [None, 0]}),
        ("Dropout", {"p": 0.5, "seed": -1}),
        ("GaussianDropout", {"p": -1}),
        ("GaussianNoise", {"sigma": "0.1"}),
        ("ActivityRegularization", {"l1": -1}),
        ("ActivityRegularization", {"l2": "x"}),
    ],
)
def test_layers_of_training_alone_pass_everything_on(
    class_name: str, config: dict[str, Any], tmp_path: Path, weights: Path
) -> None:
    path = saved(tmp_path, sequential(dense(), layer(class_name, name="t", **config)))
    model = speccompiler.load(path, weights=weights)
    assert [d.code for d in model.diagnostics] == ["CS074"]
    y = model.compile("reference").run(X)
    np.testing.assert_allclose(y, X @ W + B, rtol=1e-5, atol=1e-6)
    text = spec_text(convert(model), spec_path=tmp_path / "n.yaml", weights_path=weights)
    (tmp_path / "n.yaml").write_text(text)
    assert not speccompiler.load(tmp_path / "n.yaml").diagnostics


RATES = {"W_learning_rate_multiplier": 10.0, "b_learning_rate_multiplier": None}


def test_learning_rates_of_a_fork_are_passed_over(tmp_path: Path, weights: Path) -> None:
    path = saved(tmp_path, sequential(dense(**RATES), layer("Activation", name="a", lr_mult="x",
                                                             activation="linear")))  # fmt: skip
    model = speccompiler.load(path, weights=weights)
    assert messages(list(model.diagnostics)) == [
        (
            "CS074",
            "note",
            "'W_learning_rate_multiplier', 'b_learning_rate_multiplier', 'lr_mult' passed over in "
            "'d', 'a', as only training has a learning rate",
        )
    ]
    y = model.compile("reference").run(X)
    np.testing.assert_allclose(y, X @ W + B, rtol=1e-5, atol=1e-6)


def test_learning_rates_in_a_wrapper_and_in_keras_0_too() -> None:
    inner = layer("Dense", name="i", output_dim=2, **RATES)
    timed = layer("TimeDistributed", name="t", batch_input_shape=[None, 3, 4], layer=inner)
    model, found = found_in(sequential(timed))
    assert model is not None
    said = "'W_learning_rate_multiplier', 'b_learning_rate_multiplier' passed over in"
    assert messages(found) == [
        ("CS074", "note", f"{said} 't', as only training has a learning rate")
    ]
    assert found[0].span is not None
    old = {"name": "Dense", "custom_name": "dense", "cache_enabled": True, "input_shape": [4],
           "output_dim": 2, **RATES}  # fmt: skip
    model, found = found_in({"name": "Sequential", "layers": [old]})
    assert model is not None
    assert messages(found)[-1] == (
        "CS074", "note", f"{said} 'dense_1', as only training has a learning rate"
    )  # fmt: skip


def test_learning_rates_are_none_of_a_native_spec() -> None:
    rates = {"type": "Dense", "output_dim": 2, **RATES}
    _, found = found_in({"convspec": 1, "input_shape": [4], "layers": [rates]})
    assert [d.code for d in found] == ["CS022", "CS022"]


def test_statistics_and_slopes_too() -> None:
    model, found = found_in(
        sequential(
            dense(),
            layer("BatchNormalization", name="bn", mode=0, momentum="x", beta_init="mine",
                  gamma_init="mine", gamma_regularizer=MINE),
            layer("ParametricSoftplus", name="ps", alpha_init="x"),
            layer("PReLU", name="pr", init="mine"),
            layer("SpatialDropout1D", name="sd", p="x"),
        )
    )  # fmt: skip
    assert model is not None
    assert [(d.code, d.layer, d.argument) for d in found] == [
        ("CS074", "bn", "momentum"),
        ("CS074", "bn", "beta_init"),
        ("CS074", "bn", "gamma_init"),
        ("CS074", "bn", "gamma_regularizer"),
        ("CS074", "ps", "alpha_init"),
        ("CS074", "pr", "init"),
        ("CS074", "sd", "p"),
    ]


def test_one_note_for_all_layers_of_which_the_same_is_passed_over() -> None:
    more = [layer("Dense", name=f"d{n}", output_dim=2, init="my_init") for n in range(7)]
    _, found = found_in(sequential(dense(init="my_init"), *more))
    names = "'d', 'd0', 'd1', 'd2', 'd3' and 3 more"
    message = f"'init' is 'my_init'; passed over in {names}, as only training uses it"
    assert messages(found) == [("CS074", "note", message)]
    assert found[0].hint == "--seed cannot draw by it: give the weights"
    assert found[0].layer == "d"
    assert found[0].span is not None


def refused(call: Any) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        call()
    return [(d.code, d.message) for d in caught.value.diagnostics]


def test_an_unknown_initialiser_is_refused_where_it_would_draw(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path, sequential(dense(init="my_init")))
    allowed = f"'init' is 'my_init'; allowed: {ALL_INITIALISERS}"
    expected = [("CS075", f"W cannot be drawn from a seed: {allowed}")]
    note = ("CS074", "'init' is 'my_init'; passed over in 'd', as only training uses it")
    assert refused(lambda: speccompiler.load(path, seed=1)) == [note, *expected]
    for command in (["validate"], ["weights"], ["convert", "-o", str(tmp_path / "init.yaml")]):
        assert run([*command, str(path), "--seed", "1"]) == 1
        told = capsys.readouterr()
        assert expected[0][1] in told.out + told.err
    assert not list(tmp_path.glob("init.*"))
    soft = layer("ParametricSoftplus", name="ps", alpha_init="x", batch_input_shape=[None, 4])
    path = saved(tmp_path, sequential(soft))
    expected = [("CS075", "alphas cannot be drawn from a seed: 'alpha_init' is 'x', not a number")]
    assert refused(lambda: speccompiler.load(path, seed=1))[1:] == expected


def test_unknown_penalties_and_constraints_are_refused_where_they_are_asked_for(
    tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(
        tmp_path,
        sequential(dense(W_regularizer=MINE, activity_regularizer=MINE, W_constraint=CLIP)),
    )
    model = speccompiler.load(path, weights=weights)
    known = (
        "'MyRegularizer' is no regulariser; known: L1L2Regularizer, WeightRegularizer, "
        "ActivityRegularizer, l1, activity_l1, l2, activity_l2, l1l2, activity_l1l2, "
        "EigenvalueRegularizer"
    )
    compiled = model.compile("reference")
    compiled.run(X)
    penalties = [
        ("CS075", f"the penalty on W cannot be counted: 'W_regularizer': {known}"),
        ("CS075", "the penalty on its output cannot be counted: 'activity_regularizer': " + known),
    ]
    assert refused(lambda: compiled.penalties) == penalties
    constraints = [
        (
            "CS075",
            "W cannot be projected: 'W_constraint': 'ClipWeights' is no constraint; known: "
            "MaxNorm, maxnorm, NonNeg, nonneg, UnitNorm, unitnorm, MinMaxNorm",
        )
    ]
    assert refused(lambda: model.compile("reference", apply_constraints=True)) == constraints
    np.save(tmp_path / "x.npy", X)
    options = ["--input", str(tmp_path / "x.npy"), "--weights", str(weights)]
    options += ["--target", "reference"]
    for option, error in (("--penalties", penalties[0]), ("--apply-constraints", constraints[0])):
        assert main.run(["run", str(path), *options, option]) == 1
        assert f"error CS075: {error[1]}" in capsys.readouterr().err
    for command in (["run", *options], ["validate"], ["shapes"], ["plan"], ["convert"]):
        assert main.run([command[0], str(path), *command[1:]]) == 0


def test_projecting_needs_no_penalty(tmp_path: Path, weights: Path) -> None:
    """What is not asked for is not refused: a constraint beside an unknown regulariser."""
    norm = {"name": "NonNeg"}
    path = saved(tmp_path, sequential(dense(W_regularizer=MINE, W_constraint=norm)))
    model = speccompiler.load(path, weights=weights)
    y = model.compile("reference", apply_constraints=True).run(X)
    np.testing.assert_allclose(y, X @ np.maximum(W, 0) + B, rtol=1e-5, atol=1e-6)


def test_a_saved_eigenvalue_regulariser_with_its_factor_counts(
    tmp_path: Path, weights: Path
) -> None:
    """Nine power steps from all ones, and a quotient (Keras 1.2.2 regularizers.py)."""
    given = {"name": "EigenvalueRegularizer", "k": 0.5}
    model = speccompiler.load(saved(tmp_path, sequential(dense(W_regularizer=given))),
                              weights=weights)  # fmt: skip
    squares = W.astype(np.float64).T @ W.astype(np.float64)
    vector = np.ones(2)
    for _ in range(9):
        vector = squares @ vector
    expected = 0.5 * np.sqrt((squares @ vector) @ vector / (vector @ vector))
    (penalty,) = model.compile("reference").penalties
    assert penalty.value == pytest.approx(expected, rel=1e-9)


# --- what later layers say of the input

SPATIAL = {"nb_row": 3, "nb_col": 3, "nb_filter": 2, "dim_ordering": "tf"}
CONVOLUTIONS = [
    layer("Convolution2D", name="c1", batch_input_shape=[None, 8, 8, 1], **SPATIAL),
    layer("Convolution2D", name="c2", batch_input_shape=[None, 8, 8, 1], **SPATIAL),
    layer("Flatten", name="f", input_shape=[1]),
    layer("Dense", name="d", output_dim=2, input_dim=7),
]
PASSED = "an input other than what the layer before gives; passed over, as Keras does"


def written(tmp_path: Path, model: Any, form: str) -> Path:
    path = tmp_path / f"m.{form}"
    if form == "h5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            text = json.dumps({k: v for k, v in model.items() if k != "keras_version"})
            file.attrs["model_config"] = text.encode()
            file.attrs["keras_version"] = b"1.2.2"
            file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
    else:
        path.write_text(json.dumps(model) if form == "json" else yaml.dump(model))
    return path


@pytest.mark.parametrize("form", ["json", "yaml", "h5"])
def test_input_shapes_of_later_layers_are_passed_over(form: str, tmp_path: Path) -> None:
    path = written(tmp_path, sequential(*CONVOLUTIONS), form)
    model, found = check(read_document(path))
    if form == "h5":  # it lists no weights
        assert [d.code for d in found if str(d.severity) == "error"] == ["CS105"]
        found = tuple(d for d in found if d.code != "CS105")
    else:
        assert model is not None
        assert [entry.output_shape for entry in model.shapes().layers] == [
            (6, 6, 2), (4, 4, 2), (32,), (2,)
        ]  # fmt: skip
    assert messages(list(found)) == [("CS049", "note", f"'c2', 'f', 'd' declare {PASSED}")]
    assert found[0].argument == "batch_input_shape"
    assert found[0].span is not None


def test_what_is_said_again_and_true_needs_no_note() -> None:
    again = layer("Convolution2D", name="c2", batch_input_shape=[None, 6, None, 2], **SPATIAL)
    model, found = found_in(sequential(CONVOLUTIONS[0], again))
    assert model is not None
    assert not found


@pytest.mark.parametrize("said", [
    {"batch_input_shape": [None, 0, "x"]}, {"input_shape": 5}, {"input_dtype": "strange"},
    {"input_shape": []},
])  # fmt: skip
def test_what_a_later_layer_says_need_not_make_sense(said: dict[str, Any]) -> None:
    odd = layer("Activation", name="a", activation="relu", **said)
    model, found = found_in(sequential(CONVOLUTIONS[0], odd))
    assert model is not None
    assert messages(found) == [("CS049", "note", f"'a' declares {PASSED}")]
    model, found = found_in(sequential(odd))
    assert model is None


def test_in_nested_and_functional_models() -> None:
    inner = {"class_name": "Sequential", "config": [
        layer("Activation", name="i", activation="relu", batch_input_shape=[None, 9, 9, 9]),
    ]}  # fmt: skip
    model, found = found_in(sequential(CONVOLUTIONS[0], inner))
    assert model is not None
    assert messages(found) == [("CS049", "note", f"'i' declares {PASSED}")]
    functional = {
        "name": "m",
        "layers": [
            {**layer("InputLayer", name="x", batch_input_shape=[None, 4]), "name": "x",
             "inbound_nodes": []},
            {**layer("Dense", name="d", output_dim=2, input_dim=9), "name": "d",
             "inbound_nodes": [[["x", 0, 0]]]},
        ],
        "input_layers": [["x", 0, 0]],
        "output_layers": [["d", 0, 0]],
    }  # fmt: skip
    model, found = found_in({"class_name": "Model", "config": functional})
    assert model is not None
    assert messages(found) == [("CS049", "note", f"'d' declares {PASSED}")]


def test_a_first_layer_that_contradicts_itself_is_read_as_keras_reads_it() -> None:
    """batch_input_shape, then input_dim, then input_shape (1.2.2 engine/topology.py:334)."""
    first = {"batch_input_shape": [None, 5, 4], "input_dim": 3, "input_shape": [7, 7]}
    wanted = [(5, 4), (None, 3), (7, 7)]
    for shape in wanted:
        conv = layer("Convolution1D", name="c", nb_filter=2, filter_length=1, **first)
        model, found = found_in(sequential(conv))
        assert model is not None
        assert model.spec.inputs[0].shape == shape
        assert [d.code for d in found] == (["CS049"] if len(first) > 1 else [])
        first.pop(next(iter(first)))


def test_a_native_spec_may_not_contradict_itself() -> None:
    layers = [{"type": entry["class_name"], **entry["config"]} for entry in CONVOLUTIONS[:2]]
    model, found = found_in({"convspec": 1, "layers": layers})
    assert model is None
    assert [d.code for d in found] == ["CS037"]


# --- keras.layers.Layer


@pytest.mark.parametrize("place", [0, 1])
def test_layer_itself_passes_its_input_on(place: int, tmp_path: Path, weights: Path) -> None:
    layers = [dense(), layer("Layer", name="l")]
    if place == 0:
        layers = [
            layer("Layer", name="l", trainable=True, input_dtype="float32",
                  batch_input_shape=[None, 4]),
            layer("Dense", name="d", output_dim=2),
        ]  # fmt: skip
    model = speccompiler.load(saved(tmp_path, sequential(*layers)), weights=weights)
    assert not model.diagnostics
    expected = X @ W + B
    np.testing.assert_allclose(model.compile("reference").run(X), expected, rtol=1e-5, atol=1e-6)
    text = spec_text(convert(model), spec_path=tmp_path / "n.yaml", weights_path=weights)
    (tmp_path / "n.yaml").write_text(text)
    again = speccompiler.load(tmp_path / "n.yaml").compile("reference").run(X)
    np.testing.assert_allclose(again, expected, rtol=1e-5, atol=1e-6)


def test_a_spec_has_no_layer_of_that_name() -> None:
    _, found = found_in({"convspec": 1, "input_shape": [4], "layers": [{"type": "Layer"}]})
    assert [d.code for d in found] == ["CS027"]


# --- a crop that leaves nothing


@pytest.mark.parametrize("target", ["reference", "cpu"])
@pytest.mark.parametrize(
    ("after", "shape"),
    [
        ([], (3, 0, 4)),
        ([layer("Activation", name="r", activation="relu")], (3, 0, 4)),
        ([layer("Flatten", name="f")], (3, 0)),
        ([layer("UpSampling1D", name="u", length=2)], (3, 0, 4)),
        ([layer("TimeDistributed", name="d", layer=layer("Dense", name="d", output_dim=2))],
         (3, 0, 2)),
    ],
)  # fmt: skip
def test_a_crop_may_leave_nothing(
    after: list[Any], shape: tuple[int, ...], target: str, tmp_path: Path, weights: Path
) -> None:
    crop = layer("Cropping1D", name="c", cropping=[2, 3], batch_input_shape=[None, 5, 4])
    path = saved(tmp_path, sequential(crop, *after))
    timed = any(entry["class_name"] == "TimeDistributed" for entry in after)
    model = speccompiler.load(path, weights=weights if timed else None)
    message = "nothing is left of (5, 4): the output (0, 4) holds no value, as in Keras"
    assert messages(list(model.diagnostics)) == [("CS076", "warning", message)]
    y = model.compile(target).run(np.ones((3, 5, 4), np.float32))
    assert y.shape == shape
    np.save(tmp_path / "x.npy", np.ones((3, 5, 4), np.float32))
    options = ["--input", str(tmp_path / "x.npy"), "--output", str(tmp_path / "y.npy")]
    options += ["--weights", str(weights)] if timed else []
    assert main.run(["run", str(path), "--target", target, *options]) == 0
    assert np.load(tmp_path / "y.npy").shape == shape


def test_a_gpu_computes_nothing(tmp_path: Path) -> None:
    crop = layer("Cropping1D", name="c", cropping=[2, 3], batch_input_shape=[None, 5, 4])
    model = speccompiler.load(saved(tmp_path, sequential(crop)))
    message = "a GPU cannot compute nothing: the output is (0, 4)"
    assert refused(lambda: model.compile("cuda")) == [("CS076", message)]


def test_nothing_has_no_average_and_no_window() -> None:
    crop = layer("Cropping1D", name="c", cropping=[2, 3], batch_input_shape=[None, 5, 4])
    for kind, word in (("Max", "largest"), ("Average", "average")):
        model, found = found_in(sequential(crop, layer(f"Global{kind}Pooling1D", name="g")))
        assert model is None
        assert found[-1].code == "CS044"
        assert found[-1].message.startswith(f"there is no {word} of nothing")
    model, found = found_in(sequential(crop, layer("MaxPooling1D", name="p", pool_length=2)))
    assert model is None
    assert found[-1].code == "CS044"


# --- shared_axes


@pytest.mark.parametrize("value", [1, [1]])
def test_shared_axes_may_be_a_number(value: Any) -> None:
    spec = {"convspec": 1, "input_shape": [5, 4], "layers": [
        {"type": "PReLU", "name": "p", "shared_axes": value}]}  # fmt: skip
    model, found = found_in(spec)
    assert model is not None
    assert not found
    assert [w.stored_shape for w in model.graph.weights()] == [(1, 4)]
