"""Budgets of specs: how amounts are read, what is over them, and how it is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import speccompiler
from speccompiler.reports.budget import budget_findings
from speccompiler.schemas.amounts import BYTE_UNITS, COUNT_UNITS, amount
from tests.cli.calling import Call

SPEC = """\
convspec: 1
dim_ordering: tf
input_shape: [6, 6, 1]
budget: {BUDGET}
layers:
  - {type: Convolution2D, name: conv1, nb_filter: 2, nb_row: 3, nb_col: 3}
  - {type: Flatten, name: flat}
  - {type: Dense, name: fc, output_dim: 5}
"""
# By hand: conv1 has 3*3*1*2 + 2 = 20 parameters and 4*4*2*9 = 288 multiply-adds, fc has
# 32*5 + 5 = 165 and 160; outputs are 32, 32 and 5 floats.


def spec(budget: str) -> str:
    return SPEC.replace("{BUDGET}", budget)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5M", 5_000_000),
        ("5 m", 5_000_000),
        ("1.5G", 1_500_000_000),
        ("1_000", 1000),
        ("12,5", 125),
        ("2k", 2000),
        ("0", 0),
    ],
)
def test_counts(text: str, number: int) -> None:
    assert amount(text, COUNT_UNITS) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("64 MiB", 64 << 20),
        ("64Mi", 64 << 20),
        ("64MB", 64_000_000),
        ("64 m", 64_000_000),
        ("1.5 KiB", 1536),
        ("100 B", 100),
        ("7", 7),
    ],
)
def test_bytes(text: str, number: int) -> None:
    assert amount(text, BYTE_UNITS) == number


@pytest.mark.parametrize(
    ("text", "units", "said"),
    [
        ("many", COUNT_UNITS, "'many' is no amount; write it as 5000000 or 5M"),
        ("-5M", COUNT_UNITS, "'-5M' is no amount; write it as 5000000 or 5M"),
        ("", BYTE_UNITS, "'' is no amount; write it as 67108864 or 64 MiB"),
        ("5Q", COUNT_UNITS, "'Q' is no unit; units: k, M, G, T"),
        ("5MiB", COUNT_UNITS, "'MiB' is no unit; units: k, M, G, T"),
        (
            "5 pages",
            BYTE_UNITS,
            "'pages' is no unit; units: B, kB, MB, GB, TB, KiB, MiB, GiB, TiB",
        ),
    ],
)
def test_amounts_that_are_none(text: str, units: dict[str, int], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        amount(text, units)


def test_what_is_within_is_no_finding() -> None:
    model = speccompiler.loads(spec("{parameters: 185, multiply_adds: 448, activations: 276}"))
    assert budget_findings(model, model.shapes()) == []


def test_the_sum_is_shown() -> None:
    model = speccompiler.loads(spec("{parameters: 180, multiply_adds: 0, activations: 275}"))
    found = budget_findings(model, model.shapes())
    assert [(d.code, d.message, d.hint) for d in found] == [
        (
            "CS085",
            "over budget: parameters is 185, 5 (2.8%) more than 180",
            "185 = 165 ('fc') + 20 ('conv1')",
        ),
        (
            "CS085",
            "over budget: multiply_adds is 448, 448 more than 0",
            "448 = 288 ('conv1') + 160 ('fc')",
        ),
        (
            "CS085",
            "over budget: activations is 276 B, 1 B (0.4%) more than 275 B",
            "276 B = 128 ('conv1') + 128 ('flat') + 20 ('fc')",
        ),
    ]


def test_the_rest_of_many_layers_is_one_term() -> None:
    dense = "\n".join(
        f"  - {{type: Dense, name: d{n}, output_dim: {n}, bias: false}}" for n in (5, 4, 3, 2, 1)
    )
    model = speccompiler.loads(
        f"convspec: 1\ninput_shape: [10]\nbudget: {{parameters: 9}}\nlayers:\n{dense}\n"
    )
    (found,) = budget_findings(model, model.shapes())
    # 50 + 20 + 12 + 6 + 2
    assert found.hint == "90 = 50 ('d5') + 20 ('d4') + 12 ('d3') + 8 (2 other layers)"


def test_open_lengths_leave_a_budget_open() -> None:
    text = spec("{parameters: 200, activations: 4 KiB, peak: 1 MiB}").replace("[6, 6", "[null, 6")
    text = text.replace("Flatten, name: flat", "GlobalAveragePooling2D, name: flat")
    model = speccompiler.loads(text)
    found = budget_findings(model, model.shapes())
    assert [(d.code, str(d.severity), d.message, d.span and d.span.line) for d in found] == [
        (
            "CS086",
            "warning",
            "the budget of activations cannot be held while a length is open: it is 32*H - 36",
            4,
        ),
        ("CS086", "warning", "the budget of peak cannot be held while a length is open", 4),
    ]


def test_validate_holds_it_and_shapes_shows_it(call: Call) -> None:
    Path("over.yaml").write_text(spec("{parameters: 100, peak: 1 MiB}"))
    result = call("validate", "over.yaml")
    assert result.status == 1
    assert result.out == (
        "over.yaml:4:22: error CS085: over budget: parameters is 185, 85 (85.0%) more than 100\n"
        "   |\n"
        " 4 | budget: {parameters: 100, peak: 1 MiB}\n"
        "   |                      ^^^\n"
        "  hint: 185 = 165 ('fc') + 20 ('conv1')\n"
        "\n"
        "found 1 error in 1 file\n"
    )
    assert call("shapes", "over.yaml").out.splitlines()[-6] == (
        "parameters: 185 (740 B); 185% of the budget 100"
    )


def test_a_wrapper_states_the_budget_of_the_model_in_it(call: Call) -> None:
    Path("inner.yaml").write_text(spec("{parameters: 1000}"))
    Path("outer.yaml").write_text("convspec: 1\nmodel: inner.yaml\nbudget: {parameters: 100}\n")
    result = call("validate", "outer.yaml")
    assert result.status == 1
    assert result.out.splitlines()[0] == (
        "outer.yaml:3:22: error CS085: over budget: parameters is 185, 85 (85.0%) more than 100"
    )


def test_what_convert_writes_keeps_the_budget(call: Call) -> None:
    Path("a.yaml").write_text("seed: 1\n" + spec("{parameters: 1M, peak: 1 MiB}"))
    assert call("convert", "a.yaml", "--output", "b.yaml").status == 0
    assert "budget: {parameters: 1000000, peak: 1048576}\n" in Path("b.yaml").read_text()


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ("{parameter: 5}", "error CS022: 'budget' has no key 'parameter'"),
        ("{parameters: -1}", "error CS025: 'budget' key 'parameters' is -1; it must be 0 or more"),
        ("{peak: 5 pages}", "'budget' key 'peak': 'pages' is no unit"),
        ("5M", "error CS024: 'budget' is '5M', not a mapping"),
    ],
)
def test_what_is_no_budget(call: Call, budget: str, said: str) -> None:
    Path("a.yaml").write_text(spec(budget))
    result = call("validate", "a.yaml")
    assert result.status == 1
    assert said in result.out
