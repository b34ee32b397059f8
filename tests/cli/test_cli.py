"""The command line: what goes in, how it ends, and what never reaches a terminal."""

from __future__ import annotations

import copy
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speccompiler import __version__
from speccompiler.cli import main
from speccompiler.cli.render import columns, printable, render_text
from speccompiler.cli.spec_texts import SpecTexts
from speccompiler.diagnostics.core import Diagnostic, Severity, Span
from speccompiler.graph.dims import symbol
from speccompiler.reports.number_text import count, scaled, seconds, size
from speccompiler.schemas.registry import LAYERS
from tests.places import ROOT

GOOD = """\
convspec: 1
dim_ordering: tf
input_shape: [8, 8, 1]
layers:
  - {type: Convolution2D, name: conv, nb_filter: 2, nb_row: 3, nb_col: 3}
"""
BAD = GOOD.replace("nb_row", "nb_rows")
UNDECIDED = json.dumps(
    {
        "class_name": "Sequential",
        "config": [
            {
                "class_name": "Convolution1D",
                "config": {"nb_filter": 2, "filter_length": 3, "batch_input_shape": [None, 9, 2]},
            }
        ],
    }
)


class Result:
    """How a command ended."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    def __repr__(self) -> str:
        return f"exit status {self.status}\n{self.out}\n--\n{self.err}"


Call = Callable[..., Result]


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Call:
    """Runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, stdin: bytes = b"") -> Result:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        status = main.run(list(arguments))
        out, err = capsys.readouterr()
        return Result(status, out, err)

    return run


def write(name: str, text: str = GOOD) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return name


# --- exit status, and which stream


def test_validate_ends_in_0_1_or_2(call: Call) -> None:
    write("good.yaml")
    write("bad.yaml", BAD)
    good = call("validate", "good.yaml")
    assert (good.status, good.out, good.err) == (0, "good.yaml: ok, 1 layer\n", "")
    bad = call("validate", "bad.yaml")
    assert (bad.status, bad.err) == (1, "")
    assert bad.out.endswith("\nfound 2 errors in 1 file\n")
    gone = call("validate", "gone.yaml")
    assert (gone.status, gone.err) == (2, "")
    both = call("validate", "good.yaml", "bad.yaml", "gone.yaml")
    assert both.status == 2
    assert "good.yaml: ok, 1 layer\n" in both.out
    assert both.out.endswith("\nfound 3 errors in 2 of 3 files\n")


def test_warnings_alone_do_not_fail(call: Call) -> None:
    write("model.json", UNDECIDED)
    result = call("validate", "model.json")
    assert result.status == 0
    assert "warning CS050" in result.out
    assert "model.json: ok, 1 layer\nfound 1 warning in 1 file\n" in result.out
    decided = call("validate", "model.json", "--semantics", "theano")
    assert (decided.status, decided.out) == (0, "model.json: ok, 1 layer\n")


@pytest.mark.parametrize("command", ["shapes", "plan", "run"])
def test_findings_of_other_commands_go_to_stderr(call: Call, command: str) -> None:
    write("bad.yaml", BAD)
    more = ["--input", "x.npy"] if command == "run" else []
    result = call(command, "bad.yaml", *more)
    assert (result.status, result.out) == (1, "")
    assert "error CS022: Convolution2D has no argument 'nb_rows' [layer conv]\n" in result.err
    assert result.err.endswith("\nfound 2 errors\n")
    assert call(command, "gone.yaml", *more).status == 2


