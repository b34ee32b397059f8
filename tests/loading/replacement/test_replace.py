"""Layers that are code, answered by the owner: in every format, by every door, with numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import speccompiler
from speccompiler.cli.main import COMMANDS, load_command, run
from speccompiler.diagnostics.core import SpecError
from tests.loading.replacement.test_byte_code import STORED

RNG = np.random.default_rng(3)
IMAGES = RNG.uniform(0, 255, (2, 6, 5, 3)).astype(np.float32)
KERNEL = RNG.uniform(-1, 1, (3, 3, 3, 2)).astype(np.float32)
BIAS = np.array([0.5, -0.25], np.float32)
INPUT = [None, 6, 5, 3]


def code(name: str, kind: str = "Lambda", **config: Any) -> dict[str, Any]:
    """A layer that nobody but its author can run."""
    stored = {"function": ["(code)", None, None], "function_type": "lambda"}
    given: dict[str, Any] = stored if kind == "Lambda" else {}
    return {"class_name": kind, "config": {"name": name, "trainable": True, **given, **config}}


def conv(name: str, **config: Any) -> dict[str, Any]:
    arguments = {"nb_filter": 2, "nb_row": 3, "nb_col": 3, "dim_ordering": "tf"}
    return {"class_name": "Convolution2D", "config": {"name": name, **arguments, **config}}


def sequential(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Sequential", "keras_version": "1.2.2", "config": list(layers)}


FIRST = code("lambda_1", batch_input_shape=INPUT, input_dtype="float32")
STEERING = sequential(FIRST, conv("c1"))


def convolved(x: np.ndarray) -> np.ndarray:
    """TensorFlow's numbers of ``c1``, from the definition."""
    y = np.zeros((len(x), 4, 3, 2))
    for i in range(3):
        for j in range(3):
            y += x[:, i : i + 4, j : j + 3].astype(np.float64) @ KERNEL[i, j].astype(np.float64)
    return y + BIAS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", IMAGES)
    np.savez("w.npz", **{"c1/W": KERNEL, "c1/b": BIAS})
    Path("model.json").write_text(json.dumps(STEERING))
    save("old.h5", STEERING)
    return tmp_path


def save(name: str, model: dict[str, Any]) -> None:
    """What ``model.save`` writes: the model, and the weights of c1."""
    with h5py.File(name, "w") as file:
        file.attrs["keras_version"] = b"1.2.2"
        file.attrs["model_config"] = json.dumps(model).encode()
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [b"lambda_1", b"c1"]
        weights.create_group("lambda_1").attrs["weight_names"] = np.array([], "S1")
        group = weights.create_group("c1")
        group.attrs["weight_names"] = [b"c1_W:0", b"c1_b:0"]
        group["c1_W:0"], group["c1_b:0"] = KERNEL, BIAS


def outputs(model: dict[str, Any], replace: Any, x: np.ndarray = IMAGES, **options: Any) -> Any:
    """What a Keras model gives, its code answered."""
    Path("m.json").write_text(json.dumps(model))
    loaded = speccompiler.load("m.json", replace=replace, semantics="tensorflow", **options)
    return loaded.compile("reference", input_shape=x.shape[1:]).run(x)


def findings(model: Any, replace: Any = None) -> list[tuple[str, str, str | None]]:
    Path("m.json").write_text(json.dumps(model))
    with pytest.raises(SpecError) as caught:
        speccompiler.load("m.json", replace=replace)
    return [(d.code, d.message, d.hint) for d in caught.value.diagnostics]


def text_of(line: list[str], capsys: pytest.CaptureFixture[str], status: int = 0) -> str:
    assert run(line) == status
    captured = capsys.readouterr()
    return captured.out + captured.err


# --- what an answer means

