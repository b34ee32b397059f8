"""Every option that takes a file, with everything that is no ordinary file: refused, at once.

A test that hangs is ended by an alarm; nothing else here depends on time.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import stat
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

import speccompiler
from speccompiler.arrays.npy_input import open_array
from speccompiler.cli.main import COMMANDS, load_command, run
from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.files import ordinary_files
from speccompiler.files.ordinary_files import NotOrdinary, open_ordinary, open_raw
from speccompiler.source.files import read_document
from speccompiler.weights.files.weight_file import open_weights

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX's kinds of files")

SPEC = """\
convspec: 1
input_shape: [2]
layers:
  - {type: Dense, name: d, output_dim: 2}
"""
X = np.arange(6, dtype=np.float32).reshape(3, 2)
W = np.eye(2, dtype=np.float32)
B = np.ones(2, np.float32)
GUARD_SECONDS = 60


@pytest.fixture(autouse=True)
def guarded() -> Iterator[None]:
    """An alarm against hanging."""

    def ended(*_: Any) -> None:
        raise AssertionError("it waits, or goes on without end")

    before = signal.signal(signal.SIGALRM, ended)
    signal.alarm(GUARD_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ordinary_files, "_WAIT_SECONDS", 0.02)
    Path("s.yaml").write_text(SPEC)
    np.save("x.npy", X)
    np.save("y.npy", X @ W + B)
    np.savez("w.npz", **{"d/W": W, "d/b": B})
    return tmp_path


# --- every option


TAKES = {
    ("validate", "paths"): "validate {}",
    ("validate", "weights"): "validate s.yaml --weights {}",
    ("validate", "config"): "validate s.yaml --config {}",
    ("validate", "baseline"): "validate s.yaml --baseline {}",
    ("fmt", "paths"): "fmt {}",
    ("fmt", "config"): "fmt s.yaml --config {}",
    ("diff", "input"): "diff s.yaml s.yaml --old-weights w.npz --new-weights w.npz --input {}",
    ("diff", "old_weights"): "diff s.yaml s.yaml --weights --old-weights {} --new-weights w.npz",
    ("diff", "new_weights"): "diff s.yaml s.yaml --weights --old-weights w.npz --new-weights {}",
    ("diff", "config"): "diff s.yaml s.yaml --config {}",
    ("shapes", "model"): "shapes {}",
    ("plan", "model"): "plan {}",
    ("run", "model"): "run {} --input x.npy --target reference",
    ("run", "weights"): "run s.yaml --input x.npy --target reference --weights {}",
    ("run", "inputs"): "run s.yaml --weights w.npz --target reference --input {}",
    ("render", "model"): "render {}",
    ("weights", "model"): "weights {}",
    ("weights", "weights"): "weights s.yaml --weights {}",
    ("verify", "model"): "verify {} --input x.npy --expect y.npy --target reference",
    ("verify", "weights"): "verify s.yaml --input x.npy --expect y.npy --target reference "
    "--weights {}",
    ("verify", "inputs"): "verify s.yaml --weights w.npz --expect y.npy --target reference "
    "--input {}",
    ("verify", "expect"): "verify s.yaml --weights w.npz --input x.npy --target reference "
    "--expect {}",
    ("verify", "layer_files"): "verify s.yaml --weights w.npz --input x.npy --target reference "
    "--layer d={}",
    ("convert", "model"): "convert {}",
    ("convert", "weights"): "convert s.yaml --weights {}",
    ("compile", "model"): "compile {}",
    ("compile", "weights"): "compile s.yaml --weights {}",
}
WRITTEN = {
    ("validate", "output"),
    ("validate", "write_baseline"),
    ("diff", "output"),
    ("shapes", "output"),
    ("render", "output"),
    ("run", "output"),
    ("convert", "output"),
    ("convert", "weights_output"),
}


def test_no_option_that_takes_a_file_is_forgotten() -> None:
    found = set()
    for name in COMMANDS:
        command: click.Command = load_command(name)
        for parameter in command.params:
            shown = parameter.metavar or ""
            assert parameter.name is not None
            if any(word in shown for word in ("FILE", "MODEL", "PATH")):
                found.add((name, parameter.name))
    assert {key for key in found if key not in TAKES and key not in WRITTEN} == set()
    assert set(TAKES) <= found


def fifo(path: Path) -> None:
    os.mkfifo(path)


def link_to_fifo(path: Path) -> None:
    os.mkfifo("pipe")
    path.symlink_to("pipe")


def link_to_zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def link_to_random(path: Path) -> None:
    path.symlink_to("/dev/urandom")


def bound_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)  # the path may be too long


def circle(path: Path) -> None:
    path.symlink_to(path.name)


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def endless(path: Path) -> None:
    if not os.path.exists("/proc/self/pagemap"):
        pytest.skip("needs Linux's /proc")
    path.symlink_to("/proc/self/pagemap")


SPECIAL: tuple[Callable[[Path], None], ...] = (
    fifo, link_to_fifo, link_to_zeros, link_to_random, bound_socket, circle, dangling, endless,
)  # fmt: skip


def called(line: str, file: str) -> tuple[int, str]:
    """The status and everything that is shown."""
    shown = io.StringIO()
    arguments = [part.replace("{}", file) for part in line.split(" ")]
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        status = run(arguments)
    return status, shown.getvalue()


@pytest.mark.parametrize("ending", ["", ".npy", ".npz", ".yaml", ".json", ".h5", ".safetensors"])
@pytest.mark.parametrize("make", SPECIAL, ids=lambda make: make.__name__)
def test_what_is_no_ordinary_file_is_refused(make: Callable[[Path], None], ending: str) -> None:
    path = Path(f"odd{ending}")
    make(path)
    for line in TAKES.values():
        status, text = called(line, str(path))
        assert status in {1, 2}, line
        assert "error CS" in text, line
        assert "internal error" not in text
        if make is not endless:
            assert status == 2, (line, text)
            codes = ("CS001", "CS100", "CS110", "CS160", "CS162")
            assert any(f"error {code}" in text for code in codes), line


@pytest.mark.parametrize("file", ["", "empty", "s.yaml/x", "nowhere.npy", "nul\0"])
def test_names_that_lead_to_no_file(file: str) -> None:
    Path("empty").mkdir()
    for key, line in TAKES.items():
        if key == ("validate", "paths") and file == "":
            continue  # the current folder's specs
        status, text = called(line, file)
        assert status == 2, (line, text)
        assert "internal error" not in text


def test_a_saved_spec_names_no_device_either() -> None:
    for entry, code in [("weights: {}", "CS100"), ("verify: {{input: {}, expect: y.npy}}", "CS110"),
                        ("verify: {{input: x.npy, expect: {}}}", "CS110"),
                        ("verify: {{input: x.npy, layers: {{d: {}}}}}", "CS110")]:  # fmt: skip
        for odd in ("/dev/zero", "pipe.npz"):
            if not Path("pipe.npz").exists():
                os.mkfifo("pipe.npz")
            Path("m.yaml").write_text(SPEC + entry.format(odd) + "\n")
            weights = [] if entry.startswith("weights") else ["--weights", "w.npz"]
            status, text = called(" ".join(["verify", "m.yaml", *weights]), "")
            assert status == 2
            assert f"error {code}" in text
    layer = SPEC.replace("output_dim: 2", "output_dim: 2, weights: ['pipe.npz#d/W', /dev/zero]")
    Path("m.yaml").write_text(layer)
    status, text = called("validate m.yaml", "")
    assert status == 2
    assert text.count("error CS100") == 2
    assert text.count("it is not an ordinary file") == 2


# --- swapped between two looks


def swapped(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """``path`` becomes a pipe right after it was looked at."""
    real = os.stat

    def stat_then_swap(name: Any, *args: Any, **options: Any) -> os.stat_result:
        status = real(name, *args, **options)
        if not isinstance(name, int) and Path(name) == path and stat.S_ISREG(status.st_mode):
            path.unlink()
            os.mkfifo(path)
        return status

    monkeypatch.setattr(ordinary_files.os, "stat", stat_then_swap)


def test_a_file_swapped_for_a_pipe_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path("swapped.npy")
    np.save(path, X)
    with monkeypatch.context() as patched:
        swapped(patched, path)
        with pytest.raises(NotOrdinary, match="it is a pipe, not an ordinary file"):
            open_ordinary(path)


def files_of_weights() -> list[Path]:
    tensors = {"d/W": W, "d/b": B}
    np.savez("w.npz", **tensors)
    save_file(tensors, "w.safetensors")
    with h5py.File("w.h5", "w") as file:
        file["d/W"], file["d/b"] = W, B
    with h5py.File("packed.h5", "w") as file:
        for name, values in tensors.items():
            file.create_dataset(name, data=values, compression="gzip")
    np.save("w.npy", W)
    return [Path(name) for name in ("w.npz", "w.safetensors", "w.h5", "packed.h5", "w.npy")]


@pytest.mark.parametrize("place", range(5))
def test_weights_swapped_after_they_were_opened(place: int) -> None:
    path = files_of_weights()[place]
    file = open_weights(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(Problem) as caught:
        file.read(next(iter(file.tensors)))
    assert caught.value.code in {"CS100", "CS101"}
    assert "ordinary file" in caught.value.message


def test_an_archive_that_is_open_stays_what_it_was() -> None:
    file = open_weights(Path("w.npz"))
    assert np.array_equal(file.read("d/W"), W)
    Path("w.npz").unlink()
    os.mkfifo("w.npz")
    assert np.array_equal(file.read("d/b"), B)


# --- pipes


def test_a_pipe_with_a_writer_is_read_as_an_input() -> None:
    os.mkfifo("pipe")
    data = Path("x.npy").read_bytes()

    def write() -> None:
        with open("pipe", "wb") as stream:
            stream.write(data[:3])
            stream.flush()
            stream.write(data[3:])

    writer = threading.Thread(target=write)
    writer.start()
    with open_array(Path("pipe"), "pipe") as source:
        assert source.shape == X.shape
        assert np.array_equal(np.concatenate([b.copy() for b in source.batches(2)]), X)
    writer.join()


def test_a_writer_that_says_nothing_yet_is_waited_for() -> None:
    os.mkfifo("pipe")
    data = Path("x.npy").read_bytes()
    held = os.open("pipe", os.O_RDWR)  # a writer is there, so that opening does not give up
    stream = open_raw(Path("pipe"), pipes=True)
    os.write(held, data)
    os.close(held)
    assert stream.read() == data
    stream.close()


def test_a_pipe_that_nothing_writes_to() -> None:
    os.mkfifo("pipe.npy")
    with pytest.raises(Problem) as caught:
        open_array(Path("pipe.npy"), "pipe.npy")
    assert (caught.value.code, caught.value.message, caught.value.hint) == (
        "CS110",
        "it is a pipe that nothing writes to",
        "start what writes to it first, or use - and a pipe of the shell",
    )


def test_an_archive_through_a_pipe() -> None:
    os.mkfifo("pipe.npz")
    status, text = called("run s.yaml --weights w.npz --target reference --input {}", "pipe.npz")
    assert status == 2
    assert "pipe.npz: error CS110: an archive cannot be read from a pipe" in text
    assert "hint: give the file itself, or .npy through the pipe" in text


# --- archives


def twice(path: Path, key: str, values: np.ndarray) -> None:
    np.savez(path, **{key: values})
    member = io.BytesIO()
    np.save(member, values + 1)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(f"{key}.npy", member.getvalue())


def in_front(path: Path, key: str, values: np.ndarray) -> None:
    np.savez(path, **{key: values})
    path.write_bytes(b"#!/bin/sh\nexit\n" + path.read_bytes())


@pytest.mark.parametrize(
    ("make", "said"),
    [(twice, "the archive holds two members 'd_W.npy'"),
     (in_front, "bytes stand in front of the archive")],
)  # fmt: skip
def test_archives_that_two_readers_would_read_differently(make: Any, said: str) -> None:
    make(Path("a.npz"), "d_W", W)
    for line in (TAKES["run", "inputs"], TAKES["verify", "inputs"], TAKES["verify", "expect"]):
        status, text = called(line, "a.npz")
        assert status == 1
        assert f"a.npz: error CS111: the archive is damaged ({said})" in text
    status, text = called("validate s.yaml --weights {}", "a.npz")
    assert status == 1
    assert f"a.npz: error CS101: 'a.npz' is not a valid weight file: {said}" in text


def test_arrays_are_known_by_their_content() -> None:
    np.savez("inputs.npz", anything=X)
    for name in ("plain", "x.dat", "x.npy", "x.npz"):
        for source in ("inputs.npz", "y.npy"):
            Path(name).write_bytes(Path(source).read_bytes())
            status, text = called(TAKES["run", "inputs"], name)
            assert status == 0, (name, source, text)
    np.save("x.npy", X)
    np.savez("expect", y=X @ W + B)
    Path("expect.npz").rename("expect")
    assert called(TAKES["verify", "expect"], "expect")[0] == 0
    np.savez("two.npz", a=X, b=X)
    status, text = called(TAKES["verify", "expect"], "two.npz")
    assert status == 1
    assert "error CS124: the archive holds 2 arrays: 'a', 'b'" in text


def test_recorded_arrays_by_file_and_key() -> None:
    y = X @ W + B
    np.savez("r.npz", x=X, y=y, **{"a#b": y})
    with h5py.File("r.h5f", "w") as file:
        file["in/x"], file["out"] = X, y
    with h5py.File("one", "w") as file:
        file["out"] = y
    np.save("y#1.npy", y)
    for given, expected in [("r.npz#x", "r.npz#y"), ("r.h5f#in/x", "r.h5f#out"),
                            ("x.npy", "one"), ("x.npy", "'y#1.npy'"),
                            ("x.npy", "r.npz#a#b")]:  # fmt: skip
        Path("m.yaml").write_text(SPEC + f"verify: {{input: {given}, expect: {expected}}}\n")
        status, text = called("verify m.yaml --weights w.npz --target reference", "")
        assert (status, text.split()[-1]) == (0, "equal")
    Path("m.yaml").write_text(SPEC + "verify: {input: r.npz#z, expect: y.npy}\n")
    status, text = called("verify m.yaml --weights w.npz --target reference", "")
    assert status == 1
    assert "r.npz: error CS103: array file 'r.npz' holds no tensor 'z'" in text


def test_from_python() -> None:
    os.mkfifo("pipe")
    for path in ("pipe", "/dev/zero"):
        with pytest.raises(SpecError) as caught:
            speccompiler.load(path)
        assert [d.code for d in caught.value.diagnostics] == ["CS001"]
        with pytest.raises(SpecError) as caught:
            speccompiler.load("s.yaml", weights=path)
        assert [d.code for d in caught.value.diagnostics] == ["CS100"]
    assert [d.code for d in read_document(Path("/dev/zero")).diagnostics] == ["CS001"]