@pytest.mark.parametrize("command", ["shapes", "plan"])
def test_warnings_of_other_commands_do_not_mix_with_their_result(call: Call, command: str) -> None:
    layers = "  - {type: MaxPooling3D, pool_size: [1, 2, 2], border_mode: same}\n"
    text = "convspec: 1\nsemantics: theano\ndim_ordering: tf\n"
    text += f"input_shape: [4, 4, 4, 1]\nlayers:\n{layers}"
    write("model.yaml", text)
    result = call(command, "model.yaml")
    assert result.status == 0
    assert "warning CS051" in result.err
    assert "CS051" not in result.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["validat", "x"], "no command 'validat'; did you mean 'validate'?"),
        (
            ["frobnicate"],
            "no command 'frobnicate'; commands: validate, shapes, plan, run, weights, verify, "
            "convert, compile, cache, doctor, layers, schema, explain",
        ),
        (["validate"], "Missing argument 'PATH...'"),
        (["validate", "x", "--formt", "json"], "No such option '--formt'"),
        (["validate", "x", "--format", "yaml"], "'yaml' is not one of 'text', 'json'"),
        (["validate", "x", "--semantics", "torch"], "'torch' is not one of"),
        (["shapes"], "Missing argument 'MODEL'"),
        (["shapes", "x", "--input-shape", "8xx"], "'8xx' is no shape; write it as 224,224,3"),
        (["shapes", "x", "--input-shape", "8,0"], "'8,0' has a length below 1"),
        (["run", "x"], "Missing option '--input'"),
        (["run", "x", "--input", "y", "--seed", "-1"], "-1 is not in the range"),
        (["run", "x", "--input", "y", "--batch-size", "0"], "0 is not in the range x>=1"),
        (["run", "x", "--input", "y", "--threads", "two"], "'two' is not a valid integer"),
        (["run", "x", "--input", "y", "--target", "tpu"], "'tpu' is not one of"),
        (
            ["run", "x", "--input", "y", "--target", "cuda:x"],
            "'cuda:x' is not one of 'cpu', 'cuda', 'cuda:N', 'reference'",
        ),
        (["compile", "x", "--target", "reference"], "not one of 'cpu', 'cuda', 'cuda:N'"),
        (["run", "-", "--input", "-"], "cannot both come from standard input"),
        (["run", "x", "--input", "y", "--output", "-", "--layer", "a"], "--layer writes files"),
        (
            ["run", "x", "--input", "y", "--profile", "--target", "reference"],
            "--profile shows the steps of --target cpu",
        ),
        (["explain", "CS_012"], "no diagnostic 'CS_012'; did you mean 'CS012'"),
        (["explain", "x"], "no diagnostic 'x'; run 'convspec explain' for the list"),
    ],
)
def test_usage(call: Call, arguments: list[str], message: str) -> None:
    result = call(*arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("Usage: convspec")
    assert message in result.err
    assert "Try 'convspec" in result.err


def test_a_misspelt_option_is_corrected(call: Call) -> None:
    assert "Did you mean '--format'?" in call("validate", "x", "--formt", "json").err


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_layer_that_is_none(call: Call, command: str) -> None:
    write("good.yaml")
    more = ["--input", "x.npy", "--seed", "1"] if command == "run" else []
    result = call(command, "good.yaml", "--layer", "konv", *more)
    assert result.status == 2
    assert "no layer 'konv' in good; did you mean 'conv'?" in result.err


def test_the_cuts_of_a_plan_are_for_its_batch_and_threads(call: Call) -> None:
    vgg = str(ROOT / "examples" / "specs" / "vgg16.yaml")
    one = call("plan", vgg, "--threads", "2").out
    assert call("plan", vgg, "--threads", "2", "--batch-size", "1").out == one
    eight, many = call("plan", vgg, "--batch-size", "8"), call("plan", vgg, "--threads", "16")
    # 14x14 outputs are 16 tiles a sample: at batch 8 there are more than that to do together.
    assert "16 tiles x" in one
    assert "64 tiles x" in eight.out
    assert many.out != one
    assert "0 is not in the range" in call("plan", vgg, "--threads", "0").err


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], [], ["validate", "--help"]])
def test_help(call: Call, arguments: list[str]) -> None:
    result = call(*arguments)
    shown = result.out + result.err
    assert result.status == (0 if arguments else 2)
    assert shown.startswith("Usage: convspec")
    if len(arguments) < 2:
        assert all(f"  {name} " in shown for name in main.COMMANDS)


def test_every_command_is_listed_and_found() -> None:
    listed = main.convspec.list_commands(None)  # type: ignore[arg-type]
    assert listed == list(main.COMMANDS)
    folder = Path(main.__file__).parent
    commands = {p.stem for p in folder.glob("*.py") if "@click.command(" in p.read_text()}
    assert commands - {"main"} == set(listed)


