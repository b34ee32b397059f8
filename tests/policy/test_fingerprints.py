"""Fingerprints: the same after edits that have nothing to do with a finding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.diagnostics.core import Diagnostic, Span
from speccompiler.model import checked
from speccompiler.options import LoadOptions
from speccompiler.policy.fingerprints import fingerprints
from speccompiler.source.texts import parse_document

ROOT = Path.cwd()
HEAD = ["convspec: 1", "dim_ordering: tf", "input_shape: [32, 32, 3]", "layers:"]
LAYERS = [
    "  - {type: Convolution2D, nb_filter: 4, nb_row: 3, nb_col: 3, boarder_mode: same}",
    "  - {type: Convolution2D, name: named_7, nb_filter: 4, nb_row: 3, nb_col: 3, activation: rel}",
    "  - {type: MaxPooling2D, pool_size: 0}",
    "  - {type: Convolution2D, nb_filter: 4, nb_row: 3, nb_col: 3, boarder_mode: same}",
    "  - {type: Dropout, p: 2}",
]
UNRELATED = [
    "# a comment",
    "",
    "  - {type: Convolution2D, nb_filter: 9, nb_row: 5, nb_col: 5}",
    "  - {type: MaxPooling2D}",
    "  - {type: BatchNormalization}",
]


def found(lines: list[str]) -> list[Diagnostic]:
    document = parse_document("\n".join(lines), "nets/model.yaml")
    return list(checked(document, LoadOptions())[1])


BEFORE = found(HEAD + LAYERS)
MARKS = fingerprints(BEFORE, ROOT)


def test_each_finding_has_its_own() -> None:
    assert len(BEFORE) == 5
    assert len(set(MARKS)) == 5
    assert all(len(mark) == 16 for mark in MARKS)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(LAYERS)), st.sampled_from(UNRELATED)), max_size=6))
def test_unrelated_edits_keep_them(inserted: list[tuple[int, str]]) -> None:
    lines = list(LAYERS)
    for at, line in sorted(inserted, reverse=True):
        lines.insert(at, line)
    after = found(["# new", *HEAD, *lines])
    assert [d.code for d in after] == [d.code for d in BEFORE]
    assert fingerprints(after, ROOT) == MARKS


def test_the_edit_of_one_finding_keeps_the_others() -> None:
    """Of two that are equal the last is gone."""
    fixed = [*LAYERS[:3], LAYERS[3].replace("boarder", "border"), LAYERS[4]]
    assert fingerprints(found(HEAD + fixed), ROOT) == [*MARKS[:3], MARKS[4]]


def test_what_counts() -> None:
    base = Diagnostic(
        "CS046", "input (28, 28, 3) is too small for 5x5 at 'conv1'", file="a.yaml", layer="pool"
    )

    def same(**changed: object) -> bool:
        one, other = fingerprints([base], ROOT), fingerprints([replace(base, **changed)], ROOT)
        return one == other

    assert same(span=Span(3, 4, 5, 6))
    assert same(hint="another")
    assert same(file=str(ROOT / "a.yaml"))
    assert same(message="input (14, 9, 64) is too small for 7x7 at 'conv1'")
    assert not same(message="input (28, 28, 3) is too small for 5x5 at 'conv2'")
    assert not same(code="CS045")
    assert not same(file="b.yaml")
    assert not same(layer="pool_2")
    assert not same(argument="nb_row")


def test_automatic_names_lose_their_number() -> None:
    one = Diagnostic("CS046", "'convolution2d_1' has no place", file="a", layer="maxpooling2d_1")
    other = replace(one, message="'convolution2d_12' has no place", layer="maxpooling2d_3")
    assert fingerprints([one], ROOT) == fingerprints([other], ROOT)
    named = replace(one, layer="conv2d_1")
    assert fingerprints([named], ROOT) != fingerprints([replace(named, layer="conv2d_2")], ROOT)
