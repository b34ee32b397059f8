"""Keras's YAML files mean what PyYAML, which wrote them, reads; native specs are YAML 1.2."""

from __future__ import annotations

import math
import string
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from speccompiler.source import yaml_pyyaml
from speccompiler.source.texts import parse_document
from speccompiler.source.tree import to_data

LIKE_NUMBERS = st.text("0123456789eE+-._:xob~<=yYnNoOfFaAlL ", min_size=1, max_size=8)
NAMES = st.one_of(LIKE_NUMBERS, st.text(string.printable, max_size=6))
NUMBERS = st.one_of(
    st.integers(-(10**30), 10**30), st.floats(allow_nan=True), st.booleans(), st.none()
)


def read(text: str) -> Any:
    document = parse_document(text, "m.yaml")
    assert document.root is not None, (text, document.diagnostics)
    return to_data(document.root)


def same(one: Any, other: Any) -> bool:
    """Equal, of the same types, and NaN like NaN."""
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    alike = one == other or (one != one and other != other)
    return type(one) is type(other) and alike


@given(names=st.lists(NAMES, max_size=20), numbers=st.lists(NUMBERS, max_size=10))
@pytest.mark.parametrize("form", ["model", "layers", "0.x"])
def test_what_pyyaml_wrote_is_what_it_reads(
    form: str, names: list[str], numbers: list[Any]
) -> None:
    config = {"names": names, "numbers": numbers}
    model: Any = {"class_name": "Sequential", "config": config}
    if form == "layers":
        model = [model]
    elif form == "0.x":
        model = {"layers": [config], "name": "Sequential"}
    text = yaml.dump(model)
    assert same(yaml.safe_load(text), model)
    assert same(read(text), model)


@pytest.mark.parametrize(
    ("written", "keras", "native"),
    [
        ("5e3", "5e3", 5000.0),
        ("12e03", "12e03", 12000.0),
        ("1e5", "1e5", 1e5),
        ("1.0e+5", 1e5, 1e5),
        ("1.0e5", "1.0e5", 1e5),
        ("0o17", "0o17", 15),
        ("017", 15, "017"),
        ("012e", "012e", "012e"),
        ("0b101", 5, "0b101"),
        ("-0b1", -1, "-0b1"),
        ("0x1F", 31, 31),
        ("-0x1F", -31, "-0x1F"),
        ("1_000", 1000, "1_000"),
        ("1_0.5", 10.5, "1_0.5"),
        ("1:30", 90, "1:30"),
        ("-1:30", -90, "-1:30"),
        ("1:30.5", 90.5, "1:30.5"),
        ("1:61", "1:61", "1:61"),
        ("-.5", "-.5", -0.5),
        (".5", 0.5, 0.5),
        ("yes", True, "yes"),
        ("Off", False, "Off"),
        ("y", "y", "y"),
        ("2016-01-01", "2016-01-01", "2016-01-01"),
        ("-.inf", -math.inf, -math.inf),
        ("null", None, None),
        ("1e999", "1e999", None),
    ],
)
def test_a_scalar_means_what_its_writer_meant(written: str, keras: Any, native: Any) -> None:
    text = f"class_name: Sequential\nconfig: [{written}]\n"
    assert same(read(text)["config"], [keras])
    if written == "1e999":  # a number that is out of range
        assert parse_document(f"convspec: 1\nlayers: [{written}]\n", "m.yaml").root is None
        return
    text = f"convspec: 1\nclass_name: x\nlayers: [{written}]\n"
    assert same(read(text)["layers"], [native])


@pytest.mark.parametrize("text", ["1:" * 400 + "1", "1:" * 400 + "1.5"])
def test_a_number_that_no_float_holds_is_text(text: str) -> None:
    assert yaml_pyyaml.plain_value(text) == text


@pytest.mark.parametrize("tag", ["!!int", "!!python/int", "!!python/long"])
def test_a_tagged_number_too(tag: str) -> None:
    assert read(f"class_name: x\nconfig: {{a: {tag} '017', b: yes}}\n")["config"]["a"] == 15


def test_findings_are_reported_once() -> None:
    text = "class_name: Sequential\nconfig: [5e3]\na: 1\na: 2\n"
    assert [d.code for d in parse_document(text, "m.yaml").diagnostics] == ["CS004"]
    text = "class_name: Sequential\nconfig: [5e3, *nothing]\n"
    assert [d.code for d in parse_document(text, "m.yaml").diagnostics] == ["CS003"]


def test_names_that_look_like_numbers_are_keys_too() -> None:
    assert read("class_name: Graph\nconfig: {5e3: 1}\n")["config"] == {"5e3": 1}