ANSWERS: list[tuple[Any, Any]] = [
    ("x / 127.5 - 1", IMAGES / 127.5 - 1),
    ("(x - 128.) / 128", (IMAGES - 128) / 128),
    ("x", IMAGES),
    ("relu", IMAGES),
    ("tanh", np.tanh(IMAGES)),
    ("Flatten", IMAGES.reshape(2, -1)),
    ("x - [103.939, 116.779, 123.68]", IMAGES - np.array([103.939, 116.779, 123.68])),
    ("x[:, :, :, ::-1]", IMAGES[..., ::-1]),
    ("x[..., ::-1] - [103.939, 116.779, 123.68]",
     IMAGES[..., ::-1] - np.array([103.939, 116.779, 123.68])),
    ("x[:, 2:-1]", IMAGES[:, 2:-1]),
    ("x[:, -3:, 1:, 0:2]", IMAGES[:, -3:, 1:, :2]),
    ("x[:, ::2, 4:0:-2, :]", IMAGES[:, ::2, 4:0:-2]),
    ("x[:, 1]", IMAGES[:, 1]),
    ("x[:, -1, :, 0]", IMAGES[:, -1, :, 0]),
    ("x[:, 2:, 1]", IMAGES[:, 2:, 1]),
    ("x[ :, 1:5 ] * 2 + x[:, 1:5]", IMAGES[:, 1:5] * 3),
    ("max(x[:, :, 0], 9) + exp(-x[:, :, 0])",
     np.maximum(IMAGES[:, :, 0], 9) + np.exp(-IMAGES[:, :, 0].astype(float))),
    ({"type": "Permute", "dims": [3, 1, 2]}, IMAGES.transpose(0, 3, 1, 2)),
    ([{"type": "Cropping2D", "cropping": [[2, 1], [0, 1]], "dim_ordering": "tf"}, "x / 255"],
     IMAGES[:, 2:-1, :-1] / 255),
    ("[{type: Reduce, axis: 3}, x / 3]", IMAGES.astype(float).sum(3) / 3),
    ("{type: Slice, axis: [1, 2], start: 1, stop: [4, null]}", IMAGES[:, 1:4, 1:]),
    ('["x + 1", "x * 2"]', (IMAGES + 1) * 2),
    ("[{type: UpSampling2D, size: [1, 2], dim_ordering: tf}, 'x[:, 0]']",
     np.repeat(IMAGES, 2, axis=2)[:, 0]),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "wanted"), ANSWERS, ids=lambda v: str(v)[:60])
def test_what_an_answer_computes(answer: Any, wanted: Any, folder: Path) -> None:
    y = outputs(sequential(FIRST), {"lambda_1": answer})
    assert y.shape == wanted.shape
    np.testing.assert_allclose(y, wanted, rtol=2e-6, atol=2e-5)


BAD = [
    ("x + y", "CS031", "unknown name 'y' at column 5 of 'x + y'"),
    ("", "CS078", "the answer is empty"),
    ("[]", "CS030", "unexpected ']' at column 2 of '[]'"),
    ([], "CS078", "this answer says no layer"),
    (3, "CS078", "3 is no layer"),
    ([["x"]], "CS078", "a list of 0 is no layer"),
    ({"type": "Lambda"}, "CS082",
     "Lambda holds Python code, which convspec never executes, whatever it does"),
    ({"class_name": "Flatten"}, "CS021", "the layer needs 'type'"),
    ({"type": "Flaten"}, "CS027", "unknown layer type 'Flaten'"),
    ({"type": "Flatten", "inputs": "c1"}, "CS078",
     "an answer reads what the layer read, and its layers read one another"),
    ({"type": "Shared", "layer": "c1"}, "CS078", "an answer holds layers of its own"),
    ({"type": "Flatten", "name": "flat"}, "CS078",
     "the last layer of an answer is named 'lambda_1', as what it replaces"),
    ("{type: Flatten", "CS003", "the '{' is not closed, or a ',' is missing after it"),
    ("x[0]", "CS078", "x[0] is no part of x that can be taken"),
    ("x[:, 1:2:0]", "CS078", "x[:,1:2:0] is no part of x that can be taken"),
    ("x[:, a]", "CS078", "x[:,a] is no part of x that can be taken"),
    ("x[:, 1] + x", "CS078", "the parts that are taken of x differ"),
    ("x[:, 0] - x[:, 1]", "CS078", "the parts that are taken of x differ"),
    (b"x", "CS024", "'replace' is something else: no plain data"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "code_", "message"), BAD, ids=lambda v: str(v)[:50])
def test_what_is_no_answer(answer: Any, code_: str, message: str, folder: Path) -> None:
    found = [f for f in findings(STEERING, {"lambda_1": answer}) if f[0] == code_]
    assert found, findings(STEERING, {"lambda_1": answer})
    assert found[0][1] == message


# --- where such a layer may stand


def link(layer: dict[str, Any], *calls: list[tuple[str, int]]) -> dict[str, Any]:
    nodes = [[[name, number, 0] for name, number in call] for call in calls]
    return {**layer, "name": layer["config"]["name"], "inbound_nodes": nodes}


