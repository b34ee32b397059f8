"""``convspec plan --tile``, and how ``--tile`` is written."""

from __future__ import annotations

import pytest

from tests.cli.calling import Call
from tests.places import ROOT

FCN = str(ROOT / "examples" / "specs" / "fcn_upsampling.yaml")
SHAPE = ("--input-shape", "128,96,3", "--math", "precise")


def last_section(text: str) -> list[str]:
    return text.rstrip("\n").split("\n\n")[-1].split("\n")


def test_tiles_and_what_they_cost(call: Call) -> None:
    lines = last_section(call("plan", FCN, *SHAPE, "--tile", "64,96").out)
    assert lines[0] == "tiles"
    assert lines[1].split() == ["tiles", "reads", "writes", "multiply-adds", "memory"]
    # A reach of 11 positions to the one neighbour.
    assert [line.split("  ")[:1] for line in lines[3:5]] == [["1"], ["1"]]
    assert all("(75, 96, 3)" in line and "(64, 96, 4)" in line for line in lines[3:5])
    assert lines[-1].startswith("2 tiles (2) of 64, 2 plans; ")
    assert lines[-1].endswith(" of memory for batches of 1")


def test_sizes_are_rounded_up_and_it_says_so(call: Call) -> None:
    lines = last_section(call("plan", FCN, *SHAPE, "--tile", "30").out)
    assert lines[-2] == (
        "tiles of 30,30 become 32,32: their edges lie at multiples of 4,4, where the strides of "
        "all layers meet"
    )


def test_auto_and_a_whole(call: Call) -> None:
    for tile in ("auto", "200"):
        lines = last_section(call("plan", FCN, *SHAPE, "--tile", tile).out)
        assert lines[-1] == "one tile: the whole of each sample"


@pytest.mark.parametrize("written", ["64,96", "(64, 96)", "[64,96]", " 64,96 "])
def test_how_sizes_are_written(call: Call, written: str) -> None:
    assert "2 tiles (2) of 64," in call("plan", FCN, *SHAPE, "--tile", written).out


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("64x96", "'64x96' is no tile; write it as 512,512, as 512, or auto"),
        ("", "'' is no tile; write it as 512,512, as 512, or auto"),
        ("64,", "'64,' is no tile; write it as 512,512, as 512, or auto"),
        ("full", "'full' is no tile; write it as 512,512, as 512, or auto"),
        ("64,0", "'64,0' has a size below 1"),
        ("-64", "'-64' has a size below 1"),
    ],
)
def test_what_is_no_tile(call: Call, written: str, message: str) -> None:
    result = call("plan", FCN, *SHAPE, "--tile", written)
    assert result.status == 2
    assert f"Invalid value for '--tile': {message}" in result.err


def test_open_lengths_need_a_shape(call: Call) -> None:
    result = call("plan", FCN, "--tile", "64")
    assert result.status != 0
    assert "CS052" in result.out + result.err
