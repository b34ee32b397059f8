"""Places of TOML: what stands at each is, read alone, the value that tomllib has."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.diagnostics.core import Span
from speccompiler.policy.toml_places import Path, toml_places

TEXT = '''\
# exclude = "no"
exclude = ["a#b", 'c"d', # a comment, ["x"]
  """e
"quoted\\\\" f""", ]
"odd key".x = 1979-05-27 07:32:00 # a date
empty = []
deep = { a = [ { b = 1.5 }, {b=2} ], 'c d' = true }
[severity]
CS050 = "error"
  CS051="off"
[[ignore]]
codes = ["CS012"]
[ignore.more]
x = 1
[[ignore]]
codes = [
  "CS013",  # one
  "CS014"
]
[tool . "convspec".diff]
fail-on = \'\'\'
a'b\'\'\'
'''


def leaves(value: Any, path: Path = ()) -> dict[Path, Any]:
    """Every value with its path, tables that are written as headers left out."""
    found: dict[Path, Any] = {path: value} if path else {}
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            found |= leaves(each, (*path, key))
    return found


def cut(text: str, span: Span) -> str:
    lines = text.split("\n")[span.line - 1 : span.end_line]
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return "\n".join(lines)


def check(text: str) -> int:
    places = toml_places(text)
    values = leaves(tomllib.loads(text))
    for path, span in places.values.items():
        assert tomllib.loads(f"x = {cut(text, span)}")["x"] == values[path], path
    for path in values:
        scalar = not isinstance(values[path], dict | list)
        assert not scalar or path in places.values, path
        assert path in places.keys or isinstance(path[-1], int), path
    for path, span in places.keys.items():
        said = cut(text, span)
        if said.startswith("["):
            continue
        assert tomllib.loads(f"{said} = 1") == {path[-1]: 1}, path
    return len(places.values)


def test_a_text_with_everything() -> None:
    assert check(TEXT) == 22
    keys = toml_places(TEXT).keys
    assert [keys["ignore", 1].line, keys["ignore", 0, "more"].line] == [15, 13]
    assert cut(TEXT, keys["tool", "convspec", "diff"]) == '[tool . "convspec".diff]'


KEYS = st.sampled_from(["a", "b-c", '"d e"', "'f#g'", "h.i", '"j\\"k".l'])
SCALARS = st.sampled_from(
    ["1", "-2.5e3", "true", "inf", "2020-01-02", '"#"', "'[]'", '"""x\n"y"""', "'''z''''"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda v: "[ " + " ,\n# c\n".join(v) + " ]"),
        st.dictionaries(st.sampled_from("xyz"), inner, max_size=2).map(
            lambda d: "{" + ", ".join(f"{k} = {v}" for k, v in d.items()) + "}"
        ),
    ),
    max_leaves=6,
)
LINES = st.one_of(
    st.builds(lambda k, v: f"{k} = {v}  # end", KEYS, VALUES),
    KEYS.map(lambda k: f" [ {k} ] # head"),
    KEYS.map(lambda k: f"[[{k}]]"),
    st.sampled_from(["", "# a = [1"]),
)


@settings(deadline=None)
@given(st.lists(LINES, max_size=8).map("\n".join))
def test_any_text(text: str) -> None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    check(text)


@pytest.mark.parametrize("text", ["", "\n", "# nothing", "a=1", "a = 'x'#"])
def test_small_texts(text: str) -> None:
    check(text)
