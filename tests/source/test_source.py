"""The source stage: every value with its place, every mistake as a finding."""

from __future__ import annotations

import base64
import json
import math
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.diagnostics.core import Severity, Span
from speccompiler.source import yaml_events
from speccompiler.source.document import Document
from speccompiler.source.files import decode_document, read_document
from speccompiler.source.positions import split_lines
from speccompiler.source.texts import parse_document
from speccompiler.source.tree import Mapping, Scalar, Sequence, TreeNode, find, span_at, to_data
from tests.places import GOLDEN

needs_golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason="no golden folder")


def root(text: str, file: str = "m.yaml") -> TreeNode:
    document = parse_document(text, file)
    assert document.diagnostics == ()
    assert document.root is not None
    return document.root


def data(text: str, file: str = "m.yaml") -> object:
    return to_data(root(text, file))


def found(text: str, file: str = "m.yaml") -> list[str]:
    return [str(d) for d in parse_document(text, file).diagnostics]


def codes(document: Document) -> list[str]:
    return [d.code for d in document.diagnostics]


def cut(text: str, span: Span) -> str:
    """The text of a span that stands on one line."""
    assert span.line == span.end_line
    return split_lines(text)[span.line - 1][span.column - 1 : span.end_column - 1]


# --- what YAML scalars mean


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("null", None),
        ("~", None),
        ("", None),
        ("true", True),
        ("TRUE", True),
        ("False", False),
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("0x1F", 31),
        ("0o17", 15),
        ("1e-4", 1e-4),
        ("1E+2", 100.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-0.5e1", -5.0),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        # YAML 1.1 readers disagree on these, so they are text.
        ("010", "010"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2016-01-02", "2016-01-02"),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("nUll", "nUll"),
        ("1e", "1e"),
        (".", "."),
        ("+", "+"),
        ("-x", "-x"),
        ("1.2.3", "1.2.3"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("''", ""),
        ("!!str 1", "1"),
        ("!!int '7'", 7),
        ("!!python/int '-7'", -7),
        ("!!python/long '5'", 5),
        ("!!python/long 12", 12),
        ("!!float 3", 3.0),
        ("!!bool true", True),
        ("!!null ''", None),
        ("!!python/unicode 'x'", "x"),
        ("!!python/str 12", "12"),
        ("!!python/tuple [3, 4]", [3, 4]),
        ("!!seq [1]", [1]),
        ("!!map {a: 1}", {"a": 1}),
        ("|\n    a\n    b\n", "a\nb\n"),
        (">-\n    a\n    b\n", "a b"),
    ],
)
def test_yaml_value(written: str, value: object) -> None:
    got = data(f"k: {written}\n")
    assert got == {"k": value}
    assert isinstance(got, dict)
    assert type(got["k"]) is type(value)


def test_yaml_nan_is_a_float() -> None:
    value = data("[.nan, .NaN]")
    assert isinstance(value, list)
    assert all(isinstance(v, float) and math.isnan(v) for v in value)


@pytest.mark.parametrize(
    "tag",
    ["int x", "int 010", "python/long 5L", "python/int 1.0", "float yes", "bool yes", "null x"],
)
def test_a_standard_tag_that_does_not_fit(tag: str) -> None:
    name, text = tag.split()
    assert found(f"k: !!{tag}\n") == [
        f"m.yaml:1:4: error CS003: the tag !!{name} does not fit '{text}'; remove the tag"
    ]


# --- the numbers that Keras wrote through NumPy

CALL = "!!python/object/apply:numpy.core.multiarray.scalar"
DTYPE = "!!python/object/apply:numpy.dtype"
AS_KERAS_WROTE = f"""\
input_dim: {CALL}
- {DTYPE}
  args: [i8, 0, 1]
  state: !!python/tuple [3, <, null, null, null, -1, -1, 0]
- !!binary |
  YAAAAAAAAAA=
name: fc1
"""


def dtype_text(args: str = "i8, 0, 1", order: str = "<", rest: str = "null, null, null") -> str:
    state = f"!!python/tuple [3, {order}, {rest}, -1, -1, 0]"
    return f"{DTYPE} {{args: [{args}], state: {state}}}"


def number_text(dtype: str, raw: bytes) -> str:
    return f'{CALL} [{dtype}, !!binary "{base64.b64encode(raw).decode()}"]'


def refusal(place: str, tag: str) -> str:
    return (
        f"m.yaml:{place}: error CS009: the tag {tag} is not allowed; nothing was executed; "
        "write the plain number instead, or use the JSON file of the same model"
    )


@pytest.mark.parametrize("loader", [yaml_events.LOADER, yaml.SafeLoader])
def test_a_number_as_keras_wrote_it(loader: type, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = root(AS_KERAS_WROTE)
    monkeypatch.setattr(yaml_events, "LOADER", loader)
    assert root(AS_KERAS_WROTE) == tree
    assert to_data(tree) == {"input_dim": 96, "name": "fc1"}
    span = span_at(tree, ["input_dim"])
    assert (span.line, span.column) == (1, 12)
    assert span_at(tree, ["name"]) == Span(7, 7, 7, 10)
    flow = f"a: {number_text(dtype_text(), bytes([5]) + bytes(7))}"
    assert cut(flow, span_at(root(flow), ["a"])) == flow[3:]


@pytest.mark.parametrize(
    ("name", "order", "raw", "value"),
    [
        ("b1", "'|'", b"\1", True),
        ("b1", "'|'", b"\0", False),
        ("i1", "'|'", b"\xff", -1),
        ("u1", "'|'", b"\xff", 255),
        ("i2", "'>'", b"\1\0", 256),
        ("u2", "<", b"\1\0", 1),
        ("i4", "<", b"\xfe\xff\xff\xff", -2),
        ("i4", "'='", b"\2\0\0\0", 2),
        ("u4", "'>'", b"\xff\xff\xff\xff", 2**32 - 1),
        ("i8", "'>'", b"\0\0\0\0\0\0\1\0", 256),
        ("i8", "<", b"\0" * 7 + b"\x80", -(2**63)),
        ("u8", "<", b"\xff" * 8, 2**64 - 1),
        ("f2", "<", b"\x00\x3c", 1.0),
        ("f4", "<", struct.pack("<f", 0.1), 0.10000000149011612),
        ("f8", "<", struct.pack("<d", 1e16), 1e16),
        ("f8", "'>'", struct.pack(">d", -1e-5), -1e-5),
        ("f8", "<", struct.pack("<d", sys.float_info.max), sys.float_info.max),
        ("f8", "<", struct.pack("<d", -math.inf), -math.inf),
    ],
)
def test_the_numbers_of_numpy(name: str, order: str, raw: bytes, value: bool | int | float) -> None:
    for args in (f"{name}, 0, 1", f"'{name}', false, true"):
        got = data(number_text(dtype_text(args, order), raw))
        assert got == value
        assert type(got) is type(value)


def test_a_nan_of_numpy_stays_a_float() -> None:
    value = data(number_text(dtype_text("f4, 0, 1"), struct.pack("<f", math.nan)))
    assert isinstance(value, float)
    assert math.isnan(value)


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from(["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]),
    st.sampled_from("<>"),
    st.binary(min_size=8, max_size=8),
    st.booleans(),
)
def test_numbers_as_pyyaml_dumps_them(name: str, order: str, raw: bytes, flow: bool) -> None:
    dtype = np.dtype(order + name)
    raw = bytes([raw[0] & 1]) if name == "b1" else raw[: dtype.itemsize]
    number = np.frombuffer(raw, dtype)[0]
    again = np.frombuffer(raw[::-1], dtype)[0]
    # The first is shared as a whole, and its dtype with the second.
    text = yaml.dump({"a": number, "b": [number, again]}, default_flow_style=flow)
    want = number.item(), [number.item(), again.item()]
    # The text of a NaN is the same, and 1, 1.0 and True differ.
    assert repr(data(text)) == repr({"a": want[0], "b": want[1]})


def test_an_object_shared_between_numbers_is_written_once() -> None:
    five, six = (base64.b64encode(bytes([n]) + bytes(7)).decode() for n in (5, 6))
    text = f"""
a: &id001 {CALL}
- &id002 {dtype_text()}
- !!binary {five}
b: *id001
c: {CALL} [*id002, !!binary {six}]
d: &id002 {CALL}
  args: [*id002, !!binary {six}]
"""
    # 'd' takes the anchor itself before its dtype is read.
    assert found(text) == [refusal("7:4", CALL)]
    assert data(text.replace("d: &id002", "d:")) == {"a": 5, "b": 5, "c": 6, "d": 6}
    assert found(text.replace("d: &id002", "d: [*id002]\nd2:")) == [refusal("7:5", DTYPE)]
    assert found(text.replace("d: &id002", "<<: *id002\nd:")) == [refusal("7:5", DTYPE)]
    assert found(f"a: [*id002]\nb: {number_text('&id002 ' + dtype_text(), bytes(8))}") == [
        "m.yaml:1:5: error CS003: the alias '*id002' names no anchor '&id002' above it; "
        "put it in quotes if it is meant as text"
    ]


@pytest.mark.parametrize(
    "package", ["numpy.core", "numpy._core"], ids=["before NumPy 2", "since NumPy 2"]
)
def test_both_spellings_of_a_call(package: str) -> None:
    text = number_text(dtype_text(), bytes([7]) + bytes(7)).replace("numpy.core", package)
    assert data(text) == 7
    assert data(text.replace(" [", " {args: [", 1) + "}") == 7


ZEROS = '!!binary "AAAAAAAAAAA="'


@pytest.mark.parametrize(
    "written",
    [
        # Other dtypes.
        number_text(dtype_text("O8, 0, 1", "'|'"), bytes(8)),
        number_text(dtype_text("V8, 0, 1", "'|'"), bytes(8)),
        number_text(dtype_text("S8, 0, 1", "'|'"), bytes(8)),
        number_text(dtype_text("c8, 0, 1"), bytes(8)),
        number_text(dtype_text("M8, 0, 1"), bytes(8)),
        number_text(dtype_text("f16, 0, 1"), bytes(16)),
        number_text(dtype_text("'<i8', 0, 1"), bytes(8)),
        number_text(dtype_text("!!python/name:os.system '', 0, 1"), bytes(8)),
        number_text(DTYPE + " [i8, 0, 1]", bytes(8)),
        number_text("i8", bytes(8)),
        # Other bytes.
        number_text(dtype_text(), b""),
        number_text(dtype_text(), bytes(7)),
        number_text(dtype_text(), bytes(9)),
        number_text(dtype_text("b1, 0, 1", "'|'"), b"\2"),
        f"{CALL} [{dtype_text()}, AAAAAAAAAAA=]",
        f"{CALL} [{dtype_text()}, !!binary AAAAAAAAAAB=]",
        f"{CALL} [{dtype_text()}, !!binary AAAAAAAAAAA]",
        f"{CALL} [{dtype_text()}, !!binary '*AAAAAAAAAAA=']",
        f"{CALL} [{dtype_text()}, !!binary 'ÀAAAAAAAAAA=']",
        f"{CALL} [{dtype_text()}, &x {ZEROS}]",
        f"{CALL} [{dtype_text()}, !!python/object/apply:os.system [x]]",
        # Another state.
        number_text(dtype_text(order="'|'"), bytes(8)),
        number_text(dtype_text(order="I"), bytes(8)),
        number_text(dtype_text(rest="null, [a], {a: 1}"), bytes(8)),
        number_text(dtype_text(rest="null, null, null, null"), bytes(8)),
        number_text(dtype_text(rest="null, null, 'null'"), bytes(8)),
        number_text(dtype_text().replace("[3,", "[4,"), bytes(8)),
        number_text(dtype_text().replace("-1, 0]", "-1, 63]"), bytes(8)),
        number_text(dtype_text().replace("-1, 0]", "-1, 0, {}]"), bytes(8)),
        number_text(dtype_text().replace("!!python/tuple ", ""), bytes(8)),
        number_text(dtype_text("i8, 1, 1"), bytes(8)),
        number_text(dtype_text("i8, 0"), bytes(8)),
        number_text(dtype_text("i8, 0, 1, {}"), bytes(8)),
        # Other keys.
        number_text(dtype_text()[:-1] + ", x: 1}", bytes(8)),
        number_text(dtype_text()[:-1] + ", state: null}", bytes(8)),
        number_text(DTYPE + " {args: [i8, 0, 1]}", bytes(8)),
        f"{CALL} {{args: [{dtype_text()}, {ZEROS}], state: {{}}}}",
        f"{CALL} {{args: [{dtype_text()}, {ZEROS}], kwds: {{}}}}",
        f"{CALL} {{kwds: [{dtype_text()}, {ZEROS}]}}",
        f"{CALL} {{args: &x [{dtype_text()}, {ZEROS}]}}",
        # Other arguments.
        f"{CALL} []",
        f"{CALL} {{}}",
        f"{CALL} {{args: []}}",
        f"{CALL} 96",
        f"{CALL} [{ZEROS}]",
        f"{CALL} [{dtype_text()}]",
        f"{CALL} [{dtype_text()}, {ZEROS}, {ZEROS}]",
        f"{CALL} [{ZEROS}, {dtype_text()}]",
        f"{CALL} [*x, {ZEROS}]",
        f"&x {CALL} [*x, {ZEROS}]",
        f"{CALL} [{number_text(dtype_text(), bytes(8))}, {ZEROS}]",
        f"{CALL} [{'[' * 50}{']' * 50}, {ZEROS}]",
        f"{CALL} [{', '.join('a' * 500)}]",
    ],
)
def test_other_calls_of_numpy_are_refused(written: str) -> None:
    assert found(f"k: {written}\n") == [refusal("1:4", CALL)]


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:numpy.core.multiarray.array",
        "!!python/object/apply:numpy.core.multiarray._reconstruct",
        "!!python/object/new:numpy.core.multiarray.scalar",
        "!!python/object/apply:xnumpy.core.multiarray.scalar",
        "!!python/object/apply:numpy.multiarray.scalar",
        "!!python/name:numpy.core.multiarray.scalar",
    ],
)
def test_other_tags_of_numpy_are_refused(tag: str) -> None:
    text = number_text(dtype_text(), bytes(8)).replace(CALL, tag)
    assert found(f"k: {text}") == [refusal("1:4", tag)]


def test_the_parts_of_a_number_are_refused_alone() -> None:
    assert found(f"k: {dtype_text()}") == [refusal("1:4", DTYPE)]
    assert codes(parse_document(f"k: {ZEROS}", "m.yaml")) == ["CS009"]
    alias = f"{number_text('&d ' + dtype_text(), bytes(8))}, *d"
    (diagnostic,) = parse_document(f"[{alias}]", "m.yaml").diagnostics
    assert diagnostic.span is not None
    assert cut(f"[{alias}]", diagnostic.span) == "*d"
    # A dtype inside a refused number still serves the numbers after it.
    bad = number_text("&d " + dtype_text(), bytes(3))
    good = number_text("*d", bytes(8))
    assert found(f"a: {bad}\nb: {good}") == [refusal("1:4", CALL)]


def test_a_number_of_numpy_is_no_key() -> None:
    text = f"? {number_text(dtype_text(), bytes(8))}\n: x"
    assert codes(parse_document(text, "m.yaml")) == ["CS010"]


def test_numbers_are_read_without_numpy() -> None:
    program = (
        "import sys; from speccompiler.source.texts import parse_document as p; "
        "d = p(sys.argv[1], 'm.yaml'); assert d.root and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, AS_KERAS_WROTE], check=True)


# --- places


def test_places_in_block_yaml() -> None:
    text = "name: ünï 😀\nlayers:\n  - class_name: Conv\n    config:\n      n: 3\n"
    tree = root(text)
    assert span_at(tree, ["name"]) == Span(1, 7, 1, 12)
    assert span_at(tree, ["name"], key=True) == Span(1, 1, 1, 5)
    assert span_at(tree, ["layers"], key=True) == Span(2, 1, 2, 7)
    assert span_at(tree, ["layers"]) == Span(3, 3, 5, 11)
    assert span_at(tree, ["layers", 0]) == Span(3, 5, 5, 11)
    assert span_at(tree, ["layers", 0, "config"]) == Span(5, 7, 5, 11)
    assert span_at(tree, ["layers", 0, "config", "n"]) == Span(5, 10, 5, 11)
    assert span_at(tree, ["layers", 0, "config", "n"], key=True) == Span(5, 7, 5, 8)
    assert span_at(tree, ["layers", 0, "config", "missing"]) == Span(5, 7, 5, 11)
    assert span_at(tree, ["layers", 0, "config", "missing"], key=True) == Span(5, 7, 5, 11)
    assert span_at(tree, ["layers", 7, "config"]) == Span(3, 3, 5, 11)
    assert span_at(tree, ["layers", 0], key=True) == Span(3, 5, 5, 11)


@pytest.mark.parametrize("file", ["m.json", "m.yaml"])
def test_places_in_flow_text(file: str) -> None:
    text = '{"é": [1, "😀x", {"b": null}],\r\n "c": -1.5, "d": {}}'
    tree = root(text, file)
    assert tree.span == Span(1, 1, 2, 21)
    cases: list[tuple[list[str | int], bool, str]] = [
        (["é"], True, '"é"'),
        (["é"], False, '[1, "😀x", {"b": null}]'),
        (["é", 1], False, '"😀x"'),
        (["é", 2, "b"], True, '"b"'),
        (["é", 2, "b"], False, "null"),
        (["c"], False, "-1.5"),
        (["d"], False, "{}"),
        (["d", "x"], True, "{}"),
    ]
    for path, key, written in cases:
        assert cut(text, span_at(tree, path, key=key)) == written


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\r"])
def test_every_line_end_counts_once(break_: str) -> None:
    for file, text in (("m.yaml", "a: 1|# x|b: 2|"), ("m.json", '{"a": 1,||"b": 2}')):
        tree = root(text.replace("|", break_), file)
        assert span_at(tree, ["b"], key=True).line == 3


def test_unicode_line_separators_are_not_lines() -> None:
    tree = root('a: "x\u2028y\x85z"\nb: 1\n')
    assert span_at(tree, ["b"]) == Span(2, 4, 2, 5)


def test_a_value_that_is_not_written_stands_after_its_colon() -> None:
    assert span_at(root("a:\nb: 1\n"), ["a"]) == Span(1, 3, 1, 3)


def test_an_alias_points_at_its_anchor() -> None:
    tree = root("a: &x [1]\nb: *x\n")
    assert find(tree, ["b"]) is find(tree, ["a"])
    assert span_at(tree, ["b", 0]) == Span(1, 8, 1, 9)
    assert span_at(tree, ["b"], key=True) == Span(2, 1, 2, 2)


def test_find() -> None:
    tree = root("a: [{b: 1}, x]")
    node = find(tree, ["a", 0, "b"])
    assert isinstance(node, Scalar)
    assert node.value == 1
    assert find(tree, []) is tree
    missing: list[list[str | int]] = [
        ["x"],
        ["a", 2],
        ["a", -1],
        ["a", "0"],
        [0],
        ["a", 1, "b"],
    ]
    for path in missing:
        assert find(tree, path) is None
    assert isinstance(tree, Mapping)
    assert isinstance(tree.entries["a"].value, Sequence)


# --- merge keys and aliases


def test_merge_keys() -> None:
    text = """
a: &a {p: 1, q: 2}
b: &b {q: 3, r: 4}
listed: [<<, q]
one: {<<: *a, q: 9}
late: {q: 9, <<: *a}
two: {<<: [*a, *b]}
inline: {<<: {z: 0}}
text: {"<<": 1}
"""
    got = data(text)
    assert isinstance(got, dict)
    assert got["one"] == {"p": 1, "q": 9}
    assert got["late"] == {"p": 1, "q": 9}
    assert got["two"] == {"p": 1, "q": 2, "r": 4}
    assert got["inline"] == {"z": 0}
    assert got["text"] == {"<<": 1}


def test_a_merge_key_takes_mappings() -> None:
    assert found("a: {<<: 3}") == [
        "m.yaml:1:9: error CS003: the merge key '<<' takes a mapping or a list of mappings; "
        "name the anchor of a mapping, such as '<<: *defaults'"
    ]


def test_an_anchor_may_be_set_again() -> None:
    assert data("- &a 1\n- *a\n- &a 2\n- *a\n") == [1, 1, 2, 2]
    assert data("- &a [&a 1, *a]\n- *a\n") == [[1, 1], 1]


def test_unknown_and_cyclic_aliases() -> None:
    assert found("- *a\n- &b [*b]\n- &c {<<: *c}\n") == [
        "m.yaml:1:3: error CS003: the alias '*a' names no anchor '&a' above it; "
        "put it in quotes if it is meant as text",
        "m.yaml:2:7: error CS008: the alias '*b' stands inside of its own anchor '&b'; "
        "write the repeated part out",
        "m.yaml:3:11: error CS008: the alias '*c' stands inside of its own anchor '&c'; "
        "write the repeated part out",
    ]


def test_an_alias_bomb() -> None:
    lines = ["a0: &a0 [x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    (message,) = found("\n".join(lines))
    assert message.endswith(
        "error CS007: aliases expand the document to more than 1,000,000 values; "
        "write the repeated parts once, or use fewer aliases"
    )


def test_aliases_do_not_nest_deeper_than_text_may() -> None:
    half = "[" * 40 + "]" * 40
    assert data(f"a: &a {half}\n")
    message = f"a: &a {half}\nb: {'[' * 40}*a{']' * 40}\n"
    assert found(message) == [
        "m.yaml:2:44: error CS006: lists and mappings are nested more than 64 deep; "
        "flatten the structure"
    ]


# --- refusals of YAML


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("!!python/object/apply:os.system ['x']", "!!python/object/apply:os.system"),
        ("!!python/name:os.system", "!!python/name:os.system"),
        ("!!python/object:a.B {x: 1}", "!!python/object:a.B"),
        ("!!binary aGk=", "!!binary"),
        ("!!set {a}", "!!set"),
        ("!local x", "!local"),
        ("!<tag:example.org,2000:x> x", "tag:example.org,2000:x"),
        ("!undeclared!x x", "!undeclared!x"),
    ],
)
def test_tags_that_are_not_data(written: str, tag: str) -> None:
    assert found(f"k: {written}\n") == [
        f"m.yaml:1:4: error CS009: the tag {tag} is not allowed; nothing was executed; "
        "remove the tag and write its value as plain data"
    ]


def test_what_a_refused_tag_holds_is_not_reported() -> None:
    text = (
        "k: !!python/object/apply:numpy.core.multiarray.scalar\n- !!binary aGk=\n- {a: 1, a: 2}\n"
    )
    (diagnostic,) = parse_document(text, "m.yaml").diagnostics
    assert diagnostic.code == "CS009"
    assert diagnostic.span == Span(1, 4, 1, 54)
    assert diagnostic.hint == (
        "write the plain number instead, or use the JSON file of the same model"
    )


def test_a_redeclared_tag_handle_opens_no_door() -> None:
    text = "%TAG ! tag:yaml.org,2002:python/\n---\n!object/apply:os.system [x]\n"
    assert codes(parse_document(text, "m.yaml")) == ["CS009"]
    many = "".join(f"%TAG !a{i}! tag:x\n" for i in range(17)) + "---\na: 1\n"
    assert found(many) == [
        "m.yaml:17:1: error CS003: the text has more than 16 %TAG directives; remove them"
    ]


def test_a_tuple_tag_needs_a_list() -> None:
    assert found("!!python/tuple {a: 1}") == [
        "m.yaml:1:1: error CS003: the tag !!python/tuple does not fit a mapping; remove the tag"
    ]


def test_all_duplicate_keys_at_once_and_the_first_is_kept() -> None:
    document = parse_document("a: 1\nb: {c: 1, c: 2}\na: 3\n'a': 4\n", "m.yaml")
    assert [str(d) for d in document.diagnostics] == [
        "m.yaml:2:11: error CS004: the key 'c' is already used on line 2; keep one of the two",
        "m.yaml:3:1: error CS004: the key 'a' is already used on line 1; keep one of the two",
        "m.yaml:4:1: error CS004: the key 'a' is already used on line 1; keep one of the two",
    ]
    assert document.root is not None
    assert to_data(document.root) == {"a": 1, "b": {"c": 1}}
    assert found("{<<: {a: 1}, <<: {b: 1}}") == [
        "m.yaml:1:14: error CS004: the key '<<' is already used on line 1; "
        "merge them with one key: <<: [{a: 1}, {b: 1}]"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1: x", "the key 1 is not text; put the key in quotes"),
        ("true: x", "the key true is not text; put the key in quotes"),
        ("1.5: x", "the key 1.5 is not text; put the key in quotes"),
        ("~: x", "the key ~ is not text; put the key in quotes"),
        (": x", "a key is missing before ':'; write the key before ':'"),
        ("{: x}", "a key is missing before ':'; write the key before ':'"),
        ("[a]: x", "a list is used as a key; keys are text; use a text as the key"),
        ("? {a: 1}\n: x", "a mapping is used as a key; keys are text; use a text as the key"),
    ],
)
def test_keys_that_are_not_text(text: str, message: str) -> None:
    (got,) = parse_document(text, "m.yaml").diagnostics
    assert got.code == "CS010"
    assert f"{got.message}; {got.hint}" == message


