"""Standard streams that are closed, gone, full or not UTF-8; names of files that are no text."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speccompiler.cli.main import run

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="closes streams as a shell does"),
    # What the children do needs no thread of this process.
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]

SPEC = """\
convspec: 1
name: Größe 卷
dim_ordering: tf
input_shape: [3]
seed: 1
layers:
  - {type: Dense, name: "卷积", output_dim: 2}  # €
  - {type: Activation, name: é, activation: relu}
verify: {input: x.npy, expect: y.npy}
"""
BAD = SPEC.replace("output_dim: 2}", "output_dim: 0}")


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    (folder / "m.yaml").write_text(SPEC)
    (folder / "bad.yaml").write_text(BAD)
    np.save(folder / "x.npy", np.ones((2, 3), np.float32))
    np.save(folder / "y.npy", np.full((2, 2), 7, np.float32))
    # What is imported here is not imported by every child.
    with contextlib.chdir(folder):
        for arguments, status in COMMANDS.values():
            assert run(list(arguments)) == status
    return folder


COMMANDS = {
    "validate": (["validate", "m.yaml"], 0),
    "validate bad": (["validate", "bad.yaml"], 1),
    "validate json": (["validate", "bad.yaml", "--format", "json"], 1),
    "shapes": (["shapes", "m.yaml"], 0),
    "shapes bad": (["shapes", "bad.yaml"], 1),
    "shapes markdown": (["shapes", "m.yaml", "--format", "markdown"], 0),
    "shapes json": (["shapes", "m.yaml", "--format", "json"], 0),
    "plan": (["plan", "m.yaml"], 0),
    "run": (["run", "m.yaml", "--input", "x.npy", "--target", "reference"], 0),
    "run --output": (
        ["run", "m.yaml", "--input", "x.npy", "--output", "o.npy", "--target", "reference"],
        0,
    ),
    "weights": (["weights", "m.yaml"], 0),
    "verify": (["verify", "m.yaml", "--target", "reference"], 1),
    "convert": (["convert", "m.yaml"], 0),
    "convert --output": (["convert", "m.yaml", "--output", "c.yaml"], 0),
    "compile": (["compile", "m.yaml"], 0),
    "cache": (["cache"], 0),
    "doctor": (["doctor", "--format", "json"], 0),
    "schema": (["schema"], 0),
    "explain": (["explain", "CS012"], 0),
    "help": (["--help"], 0),
    "usage": (["shapes", "m.yaml", "--formät"], 2),
    "unknown": (["shäpes"], 2),
}
GONE = 141


def command(
    folder: Path,
    *arguments: str,
    encoding: str = "utf-8",
    before: Callable[[], object] = lambda: None,
) -> tuple[int, bytes, bytes]:
    """What a process gives that starts as Python does: a closed stream is None.

    It is a fork of this one, because there are many. ``before`` does what a shell does.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            status = 99
            try:
                os.chdir(folder)
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                before()
                for number, name in enumerate(("stdin", "stdout", "stderr")):
                    setattr(sys, name, stream(number, encoding))
                status = in_child(list(arguments))
            finally:
                os._exit(status)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for file in (out, err):
            file.seek(0)
        return ended, out.read(), err.read()


@cache
def plain(folder: Path, name: str) -> tuple[int, bytes, bytes]:
    """What a command gives when nothing is odd."""
    return command(folder, *COMMANDS[name][0])


def stream(number: int, encoding: str) -> Any:
    try:
        os.fstat(number)
    except OSError:
        return None
    errors = "backslashreplace" if number == 2 else "strict"
    return open(number, "w" if number else "r", encoding=encoding, errors=errors, closefd=False)


def in_child(arguments: list[str]) -> int:
    from speccompiler.cli.main import main

    sys.argv = ["convspec", *arguments]
    try:
        main()
    except SystemExit as stop:
        status = stop.code
    try:  # as Python does at its end
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return 120
    assert isinstance(status, int), f"a status of {status!r}"
    return status


def close(number: int) -> Callable[[], None]:
    return lambda: os.close(number)


def gone(number: int) -> Callable[[], None]:
    """A pipe whose reader has left."""

    def before() -> None:
        reader, writer = os.pipe()
        os.close(reader)
        os.dup2(writer, number)

    return before


def full(number: int) -> Callable[[], None]:
    return lambda: os.dup2(os.open("/dev/full", os.O_WRONLY), number) and None