def test_version(call: Call) -> None:
    assert call("--version").out == f"convspec {__version__}\n"


def test_a_shell_is_told_the_commands() -> None:
    environment = {**os.environ, "_CONVSPEC_COMPLETE": "bash_complete", "COMP_CWORD": "1",
                   "COMP_WORDS": "convspec val"}  # fmt: skip
    code = "from speccompiler.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "plain,validate\n"


# --- where specs come from


def test_standard_input(call: Call) -> None:
    good = call("validate", "-", stdin=GOOD.encode())
    assert (good.status, good.out) == (0, "<stdin>: ok, 1 layer\n")
    bad = call("validate", "-", stdin=BAD.encode())
    assert bad.status == 1
    assert bad.out.startswith("<stdin>:5:")
    as_json = call("validate", "-", stdin=UNDECIDED.encode())
    assert as_json.status == 0
    assert call("validate", "-", stdin=b"").status == 1
    shapes = call("shapes", "-", "--format", "json", stdin=GOOD.encode())
    assert json.loads(shapes.out)["model"] == "stdin"


def test_a_folder_holds_specs_and_other_files(call: Call) -> None:
    write("models/a.yaml")
    write("models/deep/b.yml", BAD)
    write("models/c.json", UNDECIDED)
    write("models/compose.yaml", "services: {web: {image: nginx}}\n")
    write("models/list.json", "[1, 2]\n")
    write("models/broken.yaml", "key: [unclosed\n")
    write("models/notes.txt", "convspec: 1\n")
    write("models/.hidden/d.yaml", BAD)
    write("models/.e.yaml", BAD)
    result = call("validate", "models", "--format", "json")
    assert result.status == 1
    files = json.loads(result.out)["files"]
    assert files == ["models/a.yaml", "models/c.json", "models/deep/b.yml"]


def test_a_broken_spec_in_a_folder_is_not_passed_over(call: Call) -> None:
    write("models/a.yaml", "convspec: 1\nlayers: [\n")
    result = call("validate", "models")
    assert result.status == 1
    assert "models/a.yaml:2:9: error CS003: " in result.out


def test_a_folder_without_specs(call: Call) -> None:
    write("models/compose.yaml", "services: {}\n")
    result = call("validate", "models")
    assert result.status == 2
    assert "no spec in folder 'models'" in result.err


def test_a_glob(call: Call) -> None:
    for name in ("a.yaml", "b.yaml", "c.json"):
        write(f"models/{name}", GOOD if name != "c.json" else UNDECIDED)
    result = call("validate", "models/*.yaml")
    assert result.out == "models/a.yaml: ok, 1 layer\nmodels/b.yaml: ok, 1 layer\n"
    nothing = call("validate", "models/*.toml")
    assert nothing.status == 2
    assert "no file matches 'models/*.toml'" in nothing.err
    # A file of that very name comes first.
    write("models/[ab].yaml")
    assert call("validate", "models/[ab].yaml").out == "models/[ab].yaml: ok, 1 layer\n"


def test_a_file_named_twice_is_checked_once(call: Call) -> None:
    write("models/a.yaml")
    result = call("validate", "models/a.yaml", "models", "models/*.yaml")
    assert result.out == "models/a.yaml: ok, 1 layer\n"


def test_odd_paths(call: Call) -> None:
    assert call("validate", "").status == 2
    assert call("validate", "x\0y").status == 2
    assert call("validate", "x" * 5000).status == 2
    assert call("validate", "/dev/null").status == 2
    assert call("shapes", ".").status == 2


# --- colour


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


# --- what a file says is only ever shown, never obeyed


ESCAPES = "\x1b[31mred\x1b]0;title\x07\x9b2J\u202egnp.exe\u2028next\r\n\x00"


def shown_safely(result: Result) -> None:
    for text in (result.out, result.err):
        assert [c for c in text if not c.isprintable() and c != "\n"] == [], result


