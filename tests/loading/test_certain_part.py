"""What is certain of a spec with mistakes: never more than the spec without them says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from speccompiler.loading.certain_part import WITHOUT_SHAPE, certain_part
from speccompiler.model import check
from speccompiler.options import LoadOptions
from speccompiler.reports.shape_report import layer_reports
from speccompiler.source.texts import parse_document
from speccompiler.validation.known_layers import known_layers
from tests.cases import CASES
from tests.cases.case import Case, Variant

SPECS = sorted(
    path
    for folder in ("examples/specs", "examples/keras")
    for path in Path(folder).glob("*.*")
    if path.suffix in {".yaml", ".json"} and "convspec" in path.read_text() + "class_name"
)


def known(text: str, file: str = "model.yaml", **options: str) -> dict[str, tuple]:
    """The shapes that are known of a text, by the names of the layers."""
    found = known_layers(parse_document(text, file), LoadOptions(**options))
    if found is None:
        return {}
    return {r.name: r.output_shape for r in layer_reports(found.spec, found.graph)}


CHAIN = """convspec: 1
dim_ordering: tf
input_shape: [28, 28, 1]
layers:
  - {type: Convolution2D, name: a, nb_filter: 6, nb_row: 5, nb_col: 5}
  - {type: MaxPooling2D, name: b}
  - {type: Convolution2D, name: c, nb_filter: 16, nb_row: 5, nb_col: 5}
  - {type: Flatten, name: d}
  - {type: Dense, name: e, output_dim: 10}
"""
WHOLE = {"a": (24, 24, 6), "b": (12, 12, 6), "c": (8, 8, 16), "d": (1024,), "e": (10,)}


def first(names: str) -> dict[str, tuple]:
    return {name: WHOLE[name] for name in names}


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        # Mistakes that change no shape: everything is known.
        ("nb_col: 5}\n  - {type: Max", "nb_col: 5, activation: rleu}\n  - {type: Max", "abcde"),
        ("nb_col: 5}\n  - {type: Max", "nb_col: 5, actvation: relu}\n  - {type: Max", "abcde"),
        ("nb_col: 5}\n  - {type: Max", "nb_col: 5, comment: 3}\n  - {type: Max", "abcde"),
        ("output_dim: 10", "output_dim: 10, init: glorot", "abcde"),
        # Mistakes that may: what is before is known.
        ("nb_filter: 16", "nb_filtr: 16", "ab"),
        ("nb_filter: 16", "nb_filter: '16'", "ab"),
        ("nb_filter: 16", "nb_filter: 16, border_mod: same", "ab"),
        ("nb_filter: 16", "nb_filter: 16, padding: same", "ab"),  # Keras 2's border_mode
        ("nb_filter: 16", "nb_filter: 16, subsample: [2]", "ab"),
        ("type: Flatten", "type: Flaten", "abc"),
        ("  - {type: Flatten, name: d}", "  - ", "abc"),
        ("  - {type: Flatten, name: d}", "  - Flatten", "abc"),
        ("  - {type: Flatten, name: d}", "  - {name: d}", "abc"),
        ("nb_filter: 6, nb_row: 5", "nb_filter: 6, nb_row: 50", ""),
        ("nb_filter: 16, nb_row: 5", "nb_filter: 16, nb_row: 50", "ab"),
        ("type: Flatten, name: d", "type: Flatten, name: d, inputs: nothing", "abc"),
        ("type: Flatten, name: d", "type: Flatten, name: d, inputs: d", "abc"),
        ("type: Flatten, name: d", "type: Flatten, name: d, inputs: [c, b]", "abc"),
        ("type: Flatten, name: d", "type: Lambda, name: d", "abc"),
        # Mistakes beside the layers.
        ("convspec: 1", "convspec: 2", "abcde"),
        ("convspec: 1\n", "convspec: 1\nname: 3\nseed: x\n", "abcde"),
        ("dim_ordering: tf", "dim_ordering: ft", ""),
        ("input_shape: [28, 28, 1]", "input_shape: [28, 28, -1]", ""),
        ("input_shape: [28, 28, 1]", "", ""),
    ],
)  # fmt: skip
def test_what_is_known_despite_a_mistake(old: str, new: str, names: str) -> None:
    assert known(CHAIN) == WHOLE
    assert old in CHAIN
    assert known(CHAIN.replace(old, new, 1)) == first(names)


def test_a_layer_that_names_what_it_reads_is_known_behind_a_mistake() -> None:
    text = CHAIN.replace("nb_filter: 16", "nb_filtr: 16").replace("name: d", "name: d, inputs: b")
    assert known(text) == {**first("ab"), "d": (864,), "e": (10,)}


def test_a_name_that_is_there_twice_is_not_read() -> None:
    text = CHAIN.replace("name: b", "name: a").replace("name: d", "name: d, inputs: a")
    assert known(text) == {"a": (24, 24, 6), "a #1": (12, 12, 6), "c": (8, 8, 16)}


def test_a_shared_layer_is_known_where_its_call_is() -> None:
    text = """convspec: 1