def test_several_documents_and_none() -> None:
    assert found("a: 1\n---\nb: 2\n---\n*x") == [
        "m.yaml:2:1: error CS011: a second document starts here; a file holds one spec; "
        "keep each document in a file of its own"
    ]
    assert data("---\na: 1\n...\n") == {"a": 1}
    for text in ("", "  \n", "# only this\n", "---\n", "--- # x\n...\n", "\ufeff"):
        assert found(text) == ["m.yaml:1:1: error CS012: the document is empty; write a spec in it"]
    assert data("null") is None
    assert data("''") == ""


def test_numbers_out_of_range() -> None:
    assert found(f"- 1e999\n- -1e999\n- {'7' * 5000}\n- 0x{'f' * 300}\n- {'7' * 308}\n") == [
        "m.yaml:1:3: error CS013: the number is out of range; the largest is about 1.8e308; "
        "write a smaller number",
        "m.yaml:2:3: error CS013: the number is out of range; the largest is about 1.8e308; "
        "write a smaller number",
        "m.yaml:3:3: error CS013: the integer has 5,000 digits; at most 308 are allowed; "
        "put it in quotes if it is meant as text",
        "m.yaml:4:3: error CS013: the integer has 300 digits; at most 255 are allowed; "
        "put it in quotes if it is meant as text",
    ]


