"""Files as Keras 1.x saved them: whole models in HDF5, weights by name and by topology.

Every whole model of the golden data is read from its .h5, and from its JSON and YAML with
weights.h5, and gives what Keras gave. A case whose layers are not known yet is skipped.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import speccompiler
from speccompiler.diagnostics.core import Diagnostic, Severity, SpecError
from speccompiler.model import check
from speccompiler.source.files import decode_document, read_document
from speccompiler.source.json_layout import laid_out
from speccompiler.source.tree import to_data
from tests.places import GOLDEN, OWN_GOLDEN

h5py = pytest.importorskip("h5py")

WHOLE = sorted(p.parent for p in GOLDEN.glob("keras-*/m_*/weights.h5"))
DIGITS = sorted(p.parent for p in GOLDEN.glob("digits/*/model.h5"))
UNKNOWN = {"CS028", "CS039"}
"""Findings that say that a layer, or a graph, is not read yet."""


def meta(folder: Path) -> Any:
    return json.loads((folder / "meta.json").read_text())


def loaded(path: Path, **options: Any) -> speccompiler.Model:
    """The model, or a skip where it has something that no version reads yet."""
    try:
        return speccompiler.load(path, **options)
    except SpecError as error:
        if {d.code for d in error.diagnostics} <= UNKNOWN:
            pytest.skip(error.diagnostics[0].message)
        raise


def arrays(folder: Path, what: str) -> list[np.ndarray]:
    """What a case holds of its inputs or outputs, one or several."""
    files = [*folder.glob(f"{what}.npy"), *sorted(folder.glob(f"{what}_[0-9].npy"))]
    return [np.load(file) for file in files]


def results(model: speccompiler.Model, inputs: list[np.ndarray]) -> list[np.ndarray]:
    shapes: Any = {n: x.shape[1:] for n, x in zip(model.input_names, inputs, strict=True)}
    one = len(inputs) == 1
    compiled = model.compile("reference", input_shape=inputs[0].shape[1:] if one else shapes)
    return list(compiled.run_all(inputs[0] if one else inputs).values())


def names(cases: list[Path]) -> list[Any]:
    return [pytest.param(f, id="-".join(f.parts[-2:])) for f in cases]


def assert_close(y: np.ndarray, expected: np.ndarray) -> None:
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def saved_files(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    weights = {"weights": folder / "weights.h5"}
    found = [("model.json", weights), ("model.yaml", weights)]
    if (folder / "model.h5").exists():
        found += [("model.h5", {}), ("model.h5", weights)]
    return found


@pytest.mark.parametrize("by", ["name", "topology", None])
@pytest.mark.parametrize("folder", names(WHOLE))
def test_whole_models_give_what_keras_gave(folder: Path, by: Any) -> None:
    case = meta(folder)
    x = arrays(folder, "input")
    for file, options in saved_files(folder):
        model = loaded(
            folder / file,
            semantics=case["backend"],
            dim_ordering=case["image_dim_ordering"],
            weights_by=by,
            **options,
        )
        if file != "model.yaml":  # to_yaml() of some versions leaves it out
            version = None if case["keras_version"] == "1.0.2" else case["keras_version"]
            assert model.spec.keras_version == version
        for y, expected in zip(results(model, x), arrays(folder, "output"), strict=True):
            assert_close(y, expected)
        assert not model.weight_sources.diagnostics


@pytest.mark.parametrize("folder", names(DIGITS))
@pytest.mark.parametrize("file", ["model.h5", "model.json", "model.yaml"])
def test_the_digits_are_predicted_as_keras_did(folder: Path, file: str) -> None:
    options = {} if file == "model.h5" else {"weights": folder / "weights.h5"}
    semantics: Any = folder.name.split("-")[0]
    model = loaded(folder / file, semantics=semantics, **options)
    images, expected = np.load(folder / "images.npy"), np.load(folder / "predictions.npy")
    for target in ("reference", "cpu"):
        y = model.compile(target).run(images)
        assert np.array_equal(y.argmax(axis=1), expected.argmax(axis=1))
        np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5)
    other: Any = {"theano": "tensorflow", "tensorflow": "theano"}[semantics]
    wrong = loaded(folder / file, semantics=other, **options).compile("reference").run(images)
    assert (wrong.argmax(axis=1) != expected.argmax(axis=1)).any()


def test_convspec_run_of_a_saved_file_just_works(tmp_path: Path) -> None:
    folder = GOLDEN / "keras-1.2.2-theano" / "m_seq_nested"
    if not folder.is_dir():
        pytest.skip("the golden data is not there")
    command = [sys.executable, "-m", "speccompiler.cli", "run", str(folder / "model.h5")]
    options = ["--input", str(folder / "input.npy"), "--output", str(tmp_path / "y.npy")]
    code = "import sys; from speccompiler.cli import main; sys.exit(main.run(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *command[3:], *options, "--semantics", "theano"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert_close(np.load(tmp_path / "y.npy"), np.load(folder / "output.npy"))


# --- files made here


CONV = {
    "class_name": "Convolution1D",
    "config": {"name": "c", "nb_filter": 2, "filter_length": 3, "batch_input_shape": [None, 5, 4]},
}
DENSE = {"class_name": "Dense", "config": {"name": "d", "output_dim": 3}}
FLAT = {"class_name": "Flatten", "config": {"name": "f"}}
RNG = np.random.default_rng(3)
KERNEL = RNG.standard_normal((3, 1, 4, 2)).astype(np.float32)
BIAS = RNG.standard_normal(2).astype(np.float32)
MATRIX = RNG.standard_normal((6, 3)).astype(np.float32)
OFFSET = RNG.standard_normal(3).astype(np.float32)
LAYERS = [
    ("c", [("c_W", KERNEL), ("c_b", BIAS)]),
    ("f", []),
    ("d", [("d_W", MATRIX), ("d_b", OFFSET)]),
]


def sequential(*layers: Any) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": list(layers)}


MODEL = sequential(CONV, FLAT, DENSE)


def save_weights(group: Any, layers: Any, text: Any = np.bytes_) -> None:
    group.attrs["layer_names"] = [text(name) for name, _ in layers]
    for name, tensors in layers:
        member = group.create_group(name)
        member.attrs["weight_names"] = [text(tensor) for tensor, _ in tensors]
        for tensor, values in tensors:
            member[tensor] = values


def save_model(path: Path, model: Any = MODEL, layers: Any = LAYERS, text: Any = np.bytes_,
               version: str | None = "1.2.2") -> Path:  # fmt: skip
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = text(json.dumps(model))
        if version is not None:
            file.attrs["keras_version"] = text(version)
        save_weights(file.create_group("model_weights"), layers, text)
    return path


def weights_file(path: Path, layers: Any) -> Path:
    with h5py.File(path, "w") as file:
        save_weights(file, layers)
    return path


def json_file(path: Path, model: Any = MODEL) -> Path:
    path.write_text(json.dumps({**model, "keras_version": "1.2.2"}))
    return path


def found(path: Path, **options: Any) -> list[Diagnostic]:
    return list(check(read_document(path), semantics="tensorflow", **options)[1])


def matched(model: speccompiler.Model) -> dict[str, np.ndarray]:
    return {f"{w.layer}/{w.tensor}": a for w, a in model.weight_sources.read().items()}


def assert_tensors(model: speccompiler.Model, **changed: np.ndarray) -> None:
    expected = {"c/W": KERNEL, "c/b": BIAS, "d/W": MATRIX, "d/b": OFFSET}
    read = matched(model)
    assert read.keys() == expected.keys()
    for name, value in expected.items():
        assert np.array_equal(read[name], value), name


@pytest.mark.parametrize("text", [np.bytes_, str, lambda s: s.encode()], ids=["S", "text", "bytes"])
def test_names_may_be_bytes_or_text(tmp_path: Path, text: Any) -> None:
    model = speccompiler.load(save_model(tmp_path / "m.h5", text=text), semantics="theano")
    assert model.name == "m"
    assert model.spec.keras_version == "1.2.2"
    assert_tensors(model)


def test_the_version_of_a_saved_file_counts(tmp_path: Path) -> None:
    path = save_model(tmp_path / "m.h5", version="4.0.0")
    (finding,) = found(path)
    assert (finding.code, finding.file) == ("CS040", f"{path}#model_config")
    assert finding.message == (
        "this was written by Keras 4.0.0; convspec reads what Keras 0.1 to 3 wrote"
    )
    pad = {"class_name": "ZeroPadding2D", "config": {"padding": [1, 2, 3, 4], "name": "p",
           "batch_input_shape": [None, 4, 4, 1]}}  # fmt: skip
    for version, shape in (("1.0.8", (6, 8, 1)), ("1.2.2", (7, 11, 1)), (None, (6, 8, 1))):
        path = save_model(tmp_path / "p.h5", sequential(pad), [("p", [])], version=version)
        model = speccompiler.load(path, semantics="theano", dim_ordering="tf")
        assert model.spec.keras_version == version
        assert model.graph.nodes[-1].shape == shape


def test_places_in_a_saved_model_are_lines_of_its_text(tmp_path: Path) -> None:
    broken = {**DENSE, "config": {**DENSE["config"], "output_dim": -3}}
    path = save_model(tmp_path / "m.h5", sequential(CONV, FLAT, broken))
    document = read_document(path)
    assert document.shown_file == str(path)
    (finding,) = check(document)[1]
    assert finding.file == f"{path}#model_config"
    assert finding.message == "'output_dim' is -3; it must be 1 or more"
    assert finding.span is not None
    line = document.text.split("\n")[finding.span.line - 1]
    assert line.strip() == '{"class_name": "Dense", "config": {"name": "d", "output_dim": -3}}'
    assert line[finding.span.column - 1 : finding.span.end_column - 1] == "-3"


def test_a_saved_model_by_stream_is_refused_with_advice(tmp_path: Path) -> None:
    data = save_model(tmp_path / "m.h5").read_bytes()
    (finding,) = decode_document(data, "<stdin>").diagnostics
    assert finding.code == "CS002"
    assert finding.hint == "name the file itself instead of sending it as a stream"


def test_a_file_of_weights_is_no_model(tmp_path: Path) -> None:
    (finding,) = found(weights_file(tmp_path / "w.h5", LAYERS))
    assert finding.code == "CS081"
    assert finding.message == (
        "this HDF5 file holds weights but no model: it has no attribute 'model_config'"
    )
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    (finding,) = found(tmp_path / "empty.h5")
    assert finding.message == ("this HDF5 file holds no model: it has no attribute 'model_config'")


def test_a_given_file_replaces_the_models_own_weights(tmp_path: Path) -> None:
    path = save_model(tmp_path / "m.h5")
    np.savez(tmp_path / "w.npz", **{"c/W": KERNEL * 2, "c/b": BIAS, "d/W": MATRIX, "d/b": OFFSET})
    model = speccompiler.load(path, weights=tmp_path / "w.npz", semantics="tensorflow")
    assert np.array_equal(matched(model)["c/W"], KERNEL * 2)


def test_old_and_new_convolution1d_kernels(tmp_path: Path) -> None:
    old = [("c", [("c_W", KERNEL.transpose(3, 2, 0, 1)), ("c_b", BIAS)]), *LAYERS[1:]]
    for by in ("name", "topology", None):
        for layers in (old, LAYERS):
            path = save_model(tmp_path / "m.h5", layers=layers)
            assert_tensors(speccompiler.load(path, semantics="theano", weights_by=by))


RENAMED = [("c_7", [("c_7_W", KERNEL), ("c_7_b", BIAS)]), ("f_7", []),
           ("d_7", [("d_7_W", MATRIX), ("d_7_b", OFFSET)])]  # fmt: skip


def test_other_names_are_matched_by_the_order_of_layers_with_a_note(tmp_path: Path) -> None:
    path = weights_file(tmp_path / "w.h5", RENAMED)
    model = speccompiler.load(json_file(tmp_path / "m.json"), weights=path, semantics="theano")
    assert_tensors(model)
    (note,) = model.weight_sources.diagnostics
    assert (note.code, note.severity, note.file) == ("CS108", Severity.NOTE, str(path))
    assert note.message == (
        "the names in the file are others, so weights were matched by the order of the layers, "
        "as Keras does: 'c' from 'c_7', 'd' from 'd_7'"
    )
    assert note.hint == "--weights-by name refuses this"
    (refused,) = found(tmp_path / "m.json", weights=path, weights_by="name")
    assert refused.code == "CS105"


def test_topology_gives_a_native_spec_its_weights(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(
        "convspec: 1\ninput_shape: [5, 4]\nlayers:\n"
        "  - {type: Convolution1D, name: a, nb_filter: 2, filter_length: 3}\n"
        "  - {type: Flatten}\n"
        "  - {type: Dense, name: b, output_dim: 3}\n"
    )
    path = weights_file(tmp_path / "w.h5", LAYERS)
    read = matched(speccompiler.load(tmp_path / "m.yaml", weights=path, weights_by="topology"))
    assert np.array_equal(read["a/W"], KERNEL)
    assert np.array_equal(read["b/b"], OFFSET)


def test_files_of_before_keras_1(tmp_path: Path) -> None:
    path = tmp_path / "old.h5"
    with h5py.File(path, "w") as file:
        file.attrs["nb_layers"] = 3
        for number, (_, tensors) in enumerate(LAYERS):
            group = file.create_group(f"layer_{number}")
            group.attrs["nb_params"] = len(tensors)
            for place, (name, values) in enumerate(tensors):
                # The kernels of that time are in the old layout.
                stored = values.transpose(3, 2, 0, 1) if name == "c_W" else values
                group[f"param_{place}"] = stored
    model = speccompiler.load(json_file(tmp_path / "m.json"), weights=path, semantics="theano")
    assert_tensors(model)
    assert [d.code for d in model.weight_sources.diagnostics] == ["CS108"]


def test_names_and_order_that_disagree_are_not_guessed_at(tmp_path: Path) -> None:
    dense = [{"class_name": "Dense", "config": {"name": n, "output_dim": 4}} for n in "ab"]
    dense[0]["config"]["batch_input_shape"] = [None, 4]
    one, two = np.eye(4, dtype=np.float32), 2 * np.eye(4, dtype=np.float32)
    zero = np.zeros(4, np.float32)
    swapped = [("b", [("b_W", two), ("b_b", zero)]), ("a", [("a_W", one), ("a_b", zero)])]
    path = weights_file(tmp_path / "w.h5", swapped)
    spec = json_file(tmp_path / "m.json", sequential(*dense))
    (finding,) = found(spec, weights=path)
    assert finding.code == "CS109"
    assert finding.message == "by name a/W is 'a/a_W', by the order of the layers 'b/b_W'"
    for by, first in (("name", one), ("topology", two)):
        read = matched(speccompiler.load(spec, weights=path, weights_by=by))
        assert np.array_equal(read["a/W"], first)


def test_layers_that_the_model_lacks_are_left_by_name(tmp_path: Path) -> None:
    path = weights_file(tmp_path / "w.h5", [*LAYERS, ("top", [("top_W", MATRIX)])])
    spec = json_file(tmp_path / "m.json")
    model = speccompiler.load(spec, weights=path, weights_by="name", semantics="theano")
    assert_tensors(model)
    (note,) = model.weight_sources.diagnostics
    assert note.message == "weights of layers that the model lacks were left: 'top'"
    (finding,) = found(spec, weights=path)
    assert finding.code == "CS105"
    assert finding.message == (
        "in the weight file but not used: 'top/top_W' (6, 3); nor does the order fit: the file "
        "has 3 layers with weights ('c', 'd', 'top'), the model 2 ('c', 'd')"
    )


def test_topology_reports_every_wrong_shape(tmp_path: Path) -> None:
    wrong = [
        ("x", [("x_W", KERNEL[:2]), ("x_b", BIAS)]),
        ("y", [("y_W", MATRIX.T), ("y_b", OFFSET)]),
    ]
    path = weights_file(tmp_path / "w.h5", wrong)
    (finding,) = found(json_file(tmp_path / "m.json"), weights=path, weights_by="topology")
    assert finding.code == "CS106"
    assert finding.message == (
        "wrong shapes: c/W is stored as (2, 1, 4, 2), expected (3, 1, 4, 2) or (2, 4, 3, 1); "
        "d/W is stored as (3, 6), expected (6, 3)"
    )
    fewer = [("x", [("x_W", KERNEL)]), RENAMED[2]]
    path = weights_file(tmp_path / "v.h5", fewer)
    (finding,) = found(json_file(tmp_path / "m.json"), weights=path, weights_by="topology")
    assert finding.message == "layer 'c' takes W, b; in its place the file has 'x/x_W'"


def test_topology_needs_a_file_with_an_order(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", **{"c/W": KERNEL})
    spec = json_file(tmp_path / "m.json")
    (finding,) = found(spec, weights=tmp_path / "w.npz", weights_by="topology")
    assert finding.code == "CS105"
    assert finding.message == ("weights cannot be matched by topology: the file lists no layers")


def test_tensors_of_a_nested_model_come_together_by_their_names(tmp_path: Path) -> None:
    """Keras lists what a nested model trains first, and then the rest."""
    from speccompiler.files.tensor_info import StoredLayer
    from speccompiler.weights.matching.by_layer_order import layer_groups

    listed = ["c_W:0", "c_b:0", "n_gamma:0", "n_beta:0", "e_W:0", "n_running_mean:0"]
    group = StoredLayer("inner", tuple((name, f"inner/{name}") for name in listed))
    blocks = layer_groups([group], {"W", "b", "gamma", "beta", "running_mean"})
    assert [(b.name, [t for t, _ in b.tensors]) for b in blocks] == [
        ("c", ["W", "b"]),
        ("n", ["gamma", "beta", "running_mean"]),
        ("e", ["W"]),
    ]


# --- the text of a model in lines


@pytest.mark.parametrize(
    "file", sorted(OWN_GOLDEN.glob("*/*/model.json")), ids=lambda p: p.parent.name
)
def test_lines_say_what_the_text_said(file: Path) -> None:
    text = file.read_text()
    lines = laid_out(text)
    assert json.loads(lines) == json.loads(text)
    assert max(map(len, lines.split("\n"))) <= 100
    assert to_data(decode_document(lines.encode(), "m.json").root) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "]",
        "[1, 2",
        '{"a": [}',
        '"text"',
        "12",
        "[" * 80 + "]" * 80,
        '{"a": "b',
        "[1]\n[2]",
    ],
)
def test_what_is_no_json_is_left_as_it_is(text: str) -> None:
    assert laid_out(text) == text


def test_what_fits_a_line_stays_on_one() -> None:
    text = '{"a":[1,2,{}],"b":"' + "x" * 80 + '","c":[]}'
    assert laid_out(text) == '{\n  "a": [1, 2, {}],\n  "b": "' + "x" * 80 + '",\n  "c": []\n}'
    assert yaml.safe_load(laid_out(text)) == json.loads(text)


# --- what the weights tell of the backend


def undecided(path: Path, shape: list[int] | None = None, **options: Any) -> list[Diagnostic]:
    model = speccompiler.load(path, **options)
    with pytest.raises(SpecError) as caught:
        model.compile("reference", input_shape=shape)
    return list(caught.value.diagnostics)


def test_a_refusal_names_the_layers_and_how_much_hangs_on_them(tmp_path: Path) -> None:
    kernel = np.zeros((3, 1, 4, 2), np.float32)
    kernel[0, 0, 0, 0], kernel[2, 0, 0, 0] = 1, 2  # reversed: off by (1, 1), norm by (1, 2)
    layers = [("c", [("c_W", kernel), ("c_b", BIAS)]), *LAYERS[1:]]
    finding, note = undecided(save_model(tmp_path / "m.h5", layers=layers))
    assert finding.code == "CS050"
    assert finding.hint == (
        "a run needs --semantics tensorflow or --semantics theano; the tensors' names do not "
        "end in ':0', as TensorFlow's do: Theano saved them"
    )
    assert (note.code, note.severity, note.layer) == ("CS083", Severity.NOTE, "c")
    assert note.message == (
        "Theano reverses the 3 kernel W, and that changes it by 63% of its norm"
    )
    assert round(100 * (2 / 5) ** 0.5) == 63
    assert note.span is not None
    named = [(n, [(f"{t}:0", v) for t, v in tensors]) for n, tensors in LAYERS]
    finding, _ = undecided(save_model(tmp_path / "m.h5", layers=named))
    assert finding.hint == (
        "a run needs --semantics tensorflow or --semantics theano; the tensors' names end in "
        "':0', as TensorFlow's do"
    )


def test_without_weights_the_rules_are_named(tmp_path: Path) -> None:
    pool = {"name": "p", "pool_length": 2, "border_mode": "same", "batch_input_shape": [None, 8, 1]}
    conv = {"name": "c", "nb_filter": 1, "filter_length": 4, "border_mode": "same"}
    layers = [
        {"class_name": "MaxPooling1D", "config": pool},
        {"class_name": "Convolution1D", "config": conv},
    ]
    finding, *notes = undecided(json_file(tmp_path / "m.json", sequential(*layers)))
    assert finding.hint == "a run needs --semantics tensorflow or --semantics theano"
    assert [(n.layer, n.message) for n in notes] == [
        ("p", "'same' is padded (0, 0) by TensorFlow and (1, 0) by Theano"),
        (
            "c",
            "Theano reverses the 4 kernel W; 'same' is padded (1, 2) by TensorFlow and "
            "(2, 1) by Theano",
        ),
    ]


def test_many_layers_are_counted(tmp_path: Path) -> None:
    convs = [
        {"class_name": "Convolution1D", "config": {**CONV["config"], "name": f"c{i}",
         "nb_filter": 4, "border_mode": "same"}} for i in range(9)
    ]  # fmt: skip
    _, *notes = undecided(json_file(tmp_path / "m.json", sequential(*convs)))
    assert len(notes) == 7
    assert notes[-1].message == "3 more layers differ"


# --- whatever the file's name


NAMES = ["m.h5f", "m.hd5", "m.hdf", "m.h5py", "m.weights", "m.weight", "m.model", "m.keras", "m",
         "m.npz", "m.json", "m.txt", "m.npy", "m.yaml", "m.H5"]  # fmt: skip


@pytest.mark.parametrize("block", [0, 512, 2048])
@pytest.mark.parametrize("name", NAMES)
def test_hdf5_is_known_by_its_first_bytes(tmp_path: Path, name: str, block: int) -> None:
    """As a model, as weights, and as a saved model given for its weights."""

    def named(made: Path) -> Path:
        path = made.rename(made.with_name(name))
        if block:  # a user block, as h5jam puts it in front
            again = path.with_name("again")
            with h5py.File(path, "r") as old, h5py.File(again, "w", userblock_size=block) as new:
                for key, value in old.attrs.items():
                    new.attrs[key] = value
                for key in old:
                    old.copy(key, new)
            again.rename(path)
        return path

    (tmp_path / "saved").mkdir()
    (tmp_path / "weights").mkdir()
    spec = json_file(tmp_path / "spec.json")
    save_model(tmp_path / "saved" / "made.h5")
    saved = named(tmp_path / "saved" / "made.h5")
    weights = named(weights_file(tmp_path / "weights" / "made.h5", LAYERS))
    for arguments in ({"path": saved}, {"path": spec, "weights": weights},
                      {"path": spec, "weights": saved}):  # fmt: skip
        assert_tensors(speccompiler.load(**arguments, semantics="theano"))
    (finding,) = found(weights)
    assert (finding.code, finding.message) == (
        "CS081",
        "this HDF5 file holds weights but no model: it has no attribute 'model_config'",
    )
    assert finding.hint == "give the model's JSON, YAML or spec, and this file with --weights"


@pytest.mark.parametrize("name", ["m.h5f", "m"])
def test_every_command_reads_it(tmp_path: Path, name: str, capsys: Any) -> None:
    from speccompiler.cli.main import run

    save_model(tmp_path / "made.h5")
    path = str((tmp_path / "made.h5").rename(tmp_path / name))
    weights = str(weights_file(tmp_path / "w", LAYERS))
    spec = str(json_file(tmp_path / "spec.json"))
    np.save(tmp_path / "x.npy", np.zeros((1, 5, 4), np.float32))
    x = str(tmp_path / "x.npy")
    for line in (["validate"], ["shapes"], ["plan"], ["weights"], ["convert"],
                 ["run", "--target", "reference", "--input", x]):  # fmt: skip
        options = [] if line[0] == "shapes" else ["--weights", weights]
        for model in (path, spec):
            given = [] if model == path else options
            if line[0] == "plan":
                given = []
            status = run([line[0], model, *line[1:], *given, "--semantics", "theano"])
            assert status == 0, (line, model, capsys.readouterr())


def test_a_saved_model_is_called_a_model(tmp_path: Path) -> None:
    path = tmp_path / "m.h5f"
    save_model(path, layers=[LAYERS[0], LAYERS[1], ("d", [("d_W", MATRIX)])])
    (finding,) = found(path)
    assert finding.message.startswith("missing from the saved model: d/b (3,)")
    (finding,) = found(json_file(tmp_path / "s.json"), weights=path)
    assert finding.message.startswith("missing from the weight file: d/b (3,)")


def test_text_under_the_name_of_hdf5(tmp_path: Path) -> None:
    path = json_file(tmp_path / "m.h5")
    weights = weights_file(tmp_path / "w", LAYERS)
    assert_tensors(speccompiler.load(path, weights=weights, semantics="theano"))


def test_a_missing_package_is_named_for_any_name(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "m"
    save_model(path)
    spec = json_file(tmp_path / "s.json")
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    for arguments in ({"path": path}, {"path": spec, "weights": path}):
        (finding,) = found(**arguments)
        assert finding.code == "CS104"
        assert finding.hint == 'pip install "convspec[hdf5]"'


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"\x93NUMPY\x01\x00", "a NumPy array"), (b"PK\x03\x04", "a zip archive"),
     (b"\x1f\x8b\x08", "a gzip file"), (b"MATLAB 5.0 MAT-file", "a MATLAB file"),
     (b"\x89PNG\r\n\x1a\n", "a PNG image"), (b"\xff\xd8\xff\xe0", "a JPEG image"),
     (b"%PDF-1.4\n", "a PDF document")],
)  # fmt: skip
def test_what_is_no_model_is_told_for_what_it_is(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "m.model").write_bytes(content)
    (finding,) = found(tmp_path / "m.model")
    assert finding.code == "CS002"
    assert finding.message == f"this is {what}, not YAML or JSON as UTF-8 text"


def test_a_program_as_model_is_binary_data(tmp_path: Path) -> None:
    (tmp_path / "m.model").write_bytes(b"\x7fELF\x02\x01\x01\x00\x00\xd0mo")
    (finding,) = found(tmp_path / "m.model")
    assert (finding.code, finding.span) == ("CS002", None)
    assert finding.message == "the byte 0xd0 at offset 9 is not UTF-8 text: it is binary data"
    assert finding.hint == "name the spec"
