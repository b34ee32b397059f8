"""Forms in which people of 2015 to 2017 saved architectures: each loads, or is answered in a step.

What a form is packed into is seen in the places: they are those of the file that was given.
"""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml

from speccompiler.cli.main import run
from speccompiler.diagnostics.core import Diagnostic, Severity
from speccompiler.model import Model, check
from speccompiler.source.files import decode_document
from speccompiler.source.findings import MAX_DEPTH
from speccompiler.source.texts import parse_document

DENSE = {"class_name": "Dense", "config": {"name": "d", "output_dim": 2, "activation": "linear",
         "bias": True, "batch_input_shape": [None, 3]}}  # fmt: skip
MODEL = {"class_name": "Sequential", "keras_version": "1.1.2", "config": [DENSE]}
BARE = {"class_name": "Sequential", "config": [DENSE]}
NETWORK = {
    "name": "m",
    "layers": [
        {"class_name": "InputLayer", "name": "i", "inbound_nodes": [],
         "config": {"name": "i", "batch_input_shape": [None, 3]}},
        {"class_name": "Dense", "name": "d", "inbound_nodes": [[["i", 0, 0]]],
         "config": {"name": "d", "output_dim": 2}},
    ],
    "input_layers": [["i", 0, 0]],
    "output_layers": [["d", 0, 0]],
}  # fmt: skip
TEXT = json.dumps(MODEL)
YAML = yaml.dump(MODEL)
REPR = "what Python's str() or repr() wrote"


def read(text: str, name: str) -> tuple[Model | None, list[Diagnostic]]:
    model, found = check(parse_document(text, name))
    return model, list(found)


def py2(value: object) -> str:
    """As Python 2 printed it: unicode with a u, long integers with an L."""
    return repr(value).replace("'", "u'", 0).replace("[None, 3]", "(None, 3L)").replace("{'", "{u'")


