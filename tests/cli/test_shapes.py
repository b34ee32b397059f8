"""``convspec shapes``: its formats, and files that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from speccompiler.cli.main import run
from tests.places import ROOT

LENET = str(ROOT / "examples/specs/lenet.yaml")


@pytest.mark.parametrize(
    "arguments", [[], ["--format", "markdown"], ["--format", "json"], ["--format", "csv"]]
)
def test_a_file_holds_what_would_be_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run(["shapes", LENET, *arguments]) == 0
    printed = capsys.readouterr().out
    assert run(["shapes", LENET, *arguments, "-o", "-"]) == 0
    assert capsys.readouterr().out == printed
    file = tmp_path / "report"
    assert run(["shapes", LENET, *arguments, "-o", str(file)]) == 0
    assert capsys.readouterr().out == f"wrote {file}\n"
    assert file.read_text(encoding="utf-8") == printed
    assert [p.name for p in tmp_path.iterdir()] == ["report"]


def test_what_is_read_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "m.yaml"
    spec.write_text(text := Path(LENET).read_text())
    assert run(["shapes", str(spec), "-o", str(spec)]) == 2
    assert f"'{spec}' is what is being read; name another output" in capsys.readouterr().err
    assert spec.read_text() == text


def test_a_place_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "none" / "report.csv"
    assert run(["shapes", LENET, "--format", "csv", "-o", str(file)]) == 2
    assert f"the output cannot be created: the folder '{file.parent}' does not exist" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--graph"], "--graph is for --format markdown"),
        (["--graph", "--format", "json"], "--graph is for --format markdown"),
        (["--by", "type", "--format", "json"],
         "--by is not for --format json, which has all totals"),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(["shapes", LENET, *arguments]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"Error: {message}"


def test_totals_instead_of_layers(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["shapes", LENET, "--by", "type"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == [
        "type", "layers", "parameters", "share", "multiply-adds", "share", "activations",
    ]  # fmt: skip
    assert lines[4].split()[:5] == ["Convolution2D", "2", "2,572", "4.2%", "358"]
    assert "parameters: 61,706 (241.0 KiB)" in lines
