"""Findings as text: colour, and the caret under the right character."""

from __future__ import annotations

import re

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.cli.render import columns, printable, render_text
from speccompiler.cli.spec_texts import SpecTexts
from speccompiler.diagnostics.core import Diagnostic, Severity, Span
from tests.cli.calling import BAD, Call, write


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"NO_COLOR": "", "FORCE_COLOR": ""}, False),
    ],
)
@pytest.mark.parametrize("command", ["validate", "plan", "shapes"])
def test_colour(
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    coloured: bool,
    command: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    write("bad.yaml", BAD)
    result = call(command, "bad.yaml")
    assert ("\x1b[" in result.out + result.err) is coloured


def test_colour_changes_nothing_else(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    write("bad.yaml", BAD)
    plain = call("validate", "bad.yaml").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert re.sub(r"\x1b\[[0-9;]*m", "", call("validate", "bad.yaml").out) == plain


def excerpt(text: str, column: int, end: int) -> list[str]:
    """The source line and the line of carets, without the margin."""
    place = Span(1, column, 1, end)
    found = [Diagnostic("CS023", "message", Severity.ERROR, "x.yaml", place)]
    shown = render_text(found, SpecTexts({"x.yaml": text}))
    _, _, line, carets = click.unstyle(shown).split("\n")
    return [line[5:], carets[5:]]


@pytest.mark.parametrize(
    ("text", "column", "end", "line", "carets"),
    [
        ("name: abc", 7, 10, "name: abc", "      ^^^"),
        # Full-width characters take two columns, combining ones none.
        ("名前: 値x", 5, 6, "名前: 値x", "      ^^"),
        ("名前: 値x", 6, 7, "名前: 値x", "        ^"),
        ("e\u0301: ab", 5, 7, "e\u0301: ab", "   ^^"),
        ("ｱ: b", 4, 5, "ｱ: b", "   ^"),
        ("\ttab: b", 7, 8, " tab: b", "      ^"),
        # What is escaped takes the columns of its escape.
        ("a\u202eb: c", 6, 7, "a\\u202eb: c", "          ^"),
        ("a: \x85b", 4, 6, "a: \\x85b", "   ^^^^^"),
        # Past the end of the line, as for what is missing.
        ("abc", 4, 4, "abc", "   ^"),
        ("", 1, 1, "", "^"),
    ],
)
def test_the_caret(text: str, column: int, end: int, line: str, carets: str) -> None:
    assert excerpt(text, column, end) == [line, carets]


def test_a_long_line_is_cut_around_the_place() -> None:
    text = "a" * 500 + "BCD" + "e" * 500
    line, carets = excerpt(text, 501, 504)
    assert line == "..." + "a" * 48 + "BCD" + "e" * 45 + "..."
    assert carets == " " * 51 + "^^^"
    line, carets = excerpt(text, 2, 1001)
    assert line == "a" * 96 + "..."
    assert carets == " " + "^" * 95
    wide = "値" * 500
    line, carets = excerpt(wide, 251, 252)
    assert line == "..." + "値" * 96 + "..."
    assert carets == " " * (3 + 2 * 48) + "^^"


@given(st.text(max_size=40).filter(lambda t: "\n" not in t and "\r" not in t), st.data())
@settings(deadline=None, max_examples=100)
def test_the_caret_line_is_never_longer_than_needed(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    line, carets = excerpt(text, start + 1, end + 1)
    shown = printable(text.replace("\t", " "))
    assert line == shown
    before = columns(text[:start].replace("\t", " "))
    assert carets == " " * before + "^" * max(1, columns(text[start:end].replace("\t", " ")))