FORMS = {
    "json.dump(to_json())": (json.dumps(TEXT), "m.json", "a JSON string"),
    "twice": (json.dumps(json.dumps(TEXT)), "m.json", "a JSON string, in a JSON string"),
    "indented inside": (json.dumps(json.dumps(MODEL, indent=2)), "m.json", "a JSON string"),
    "to_yaml() in JSON": (json.dumps(YAML), "m.json", "a JSON string"),
    "to_json() in YAML": (yaml.dump(TEXT), "m.yaml", "a YAML text"),
    "to_json() in YAML, a list": (yaml.dump([TEXT]), "m.yaml", "a YAML text, in item 1 of a list"),
    "to_yaml() in YAML": (yaml.dump(YAML), "m.yaml", "a YAML text"),
    "quoted": (yaml.dump(YAML, default_style='"'), "m.yaml", "a YAML text"),
    "a block": (yaml.dump(YAML, default_style="|"), "m.yaml", "a YAML text"),
    "str(get_config())": (str([DENSE]), "m.txt", REPR),
    "in a .json": (str([DENSE]), "m.json", REPR),
    "in a .yaml": (str([DENSE]), "m.yaml", REPR),
    "of a Model": (str(NETWORK), "m", REPR),
    "of Python 2": (py2(NETWORK), "m", REPR),
    "repr(to_json())": (repr(TEXT), "m.txt", REPR),
    "repr(to_yaml())": (repr(YAML), "m", REPR),
    "u''": ("u" + repr(TEXT), "m.json", REPR),
    "bytes": (str(TEXT.encode()), "m.json", REPR),
    "bytes in JSON": (json.dumps(str(TEXT.encode())), "m.json", f"{REPR}, in a JSON string"),
    "with weights": (json.dumps({"model": TEXT, "weights": "w.h5"}), "m.json",
                     "a JSON string, in the entry 'model' of a mapping"),
    "as a dict": (json.dumps({"arch": MODEL, "loss": [0.5]}), "m.json",
                  "the entry 'arch' of a mapping"),
    "pair": (json.dumps([TEXT, "w.h5"]), "m.json", "a JSON string, in item 1 of a list"),
    "deeper": (json.dumps({"net": {"json": TEXT}}), "m.json",
               "a JSON string, in the entry 'json' of a mapping, in the entry 'net' of a mapping"),
    "a line each": (f'{TEXT}\n{{"loss": 1}}\n', "m.json", "item 1 of a list"),
    "config as text": (json.dumps({**BARE, "config": json.dumps([DENSE])}), "m.json",
                       "a JSON string"),
    "behind what was printed": (f"Using Theano backend.\nUsing gpu device 0: K40\n{TEXT}", "m.json",
                                "what a program printed, behind 'Using Theano backend.'"),
    "a notebook's output": (f"Out[5]: '{TEXT}'\n", "m.txt",
                            "a YAML text, in the entry 'Out[5]' of a mapping"),
    "pprint": (f"('{TEXT[:40]}'\n '{TEXT[40:]}')\n", "m.txt", REPR),
    "OrderedDict": (f"OrderedDict([('class_name', 'Sequential'), ('config', {[DENSE]})])", "m.txt",
                    REPR),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_model_inside_another_form_is_read(form: str) -> None:
    text, name, packed = FORMS[form]
    model, found = read(text, name)
    assert model is not None
    assert [(layer.name, layer.output_shape) for layer in model.shapes().layers][-1] == ("d", (2,))
    note = found[0]
    assert (note.code, note.severity) == ("CS070", Severity.NOTE)
    assert note.message == f"the model was read out of {packed}"


PLAIN = {
    "a BOM": ("\ufeff" + TEXT, "m.json"),
    "indented": (json.dumps(MODEL, indent=4), "m"),
    "YAML in a .txt": (YAML, "m.txt"),
    "without a release": (json.dumps(BARE), "m.json"),
}


@pytest.mark.parametrize("form", PLAIN)
def test_a_model_as_keras_wrote_it_needs_no_note(form: str) -> None:
    model, found = read(*PLAIN[form])
    assert model is not None
    assert found == []


CONFIGS = {
    "a list": (json.dumps([DENSE]), "m.json", "Sequential"),
    "in YAML": (yaml.dump([DENSE]), "m.yaml", "Sequential"),
    "a network": (json.dumps(NETWORK), "m.json", "Model"),
    "a network in YAML": (yaml.dump(NETWORK), "m.yml", "Model"),
}


@pytest.mark.parametrize("form", CONFIGS)
def test_what_get_config_gave_is_read_as_the_whole_model(form: str) -> None:
    text, name, kind = CONFIGS[form]
    model, found = read(text, name)
    assert model is not None
    assert [(d.code, d.message) for d in found] == [
        ("CS070", f"this is what get_config() of a {kind} gave; it is read as the {kind}")
    ]


def place(text: str, name: str) -> str:
    """The characters that the only error points at."""
    _, found = read(text, name)
    (error,) = [d for d in found if d.severity is Severity.ERROR]
    assert error.span is not None
    line = text.splitlines()[error.span.line - 1]
    return line[error.span.column - 1 : error.span.end_column - 1]


WRONG = json.dumps(BARE, ensure_ascii=False).replace('"output_dim": 2', '"output_dim": "é\'2"')
WRONG_YAML = yaml.dump(json.loads(WRONG), allow_unicode=True)
PLACES = {
    "JSON": (json.dumps(WRONG), "m.json", r"\"\u00e9'2\""),
    "twice": (json.dumps(json.dumps(WRONG)), "m.json", r"\\\"\\u00e9'2\\\""),
    "YAML in JSON": (json.dumps(WRONG_YAML), "m.json", r"\u00e9'2"),
    "single quotes": ("'" + WRONG.replace("'", "''") + "'\n", "m.yaml", "\"é''2\""),
    "folded": (yaml.dump(WRONG, allow_unicode=True, width=30), "m.yaml", "\"é''2\""),
    "double quotes": (yaml.dump(WRONG, default_style='"'), "m.yaml", r'\"\xE9' + "'2\\\""),
    "a block": (yaml.dump(WRONG_YAML, default_style="|", allow_unicode=True), "m.yaml", "é'2"),
    "repr": (repr(WRONG), "m.txt", r'"é\'2"'),
    "bytes": (str(WRONG.encode()), "m.txt", r'"\xc3\xa9\'2"'),
    "str": (str(json.loads(WRONG)), "m.txt", "\"é'2\""),
    "an entry": (json.dumps({"weights": "é.h5", "model": WRONG}), "m.json", r"\"\u00e9'2\""),
    "JSON lines": (f'{{"epoch": 1}}\n{json.dumps(WRONG)}\n', "m.json", r"\"\u00e9'2\""),
}  # fmt: skip


@pytest.mark.parametrize("form", PLACES)
def test_places_are_those_of_the_outer_file(form: str) -> None:
    text, name, wanted = PLACES[form]
    assert place(text, name) == wanted


def test_a_broken_text_inside_is_shown_where_it_breaks() -> None:
    text = json.dumps(TEXT[:-3])
    _, found = read(text, "m.json")
    assert [(d.code, d.message) for d in found] == [
        ("CS003", "the text ends before the document is complete")
    ]
    assert found[0].span is not None
    assert found[0].span.column == len(text) - 1  # the last character inside the quotes


def test_a_double_key_inside_names_its_line_in_the_outer_file() -> None:
    text = '\n\n"{\\"class_name\\": \\"Sequential\\",\\n\\"config\\": [], \\"config\\": []}"'
    _, found = read(text, "m.json")
    assert "the key 'config' is already used on line 3" in [d.message for d in found]


def test_keras_2_inside_is_read_as_the_bare_text() -> None:
    dense = {
        "class_name": "Dense",
        "config": {"name": "d", "units": 2, "batch_input_shape": [None, 3]},
    }
    bare = {"class_name": "Sequential", "config": [dense]}
    new = {**bare, "keras_version": "2.0.4", "backend": "theano"}
    for text in (json.dumps(new), json.dumps(json.dumps(new)), str(new)):
        model, _ = read(text, "m.json")
        assert model is not None
        assert model.spec.keras_version == "2.0.4"
        assert model.spec.semantics is not None
        assert model.spec.semantics.profile == "theano"
    inside = json.dumps({"model_config": json.dumps(bare), "keras_version": "2.1.6"})
    model, found = read(inside, "m")
    assert model is not None
    assert model.spec.keras_version == "2.1.6"
    assert [d.code for d in found] == ["CS070", "CS244"]


CONV2 = {"class_name": "Conv2D", "config": {"name": "c", "filters": 2, "kernel_size": [3, 3],
         "use_bias": True, "batch_input_shape": [None, 8, 8, 1], "dtype": "float32"}}  # fmt: skip
NET2 = {
    "name": "m",
    "layers": [
        {"class_name": "InputLayer", "name": "i", "inbound_nodes": [],
         "config": {"name": "i", "batch_input_shape": [None, 3], "dtype": "float32"}},
        {"class_name": "Dense", "name": "d", "inbound_nodes": [[["i", 0, 0, {}]]],
         "config": {"name": "d", "units": 2, "use_bias": True}},
    ],
    "input_layers": [["i", 0, 0]],
    "output_layers": [["d", 0, 0]],
}  # fmt: skip
DENSE3 = {"class_name": "Dense", "module": "keras.layers", "registered_name": None,
          "config": {"name": "d", "units": 2, "batch_input_shape": [None, 3]}}  # fmt: skip


def in_order(model: Any) -> str:
    return str(yaml.dump(model, sort_keys=False))


WITHOUT_RELEASE: list[tuple[Any, str]] = [
    ([CONV2], "2.3.1"),
    ({"class_name": "Sequential", "config": [CONV2]}, "2.3.1"),
    (NET2, "2.3.1"),
    ({"class_name": "Model", "config": NET2}, "2.3.1"),
    ({"name": "s", "layers": [CONV2]}, "2.3.1"),
    ([DENSE3], "2.15.0"),
    ({"module": "keras", "class_name": "Sequential", "registered_name": None,
      "config": {"name": "s", "layers": [DENSE3]}}, "2.15.0"),
]  # fmt: skip
"""With the release that stands for the line of releases that the text shows."""


@pytest.mark.parametrize(("written", "version"), WITHOUT_RELEASE)
@pytest.mark.parametrize("write", [json.dumps, lambda m: json.dumps(json.dumps(m)), str, in_order])
def test_keras_2_is_known_without_its_release(written: Any, version: str, write: Any) -> None:
    model, found = read(write(written), "m.yaml" if write is in_order else "m.json")
    assert model is not None
    assert model.spec.keras_version == version
    asked = [d.code for d in found if d.code == "CS244"]
    assert asked == (["CS244"] if version == "2.3.1" else [])


def test_one_argument_of_keras_2_may_be_a_slip() -> None:
    slip = {**DENSE, "config": {"name": "d", "units": 2, "batch_input_shape": [None, 3]}}
    _, found = read(json.dumps([slip]), "m.json")
    assert [d.code for d in found if d.severity is Severity.ERROR] == ["CS022"]


def test_a_keras_archive_is_told_for_what_it_is() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", "{}")
    (found,) = decode_document(held.getvalue(), "m.keras").diagnostics
    assert (found.code, found.message, found.hint) == (
        "CS002",
        "this is a .keras archive, not YAML or JSON as UTF-8 text",
        "name the file itself instead of sending it as a stream",
    )
    held = io.BytesIO()
    np.savez(held, np.zeros(2))
    (found,) = decode_document(held.getvalue(), "m.keras").diagnostics
    assert (found.code, found.message) == (
        "CS002", "this is a zip archive, not YAML or JSON as UTF-8 text"
    )  # fmt: skip


@pytest.mark.parametrize("version", ["1.2.2", "b'1.2.2'"])
def test_the_release_beside_a_model_counts(version: str) -> None:
    text = json.dumps({"model_config": json.dumps(BARE), "keras_version": version})
    model, _ = read(text, "m.json")
    assert model is not None
    assert model.spec.keras_version == "1.2.2"


def test_several_models_are_asked_about() -> None:
    _, found = read(json.dumps({"a": TEXT, "b": MODEL}), "m.json")
    assert [(d.code, d.message, d.hint) for d in found] == [
        ("CS073", "this file holds 2 models: 'a', 'b'",
         "write the one that is meant into a file of its own")
    ]  # fmt: skip
    _, found = read(f"{TEXT}\n{TEXT}\n", "m.json")
    assert [d.message for d in found] == ["this file holds 2 models: 1, 2"]


NOT_OPENED = {
    "a native spec": ('"convspec: 1\\nlayers: [{type: Flatten, name: Sequential}]"', "CS020"),
    "prose": (json.dumps("We train a Sequential model."), "CS020"),
    "a custom class": (json.dumps({"class_name": "Mine", "config": {"model": MODEL}}), "CS028"),
    "single quotes": ("{'convspec': 1, 'layers': [{'type': 'Flatten'}]}", "CS003"),
    "True": ('{"convspec": 1, "layers": [{"type": "Flatten", "trainable": True}]}', "CS003"),
    "a call": ("[{'class_name': 'Dense', 'config': {'name': open('x')}}]", "CS003"),
    "numbers": ("[1, 2]", "CS020"),
}


@pytest.mark.parametrize("form", NOT_OPENED)
def test_other_texts_stay_what_they_are(form: str) -> None:
    text, code = NOT_OPENED[form]
    _, found = read(text, "m.json")
    assert found[0].code == code


# --- Python's literals


def python_value(text: str) -> Any:
    """The output_dim that a printed config holds."""
    printed = f"[{{'class_name': 'Dense', 'config': {{'output_dim': {text}}}}}]"
    document = parse_document(printed, "m.txt")
    from speccompiler.source.tree import find, to_data

    node = None if document.root is None else find(document.root, (0, "config", "output_dim"))
    assert node is not None, document.diagnostics
    return to_data(node)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2L", 2), ("-3", -3), ("1e-05", 1e-05), ("0.", 0.0), (".5", 0.5), ("True", True),
        ("None", None), ("(None, 3)", [None, 3]), ("(3,)", [3]), ("(3)", 3), ("()", []), ("[]", []),
        ("{}", {}), ("{'a': 1,}", {"a": 1}), ("np.float32(0.01)", 0.01), ("np.int64(2)", 2),
        ("np.True_", True), ("array([1., 2.], dtype=float32)", [1.0, 2.0]), ("array(3)", 3),
        ("dtype('float32')", "float32"), ("inf", float("inf")), ("-inf", float("-inf")),
        ("u'a'", "a"), ("b'a'", "a"), (r"'\x41\t\'\u00e9\N{BULLET}'", "A\t'é\u2022"),
        ("'a' 'b'", "ab"), (r"u'\ud83d\ude00'", "\U0001f600"), (r"'\d'", r"\d"), ("'\\\n'", ""),
        ("<object at 0x7f>", "<object at 0x7f>"), ("OrderedDict([('a', 1)])", {"a": 1}),
    ],
)  # fmt: skip
def test_what_python_printed_is_read_as_data(text: str, value: Any) -> None:
    found = python_value(text)
    assert found == value
    assert type(found) is type(value)


