"""What is read of a Lambda's byte code: plain arithmetic, from four layouts, and nothing else.

The bytes are assembled here as CPython's Python/marshal.c writes them; none is made by running
``marshal``. The first text is as Keras 1.0.6 stored it in models of 2016.
"""

from __future__ import annotations

import ast
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import speccompiler
from speccompiler.loading.replacement.byte_code import LONGEST, expression_of, lambda_expression

STORED = (
    "c\x01\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00C\x00\x00\x00s\x0c\x00\x00\x00|\x00\x00"
    "d\x01\x00\x1bd\x02\x00\x18S(\x03\x00\x00\x00Ng\x00\x00\x00\x00\x00\xe0_@g\x00\x00\x00\x00"
    "\x00\x00\xf0?(\x00\x00\x00\x00(\x01\x00\x00\x00t\x01\x00\x00\x00x(\x00\x00\x00\x00(\x00\x00"
    "\x00\x00s\x07\x00\x00\x00<stdin>t\x08\x00\x00\x00<lambda>\x01\x00\x00\x00s\x00\x00\x00\x00"
)
LOAD_X, RETURN = (124, 0), (83,)
ADD, SUBTRACT, MULTIPLY, POWER, DIVIDE, TRUE_DIVIDE, NEGATIVE = (
    (23,), (24,), (20,), (19,), (21,), (27,), (11,),
)  # fmt: skip


def constant(number: int) -> tuple[int, int]:
    return (100, number)


def long(value: int) -> bytes:
    return struct.pack("<i", value)


def number(value: Any, python2: bool) -> bytes:
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return b"T" if value else b"F"
    if isinstance(value, float):
        return b"g" + struct.pack("<d", value)
    if isinstance(value, int):
        return b"i" + long(value)
    return value


def operations(given: list[tuple[int, ...]], words: bool) -> bytes:
    """Two bytes each since 3.6; before, one, and two more for an argument."""
    made = b""
    for code, *argument in given:
        if words:
            made += bytes([code, *(argument or [0])])
        else:
            made += bytes([code]) + (struct.pack("<H", argument[0]) if argument else b"")
    return made


def stored(
    given: list[tuple[int, ...]], constants: list[Any], python: str, **changed: Any
) -> bytes:
    """A function of one argument, as 2.7, 3.4, 3.5 or 3.6 wrote it."""
    python2, words = python == "2.7", python == "3.6"
    code = changed.get("code", operations(given, words))
    values = [number(value, python2) for value in constants]
    counts = [changed.get("arguments", 1), *([] if python2 else [changed.get("by_name", 0)])]
    head = b"".join(map(long, [*counts, changed.get("locals", 1), 2, changed.get("flags", 67)]))
    string = b"s" + long(len(code)) + code
    if python2:
        tuples = b"(" + long(len(values)) + b"".join(values)
        rest = b"(" + long(0) + b"(" + long(1) + b"t" + long(1) + b"x"
        rest += changed.get("free", b"(" + long(0)) + b"(" + long(0)
        rest += b"s" + long(7) + b"model.p" + b"t" + long(8) + b"<lambda>"
        return b"c" + head + string + tuples + rest + long(1) + b"s" + long(0)
    # Version 3 and later note what may be referred to: here the code, the tuple and the names.
    tuples = b"\xa9" + bytes([len(values)]) + b"".join(values)
    rest = b"\xa9\x00" + b"\xa9\x01\xda\x01x" + changed.get("free", b"r" + long(2)) + b"r" + long(2)
    rest += b"\xfa\x07model.p" + b"\xda\x08<lambda>"
    return b"\xe3" + head + string + tuples + rest + long(1) + b"s" + long(0)


