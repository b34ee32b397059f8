"""Several inputs and outputs, by name and in archives."""

from __future__ import annotations

import contextlib
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.run.calling import REFERENCE, Array, call, close, good, npy

TWO = """\
convspec: 1
inputs: {a: [4], b: [4]}
outputs: [sum, all]
layers:
  - {type: Merge, name: sum, inputs: [a, b]}
  - {type: Merge, name: all, mode: concat, inputs: [a, b]}
"""


@pytest.fixture
def two(folder: Path) -> dict[str, Array]:
    Path("two.yaml").write_text(TWO)
    rng = np.random.default_rng(5)
    arrays = {name: rng.normal(size=(5, 4)).astype(np.float32) for name in "ab"}
    np.save("a.npy", arrays["a"])
    np.save("b.npy", arrays["b"].astype(np.float64))
    return arrays


NAMED = ("--input", "a=a.npy", "--input", "b=b.npy", *REFERENCE)


def assert_two(found: dict[str, Array], two: dict[str, Array]) -> None:
    assert set(found) == {"sum", "all"}
    close(found["sum"], two["a"] + two["b"])
    close(found["all"], np.concatenate([two["a"], two["b"]], axis=1))


@pytest.mark.parametrize("batch", [(), ("--batch-size", "2")])
def test_inputs_by_name_and_an_archive_out(two: dict[str, Array], batch: tuple[str, ...]) -> None:
    result = good("run", "two.yaml", *NAMED, "--output", "out.npz", "--layer", "a", *batch)
    with zipfile.ZipFile("out.npz") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["sum.npy", "all.npy", "a.npy"]
    with np.load("out.npz") as stored:
        found = dict(stored)
    assert np.array_equal(found.pop("a"), two["a"])
    assert_two(found, two)
    assert "b.npy: note CS123: float64 converted to float32" in result.err
    assert "wrote out.npz: (5, 4) float32, output of 'sum'" in result.text


def test_several_outputs_as_npy_files(two: dict[str, Array]) -> None:
    good("run", "two.yaml", *NAMED, "--output", "out.npy")
    assert not Path("out.npy").exists()
    assert_two({name: np.load(f"out.{name}.npy") for name in ("sum", "all")}, two)


def test_a_summary_of_every_output(two: dict[str, Array]) -> None:
    result = good("run", "two.yaml", *NAMED)
    assert [line.split(":")[0] for line in result.text.splitlines()] == ["sum", "all"]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("batch", [(), ("--batch-size", "2")])
def test_an_archive_in(two: dict[str, Array], save: Any, batch: tuple[str, ...]) -> None:
    save("both.npz", **two, unused=np.zeros(3))
    good("run", "two.yaml", "--input", "both.npz", "--output", "out.npz", *REFERENCE, *batch)
    with np.load("out.npz") as stored:
        assert_two(dict(stored), two)


def test_the_only_member_is_the_only_input(two: dict[str, Array]) -> None:
    np.savez("x.npz", np.load("steps.npy"))
    good("run", "repeat.yaml", "--input", "x.npz", "--output", "out.npy", *REFERENCE)
    assert np.array_equal(np.load("out.npy"), np.repeat(np.load("steps.npy"), 2, axis=1))


def test_one_input_by_a_pipe(two: dict[str, Array]) -> None:
    good("run", "two.yaml", "--input", "a=-", "--input", "b=b.npy", "--output", "o.npz", *REFERENCE,
         stdin=npy(two["a"]))  # fmt: skip
    with np.load("o.npz") as stored:
        assert_two(dict(stored), two)


def test_the_same_archive_every_time(two: dict[str, Array]) -> None:
    for name in ("one.npz", "two.npz"):
        good("run", "two.yaml", *NAMED, "--output", name)
    assert Path("one.npz").read_bytes() == Path("two.npz").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--input", "a=a.npy"), "no --input b=FILE: two needs it"),
        (("--input", "a.npy"), "two has 2 inputs: give --input a=FILE --input b=FILE, or one .npz "
                               "with members of these names"),
        (("--input", "a=a.npy", "--input", "a=b.npy"), "--input a= is given twice"),
        (("--input", "c=a.npy"), "no input 'c' in two; inputs: a, b"),
        (("--input", "a.npy", "--input", "b.npy"), "two has 2 inputs: give --input a=FILE --input "
                                                   "b=FILE, or one .npz"),
        (("--input", "a=-", "--input", "b=-"), "one input can come from standard input"),
        ((*NAMED, "--output", "-"), "the model has 2 outputs: give --output a file name, .npz "
                                    "for one file"),
        ((*NAMED, "--output", "a.npy", "--layer", "c"), "no layer 'c' in two; layers: a, b, sum"),
    ],
)  # fmt: skip
def test_wrong_inputs_are_usage_errors(
    two: dict[str, Array], arguments: tuple[str, ...], message: str
) -> None:
    result = call("run", "two.yaml", *arguments, stdin=b"")
    assert result.status == 2
    assert message in result.err.replace("\n", " ")
    assert not list(Path().glob("*out*"))


def test_the_only_input_under_another_name() -> None:
    np.save("x.npy", np.zeros((1, 8, 8, 1), np.float32))
    result = call("run", "model.yaml", "--seed", "1", "--input", "image=x.npy", *REFERENCE)
    assert result.status == 2
    assert "no input 'image' in model; inputs: conv 1" in result.err.replace("\n", " ")


def test_an_output_is_no_input(two: dict[str, Array]) -> None:
    np.savez("both.npz", **two)
    result = call("run", "two.yaml", "--input", "both.npz", "--output", "both.npz")
    assert result.status == 2
    assert "'both.npz' is the input of this run; name another output" in result.err


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_archives_leave_nothing(two: dict[str, Array], save: Any) -> None:
    save("both.npz", a=np.tile(two["a"], (200, 1)), b=np.tile(two["b"], (200, 1)))
    sound = Path("both.npz").read_bytes()
    codes = set()
    for start in range(40, len(sound) - 80, 97):
        Path("bad.npz").write_bytes(sound[:start] + bytes(64) + sound[start + 64 :])
        result = call_here("run", "two.yaml", "--input", "bad.npz", "--output", "out.npz")
        assert result[0] in {0, 1, 2}, result
        if result[0]:
            codes |= set(re.findall(r"error (CS\d+)", result[1]))
            assert not Path("out.npz").exists()
        Path("out.npz").unlink(missing_ok=True)
    assert codes <= {"CS110", "CS111", "CS112", "CS113", "CS114", "CS117", "CS124", "CS125"}
    assert "CS112" in codes
    Path("bad.npz").write_bytes(sound[:-30])
    status, text = call_here("run", "two.yaml", "--input", "bad.npz")
    assert status == 1
    assert "bad.npz: error CS111: the archive is damaged" in text
    assert not list(Path().glob(".*part"))


def call_here(*arguments: str) -> tuple[int, str]:
    """The command in this process: its status, and what it prints."""
    from speccompiler.cli.main import run

    shown = io.StringIO()
    with contextlib.redirect_stderr(shown), contextlib.redirect_stdout(shown):
        status = run([*arguments, *REFERENCE])
    return status, shown.getvalue()


def test_an_npy_named_npz(two: dict[str, Array]) -> None:
    Path("a.npy").rename("a.npz")
    result = call("run", "two.yaml", "--input", "a.npz")
    assert result.status == 1
    assert "a.npz: error CS111: this is a single .npy array and no archive" in result.err