def test_nan_is_read_and_left_to_the_schemas() -> None:
    assert np.isnan(python_value("nan"))


@pytest.mark.parametrize("text", ["exec('1')", "os.system('x')", "lambda: 1", "a", "1 + 1", "f''"])
def test_nothing_that_python_printed_is_evaluated(text: str) -> None:
    printed = f"[{{'class_name': 'Dense', 'config': {{'output_dim': {text}}}}}]"
    document = parse_document(printed, "m.json")
    assert document.root is None
    assert document.diagnostics[0].code == "CS003"


# --- pickles


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_are_answered_with_the_line_that_makes_json(protocol: int) -> None:
    lines = {
        TEXT: "import pickle; print(pickle.load(open(\"m.pkl\", \"rb\")))",
        "dict": "import json, pickle; print(json.dumps(pickle.load(open(\"m.pkl\", \"rb\"))))",
    }  # fmt: skip
    for value, line in ((TEXT, lines[TEXT]), (MODEL, lines["dict"]), ([DENSE], lines["dict"])):
        document = decode_document(pickle.dumps(value, protocol), "a/m.pkl")
        (found,) = document.diagnostics
        assert found.code == "CS002"
        assert found.message == "this is a Python pickle, which is code; nothing of it was executed"
        assert found.hint == f"if you trust it, run where Keras is: python -c '{line}' > m.json"