YAML_SYNTAX = [
    ("a:\n\tb: 1\n", "2:1", "a tab stands in the indentation; indent with spaces"),
    ("a:\n  b: 1\n\tc: 2\n", "3:1", "a tab stands in the indentation; indent with spaces"),
    ('a: "x\nb: 1\n', "1:4", 'the " is never closed; close the text with "'),
    ("a: 'x\n---\n", "1:4", "the ' is never closed; close the text with '"),
    (
        "a: [1, 2\nb: 3\n",
        "1:4",
        "the '[' is not closed, or a ',' is missing after it; close it with ']'",
    ),
    ("a: {x: 1", "1:4", "the '{' is not closed, or a ',' is missing after it; close it with '}'"),
    ("a: [1, 2}\n", "1:9", "'}' closes a '['; write ']'"),
    (
        "a: ['x' 'y']\n",
        "1:9",
        "',' or ']' is expected here; close the '[', or separate its items",
    ),
    ("name: x\nfoo\nbar: 1\n", "2:1", "'foo' has no ':' after it; write 'key: value'"),
    (
        "a: b: c\n",
        "1:5",
        "a second ':' stands on one line; put text that holds ': ' in quotes, "
        "or start a nested mapping on its own line",
    ),
    (
        "a: 1\n  b: 2\n",
        "2:4",
        "a ':' is not expected here; indent the keys of one mapping equally, "
        "and give the line above its ':'",
    ),
    (
        "a:\n    b: 1\n  c: 2\n",
        "3:3",
        "this does not fit the mapping that starts on line 1; indent the keys of one mapping "
        "equally, and give each key one value",
    ),
    (
        "- b\na: 1\n",
        "2:1",
        "this does not fit the list that starts on line 1; start each item of one list with "
        "'- ', indented equally",
    ),
    (
        'a: "x" y\n',
        "1:8",
        "this follows after a complete value; put the whole value in quotes, "
        "or remove what follows",
    ),
    ("a: @x\n", "1:4", "unquoted text may not start with '@'; put the text in quotes"),
    ("a: *\n", "1:4", "unquoted text may not start with '*'; put the text in quotes"),
    (
        "a: - b\n",
        "1:4",
        "a list item '- ' cannot start here; put each '- ' on its own line below its key, "
        "indented equally",
    ),
    (
        'a: "C:\\data"\n',
        "1:7",
        "this is not an escape that double-quoted text may hold; write \\\\ for a backslash, "
        "or use single quotes",
    ),
    ("{a: 1} x\n", "1:8", "text follows after the end of the document; remove it"),
    ("%YAML 2.0\n---\na\n", "1:1", "only YAML 1.1 and 1.2 are understood; remove the directive"),
    (
        "a: ]\n",
        "1:4",
        "a value is expected here; write a value, or put text that starts with a special "
        "character in quotes",
    ),
]