PYTHONS = ["2.7", "3.4", "3.5", "3.6"]
PLAIN: list[tuple[list[tuple[int, ...]], list[Any], str]] = [
    ([LOAD_X, constant(1), TRUE_DIVIDE, constant(2), SUBTRACT], [None, 127.5, 1.0],
     "x / 127.5 - 1"),
    ([LOAD_X, constant(1), TRUE_DIVIDE, constant(2), SUBTRACT], [None, 255, 0.5], "x / 255 - 0.5"),
    ([LOAD_X, constant(1), SUBTRACT, constant(2), TRUE_DIVIDE], [None, 128.0, -128.0],
     "(x - 128) / -128"),
    ([LOAD_X, NEGATIVE], [None], "-x"),
    ([LOAD_X, constant(0), POWER], [2], "x**2"),
    ([LOAD_X, LOAD_X, MULTIPLY], [None], "x * x"),
    ([constant(1), LOAD_X, SUBTRACT], [None, 1], "1 - x"),
    ([LOAD_X, constant(0), constant(1), MULTIPLY, ADD], [2.5, 3.0], "x + 2.5 * 3"),
    ([LOAD_X], [None], "x"),
]  # fmt: skip


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(("given", "constants", "text"), PLAIN, ids=lambda v: str(v)[:30])
def test_plain_arithmetic(given: Any, constants: Any, text: str, python: str) -> None:
    data = stored([*given, RETURN], constants, python)
    assert expression_of(data) == text
    config = {"function": data.decode("raw_unicode_escape"), "function_type": "lambda"}
    assert lambda_expression(config) == text
    listed = {**config, "function": [config["function"], None, None], "arguments": {}}
    assert lambda_expression(json.loads(json.dumps(listed))) == text


def test_what_keras_stored_in_2016() -> None:
    assert lambda_expression({"function": STORED, "function_type": "lambda"}) == "x / 127.5 - 1"


def test_a_float_divides_in_python_2_and_whole_numbers_are_rounded() -> None:
    """``x / 255`` is of floats; ``1 / 255`` is 0 there, and so gives no answer."""
    assert expression_of(stored([LOAD_X, constant(0), DIVIDE, RETURN], [255], "2.7")) == "x / 255"
    half = [LOAD_X, constant(0), constant(1), DIVIDE, MULTIPLY, RETURN]
    assert expression_of(stored(half, [1, 255], "2.7")) is None
    assert expression_of(stored(half, [1.0, 255], "2.7")) == "x * (1 / 255)"
    assert expression_of(stored(half, [-1.0, 255], "2.7")) == "x * (-1 / 255)"
    # A difference of whole numbers is one.
    deep = [LOAD_X, constant(0), constant(1), ADD, constant(0), DIVIDE, ADD, RETURN]
    assert expression_of(stored(deep, [1, 255], "2.7")) is None
    # Python 3 has no such operation.
    assert expression_of(stored([LOAD_X, constant(0), DIVIDE, RETURN], [255], "3.5")) is None


NOT_PLAIN: list[tuple[str, list[tuple[int, ...]], list[Any], dict[str, Any]]] = [
    ("a call", [(116, 0), LOAD_X, (131, 1), RETURN], [None], {}),
    ("an attribute", [LOAD_X, (106, 0), RETURN], [None], {}),
    ("a subscript", [LOAD_X, constant(0), (25,), RETURN], [1], {}),
    ("floor division", [LOAD_X, constant(0), (26,), RETURN], [2], {}),
    ("another variable", [(124, 1), RETURN], [None], {}),
    ("a constant that is not there", [LOAD_X, constant(1), ADD, RETURN], [2], {}),
    ("text", [LOAD_X, constant(0), ADD, RETURN], [b"s" + long(1) + b"a"], {}),
    ("true", [LOAD_X, constant(0), ADD, RETURN], [True], {}),
    ("none", [LOAD_X, constant(0), ADD, RETURN], [None], {}),
    ("infinity", [LOAD_X, constant(0), ADD, RETURN], [float("inf")], {}),
    ("nan", [LOAD_X, constant(0), ADD, RETURN], [float("nan")], {}),
    ("a huge number", [LOAD_X, constant(0), ADD, RETURN], [b"l" + long(5) + b"\x01\x00" * 5], {}),
    ("no x", [constant(0), RETURN], [2.0], {}),
    ("an empty stack", [ADD, RETURN], [None], {}),
    ("one operand", [LOAD_X, ADD, RETURN], [None], {}),
    ("two values left", [LOAD_X, LOAD_X, RETURN], [None], {}),
    ("no return", [LOAD_X], [None], {}),
    ("code after the return", [LOAD_X, RETURN, LOAD_X, RETURN], [None], {}),
    ("a jump", [LOAD_X, (114, 0), LOAD_X, RETURN], [None], {}),
    ("two arguments", [LOAD_X, RETURN], [None], {"arguments": 2, "locals": 2}),
    ("no argument", [LOAD_X, RETURN], [None], {"arguments": 0}),
    ("a second variable", [LOAD_X, RETURN], [None], {"locals": 2}),
    ("any number of arguments", [LOAD_X, RETURN], [None], {"flags": 67 | 4}),
    ("named arguments", [LOAD_X, RETURN], [None], {"flags": 67 | 8}),
    ("half an operation", [], [None], {"code": b"|\x00\x00d"}),
    ("no code", [], [None], {"code": b""}),
]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("case", NOT_PLAIN, ids=lambda case: case[0])
def test_nothing_else_gives_an_answer(case: Any, python: str) -> None:
    _, given, constants, changed = case
    assert expression_of(stored(given, constants, python, **changed)) is None