dim_ordering: tf
inputs: {left: [8, 8, 1], right: [6, 6, 1]}
layers:
  - {type: Convolution2D, name: a, nb_filter: 2, nb_row: 3, nb_col: 3, inputs: lft}
  - {type: Shared, layer: a, inputs: right}
  - {type: Flatten}
"""
    shapes = {"left": (8, 8, 1), "right": (6, 6, 1), "a@2": (4, 4, 2), "flatten_1": (32,)}
    assert known(text) == shapes


def test_a_spec_that_says_no_ordering_is_read_as_far_as_it_fits() -> None:
    text = CHAIN.replace("dim_ordering: tf\n", "")
    assert known(text) == WHOLE
    assert known(text.replace("output_dim: 10", "output_dm: 10")) == first("abcd")


def keras(*layers: tuple[str, dict]) -> str:
    config = [{"class_name": kind, "config": config} for kind, config in layers]
    return json.dumps({"class_name": "Sequential", "keras_version": "1.2.2", "config": config})


def test_keras_files_are_known_in_part() -> None:
    convolution = {"nb_filter": 4, "nb_row": 3, "nb_col": 3, "dim_ordering": "tf", "name": "a"}
    text = keras(
        ("Convolution2D", {**convolution, "batch_input_shape": [None, 8, 8, 1]}),
        ("Flatten", {"name": "b"}),
        ("Dense", {"name": "c", "output_dim": "ten"}),
        ("Dense", {"name": "d", "output_dim": 3}),
    )
    assert known(text, "model.json") == {"a": (6, 6, 4), "b": (144,)}


def test_what_no_ordering_is_said_for_is_left_out() -> None:
    convolution = {"nb_filter": 4, "nb_row": 3, "nb_col": 3, "name": "a"}
    text = keras(
        ("Flatten", {"name": "b", "batch_input_shape": [None, 8, 8, 1]}),
        ("Reshape", {"name": "r", "target_shape": [8, 8, 1]}),
        ("ZeroPadding2D", {"name": "z"}),
        ("Convolution2D", convolution),
    )
    shapes = {"b": (64,), "r": (8, 8, 1)}
    assert known(text, "model.json") == shapes
    assert known(text, "model.json", dim_ordering="tf") == {
        **shapes,
        "z": (10, 10, 1),
        "a": (8, 8, 4),
    }


@pytest.mark.parametrize("path", SPECS, ids=str)
def test_all_of_a_valid_spec_is_certain(path: Path) -> None:
    document = parse_document(path.read_text(), str(path))
    model, _ = check(document, semantics="tensorflow")
    if model is None:
        pytest.skip("needs more than its text")
    found = known_layers(document, LoadOptions(semantics="tensorflow"))
    assert found is not None
    assert layer_reports(found.spec, found.graph) == layer_reports(model.spec, model.graph)


@pytest.mark.parametrize("path", [p for p in SPECS if p.suffix == ".yaml"], ids=str)
def test_nothing_is_made_up_where_an_argument_is_misspelt(path: Path) -> None:
    """Each argument in turn: what is known then, the whole spec says as well."""
    text = path.read_text()
    model, _ = check(parse_document(text, str(path)))
    if model is None:
        pytest.skip("needs more than its text")
    whole = {r.name: r.output_shape for r in model.shapes().layers}
    for found in list(re.finditer(r"[ {](nb_\w+|pool\w*|strides|border_mode|output_dim):", text))[
        :9
    ]:
        at = found.end(1)
        damaged = known(text[:at] + "x" + text[at:], str(path))
        wrong = {n: s for n, s in damaged.items() if whole.get(n) != s}
        assert not wrong, text[found.start() : found.end()]


def variants() -> list[tuple[Case, Variant]]:
    return [
        (case, variant)
        for case in CASES
        for variant in case.variants
        if variant.argument in WITHOUT_SHAPE and not variant.refused
    ]


def test_every_argument_that_is_passed_over_changes_neither_shapes_nor_counts() -> None:
    seen = set()
    for case, variant in variants():
        assert variant.changes not in {"shape", "parameters", "name"}, (case.layer, variant)
        seen.add(variant.argument)
    assert seen == WITHOUT_SHAPE


def test_there_is_none_of_what_cannot_be_read() -> None:
    assert certain_part(parse_document("convspec: [", "model.yaml")) is None
    assert certain_part(parse_document("[1, 2]", "model.yaml")) is None
    assert (
        certain_part(parse_document('{"class_name": "Sequential", "config": 3}', "m.json")) is None
    )