@pytest.mark.parametrize("loader", [yaml_events.LOADER, yaml.SafeLoader])
@pytest.mark.parametrize(("text", "place", "message"), YAML_SYNTAX)
def test_yaml_syntax_errors(
    loader: type, text: str, place: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_events, "LOADER", loader)
    assert found(text) == [f"m.yaml:{place}: error CS003: {message}"]


@pytest.mark.parametrize("text", ['a: "\\UFFFFFFFF"', 'a: "\\ud800"', "%YAML 1." + "9" * 5000])
def test_absurd_escapes_in_both_parsers(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for loader in (yaml_events.LOADER, yaml.SafeLoader):
        monkeypatch.setattr(yaml_events, "LOADER", loader)
        assert codes(parse_document(text, "m.yaml")) == ["CS003"]


def test_the_parser_in_python_gives_the_same_places(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &x {p: ü, q: [1,\n  2]}\nb:\n- *x\n- !!str 3\n# é\nc: |\n  t\nd: >-\n x\n y\ne:\n"
    fast = root(text)
    monkeypatch.setattr(yaml_events, "LOADER", yaml.SafeLoader)
    assert root(text) == fast


# --- JSON


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('{"a": 1,}', "1:8", "a ',' stands before the closing '}'; remove the ','"),
        ("[1,\n]", "1:3", "a ',' stands before the closing ']'; remove the ','"),
        (
            "{'a': 1}",
            "1:2",
            'JSON text stands in double quotes, not in single quotes; write "text"',
        ),
        (
            '{"a": 1, // c\n"b": 2}',
            "1:10",
            "JSON has no comments; remove the comment, or write the spec as YAML",
        ),
        (
            '# c\n{"a": 1}',
            "1:1",
            "JSON has no comments; remove the comment, or write the spec as YAML",
        ),
        (
            "[01]",
            "1:2",
            "'01' is not a JSON number; write digits without '+' or a leading zero, "
            "and a digit on each side of '.'",
        ),
        ("[True]", "1:2", "'True' is not JSON; write true"),
        ("[yes]", "1:2", "a value is expected here, not 'yes'; put text in double quotes"),
        ('{"a" 1}', "1:6", "':' is expected here, not '1'"),
        ('{"a": 1\n "b": 2}', "2:2", "',' or '}' is expected here, not '\"'"),
        ("[1}", "1:3", "',' or ']' is expected here, not '}'"),
        (
            "{a: 1}",
            "1:2",
            "a key in double quotes is expected here, not 'a'; write \"key\": value",
        ),
        ('{"a": 1} x', "1:10", "text follows after the end of the document; remove it"),
        (
            '{"a": [1\n\n',
            "1:8",
            "the text ends before the document is complete; close every bracket and quote",
        ),
        (
            '{"a": "x\ny"}',
            "1:7",
            'the " is not closed on its line; close the text with ", '
            "and write \\n for a line break",
        ),
        ('["a\tb"]', "1:4", "a tab may not stand in JSON text as it is; write \\t"),
        (
            '["\\q"]',
            "1:3",
            "this is not an escape that JSON text may hold; write \\\\ for a backslash",
        ),
        (
            '["\\ud800"]',
            "1:2",
            "half of a surrogate pair is not text; write both halves, or neither",
        ),
    ],
)
def test_json_syntax_errors(text: str, place: str, message: str) -> None:
    assert found(text, "m.json") == [f"m.json:{place}: error CS003: {message}"]


