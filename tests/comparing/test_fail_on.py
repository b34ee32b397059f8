"""Conditions that make a comparison fail: how they are read, and what breaks them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from speccompiler.comparing.fail_on import BadCondition, judge, read_conditions
from speccompiler.comparing.file_diff import added, removed
from speccompiler.comparing.model_diff import Impact
from speccompiler.graph.dims import Dim, symbol
from tests.comparing.models import EMPTY, file_diff

T = symbol("T")
MIB = 1 << 20


@pytest.mark.parametrize(
    ("condition", "impact", "broken"),
    [
        ("breaking", Impact.BREAKING, True),
        ("breaking", Impact.COST, False),
        ("cost", Impact.BREAKING, True),
        ("cost", Impact.COST, True),
        ("cost", Impact.NOTE, False),
        ("note", Impact.NOTE, True),
        (" Breaking ", Impact.BREAKING, True),
    ],
)
def test_an_impact_means_it_and_what_is_worse(
    condition: str, impact: Impact, *, broken: bool
) -> None:
    (read,) = read_conditions(condition)
    assert judge(read, file_diff(impact)).broken is broken


@pytest.mark.parametrize(
    ("condition", "old", "new", "broken"),
    [
        ("params>10%", 100, 110, False),
        ("params>10%", 100, 111, True),
        ("params > +10 %", 100, 111, True),
        ("params>10%", 100, 50, False),
        ("params>0%", 100, 101, True),
        ("params>12.5%", 1000, 1125, False),
        ("params>12.5%", 1000, 1126, True),
        ("params>10%", 0, 1, True),
        ("params>+10", 100, 110, False),
        ("params>+10", 100, 111, True),
        ("params>+1k", 100, 1101, True),
        ("params>5M", 6_000_000, 5_000_001, True),
        ("params>5M", 4, 5_000_000, False),
        ("parameters>5M", 4, 5_000_001, True),
        # The same for every length, and different ones.
        ("params>10%", 64 * T, 72 * T, True),
        ("params>20%", 64 * T, 72 * T, False),
        ("params>10%", 64 * T - 20_000, 64 * T, None),
        ("params>5k", 0, 8 * T, None),
        ("params>10%", None, 5, None),
        ("params>10%", 5, None, None),
        ("params>4", None, 5, True),
    ],
)
def test_limits(condition: str, old: Dim | None, new: Dim | None, *, broken: bool | None) -> None:
    (read,) = read_conditions(condition)
    assert judge(read, file_diff(Impact.NOTE, parameters=(old, new))).broken is broken


def test_each_quantity_is_that_of_its_name() -> None:
    found = file_diff(
        Impact.NOTE,
        parameters=(100, 200),
        multiply_adds=(1000, 1060),
        activation_bytes=(MIB, 2 * MIB),
        peak_bytes=(60 * MIB, 65 * MIB),
    )
    conditions = read_conditions("params>100%,macs>+5%,activations>+1MiB,peak>64MiB")
    verdicts = [judge(condition, found) for condition in conditions]
    assert [(str(v.condition), v.broken, v.reason) for v in verdicts] == [
        ("params>100%", False, "parameters 100 -> 200, +100.0%"),
        ("macs>+5%", True, "multiply-adds 1,000 -> 1,060, +6.0%"),
        ("activations>+1MiB", False, "activations 1.0 MiB -> 2.0 MiB, +100.0%"),
        ("peak>64MiB", True, "peak 60.0 MiB -> 65.0 MiB, +8.3%"),
    ]


def test_nothing_breaks_where_nothing_changed() -> None:
    same = file_diff(peak_bytes=(65 * MIB, 65 * MIB))
    for condition in read_conditions("breaking,cost,note,peak>64MiB"):
        assert judge(condition, same).broken is False


def test_a_new_model_has_not_grown_but_has_a_bound() -> None:
    new = added("a.yaml", "a.yaml", "a.yaml", replace(EMPTY, peak_bytes=65 * MIB))
    verdicts = [judge(c, new) for c in read_conditions("note,cost,peak>0%,peak>+1,peak>64MiB")]
    assert [v.broken for v in verdicts] == [True, False, False, False, True]
    assert verdicts[-1].reason == "peak 65.0 MiB"


def test_a_model_that_is_gone_breaks_those_who_use_it() -> None:
    gone = removed("a.yaml", "a.yaml", "a.yaml", EMPTY)
    verdicts = [judge(condition, gone) for condition in read_conditions("breaking,peak>64MiB")]
    assert [v.broken for v in verdicts] == [True, False]


def test_none_has_no_conditions() -> None:
    assert read_conditions("none") == ()


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        (
            "breaking,parms>10%",
            "parms>10%",
            "'parms' is no quantity",
            "did you mean 'params' or 'parameters'?",
        ),
        ("brekaing", "brekaing", "'brekaing' is no condition", "did you mean 'breaking'?"),
        (
            "everything",
            "everything",
            "'everything' is no condition",
            "words: none, breaking, cost, note; or a limit of params, macs, activations, peak, "
            "such as params>10%",
        ),
        ("params", "params", "'params' needs a limit", "such as params>10%"),
        ("params>", "params>", "'params>' needs a limit", "such as params>10%"),
        (
            "params>=10%",
            "params>=10%",
            "'>=' limits nothing here: a condition says what is too much",
            "write params>10%",
        ),
        (
            "macs<5%",
            "macs<5%",
            "'<' limits nothing here: a condition says what is too much",
            "write macs>5%",
        ),
        ("params>-5%", "params>-5%", "'-5%' is no percentage", "such as params>10%"),
        (
            "cost, peak>64 pages",
            "peak>64 pages",
            "'pages' is no unit; units: B, kB, MB, GB, TB, KiB, MiB, GiB, TiB",
            None,
        ),
        ("macs>5MiB", "macs>5MiB", "'MiB' is no unit; units: k, M, G, T", None),
        (
            "none,breaking",
            "none",
            "'none' stands alone: it means that nothing fails",
            None,
        ),
        (
            "breaking,",
            "",
            "a condition is empty",
            "write them as breaking,params>10%,peak>64MiB",
        ),
    ],
)
def test_what_cannot_be_read(text: str, place: str, message: str, hint: str | None) -> None:
    with pytest.raises(BadCondition) as caught:
        read_conditions(text)
    error = caught.value
    assert (error.message, error.hint) == (message, hint)
    assert text[error.start : error.end] == place