def functional(layers: list[dict[str, Any]], ends: list[str]) -> dict[str, Any]:
    image = {"class_name": "InputLayer", "config": {"name": "image", "batch_input_shape": INPUT}}
    config = {
        "name": "m",
        "layers": [link(image), *layers],
        "input_layers": [["image", 0, 0]],
        "output_layers": [[e, 0, 0] for e in ends],
    }
    return {"class_name": "Model", "keras_version": "1.2.2", "config": config}  # fmt: skip


def test_a_layer_of_a_functional_model_is_answered_at_each_of_its_calls(folder: Path) -> None:
    tanh = {"class_name": "Activation", "config": {"name": "tanh", "activation": "tanh"}}
    flat = {"class_name": "Flatten", "config": {"name": "f"}}
    model = functional(
        [
            link(code("norm"), [("image", 0)]),
            link(tanh, [("norm", 0)]),
            link(code("cut"), [("norm", 0)], [("tanh", 0)]),
            {**link(flat, [("cut", 0)]), "name": "f"},
            link({"class_name": "Flatten", "config": {"name": "g"}}, [("cut", 1)]),
        ],
        ["f", "g"],
    )
    cut = [{"type": "Slice", "axis": 1, "stop": 2}, {"type": "Slice", "axis": -1, "step": -1}]
    f, g = outputs(model, {"norm": "x / 255", "cut": cut})
    scaled = IMAGES / 255
    np.testing.assert_allclose(f, scaled[:, :2, :, ::-1].reshape(2, -1), rtol=1e-6)
    np.testing.assert_allclose(g, np.tanh(scaled)[:, :2, :, ::-1].reshape(2, -1), rtol=1e-6)
    loaded = speccompiler.load("m.json", replace={"norm": "x", "cut": cut}, semantics="theano")
    assert [call.name for call in loaded.spec.calls] == [
        "image", "norm", "tanh", "cut_1", "cut", "cut_1@2", "cut@2", "f", "g",
    ]  # fmt: skip


def test_a_nested_model_and_a_wrapper(folder: Path) -> None:
    inner = {"class_name": "Sequential", "config": [code("inner"), code("more", "Gain", gain=2)]}
    y = outputs(sequential(FIRST, inner), {"lambda_1": "x + 1", "inner": "x * 2", "more": "-x"})
    np.testing.assert_allclose(y, -2 * (IMAGES + 1), rtol=1e-6)
    held = {"name": "steps", "batch_input_shape": INPUT, "layer": code("each")}
    steps = {"class_name": "TimeDistributed", "config": held}
    y = outputs(sequential(steps), {"each": ["x[:, 1:]", "x - [1, 2, 3]", "Flatten"]})
    wanted = (IMAGES[:, :, 1:] - np.array([1, 2, 3])).reshape(2, 6, -1)
    np.testing.assert_allclose(y, wanted, rtol=1e-6)
    loaded = speccompiler.load("m.json", replace={"each": ["x[:, 1:]", "x - [1, 2, 3]", "Flatten"]})
    assert [layer.name for layer in loaded.spec.layers] == ["steps_1", "steps_2", "steps"]


def test_a_native_spec_with_code_and_a_second_call_of_it(folder: Path) -> None:
    Path("s.yaml").write_text(
        "convspec: 1\ninput_shape: [4]\noutputs: [cut, again]\nlayers:\n"
        "  - {type: Activation, name: a, activation: {expr: x + 1}}\n"
        "  - {type: Lambda, name: cut}\n"
        "  - {type: Activation, name: b, activation: {expr: 2 * x}, inputs: a}\n"
        "  - {type: Shared, layer: cut, name: again}\n"
    )
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    loaded = speccompiler.load("s.yaml", replace={"cut": ["x[:, ::-1]", "x / 2"]})
    one, two = loaded.compile("reference").run(x)
    np.testing.assert_array_equal(one, (x + 1)[:, ::-1] / 2)
    np.testing.assert_array_equal(two, (x + 1)[:, ::-1])