def test_json_findings_are_collected() -> None:
    document = parse_document('{"a": NaN,\n "a": 1, "b": [-Infinity, 1e999]}', "m.json")
    assert [str(d) for d in document.diagnostics] == [
        "m.json:1:7: error CS013: NaN is not a finite number; write a finite number",
        "m.json:2:2: error CS004: the key 'a' is already used on line 1; keep one of the two",
        "m.json:2:16: error CS013: -Infinity is not a finite number; write a finite number",
        "m.json:2:27: error CS013: the number is out of range; the largest is about 1.8e308; "
        "write a smaller number",
    ]
    assert document.root is None


def test_json_values() -> None:
    text = '[1, -0.0, 1E+2, "\\ud83d\\ude00\\/\\n", true, false, null, {}, [], "\u2028\x7f"]'
    assert data(text, "m.json") == json.loads(text)
    assert found("", "m.json") == [
        "m.json:1:1: error CS012: the document is empty; write a spec in it"
    ]


# --- limits


@pytest.mark.parametrize("file", ["m.json", "m.yaml"])
def test_depth(file: str) -> None:
    assert data("[" * 64 + "]" * 64, file)
    assert found("[" * 65 + "]" * 65, file) == [
        f"{file}:1:65: error CS006: lists and mappings are nested more than 64 deep; "
        "flatten the structure"
    ]
    assert codes(parse_document("[" * 100_000, file)) == ["CS006"]
    assert codes(parse_document('{"a":' * 100_000, file)) == ["CS006"]


