"""Comments of YAML: a comment is what can be cut off without a change of the data."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from speccompiler.source.findings import Stop
from speccompiler.source.yaml_comments import comments

TEXT = """\
# first
a: |  # head
  x # no
  y

# after
b: >-
  q # no
c: "x # no
  # no"   # yes
d: p # plain
e: a#b
'#f': ['#', "#" , x#y] # list
g: &n !!str  # tagged
  text # end
h: {a: 1, # inner
  b: 2}
i: |
  last # no"""


def test_every_kind() -> None:
    found = [(c.span.line, c.text, c.alone) for c in comments(TEXT)]
    assert found == [
        (1, "# first", True),
        (2, "# head", False),
        (6, "# after", True),
        (10, "# yes", False),
        (11, "# plain", False),
        (13, "# list", False),
        (14, "# tagged", False),
        (15, "# end", False),
        (16, "# inner", False),
    ]


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_ends_of_lines(end: str) -> None:
    text = TEXT.replace("\n", end)
    assert [c.span for c in comments(text)] == [c.span for c in comments(TEXT)]


@pytest.mark.parametrize("text", ["a: [ # x", "a: 'x # y", "# x\n- a\n b: c"])
def test_what_is_no_yaml_has_none(text: str) -> None:
    with pytest.raises(Stop):
        list(comments(text))


PIECES = st.sampled_from(
    ["a:", " b", "- ", "#", " # c", "'", '"', "\n", "\n  ", "|", ">-", "x", "{", "}", "[", "]",
     ", ", "k: ", "&a ", "é"]
)  # fmt: skip


def loaded(text: str) -> object:
    try:
        return [(type(e), getattr(e, "value", None)) for e in yaml.parse(text)]
    except yaml.YAMLError:
        return None


@settings(deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join))
def test_what_can_be_cut_off_is_a_comment(text: str) -> None:
    whole = loaded(text)
    assume(whole is not None)
    found = {c.start: c for c in comments(text)}
    for comment in found.values():
        assert loaded(_cut(text, comment.start)) == whole
    # PyYAML takes ''# too, without the blank that YAML asks for.
    for mark in re.finditer(r"(?:^|(?<=\s))#", text):
        inside = any(s < mark.start() < s + len(c.text) for s, c in found.items())
        if mark.start() not in found and not inside:
            assert loaded(_cut(text, mark.start())) != whole


def _cut(text: str, start: int) -> str:
    """The text without the rest of a line."""
    end = text.find("\n", start)
    return text[:start] + ("" if end < 0 else text[end:])