def test_a_merge_that_is_code(folder: Path) -> None:
    branch = {"class_name": "Sequential",
              "config": [code("one", batch_input_shape=INPUT)]}  # fmt: skip
    other = {"class_name": "Sequential",
             "config": [code("two", batch_input_shape=INPUT)]}  # fmt: skip
    held = {"name": "both", "mode": "(code)", "mode_type": "lambda", "layers": [branch, other]}
    merge = {"class_name": "Merge", "config": held}
    answers = {"one": "x + 1", "two": "x * 2", "both": {"type": "Merge", "mode": "sum"}}
    Path("m.json").write_text(json.dumps(sequential(merge)))
    loaded = speccompiler.load("m.json", replace=answers)
    y = loaded.compile("reference").run([IMAGES, IMAGES])
    np.testing.assert_allclose(y, 3 * IMAGES + 1, rtol=1e-6)
    hints = {f[2] for f in findings(sequential(merge), {"one": "x", "two": "x"})}
    assert hints == {
        'say it by a named mode, for example --replace both="{type: Merge, mode: sum}": '
        "sum, mul, concat, ave, cos, dot or max"
    }


def test_a_class_of_the_authors_own_with_the_name_of_a_native_layer(folder: Path) -> None:
    """Keras knows no Slice and no Resize: what a file calls so is not ours."""
    custom = sequential(code("mine", "Slice", batch_input_shape=INPUT, axis=1, start=2))
    ((found, message, hint),) = findings(custom)
    assert (found, message) == ("CS027", "unknown layer type 'Slice'")
    assert hint == (
        "say what it computes, as an expression or as layers, for example "
        '--replace mine="x / 127.5 - 1"'
    )
    np.testing.assert_array_equal(outputs(custom, {"mine": "x[:, 2:]"}), IMAGES[:, 2:])


# --- the refusal


def test_the_refusal_shows_the_line_for_this_file(folder: Path) -> None:
    assert findings(STEERING) == [
        (
            "CS082",
            "Lambda holds Python code, which convspec never executes, whatever it does",
            "say what it computes, as an expression or as layers, for example "
            '--replace lambda_1="x / 127.5 - 1"',
        )
    ]


@pytest.mark.parametrize("file", ["k.json", "k.yaml", "k.h5"])
def test_plain_byte_code_is_suggested_in_every_format(file: str, folder: Path) -> None:
    import yaml

    stored = code("lambda_1", batch_input_shape=INPUT, function=(STORED, None, None))
    model = sequential(stored)
    Path("k.json").write_text(json.dumps(model))
    Path("k.yaml").write_text(yaml.dump(model))
    save("k.h5", model)
    with pytest.raises(SpecError) as caught:
        speccompiler.load(file)
    assert [d.hint for d in caught.value.diagnostics] == [
        "say what it computes, as an expression or as layers: "
        '--replace lambda_1="x / 127.5 - 1" (read from its byte code; check it)'
    ]


@pytest.mark.parametrize("named", [{}, {"custom_name": "lambda"}])
def test_a_layer_without_a_name_is_answered_by_the_name_that_it_gets(
    folder: Path, named: dict[str, str]
) -> None:
    """Keras 0.x stored a name only where somebody gave one."""
    lambdas = [{"name": "Lambda", "function": "f", "output_shape": None, **named} for _ in "ab"]
    lambdas[0]["input_shape"] = [3]
    old = {"name": "Sequential", "layers": lambdas, "keras_version": "0.3.1"}
    shown = [found[2] or "" for found in findings(old) if found[0] == "CS082"]
    assert '--replace lambda_1="x / 127.5 - 1" --replace lambda_2="x / 127.5 - 1"' in shown[0]
    Path("old.json").write_text(json.dumps(old))
    model = speccompiler.load("old.json", replace={"lambda_1": "x * 2", "lambda_2": "x + 1"})
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert np.array_equal(model.run(x), 2 * x + 1)
    assert [layer.name for layer in model.shapes().layers] == ["lambda_1", "lambda_2"]


def test_several_are_answered_by_one_line(folder: Path) -> None:
    odd = code("it's", "Odd2D")
    found = findings(sequential(FIRST, conv("c1"), odd, code("lambda_2")))
    assert [f[0] for f in found] == ["CS082", "CS027", "CS082"]
    assert found[0][2] == (
        "say what they compute, as an expression or as layers, for example "
        "--replace lambda_1=\"x / 127.5 - 1\" --replace 'it'\"'\"'s=x / 127.5 - 1' "
        '--replace lambda_2="x / 127.5 - 1"'
    )
    assert [f[2] for f in found[1:]] == [None, None]