def test_arguments_by_name_alone() -> None:
    assert expression_of(stored([LOAD_X, RETURN], [None], "3.5", by_name=1)) is None


def test_what_a_closure_holds_is_not_seen() -> None:
    tuple_ = {"2.7": b"(" + long(1) + b"s" + long(1) + b"a", "3.5": b"\xa9\x01\xda\x01a"}
    for python, free in tuple_.items():
        assert expression_of(stored([LOAD_X, RETURN], [None], python, free=free)) is None


def test_which_size_operations_have_is_told_by_the_code() -> None:
    """Operations of three bytes and of one, and operations of two: each is one of them."""
    code = bytes([124, 0, 0, 83])
    assert expression_of(stored([], [None], "3.5", code=code)) == "x"
    code = bytes([124, 0, 124, 0, 23, 0, 83, 0])
    assert expression_of(stored([], [None], "3.5", code=code)) == "x + x"


@pytest.mark.parametrize("python", PYTHONS)
def test_nothing_may_be_missing_or_left_over(python: str) -> None:
    data = stored([LOAD_X, NEGATIVE, RETURN], [None], python)
    assert expression_of(data) == "-x"
    for cut in range(len(data)):
        assert expression_of(data[:cut]) is None
    assert expression_of(data + b"N") is None


CONFIGS: list[Any] = [
    None,
    [],
    {},
    {"function": STORED},
    {"function": STORED, "function_type": "function"},
    {"function": "preprocess", "function_type": "function"},
    {"function": "", "function_type": "lambda"},
    {"function": 3, "function_type": "lambda"},
    {"function": [], "function_type": "lambda"},
    {"function": [[STORED]], "function_type": "lambda"},
    {"function": [STORED, None, [1]], "function_type": "lambda"},
    {"function": [STORED, [2], None], "function_type": "lambda"},
    {"function": [STORED, None, None, None], "function_type": "lambda"},
    {"function": STORED, "function_type": "lambda", "arguments": {"y": 1}},
    {"function": STORED + "\x00" * LONGEST, "function_type": "lambda"},
    {"function": "\ud800" + STORED, "function_type": "lambda"},
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda v: repr(v)[:60])
def test_what_is_stored_in_another_way(config: Any) -> None:
    assert lambda_expression(config) is None


HOSTILE = [
    b"c" * 4000,
    b"(" * 4000,
    b"\xa9\xff" * 2000,
    b"(" + long(2**31 - 1),
    b"s" + long(-1),
    b"l" + long(-(2**31)),
    b"R" + long(0),
    b"r" + long(-1),
    b"\xe3" + long(1) * 5 + b"r" + long(0),
    b"f\x03abc",
    b"\x80",
    b"",
]


@pytest.mark.parametrize("data", HOSTILE, ids=lambda v: repr(v[:12]))
def test_hostile_bytes(data: bytes) -> None:
    assert expression_of(data) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    expression_of(data)
    lambda_expression({"function": data.decode("latin-1"), "function_type": "lambda"})


@given(st.data())
def test_damaged_code_is_read_without_an_error(data: st.DataObject) -> None:
    whole = bytearray(stored([LOAD_X, constant(1), MULTIPLY, RETURN], [None, 0.25], "3.5"))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    expression_of(bytes(whole))


def test_nothing_unpacks_or_runs_what_a_file_holds() -> None:
    """No module of the product imports marshal, and none of loading calls what would run text."""
    root = Path(speccompiler.__file__).parent
    for path in root.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = [n.name for n in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert "marshal" not in names, path
            if "loading" in path.parts and isinstance(node, ast.Name):
                assert node.id not in {"eval", "exec", "compile", "__import__"}, path