def test_a_pickled_model_is_asked_for_its_json() -> None:
    data = b"ccopy_reg\n_reconstructor\np0\n(ckeras.models\nSequential\np1\n"
    (found,) = decode_document(data, "net.pkl").diagnostics
    assert found.hint == (
        "if you trust it, run where Keras is: python -c 'import pickle; "
        'print(pickle.load(open("net.pkl", "rb")).to_json())\' > net.json'
    )


NO_MODELS = {
    "____\nLayer (type)       Output Shape      Param #\n====\nconv (Conv2D)  (None, 3)": (
        "this is what model.summary() printed; it leaves out most of what a layer is",
        "in Python: open('model.json', 'w').write(model.to_json())",
    ),
    "from keras.models import Sequential\nmodel = Sequential()\nmodel.add(Dense(3))\n": (
        "this is a Python program, not a saved model; nothing of it was executed",
        "run it where Keras is, and save the model there; in Python: "
        "open('model.json', 'w').write(model.to_json())",
    ),
}


@pytest.mark.parametrize("text", NO_MODELS)
@pytest.mark.parametrize("name", ["m.txt", "m.json", "m.yaml"])
def test_what_is_no_saved_model_is_answered_in_one_step(text: str, name: str) -> None:
    (found,) = parse_document(text, name).diagnostics
    assert (found.code, found.message, found.hint) == ("CS020", *NO_MODELS[text])