@pytest.mark.parametrize("command", ["validate", "shapes", "plan", "run"])
@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec.update(name=ESCAPES),
        lambda spec: spec.update({ESCAPES: 1}),
        lambda spec: spec["layers"][0].update(name=ESCAPES),
        lambda spec: spec["layers"][0].update(type=ESCAPES),
        lambda spec: spec["layers"][0].update({ESCAPES: 1}),
        lambda spec: spec["layers"][0].update(border_mode=ESCAPES),
        lambda spec: spec["layers"][0].update(activation={"expr": ESCAPES}),
        lambda spec: spec["layers"][0].update(weights=[ESCAPES, ESCAPES]),
        lambda spec: spec["layers"][0].update(W_regularizer={"name": ESCAPES}),
        lambda spec: spec.update(weights=ESCAPES),
        lambda spec: spec.update(weights=f"{ESCAPES}.npz"),
        lambda spec: spec.update(layers=[ESCAPES]),
        lambda spec: (spec.clear(), spec.update({"class_name": ESCAPES, "config": []})),
        lambda spec: (
            spec.clear(),
            spec.update({"class_name": "Model", "config": [], "keras_version": ESCAPES}),
        ),
    ],
)
def test_escapes_in_a_spec_reach_no_terminal(
    call: Call, command: str, change: Callable[[dict[str, Any]], object]
) -> None:
    spec = {"convspec": 1, "dim_ordering": "tf", "input_shape": [8, 8, 1], "layers": [
        {"type": "Convolution2D", "nb_filter": 2, "nb_row": 3, "nb_col": 3}]}  # fmt: skip
    change(spec)
    more = ["--input", "x.npy"] if command == "run" else []
    # As JSON escapes, and as they are where YAML lets them stand.
    write("spec.json", json.dumps(spec))
    write("raw.yaml", json.dumps(spec, ensure_ascii=False))
    for name in ("spec.json", "raw.yaml"):
        result = call(command, name, *more)
        assert result.status in (1, 2)
        shown_safely(result)


def test_escapes_in_names_of_files_and_tensors(call: Call) -> None:
    name = write("a\x1b[31mb.yaml")
    for command in (["validate", name], ["shapes", name], ["validate", "."], ["plan", name]):
        shown_safely(call(*command))
    shown_safely(call("validate", "no\x1b[31mfile.yaml"))
    shown_safely(call("validate", "no\x1b[31m*.yaml"))
    shown_safely(call("no\x1b[31mcommand"))
    shown_safely(call("validate", "--no\x1b[31moption", "x"))
    np.savez("w.npz", **{"a\x1b[31m": np.ones(3, np.float32)})
    shown_safely(call("validate", name, "--weights", "w.npz"))
    shown_safely(call("run", name, "--seed", "1", "--input", "w.npz"))
    shown_safely(call("run", name, "--seed", "1", "--input", "w\x1b.npy", "--layer", "\x1b"))


def test_a_name_that_is_not_utf8(call: Call) -> None:
    name = os.fsdecode(b"gr\xf6\xdfe.yaml")
    Path(name).write_text(GOOD)
    assert call("validate", name).out == "gr\\udcf6\\udcdfe.yaml: ok, 1 layer\n"
    assert json.loads(call("validate", "--format", "json", ".").out)["diagnostics"] == []
    assert call("shapes", name).status == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Convolution2D", "C" * 300_000),
        ("nb_row", "n" * 300_000),
        ("convspec: 1", "convspec: 1\n" + "k" * 300_000 + ": 1"),
        ("name: conv", "border_mode: " + "v" * 300_000),
        ("name: conv", "dim_ordering: no, name: " + "v" * 300_000),
        ("name: conv", "nb_filter: " + "9" * 300),
        ("[8, 8, 1]", "[8, " + "8" * 3000 + ", 1.5]"),
        ("name: conv", "weights: [" + "w" * 300_000 + "]"),
        ("name: conv", "W_regularizer: {name: " + "w" * 300_000 + "}"),
        ("name: conv", "W_regularizer: {name: l2, " + "w" * 300_000 + ": 1}"),
        ("  - {", "  - " + "F" * 300_000 + "\n  - {"),
        ("  - {", "  - {type: Flatten, name: " + "F" * 300_000 + "}\n" * 1 + "  - {"),
    ],
)
def test_a_message_about_a_long_value_is_short(call: Call, old: str, new: str) -> None:
    write("long.yaml", GOOD.replace(old, new))
    for command in ("validate", "shapes"):
        result = call(command, "long.yaml")
        assert result.status == 1, result.out
        assert max(map(len, (result.out + result.err).splitlines())) < 400


