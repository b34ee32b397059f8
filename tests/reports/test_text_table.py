"""Tables of text: as tabulate writes them, and with letters that are two columns wide."""

from __future__ import annotations

import random
from typing import Literal

import pytest
from tabulate import tabulate

from speccompiler.reports.text_table import Align, text_table


@pytest.mark.parametrize(("style", "theirs"), [("text", "simple"), ("markdown", "github")])
def test_tables_are_those_of_tabulate(style: Literal["text", "markdown"], theirs: str) -> None:
    chance = random.Random(1)

    def cell(most: int) -> str:
        return "".join(chance.choice("ab 1.x") for _ in range(chance.randrange(most))).strip()

    for _ in range(200):
        count = chance.randrange(1, 6)
        align: list[Align] = [chance.choice(("left", "right")) for _ in range(count)]
        headers = [cell(6) or "h" for _ in range(count)]
        rows = [[cell(9) for _ in range(count)] for _ in range(chance.randrange(1, 6))]
        expected = tabulate(
            rows, headers=headers, tablefmt=theirs, colalign=align, disable_numparse=True
        )
        assert text_table(headers, align, rows, style) == expected


def test_a_wide_letter_takes_two_columns_and_an_accent_none() -> None:
    rows = [["畳み込み", "1"], ["convolución", "22"], ["cafe\u0301", "3"]]
    assert text_table(["layer", "n"], ["left", "right"], rows).splitlines() == [
        "layer          n",
        "-----------  ---",
        "畳み込み       1",
        "convolución   22",
        "cafe\u0301           3",
    ]