def test_a_packed_file_is_named() -> None:
    (found,) = decode_document(b"\x1f\x8b\x08rest", "m.json.gz").diagnostics
    assert found.message == "this is a gzip file, not YAML or JSON as UTF-8 text"
    assert found.hint == "unpack it first, for example with gunzip"


# --- what only training needs


TRAINING = {"optimizer": {"name": "SGD", "lr": 0.01}, "loss": "mse", "sample_weight_mode": None,
            "loss_weights": None, "class_mode": "binary", "metrics": ["accuracy"],
            "sample_weight_modes": {}}  # fmt: skip
PASSED_OVER = (
    "'optimizer', 'loss', 'sample_weight_mode', 'loss_weights', 'class_mode', 'metrics', "
    "'sample_weight_modes': only training needs this; it was passed over"
)


@pytest.mark.parametrize("write", [json.dumps, lambda m: yaml.dump(m, sort_keys=False)])
def test_training_keys_are_passed_over_with_a_note(write: Any) -> None:
    model, found = read(write({**MODEL, **TRAINING}), "m.yaml")
    assert model is not None
    assert [(d.code, d.severity, d.message) for d in found] == [
        ("CS071", Severity.NOTE, PASSED_OVER)
    ]


def test_training_keys_in_a_saved_model(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({**BARE, **TRAINING})
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"d"]
        layer = group.create_group("d")
        layer.attrs["weight_names"] = [b"d_W", b"d_b"]
        layer["d_W"], layer["d_b"] = np.ones((3, 2), "f4"), np.zeros(2, "f4")
    from speccompiler import load

    model = load(path)
    assert [d.code for d in model.diagnostics] == ["CS071"]
    assert np.array_equal(
        model.compile(target="reference").run(np.eye(3, dtype="f4")), np.ones((3, 2))
    )