LRN_NOTE = "LRN2D's formula by its arguments; where its code divides alpha by n, divide it here too"
LRNS = [
    ({"alpha": 1e-4, "k": 2, "beta": 0.75, "n": 5}, "alpha: 0.0001, k: 2, beta: 0.75, n: 5"),
    ({"alpha": 1e-05, "beta": 0.5, "n": 3.0, "other": "x"}, "alpha: 1e-05, beta: 0.5, n: 3"),
    ({}, ""),
]


@pytest.mark.parametrize("kind", ["LRN2D", "LRN", "LocalResponseNormalization", "lrn_layer"])
@pytest.mark.parametrize(("stored", "shown"), LRNS)
def test_an_lrn_is_suggested_with_what_it_stores(
    kind: str, stored: dict[str, Any], shown: str, folder: Path
) -> None:
    """The very answer that is shown runs."""
    model = sequential(code("lrn2d_1", kind, batch_input_shape=INPUT, **stored))
    ((found, message, hint),) = findings(model)
    answer = "{type: LRN2D" + (f", {shown}" if shown else "") + "}"
    assert (found, message) == ("CS027", f"unknown layer type '{kind}'")
    assert hint == (
        "say what it computes, as an expression or as layers: "
        f'--replace lrn2d_1="{answer}" ({LRN_NOTE})'
    )
    given = answer.replace("}", ", dim_ordering: tf}")
    squares = np.pad(IMAGES.astype(float) ** 2, ((0, 0),) * 3 + ((2, 2),) * 1)
    arguments = {"alpha": 1e-4, "k": 2, "beta": 0.75, "n": 5} | stored
    half, channels = int(arguments["n"]) // 2, IMAGES.shape[-1]
    total = sum(squares[..., i : i + channels] for i in range(2 - half, 3 + half))
    wanted = IMAGES / (arguments["k"] + arguments["alpha"] * total) ** arguments["beta"]
    np.testing.assert_allclose(outputs(model, {"lrn2d_1": given}), wanted, rtol=1e-6)


@pytest.mark.parametrize("stored", [{"n": 4}, {"alpha": "0.1"}, {"beta": [1]}, {"k": -1}])
def test_an_lrn_that_has_other_arguments_is_not_suggested(
    stored: dict[str, Any], folder: Path
) -> None:
    model = sequential(code("lrn2d_1", "LRN2D", batch_input_shape=INPUT, **stored))
    ((_, _, hint),) = findings(model)
    assert hint is not None
    assert '--replace lrn2d_1="x / 127.5 - 1"' in hint


@pytest.mark.parametrize("kind", ["MyDropout", "SaltAndPepperNoise", "ConcreteDROPOUT2D"])
def test_what_only_training_does_is_the_identity(kind: str, folder: Path) -> None:
    model = sequential(code("d", kind, batch_input_shape=INPUT, p=0.5))
    ((found, _, hint),) = findings(model)
    assert found == "CS027"
    assert hint == (
        'say what it computes, as an expression or as layers: --replace d="x" '
        "(the identity at test time, if it is what its class says)"
    )
    np.testing.assert_array_equal(outputs(model, {"d": "x"}), IMAGES)


def test_names_that_cannot_be_answered(folder: Path) -> None:
    assert findings(STEERING, {"lamda_1": "x"})[0] == (
        "CS077", "no layer of the model is named 'lamda_1'", "did you mean 'lambda_1'?",
    )  # fmt: skip
    assert findings(STEERING, {"zzz": "x"})[0][2] == "its Lambda and custom layers: lambda_1"
    assert findings(STEERING, {"lambda_1": "x", "c1": "x"}) == [
        (
            "CS077",
            "layer 'c1' is a Convolution2D, which runs as it is: only Lambda and custom layers "
            "are replaced",
            "those of this model are lambda_1",
        )
    ]
    plain = sequential(conv("c1", batch_input_shape=INPUT))
    assert findings(plain, {"zzz": "x"})[0][2] == "this model has no Lambda and no custom layer"
    assert findings(plain, {"c1": "x"})[0][2] == "this model has none of them"