def calm(err: bytes) -> bool:
    return b"Traceback" not in err and b"internal error" not in err and b"Exception" not in err


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("how", [close, gone])
def test_a_reader_that_is_not_there(name: str, how: Any, folder: Path) -> None:
    arguments, status = COMMANDS[name]
    for left in ("o.npy", "c.yaml", "c.safetensors"):
        (folder / left).unlink(missing_ok=True)
    says = name not in {"shapes bad", "usage", "unknown"}
    ended, _, err = command(folder, *arguments, before=how(1))
    assert ended == (GONE if says else status)
    assert calm(err)
    if name == "run --output":
        assert np.load(folder / "o.npy").shape == (2, 2)
    if name == "convert --output":
        written = ["c.yaml", "c.safetensors"]
        assert [(folder / file).exists() for file in written] == [True, True]
        assert command(folder, "validate", "c.yaml")[0] == 0
    ended, out, _ = command(folder, *arguments, before=how(2))
    assert ended == status
    if name not in {"compile", "doctor", "cache"}:  # what they say changes
        assert (ended, out) == plain(folder, name)[:2]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the device that is full")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk(name: str, folder: Path) -> None:
    arguments, status = COMMANDS[name]
    says = name not in {"shapes bad", "usage", "unknown"}
    ended, _, err = command(folder, *arguments, before=full(1))
    assert ended == (2 if says else status)
    assert calm(err)
    if says:
        assert err.endswith(b"convspec: standard output: No space left on device\n")
    assert command(folder, *arguments, before=full(2))[0] == status


def test_all_three_closed(folder: Path) -> None:
    (folder / "o.npy").unlink(missing_ok=True)

    def before() -> None:
        os.closerange(0, 3)

    arguments, _ = COMMANDS["run --output"]
    assert command(folder, *arguments, before=before)[0] == GONE
    assert np.load(folder / "o.npy").shape == (2, 2)
    assert command(folder, "validate", "bad.yaml", before=before)[0] == GONE
    assert command(folder, "shapes", "bad.yaml", before=before)[0] == 1


def test_a_closed_input_is_said(folder: Path) -> None:
    text = b"standard input is closed\n  hint: send the file to it, or name the file\n"
    for arguments in (["validate", "-"], ["shapes", "-"], ["run", "-", "--input", "x.npy"]):
        ended, out, err = command(folder, *arguments, before=close(0))
        assert ended == 2
        assert (out + err).startswith(b"<stdin>: error CS001: " + text)
    run = ["run", "m.yaml", "--input", "-", "--target", "reference"]
    ended, _, err = command(folder, *run, before=close(0))
    assert ended == 2
    assert b"<stdin>: error CS110: " + text in err
    assert command(folder, "shapes", "m.yaml", before=close(0))[0] == 0