def test_other_keys_are_still_mistakes() -> None:
    _, found = read(json.dumps({**MODEL, "los": "mse"}), "m.json")
    assert [(d.code, d.message, d.hint) for d in found] == [
        ("CS022", "a Keras 1.x model has no key 'los'", "did you mean 'loss'?")
    ]
    spec = {"convspec": 1, "input_shape": [3], "loss": "mse", "layers": [{"type": "Flatten"}]}
    _, found = read(json.dumps(spec), "m.json")
    assert [d.code for d in found] == ["CS022"]


def test_keys_beside_a_layers_class_are_ignored_with_a_warning() -> None:
    written = {**MODEL, "config": [{**DENSE, "<": 1, "confg": 2}, {**BARE, "<": 1, "loss": "mse"}]}
    _, found = read(json.dumps(written).replace('"d"', '"e"', 1), "m.json")
    assert [(d.code, d.severity, d.message, d.hint) for d in found if d.code != "CS049"] == [
        ("CS022", Severity.WARNING, "beside class_name and config a layer has no key '<' (2 have "
         "it); passed over, as Keras does", "a layer's arguments stand in its config"),
        ("CS022", Severity.WARNING, "beside class_name and config a layer has no key 'confg'; "
         "passed over, as Keras does", "did you mean 'config'?"),
        ("CS071", Severity.NOTE, "'loss' of a model inside: only training needs this; it was "
         "passed over", None),
    ]  # fmt: skip


# --- the release that a file does not name


NORMAL = {"name": "b", "mode": 0, "axis": -1, "epsilon": 1e-6, "momentum": 0.9}
LATER = "no keras_version is given; {}, so that running_std of 'b' is taken as the variance"
TOLD: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({"gamma_regularizer": None}, {}, "variance",
     "'gamma_regularizer' of 'b' is written by Keras 1.1 and later alone"),
    ({}, {"W_regularizer": {"name": "L1L2Regularizer", "l1": 0.0, "l2": 0.1}}, "variance",
     "'L1L2Regularizer' of 'd' is a name of Keras 1.2"),
    ({"epsilon": 1e-3, "momentum": 0.99}, {}, "variance",
     "epsilon 0.001 and momentum 0.99 of 'b' are later defaults"),
    ({"epsilon": 9.999999747378752e-06, "momentum": 0.99}, {}, "variance",
     "epsilon 1e-05 and momentum 0.99 of 'b' are later defaults"),
    ({"momentum": 0.99}, {}, "root_variance",
     "epsilon 1e-06 and momentum 0.99 of 'b' are later defaults"),
    ({}, {}, "deviation", ""),
    ({"epsilon": 1e-3, "momentum": 0.9}, {}, "deviation", ""),
]  # fmt: skip


