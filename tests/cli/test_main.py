"""Every command: usage, help, which stream, exit status, our own mistakes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from speccompiler import __version__
from speccompiler.cli import main
from tests.cli.calling import BAD, Call, write


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
            "no command 'frobnicate'; commands: validate, shapes, fmt, render, diff, plan, run, "
            "weights, verify, convert, compile, cache, doctor, layers, schema, explain, lsp",
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
            "--profile shows the steps of --target cpu or cuda; reference has none",
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
    assert commands - {"main"} == {main.MODULES.get(name, name) for name in listed}


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
    monkeypatch.setattr("speccompiler.cli.spec_checks.checked", fail)
    result = call("validate", "good.yaml")
    assert (result.status, result.out) == (status, "")
    assert result.err.startswith(message)
    assert "Traceback" not in result.err


def test_a_traceback_on_request(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    write("good.yaml")
    monkeypatch.setenv("CONVSPEC_TRACEBACK", "1")
    monkeypatch.setattr("speccompiler.cli.spec_checks.checked", None)
    result = call("validate", "good.yaml")
    assert result.status == 2
    assert result.err.startswith("Traceback (most recent call last):\n")
    assert "convspec: internal error (TypeError: " in result.err