# --- the place, under the right character


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


# --- our own mistakes


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (
            RuntimeError("a\x1bb\nmore"),
            2,
            "convspec: internal error (RuntimeError: a\\x1bb); this is a bug in convspec: please "
            "report it with the command and the output of CONVSPEC_TRACEBACK=1\n",
        ),
        (AssertionError(), 2, "convspec: internal error (AssertionError: ); this is a bug in "),
        (EOFError(), 2, "convspec: internal error (EOFError: ); this is a bug in "),
        (
            MemoryError(),
            2,
            "convspec: out of memory; use a smaller --batch-size or a smaller model\n",
        ),
        (OSError(28, "No space left", "a.npy"), 2, "convspec: No space left: a.npy\n"),
        (KeyboardInterrupt(), 130, "convspec: interrupted\n"),
    ],
)
def test_what_no_command_expects(
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    status: int,
    message: str,
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    write("good.yaml")
    monkeypatch.setattr("speccompiler.cli.validate.check", fail)
    result = call("validate", "good.yaml")
    assert (result.status, result.out) == (status, "")
    assert result.err.startswith(message)
    assert "Traceback" not in result.err


def test_a_traceback_on_request(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    write("good.yaml")
    monkeypatch.setenv("CONVSPEC_TRACEBACK", "1")
    monkeypatch.setattr("speccompiler.cli.validate.check", None)
    result = call("validate", "good.yaml")
    assert result.status == 2
    assert result.err.startswith("Traceback (most recent call last):\n")
    assert "convspec: internal error (TypeError: " in result.err


# --- numbers for people


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (count(14_714_688), "14,714,688"),
        (count(2 * symbol("T")), "2*T"),
        (scaled(999), "999"),
        (scaled(1000), "1 k"),
        (scaled(15_346_630_656), "15.3 G"),
        (scaled(2 * 10**12), "2 T"),
        (size(1023), "1023 B"),
        (size(1024), "1.0 KiB"),
        (size(12_845_056), "12.2 MiB"),
        (size(3 << 30), "3.0 GiB"),
        (seconds(1.2345), "1.23 s"),
        (seconds(0.0315), "31.5 ms"),
        (seconds(84e-6), "84 us"),
    ],
)
def test_numbers(text: str, expected: str) -> None:
    assert text == expected


# --- whatever a spec holds, a command ends in 0, 1 or 2 and explains itself