@pytest.mark.parametrize(("normal", "dense", "held", "why"), TOLD)
@pytest.mark.parametrize("form", ["get_config()", "model_config"])
def test_layers_tell_the_release_that_nothing_names(
    tmp_path: Path, normal: dict[str, Any], dense: dict[str, Any], held: str, why: str, form: str
) -> None:
    """Theano of 1.0.7 adds epsilon to the root: running_std is the variance there too."""
    layers = [
        {"class_name": "Dense", "config": {**DENSE["config"], **dense}},  # type: ignore[dict-item]
        {"class_name": "BatchNormalization", "config": {**NORMAL, **normal}},
    ]
    written = layers if form == "get_config()" else {"class_name": "Sequential", "config": layers}
    model, found = read(json.dumps(written), "m.json")
    assert model is not None
    (finding,) = [d for d in found if d.code == "CS053"]
    if why:
        sure = "momentum" not in normal
        assert finding.severity is (Severity.NOTE if sure else Severity.WARNING)
        assert finding.message == LATER.format(why)
    else:
        assert finding.message.startswith("no keras_version is given, so that this is read as Ke")
    epsilon = float(normal.get("epsilon", 1e-6))
    expected = {
        "deviation": 4 + epsilon, "variance": (4 + epsilon) ** 0.5, "root_variance": 2 + epsilon,
    }[held]  # fmt: skip
    weights = {"d/W": np.eye(3, 2), "d/b": np.zeros(2), "b/gamma": np.ones(2),
               "b/beta": np.zeros(2), "b/running_mean": np.zeros(2),
               "b/running_std": np.full(2, 4.0)}  # fmt: skip
    np.savez(tmp_path / "w.npz", **weights)  # type: ignore[arg-type]
    (tmp_path / "m.json").write_text(json.dumps(written))
    from speccompiler import load

    model = load(tmp_path / "m.json", weights=tmp_path / "w.npz", semantics="theano")
    y = model.compile(target="reference").run(np.ones((1, 3), "f4"))
    assert np.allclose(y, 1 / expected, rtol=1e-7, atol=0)


@pytest.mark.parametrize("alone", [True, False])
def test_four_numbers_of_padding_tell_the_release_of_a_config_alone(alone: bool) -> None:
    """What to_json() wrote without a release is of Keras 1.0.0 to 1.0.3, which read two."""
    padding = {"name": "p", "padding": [1, 2, 0, 3], "dim_ordering": "tf",
               "batch_input_shape": [None, 3, 4, 2]}  # fmt: skip
    layers = [{"class_name": "ZeroPadding2D", "config": padding}]
    written = layers if alone else {"class_name": "Sequential", "config": layers}
    model, found = read(json.dumps(written), "m.json")
    assert model is not None
    assert model.graph.nodes[-1].shape == ((6, 7, 2) if alone else (5, 8, 2))
    (finding,) = [d for d in found if d.code == "CS053"]
    assert finding.severity is Severity.WARNING
    if alone:
        assert finding.message == (
            "no keras_version is given; the padding of 'p' has four numbers, so that the four "
            "numbers of 'p' pad each side by itself"
        )


# --- limits


def test_texts_in_texts_are_opened_so_deep_and_no_deeper() -> None:
    text = TEXT
    for _ in range(6):
        text = json.dumps(text)
    assert read(text, "m.json")[0] is not None
    assert read(json.dumps(text), "m.json")[1][0].code == "CS020"


@pytest.mark.parametrize("opener", ["[", "{'a': ", "(", "array(", '{"a": '])
def test_deep_texts_are_refused_in_every_form(opener: str) -> None:
    deep = opener * (MAX_DEPTH + 40)
    for text in (
        deep + "'Sequential'",
        json.dumps(deep + "'Sequential'"),
        repr(deep + "Sequential"),
    ):
        model, found = read(text, "m.txt")
        assert model is None
        assert found


def test_a_folder_offers_what_keras_wrote_in_any_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, text in enumerate((TEXT, json.dumps(TEXT), json.dumps([DENSE]), str([DENSE]))):
        (tmp_path / f"{number}.json").write_text(text)
    (tmp_path / "other.json").write_text('{"a": ["Sequential", 1]}')
    assert run(["validate", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert "other.json" not in shown.out + shown.err
    assert "4 " in shown.out + shown.err