def test_number_of_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speccompiler.source.json_reader.MAX_VALUES", 10)
    monkeypatch.setattr("speccompiler.source.yaml_reader.MAX_VALUES", 10)
    for file in ("m.json", "m.yaml"):
        assert data('{"a": [1, 2, 3, 4, 5, 6, 7, 8]}', file)
        assert found('{"a": [1, 2, 3, 4, 5, 6, 7, 8, 9]}', file) == [
            f"{file}:1:32: error CS007: the document holds more than 1,000,000 values; "
            "keep arrays in .npy, .npz or .safetensors files"
        ]


def test_size(tmp_path: Path) -> None:
    big = tmp_path / "big.json"
    with big.open("wb") as stream:
        stream.truncate(17 * 2**20)
    message = (
        "error CS005: the text is 17.0 MiB; at most 16 MiB are read; "
        "keep arrays in .npy, .npz or .safetensors files"
    )
    assert [str(d) for d in read_document(big).diagnostics] == [f"{big}: {message}"]
    assert codes(decode_document(b" " * (16 * 2**20 + 1), "-")) == ["CS005"]
    assert codes(parse_document(" " * (16 * 2**20 + 1), "-")) == ["CS005"]


@pytest.mark.parametrize("file", ["m.json", "m.yaml"])
def test_findings_are_bounded(file: str) -> None:
    text = '{"a": 0' + ', "a": 1' * 500 + "}"
    diagnostics = parse_document(text, file).diagnostics
    assert len(diagnostics) == 101
    last = diagnostics[-1]
    assert (last.code, last.severity) == ("CS014", Severity.NOTE)
    assert last.message == "reading stopped after 100 findings; more may follow"