SEEDS: list[dict[str, Any]] = [
    {
        "convspec": 1,
        "name": "one",
        "semantics": "theano",
        "dim_ordering": "th",
        "input_shape": [3, 9, None],
        "seed": 1,
        "layers": [
            {"type": "ZeroPadding2D", "padding": {"top_pad": 1, "left_pad": 2}},
            {"type": "Convolution2D", "name": "c", "nb_filter": 2, "nb_row": 3, "nb_col": 2,
             "subsample": [2, 1], "border_mode": "same", "init": {"name": "uniform", "scale": 0.1},
             "activation": {"expr": "where(x > 0, x, 0.1 * x)"}, "bias": True,
             "W_regularizer": {"name": "l1l2", "l1": 0.1}, "b_constraint": "nonneg",
             "W_constraint": {"name": "MaxNorm", "m": 2, "axis": [1, 2, 3]}},
            {"type": "MaxPooling2D", "pool_size": [1, 2], "strides": None},
            {"type": "UpSampling2D", "size": [2, 1], "dim_ordering": "default"},
        ],
    },
    {
        "convspec": 1,
        "input_shape": [6, 2],
        "semantics": {"profile": "theano", "kernel": "correlate"},
        "input_dtype": "uint8",
        "layers": [
            {"type": "Convolution1D", "nb_filter": 2, "filter_length": 2, "border_mode": "full",
             "weights": [[[[[1, 2], [3, 4]]], [[[5, 6], [7, 8]]]], [0, 1]]},
            {"type": "AveragePooling1D", "pool_length": 3, "stride": 2, "border_mode": "same"},
            {"type": "Reshape", "target_shape": [2, -1]},
            {"type": "Flatten"},
            {"type": "Dropout", "p": 0.5},
            {"type": "Dense", "output_dim": 3, "activation": "softmax", "bias": False,
             "weights": [[[0.1, 0.2, 0.3]] * 8],
             "activity_regularizer": {"class_name": "L1L2Regularizer", "config": {"l1": 0.1}}},
        ],
    },
    {
        "class_name": "Sequential",
        "keras_version": "1.2.2",
        "config": [
            {"class_name": "Convolution3D",
             "config": {"name": "c", "trainable": True, "batch_input_shape": [None, 3, 4, 5, 1],
                        "input_dtype": "float32", "nb_filter": 2, "kernel_dim1": 1,
                        "kernel_dim2": 2, "kernel_dim3": 2, "dim_ordering": "tf"}},
            {"class_name": "ZeroPadding3D", "config": {"padding": [1, 0, 1]}},
            {"class_name": "Sequential", "config": [
                {"class_name": "Activation", "config": {"activation": "relu"}}]},
        ],
    },
    {
        "class_name": "Model",
        "keras_version": "1.1.0",
        "config": {
            "name": "m",
            "layers": [
                {"class_name": "InputLayer", "name": "i", "inbound_nodes": [],
                 "config": {"batch_input_shape": [None, 4], "name": "i"}},
                {"class_name": "Dense", "name": "d", "inbound_nodes": [[["i", 0, 0]]],
                 "config": {"output_dim": 2, "name": "d", "input_dim": 4}},
            ],
            "input_layers": [["i", 0, 0]],
            "output_layers": [["d", 0, 0]],
        },
    },
]  # fmt: skip

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, -1, 2, 3, 7, 10**4, 2**31, 2**63, -(2**70), 10**40]),
    st.sampled_from([0.0, -0.5, 1.5, 1e-300, 1e300, 2.0]),
    st.sampled_from(
        ["", " ", "x", "relu", "softmax", "same", "th", "l2", "MaxNorm", "1", "nan", "a.npz#b",
         "kernel.npy", "x + 1", "x ** 99", "\x1b[31m", "\u200b", "é", "\ud800"]
    ),
    st.sampled_from([*LAYERS, "Conv2D", "Lambda", "BatchNormalization", "Sequential", "Model"]),
    st.text(max_size=8),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


LIKELY: dict[type, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.sampled_from([1, 1, 2, 2, 3, 4, 5, 8, 0, -1, 40, 1000, 2**31, 2**62, None]),
    float: st.sampled_from([0.0, 0.5, 1.0, 2.5, -1.0, 1e-30, 1e300]),
    str: st.sampled_from(
        ["th", "tf", "default", "same", "valid", "full", "relu", "softmax", "elu", "theano",
         "tensorflow", "l1l2", "identity", "orthogonal", "maxnorm", "x / 0", "exp(exp(x))"]
    ),
    type(None): st.sampled_from([1, 2, 3, 8, None]),
}  # fmt: skip
"""Values that a schema may take in the place of another."""


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with each of its keys or indices."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in list(items):
        yield node, key
        if isinstance(value, dict | list):
            yield from places(value)


CHANGES = ["delete", "replace", "repeat", "rename", "exchange"]