def test_an_input_that_cannot_be_read_is_said(folder: Path) -> None:
    def write_only() -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 0)

    ended, out, _ = command(folder, "validate", "-", before=write_only)
    assert ended == 2
    assert out.startswith(
        b"<stdin>: error CS001: standard input cannot be read: bad file descriptor\n"
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk"])
@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_stream_cannot_say_is_escaped(name: str, encoding: str, folder: Path) -> None:
    arguments, status = COMMANDS[name]
    ended, out, err = command(folder, *arguments, encoding=encoding)
    assert ended == status, err
    assert calm(err)
    _, want, want_err = plain(folder, name)
    if name == "doctor":
        assert json.loads(out.decode(encoding))
    elif "json" in arguments:
        assert json.loads(out.decode(encoding)) == json.loads(want)
    elif name in {"validate", "validate bad", "convert", "explain", "help"}:
        assert out.decode(encoding) == expected(want, encoding)
    if name in {"shapes bad", "usage", "unknown"}:
        assert err.decode(encoding) == expected(want_err, encoding)


def expected(text: bytes, encoding: str) -> str:
    """Carets follow what is escaped in front of them; see the next test."""
    plain = text.decode().encode(encoding, "backslashreplace").decode(encoding)
    lines = plain.split("\n")
    for index, line in enumerate(lines):
        if line.lstrip().startswith("|") and "^" in line:
            before = lines[index - 1].partition("0}")[0]
            place = sum(2 if unicodedata.east_asian_width(c) == "W" else 1 for c in before)
            lines[index] = line[: line.index("|") + 2].ljust(place) + "^"
    return "\n".join(lines)


def test_carets_and_columns_stay_where_they_belong(folder: Path) -> None:
    _, out, _ = command(folder, "validate", "bad.yaml", encoding="ascii")
    lines = out.decode("ascii").split("\n")
    assert lines[2] == ' 7 |   - {type: Dense, name: "\\u5377\\u79ef", output_dim: 0}  # \\u20ac'
    assert lines[2].index("0}") == lines[3].index("^")
    _, out, _ = command(folder, "shapes", "m.yaml", encoding="ascii")
    lines = out.decode("ascii").split("\n")
    assert lines[0].startswith("Gr\\xf6\\xdfe \\u5377: input (N, 3)")
    assert lines[3] == "------------  ----------  --------------  ------------  ---------------  " \
        "-------------  -----------------  --------"  # fmt: skip
    assert lines[4].startswith("\\u5377\\u79ef  Dense       (N, 2)")


def test_an_escaped_spec_is_the_same_spec(folder: Path) -> None:
    """The escapes are YAML's own."""
    import speccompiler

    _, out, _ = command(folder, "convert", "m.yaml", encoding="ascii")
    (folder / "ascii.yaml").write_bytes(out)
    spec = speccompiler.load(folder / "ascii.yaml").spec
    assert [layer.name for layer in spec.layers] == ["卷积", "é"]
    assert spec.name == "Größe 卷"


NAME = os.fsdecode(b"o\xff")


@pytest.fixture
def named(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of files whose names are not UTF-8."""
    try:
        (tmp_path / f"{NAME}.yaml").write_text(SPEC)
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    x = np.ones((2, 3), np.float32)
    np.save(tmp_path / f"{NAME}.npy", x)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", x)
    np.savez(tmp_path / f"{NAME}.npz", **{"卷积/W": np.ones((3, 2)), "卷积/b": np.zeros(2)})
    (tmp_path / NAME).mkdir()
    return tmp_path


def test_names_that_are_no_text(named: Path) -> None:
    model, array, archive = f"{NAME}.yaml", f"{NAME}.npy", f"{NAME}.npz"
    assert command(named, "validate", model)[:2] == (0, b"o\\udcff.yaml: ok, 2 layers\n")
    ended, out, _ = command(named, "validate", model, "--format", "json")
    assert (ended, json.loads(out)["files"]) == (0, [model])
    ended, _, err = command(
        *(named, "run", model, "--input", array, "--output", f"{NAME}/{NAME}.npy"),
        *("--weights", archive, "--target", "reference"),
    )
    assert ended == 0, err
    assert np.array_equal(np.load(named / NAME / f"{NAME}.npy"), np.full((2, 2), 3))
    (named / f"{NAME}.bad.yaml").write_text(BAD)
    ended, out, _ = command(named, "validate", f"{NAME}.bad.yaml")
    assert ended == 1
    assert out.startswith(b"o\\udcff.bad.yaml:7:")
    ended, _, err = command(named, "shapes", f"{NAME}.missing.yaml")
    assert ended == 2
    assert err.startswith(b"o\\udcff.missing.yaml: error CS001: the file does not exist\n")


def test_a_conversion_to_a_name_that_is_no_text(named: Path) -> None:
    import speccompiler

    (named / f"{NAME}.yaml").write_text(SPEC.split("verify")[0].replace("name: Größe 卷\n", ""))
    spec = f"{NAME}/{NAME}.yaml"
    ended, out, err = command(named, "convert", f"{NAME}.yaml", "--output", spec)
    assert (ended, out) == (
        0,
        b"wrote o\\udcff/o%FF.safetensors: 2 tensors\nwrote o\\udcff/o\\udcff.yaml: 2 layers\n",
    ), err
    assert sorted(os.listdir(named / NAME)) == ["o%FF.safetensors", f"{NAME}.yaml"]
    text = (named / spec).read_text(encoding="utf-8")
    assert text.startswith("# Made by convspec convert from o\\udcff.yaml.\n")
    assert '\nweights: "o%FF.safetensors"\n' in text
    x = np.ones((1, 3), np.float32)
    want = speccompiler.load(named / f"{NAME}.yaml").compile("reference").run(x)
    assert np.array_equal(speccompiler.load(named / spec).compile("reference").run(x), want)


def test_a_spec_that_could_not_name_its_weights_is_not_written(named: Path) -> None:
    before = sorted(os.listdir(named))
    weights = f"{NAME}.w.safetensors"
    ended, out, err = command(
        named, "convert", f"{NAME}.yaml", "--output", "c.yaml", "--weights-output", weights
    )
    assert (ended, out) == (2, b"")
    assert err.startswith(
        b"o\\udcff.w.safetensors: error CS120: the output cannot be created: its name is not "
        b"UTF-8 text, and so the spec cannot say it\n"
    )
    moved = ["convert", f"{NAME}.yaml", "--output", "c.yaml"]
    (named / f"{NAME}.yaml").write_text(SPEC)
    inside = named / NAME / "m.yaml"
    inside.write_text(SPEC)
    ended, out, err = command(named, "convert", f"{NAME}/m.yaml", "--output", "c.yaml")
    assert (ended, out) == (2, b"")
    assert err.startswith(b"c.yaml: error CS120: the output cannot be created: it would have to ")
    assert sorted(os.listdir(named)) == before
    assert command(named, *moved)[0] == 0


@pytest.mark.parametrize(("redirection", "status"), [
    (">&-", 141), ("2>&-", 0), ("<&-", 0), (">&- 2>&- <&-", 141), ("2>/dev/full", 0),
    (">/dev/full", 2),
])  # fmt: skip
def test_a_real_process_and_a_real_shell(redirection: str, status: int, folder: Path) -> None:
    (folder / "o.npy").unlink(missing_ok=True)
    arguments, _ = COMMANDS["run --output"]
    line = f'"$0" -c "from speccompiler.cli.main import main; main()" "$@" {redirection}'
    done = subprocess.run(
        ["sh", "-c", line, sys.executable, *arguments], cwd=folder, capture_output=True, check=False
    )
    assert done.returncode == status
    assert calm(done.stderr)
    assert np.load(folder / "o.npy").shape == (2, 2)


def test_a_stream_that_is_not_ready_is_waited_for(folder: Path) -> None:
    """More than a pipe holds, to a reader that comes late."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with subprocess.Popen(
        [sys.executable, "-c", "from speccompiler.cli.main import main; main()", "schema"],
        stdout=writer,
    ) as process:
        os.close(writer)
        with open(reader, encoding="utf-8") as stream:
            assert json.load(stream)["$schema"]
    assert process.returncode == 0