def test_a_fault_in_an_answer_is_shown_there(folder: Path, capsys: Any) -> None:
    line = ["validate", "model.json", "--replace", "lambda_1=[{type: Cropping2D, croping: 1}]"]
    assert text_of(line, capsys, 1) == (
        "--replace 'lambda_1':1:21: error CS022: Cropping2D has no argument 'croping' "
        "[layer lambda_1]\n"
        "   |\n"
        " 1 | [{type: Cropping2D, croping: 1}]\n"
        "   |                     ^^^^^^^\n"
        "  hint: did you mean 'cropping'?\n"
        "\n"
        "found 1 error in 1 file\n"
    )
    # A shape that does not fit is found later, and shown there too.
    line[-1] = "lambda_1=[{type: Slice, axis: 1, start: 9}]"
    assert "--replace 'lambda_1':1:9: error CS044: axis 1: the slice of a length of 6 holds" in (
        text_of(line, capsys, 1)
    )


@pytest.mark.parametrize("value", ["lambda_1", "=x", "lambda_1=", " =x"])
def test_an_option_that_is_none(value: str, folder: Path, capsys: Any) -> None:
    out = text_of(["validate", "model.json", "--replace", value], capsys, 2)
    assert f'{value!r} is no answer; write it as lambda_1="x / 127.5 - 1"' in out


def test_an_answer_given_twice(folder: Path, capsys: Any) -> None:
    line = ["shapes", "model.json", "--replace", "lambda_1=x", "--replace", "lambda_1=2*x"]
    assert "'lambda_1' is answered twice" in text_of(line, capsys, 2)


def test_no_more_than_a_hundred_are_listed(folder: Path) -> None:
    found = findings(sequential(FIRST, *(code(f"l{i}") for i in range(2, 252))))
    assert len(found) == 251
    hint = found[0][2]
    assert hint is not None
    assert hint.endswith('--replace l100="x / 127.5 - 1" and 151 more')


# --- every door


@pytest.mark.parametrize("value", ["x", ["lambda_1"], {1: "x"}])
def test_what_python_may_give(value: Any, folder: Path) -> None:
    ((found, message, _),) = findings(STEERING, value)
    assert found == "CS024"
    assert message.startswith("'replace' is ")
    assert message.endswith(", not a mapping from layers' names")


def test_weights_of_a_replaced_layer_are_left_with_a_note(folder: Path) -> None:
    """A custom layer that stored some; by name, and in a file that Keras wrote."""
    model = sequential(code("scale", "Scale", batch_input_shape=INPUT), conv("scale_c"))
    Path("m.json").write_text(json.dumps(model))
    arrays = {"scale/gamma": np.ones(3), "scale_beta": np.ones(3),
              "scale_c_W": KERNEL, "scale_c/b": BIAS}  # fmt: skip
    np.savez("s.npz", **arrays)
    with h5py.File("s.h5", "w") as file:
        file.attrs["layer_names"] = [b"scale", b"scale_c"]
        for name, tensors in (("scale", ["scale_gamma", "scale_beta"]),
                              ("scale_c", ["scale_c_W", "scale_c_b"])):  # fmt: skip
            group = file.create_group(name)
            group.attrs["weight_names"] = [tensor.encode() for tensor in tensors]
            for tensor, array in zip(tensors, arrays.values() if name == "scale" else
                                     [KERNEL, BIAS], strict=False):  # fmt: skip
                group[tensor] = array
    for weights in ("s.npz", "s.h5"):
        loaded = speccompiler.load(
            "m.json", replace={"scale": "x * [1, 2, 3] - 1"}, weights=weights,
            semantics="tensorflow",
        )  # fmt: skip
        assert [(d.code, d.message) for d in loaded.weight_sources.diagnostics if
                d.code == "CS108"] == [
            ("CS108", "weights of layers that were replaced were left: 'scale'")
        ]  # fmt: skip
        y = loaded.compile("reference").run(IMAGES)
        wanted = convolved(IMAGES * np.array([1, 2, 3]) - 1)
        np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-3)
    np.savez("more.npz", **arrays, **{"other/W": KERNEL})
    with pytest.raises(SpecError, match="CS105"):
        speccompiler.load("m.json", replace={"scale": "x"}, weights="more.npz")


def test_every_command_that_takes_a_model_has_it(capsys: Any) -> None:
    with_model = set()
    for name in COMMANDS:
        command = load_command(name)
        options = {o for p in command.params for o in p.opts}
        if "--semantics" in options and name != "lsp":  # an editor's files have no command line
            with_model.add(name)
            assert "--replace" in options, name
    assert with_model == {
        "validate", "shapes", "diff", "render", "plan", "run", "weights", "verify", "convert",
        "compile",
    }  # fmt: skip