@st.composite
def mutated(draw: st.DrawFn, changes: int) -> Any:
    """A valid spec with a few values deleted, replaced, repeated or moved."""
    spec = copy.deepcopy(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, changes))):
        found = list(places(spec))
        if not found:
            break
        node, key = draw(st.sampled_from(found))
        what = draw(st.sampled_from(["nudge"] * 5 + CHANGES))
        if what == "nudge" and not isinstance(node[key], dict | list):
            node[key] = draw(LIKELY[type(node[key])])
        elif what == "delete":
            del node[key]
        elif what == "replace":
            node[key] = draw(VALUES)
        elif what == "repeat" and isinstance(node, list):
            node.insert(key, copy.deepcopy(node[key]))
        elif what == "rename" and isinstance(node, dict):
            others = [k for _, k in found if isinstance(k, str)]
            node[draw(st.sampled_from(others) | st.text(max_size=5))] = node.pop(key)
        elif what == "exchange":
            other, place = draw(st.sampled_from(found))
            node[key] = copy.deepcopy(other[place])
    return spec


def ends_well(
    call: Call, spec: Any, commands: tuple[list[str], ...], name: str = "fuzz.json"
) -> None:
    text = json.dumps(spec)
    Path(name).write_text(text, encoding="utf-8", errors="surrogatepass")
    for command in commands:
        result = call(*command[:1], name, *command[1:])
        where = f"{command} on {text}\n{result}"
        assert result.status in (0, 1, 2), where
        assert "internal error" not in result.err, where
        assert "Traceback" not in result.err + result.out, where
        assert result.status == 0 or result.out or result.err, where
        shown_safely(result)


COMMANDS = (
    ["validate"],
    ["validate", "--seed", "1", "--dim-ordering", "tf", "--semantics", "theano"],
    ["shapes", "--dim-ordering", "th"],
    ["shapes", "--format", "json", "--dim-ordering", "tf", "--input-shape", "8,8,3"],
    ["plan", "--semantics", "theano"],
    ["plan", "--semantics", "tensorflow", "--dim-ordering", "th", "--input-shape", "3,9,12"],
)
RUNS = (
    ["run", "--target", "reference", "--semantics", "theano", "--input", "0.npy", "--penalties"],
    ["run", "--target", "reference", "--seed", "2", "--input", "1.npy", "--apply-constraints"],
    ["run", "--target", "reference", "--seed", "2", "--input", "2.npy", "--dim-ordering", "tf"],
    ["run", "--target", "reference", "--seed", "2", "--input", "3.npy", "--batch-size", "1"],
)


def write_arrays() -> None:
    """One that fits each of ``SEEDS``."""
    for i, shape in enumerate([(2, 3, 9, 5), (3, 6, 2), (1, 3, 4, 5, 1), (2, 4)]):
        np.save(f"{i}.npy", np.ones(shape, np.float32))


FUZZ = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_the_specs_to_be_changed_are_valid(call: Call) -> None:
    for spec in SEEDS:
        Path("seed.json").write_text(json.dumps(spec))
        result = call("validate", "seed.json")
        assert result.status == 0, result


@given(spec=mutated(3))
@settings(FUZZ, max_examples=60)
def test_a_changed_spec_ends_well(call: Call, spec: Any) -> None:
    ends_well(call, spec, COMMANDS)


@given(spec=mutated(2))
@settings(FUZZ, max_examples=25)
def test_a_changed_spec_runs_or_ends_well(call: Call, spec: Any) -> None:
    write_arrays()
    ends_well(call, spec, RUNS)


@given(spec=VALUES)
@settings(FUZZ, max_examples=40)
def test_any_data_at_all_ends_well(call: Call, spec: Any) -> None:
    ends_well(call, spec, COMMANDS[:3])


@given(text=st.text(max_size=60) | st.binary(max_size=60))
@settings(FUZZ, max_examples=40)
def test_any_text_at_all_ends_well(call: Call, text: str | bytes) -> None:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    for name in ("fuzz.yaml", "fuzz.json", "-"):
        if name != "-":
            Path(name).write_bytes(data)
        result = call("validate", name, stdin=data)
        assert result.status in (0, 1, 2), (data, result)
        assert "internal error" not in result.err, (data, result)
        shown_safely(result)


@pytest.mark.slow
@given(spec=mutated(6))
@settings(FUZZ, max_examples=3000)
def test_a_much_changed_spec_ends_well(call: Call, spec: Any) -> None:
    write_arrays()
    ends_well(call, spec, (*COMMANDS, *RUNS))
