"""Places in a text, in an editor's counting and in ours."""

from __future__ import annotations

import random

import pytest

from speccompiler.diagnostics.core import Span
from speccompiler.language_server.changed_lines import line_edits
from speccompiler.language_server.moved_lines import MovedLines
from speccompiler.language_server.positions import PlacedText, changed

TEXT = "a: ü\r\nface: 😀 x\n\ud7ff\u2028b\rlast"
UNITS = {"utf-8": 1, "utf-16": 2, "utf-32": 4}


def units(text: str, encoding: str) -> int:
    """The length of a text, by Python's own encoder."""
    name = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}[encoding]
    return len(text.encode(name)) // UNITS[encoding]


@pytest.mark.parametrize("encoding", UNITS)
def test_places_and_offsets_are_each_others(encoding: str) -> None:
    placed = PlacedText(TEXT, encoding)
    starts = [0, 6, 16, 20]
    for offset in range(len(TEXT) + 1):
        line = max(n for n, start in enumerate(starts) if start <= offset)
        if TEXT[offset - 1 : offset + 1] == "\r\n":
            continue  # inside of an end of line there is no place
        place = placed.place(offset)
        assert place == (line, units(TEXT[starts[line] : offset], encoding))
        assert placed.offset(place) == offset


def test_a_place_behind_the_end_is_the_end() -> None:
    placed = PlacedText(TEXT)
    assert placed.offset((0, 99)) == 4
    assert placed.offset((99, 0)) == len(TEXT)
    assert placed.counted_from_1((99, 0)) == (4, 5)
    assert placed.counted_from_1((1, 9)) == (2, 9)


def test_a_span_behind_a_character_of_two_units() -> None:
    placed = PlacedText(TEXT)
    assert placed.range(Span(2, 9, 2, 10)) == ((1, 9), (1, 10))
    assert placed.end_of_line(2) == (1, 10)


def test_edits_of_an_editor_are_applied_as_it_counts() -> None:
    assert changed("x😀y", "utf-16", ((0, 3), (0, 4)), "z") == "x😀z"
    assert changed("x😀y", "utf-8", ((0, 5), (0, 6)), "z") == "x😀z"
    assert changed("a\nb\nc", "utf-16", ((0, 1), (2, 0)), "") == "ac"
    # Python's splitlines() takes this for the end of a line; editors do not.
    assert changed("a\u2028b\nc", "utf-16", ((1, 0), (1, 1)), "d") == "a\u2028b\nd"


def test_lines_are_found_again_around_a_change() -> None:
    moved = MovedLines("a\nb\nc\nd", "a\nX\nY\nc\nd")
    assert [moved.to_new(line) for line in range(1, 5)] == [1, None, 4, 5]
    assert [moved.to_old(line) for line in range(1, 6)] == [1, None, None, 3, 4]
    assert moved.span(Span(3, 1, 4, 2)) == Span(4, 1, 5, 2)
    assert moved.span(Span(2, 1, 4, 2)) is None


def test_lines_are_found_again_between_two_changes() -> None:
    moved = MovedLines("a\nb\nc\nd\ne", "X\na\nb\nc\nY\ne")
    assert [moved.to_new(line) for line in range(1, 6)] == [2, 3, 4, None, 6]
    many = "\n".join(map(str, range(5000)))
    assert MovedLines(many, f"X\n{many}\nY").to_new(2500) is None


def test_equal_lines_are_not_counted_twice() -> None:
    moved = MovedLines("a\na", "a\na\na")
    assert [moved.to_new(1), moved.to_new(2)] == [1, 2]
    assert [moved.to_old(line) for line in (1, 2, 3)] == [1, 2, None]


def test_edits_of_lines_make_the_new_text() -> None:
    choose = random.Random(7)
    for _ in range(50):
        old = "".join(choose.choice(["a\n", "b\r\n", "c\n", "\n"]) for _ in range(12))
        new = "".join(choose.choice(["a\n", "b\n", "c\n"]) for _ in range(choose.randrange(12)))
        text = old
        for edit in reversed(line_edits(old, new)):
            text = text[: edit.start] + edit.new + text[edit.end :]
        assert text == new
    assert line_edits("a\nb\n", "a\nb\n") == []
    (edit,) = line_edits("a\nb\nc\n", "a\nx\nc\n")
    assert (edit.start, edit.end, edit.new) == (2, 4, "x\n")