@pytest.mark.parametrize("file", ["model.json", "old.h5"])
def test_a_run_gives_the_right_numbers(file: str, folder: Path, capsys: Any) -> None:
    weights = ["--weights", "w.npz"] if file == "model.json" else []
    line = ["run", file, "--replace", "lambda_1=x / 127.5 - 1", "--input", "x.npy", "--output",
            "y.npy", "--semantics", "tensorflow", "--target", "reference", *weights]  # fmt: skip
    text_of(line, capsys)
    wanted = convolved(IMAGES / np.float32(127.5) - 1)
    np.testing.assert_allclose(np.load("y.npy"), wanted, rtol=1e-5, atol=1e-5)


def test_convert_writes_the_answer(folder: Path, capsys: Any) -> None:
    text_of(["convert", "old.h5", "--semantics", "tensorflow", "--output", "new.yaml", "--replace",
             "lambda_1=['x[..., ::-1]', 'x - [1, 2.5, -3]']"], capsys)  # fmt: skip
    text = Path("new.yaml").read_text()
    assert "{type: Slice, name: lambda_1_1, axis: [-1], step: [-1]}" in text
    assert '{type: Activation, name: lambda_1, activation: {expr: "x - [1, 2.5, -3]"}}' in text
    y = speccompiler.load("new.yaml").compile("reference").run(IMAGES)
    wanted = convolved(IMAGES[..., ::-1] - np.array([1, 2.5, -3]))
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-4)


def test_verify_tries_both_semantics_with_the_answer(folder: Path, capsys: Any) -> None:
    np.save("y.npy", convolved(IMAGES / 127.5 - 1).astype(np.float32))
    line = ["verify", "old.h5", "--replace", "lambda_1=x / 127.5 - 1", "--input", "x.npy",
            "--expect", "y.npy", "--target", "reference"]  # fmt: skip
    assert "tensorflow" in text_of(line, capsys)


# --- a spec around a model

WRAPPER = """\
convspec: 1
model: {model}
name: steering
semantics: tensorflow
replace:
  lambda_1: x / 127.5 - 1
"""


@pytest.mark.parametrize("model", ["old.h5", "model.json", "native.yaml"])
def test_a_wrapper_says_what_the_file_leaves_open(model: str, folder: Path) -> None:
    Path("native.yaml").write_text(
        "convspec: 1\ninput_shape: [6, 5, 3]\ndim_ordering: tf\nsemantics: theano\nlayers:\n"
        "  - {type: Lambda, name: lambda_1}\n"
        "  - {type: Convolution2D, name: c1, nb_filter: 2, nb_row: 3, nb_col: 3}\n"
    )
    weights = "" if model == "old.h5" else "weights: w.npz\n"
    Path("w.yaml").write_text(WRAPPER.format(model=model) + weights)
    loaded = speccompiler.load("w.yaml")
    assert loaded.name == "steering"
    y = loaded.compile("reference").run(IMAGES)
    wanted = convolved(IMAGES / np.float32(127.5) - 1)
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)


def test_files_are_relative_to_who_names_them(folder: Path, capsys: Any) -> None:
    for name in ("models", "specs"):
        Path(name).mkdir()
    for name, place in {"model.json": "models", "w.npz": "specs", "x.npy": "specs"}.items():
        Path(name).rename(Path(place) / name)
    np.save("specs/y.npy", convolved(IMAGES / np.float32(127.5) - 1).astype(np.float32))
    Path("specs/w.yaml").write_text(
        WRAPPER.format(model="../models/model.json")
        + "weights: w.npz\nverify: {input: x.npy, expect: y.npy}\n"
    )
    assert "equal" in text_of(["verify", "specs/w.yaml", "--target", "reference"], capsys)
    text_of(["convert", "specs/w.yaml", "--output", "new.yaml"], capsys)
    assert "input: specs/x.npy" in Path("new.yaml").read_text()