# --- bytes, files, standard input


def test_bytes_that_are_not_text() -> None:
    document = decode_document("a: 1\né: ".encode() + b"\xff\n", "m.yaml")
    assert [str(d) for d in document.diagnostics] == [
        "m.yaml:2:4: error CS002: the byte 0xff at offset 9 is not UTF-8 text; "
        "save the file as UTF-8"
    ]
    assert document.text == "a: 1\né: \ufffd\n"
    assert found("a: 1\nb: \x00\n") == [
        "m.yaml:2:4: error CS002: the control character U+0000 stands in the text; remove it"
    ]
    assert codes(parse_document("a: \ud800", "m.yaml")) == ["CS002"]
    assert codes(parse_document("a: \x7f", "m.yaml")) == ["CS002"]
    assert [str(d) for d in decode_document("a: 1".encode("utf-16"), "m.yaml").diagnostics] == [
        "m.yaml: error CS002: this is UTF-16 text, not YAML or JSON as UTF-8 text; "
        "save the file as UTF-8"
    ]
    assert codes(decode_document(b"\x89HDF\r\n\x1a\n", "m.h5")) == ["CS002"]


def test_a_byte_order_mark_is_accepted() -> None:
    for file, text in (("m.yaml", b"a: 1"), ("m.json", b'{"a": 1}')):
        document = decode_document(b"\xef\xbb\xbf" + text, file)
        assert document.diagnostics == ()
        assert document.root is not None
        assert document.root.span.column == 1
        assert document.text == text.decode()