def test_the_wrapper_comes_before_what_the_file_holds(folder: Path) -> None:
    """Other weights than the saved ones, a declared input, a seed."""
    np.savez("other.npz", **{"c1/W": 2 * KERNEL, "c1/b": 2 * BIAS})
    Path("w.yaml").write_text(WRAPPER.format(model="old.h5") + "weights: other.npz\n")
    twice = speccompiler.load("w.yaml").compile("reference").run(IMAGES)
    np.testing.assert_allclose(twice, 2 * convolved(IMAGES / 127.5 - 1), rtol=1e-4, atol=1e-4)
    open_ = json.loads(json.dumps(STEERING).replace("[null, 6, 5, 3]", "[null, null, null, 3]"))
    Path("open.json").write_text(json.dumps(open_))
    Path("w.yaml").write_text(
        WRAPPER.format(model="open.json") + "seed: 1\ninput_shape: [6, 5, 3]\n"
    )
    loaded = speccompiler.load("w.yaml")
    assert loaded.shapes().layers[-1].output_shape == (4, 3, 2)
    # The caller comes before the wrapper.
    loaded = speccompiler.load("w.yaml", replace={"lambda_1": "x[:, 1:]"}, weights="w.npz")
    assert loaded.shapes().layers[-1].output_shape == (3, 3, 2)


WRONG_WRAPPERS = [
    ("convspec: 1\nmodel: nowhere.h5\n", 2, "CS001",
     "w.yaml:2:8: error CS001: the model 'nowhere.h5': the file does not exist"),
    ("convspec: 1\nmodel: model.json\nlayers: []\n", 1, "CS079",
     "'layers' is for a spec that lists its layers; this one names a model"),
    ("convspec: 1\nmodel: model.json\noutputs: a\n", 1, "CS079",
     "'outputs' is for a spec that lists its layers; this one names a model"),
    ("convspec: 1\nreplace: {a: x}\nlayers: [{type: Flatten}]\n", 1, "CS079",
     "'replace' is for a spec that names a model, and this one has no 'model'"),
    ("convspec: 1\nmodel: w.yaml\n", 1, "CS079", "'w.yaml' wraps a model itself"),
    ("convspec: 1\nmodel: model.json\nreplace: {lambda_1: 3}\n", 1, "CS026",
     "'replace' key 'lambda_1': an answer is an expression in x, a layer, or a list of these"),
    ("convspec: 1\nmodel: model.json\nreplace: {lamda_1: x}\n", 1, "CS077",
     "w.yaml:3:20: error CS077: no layer of the model is named 'lamda_1'"),
    ("convspec: 1\nmodel: model.json\nreplace: {lambda_1: x +}\n", 1, "CS030",
     "w.yaml:3:21: error CS030: the expression ends where a value is needed"),
    ("convspec: 1\nmodel: model.json\nsemantic: theano\n", 1, "CS022", "did you mean 'semantics'"),
    ("convspec: 1\nmodel: 3\n", 1, "CS024", "'model' is 3, not text"),
    ("convspec: 2\nmodel: model.json\n", 1, "CS023", "'convspec' is 2; allowed: 1"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "status", "code_", "message"), WRONG_WRAPPERS)
def test_what_is_wrong_with_a_wrapper(
    text: str, status: int, code_: str, message: str, folder: Path, capsys: Any
) -> None:
    Path("w.yaml").write_text(text)
    out = text_of(["validate", "w.yaml"], capsys, status)
    assert f"error {code_}: " in out
    assert message in out


def test_validate_shows_each_text_of_a_wrapper(folder: Path, capsys: Any) -> None:
    """A finding in the model is shown in the model, one of an answer in the wrapper."""
    bad = json.dumps(STEERING).replace('"nb_filter": 2', '"nb_filter": "2"')
    Path("bad.json").write_text(bad)
    Path("w.yaml").write_text("convspec: 1\nmodel: bad.json\nreplace: {lambda_1: x + z}\n")
    out = text_of(["validate", "w.yaml"], capsys, 1)
    assert "bad.json:1:" in out
    assert '"nb_filter": "2"' in out
    assert " 3 | replace: {lambda_1: x + z}" in out
    Path("w.yaml").write_text(WRAPPER.format(model="model.json"))
    assert "w.yaml: ok, 2 layers" in text_of(["validate", "."], capsys, 1)


def test_convert_does_not_write_over_the_wrapper(folder: Path, capsys: Any) -> None:
    Path("w.yaml").write_text(WRAPPER.format(model="old.h5"))
    out = text_of(["convert", "w.yaml", "--output", "w.yaml"], capsys, 2)
    assert "'w.yaml' is what is being read; name another output" in out


def test_answers_are_light(folder: Path) -> None:
    """Neither numba nor NumPy is loaded to check an answer."""
    program = (
        "import sys; from speccompiler.cli.main import run\n"
        "status = run(['validate', 'model.json', '--replace', 'lambda_1=x / 127.5 - 1'])\n"
        "sys.exit(status or 10 * ('numba' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stderr