def test_read_document(tmp_path: Path) -> None:
    good = tmp_path / "m.yml"
    good.write_text("a: é\n", encoding="utf-8")
    document = read_document(good)
    assert document.file == str(good)
    assert document.root is not None
    assert to_data(document.root) == {"a": "é"}
    shouting = tmp_path / "M.JSON"
    shouting.write_text("[1,]")
    assert codes(read_document(shouting)) == ["CS003"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX file kinds")
def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    stream = "this is not a regular file; send it to standard input, and name it '-'"
    for name, message in (
        ("none.yaml", "the file does not exist; check the name"),
        (".", "this is a folder; name a .yaml or .json file in it"),
        ("fifo", stream),
        ("/dev/null", stream),
        ("x\0y", "this is not a name a file can have; check the name"),
    ):
        (diagnostic,) = read_document(tmp_path / name).diagnostics
        assert diagnostic.code == "CS001"
        assert f"{diagnostic.message}; {diagnostic.hint}" == message
    for name in ("loop", "x" * 5000):
        (diagnostic,) = read_document(tmp_path / name).diagnostics
        assert diagnostic.code == "CS001"
        assert diagnostic.message.startswith("the file cannot be read: ")
    if os.geteuid() != 0:
        secret = tmp_path / "secret.yaml"
        secret.write_text("a: 1")
        secret.chmod(0)
        (diagnostic,) = read_document(secret).diagnostics
        assert diagnostic.message == "the file may not be read"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("a: 1", {"a": 1}),
        ("{a: 1}", {"a": 1}),
        ('\n {"a": 1, "b": Sequential,}', {"a": 1, "b": "Sequential"}),
        ("[a, !!python/tuple [1]]", ["a", [1]]),
        ("{} # none", {}),
    ],
)
def test_the_format_without_an_extension(text: str, value: object) -> None:
    assert data(text, "<stdin>") == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": [1}', "',' or ']' is expected here, not '}'"),
        ('{"a": 1, // c\n "b": 2}', "JSON has no comments"),
        ("{a: [1}", "'}' closes a '['"),
        ("{a: 1, a: 2}", "the key 'a' is already used on line 1"),
        ('{"a": NaN}', "NaN is not a finite number"),
        ("[" * 70, "lists and mappings are nested more than 64 deep"),
        ("{", "the text ends before the document is complete"),
    ],
)
def test_errors_are_those_of_the_likelier_format(text: str, message: str) -> None:
    assert [d.message for d in parse_document(text, "<stdin>").diagnostics] == [message]


# --- real files


@needs_golden
def test_real_json_files() -> None:
    paths = sorted(GOLDEN.rglob("model.json"))
    assert paths
    for path in paths:
        document = read_document(path)
        assert document.diagnostics == (), path
        assert document.root is not None
        assert to_data(document.root) == json.loads(path.read_bytes()), path


@needs_golden
def test_real_yaml_files() -> None:
    paths = sorted(GOLDEN.rglob("model.yaml"))
    assert any("multiarray.scalar" in path.read_text(encoding="utf-8") for path in paths)
    for path in paths:
        document = read_document(path)
        assert document.diagnostics == (), path
        assert document.root is not None
        saved = json.loads(path.with_name("model.json").read_bytes())
        assert to_data(document.root) == saved, path


# --- properties

JSON_DATA = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(deadline=None, max_examples=100)
@given(JSON_DATA, st.booleans(), st.sampled_from([None, 2]))
def test_json_round_trip(value: object, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    got = data(text, "m.json")
    assert got == value
    assert json.dumps(got) == json.dumps(value)


@settings(deadline=None, max_examples=100)
@given(JSON_DATA)
def test_yaml_round_trip(value: object) -> None:
    text = yaml.safe_dump(value, allow_unicode=False, default_style='"', width=10_000)
    got = parse_document(text, "m.yaml")
    assert got.diagnostics == ()
    assert got.root is not None
    assert to_data(got.root) == value


SPECIAL = st.sampled_from(
    list("{}[]:,-?!&*|>'\"%@`#~<\\/ \n\t\r0123.eE+aux\x00\x85\u2028\ud800é😀")
)
TEXT = st.text(SPECIAL, max_size=40) | st.text(st.characters(), max_size=40)


@settings(deadline=None, max_examples=100)
@given(TEXT, st.sampled_from(["m.json", "m.yaml", "-"]), st.booleans())
def test_no_text_raises(text: str, file: str, in_python: bool) -> None:
    before = yaml_events.LOADER
    yaml_events.LOADER = yaml.SafeLoader if in_python else before
    try:
        document = parse_document(text, file)
    finally:
        yaml_events.LOADER = before
    assert (document.root is None) <= bool(document.diagnostics)
    lines = split_lines(document.text)
    for diagnostic in document.diagnostics:
        assert diagnostic.message.isprintable()
        assert diagnostic.span is not None
        assert 1 <= diagnostic.span.line <= len(lines)
        assert 1 <= diagnostic.span.column <= len(lines[diagnostic.span.line - 1]) + 1


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=60), st.sampled_from(["m.json", "m.yaml", "-"]))
def test_no_bytes_raise(raw: bytes, file: str) -> None:
    document = decode_document(raw, file)
    assert (document.root is None) <= bool(document.diagnostics)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"`\0\0\0\0\0\0\0"', 96),
        (r'"\0b\0\0\0\0\0\0"', 25088),
        (r'!!python/str "\xE9\0\0\0\0\0\0"', 0xA9C3),
    ],
)
def test_numbers_whose_bytes_python_2_wrote_as_text(text: str, value: int) -> None:
    document = parse_document(f"n: {CALL} [{dtype_text()}, {text}]", "m.yaml")
    assert document.diagnostics == ()
    assert document.root is not None
    assert to_data(document.root) == {"n": value}
