"""What is left of a run that is stopped, or has no room to write."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.cli.run.calling import REFERENCE, call, good, npy, start


@contextlib.contextmanager
def halfway(*more: str, parts: int = 1) -> Iterator[subprocess.Popen[bytes]]:
    """A run that has begun to write its outputs and waits for the rest of its input."""
    array = np.load("steps.npy")
    data = npy(array)
    process = start(
        "run", "repeat.yaml", "--input", "-", "--output", "y.npy", "--batch-size", "2", *more,
        stdin=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    try:
        process.stdin.write(data[: len(data) - array[0].nbytes * 3])
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while len([p for p in Path().glob(".y.*.part") if has_data(p)]) < parts:
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline, "nothing was written"
            time.sleep(0.01)
        yield process
    finally:
        process.kill()
        process.communicate()


def has_data(path: Path) -> bool:
    """Whether a part holds its header, and so the run is in its loop."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()[:6] == b"\x93NUMPY"
    return False


@pytest.mark.parametrize(
    ("number", "status", "message"),
    [(signal.SIGTERM, 143, ""), (signal.SIGINT, 130, "convspec: interrupted\n")],
)
@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_a_signal_leaves_nothing(
    number: signal.Signals, status: int, message: str, target: str
) -> None:
    before = sorted(os.listdir())
    with halfway("--target", target, "--layer", "up", parts=2) as process:
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert process.returncode == status
        assert err.decode() == message
    assert sorted(os.listdir()) == before


def test_a_kill_leaves_no_file_under_the_final_name() -> None:
    Path("y.npy").write_bytes(b"old")
    with halfway(*REFERENCE) as process:
        process.kill()
        process.wait(timeout=60)
    assert Path("y.npy").read_bytes() == b"old"
    # The next run is not in the way of what is left.
    good("run", "repeat.yaml", "--input", "steps.npy", "--output", "y.npy", *REFERENCE)
    assert np.load("y.npy").shape == (6, 8, 8)


def test_an_interrupted_compile_is_quiet() -> None:
    """SIGINT while the spec is awaited, long before any array is open."""
    process = start("run", "-", "--input", "x.npy", stdin=subprocess.PIPE)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT)
    if process.returncode == 130:
        assert err.decode() == "convspec: interrupted\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "repeat.yaml", "--input", "long.npy", "--output", "-", *REFERENCE),
        ("run", "repeat.yaml", "--input", "long.npy", "--output", "-"),
    ],
    ids=["reference", "cpu"],
)
def test_a_reader_that_leaves(arguments: tuple[str, ...]) -> None:
    np.save("long.npy", np.zeros((400, 200, 8), np.float32))
    process = start(*arguments, "--batch-size", "10")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(10) == b"\x93NUMPY\x01\x00v\x00"
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=60), err) == (141, b"")


@pytest.mark.parametrize("arguments", [("explain",), ("schema",), ("validate", "model.yaml")])
def test_a_reader_that_leaves_before_anything_came(arguments: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    process = start(*arguments, stdout=write)
    os.close(write)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (141, b"")


def limited(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_file_size_limit() -> None:
    before = sorted(os.listdir())
    np.save("long.npy", np.zeros((100, 20, 8), np.float32))
    result = call("run", "repeat.yaml", "--input", "long.npy", "--output", "y.npy", *REFERENCE,
                  preexec_fn=limited(4096))  # fmt: skip
    assert result.status == 2
    assert re.search(
        r"y\.npy: error CS121: there is no room for the output: the file would be larger than is "
        r"allowed here \(128128 bytes needed, \d+ free\)\n",
        result.err,
    )
    assert sorted(os.listdir()) == sorted([*before, "long.npy"])


def test_a_stream_into_a_file_that_may_not_grow() -> None:
    np.save("long.npy", np.zeros((100, 20, 8), np.float32))
    with Path("out.npy").open("wb") as out:
        result = call("run", "repeat.yaml", "--input", "long.npy", "--output", "-", *REFERENCE,
                      "--batch-size", "2", preexec_fn=limited(4096), stdout=out)  # fmt: skip
    assert result.status == 2
    assert "<stdout>: error CS121: writing stopped after 2 of 100 samples: the file would be " in (
        result.err
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_device() -> None:
    named = call("run", "repeat.yaml", "--input", "steps.npy", "--output", "/dev/full", *REFERENCE)
    with Path("/dev/full").open("wb") as full:
        streamed = call("run", "repeat.yaml", "--input", "steps.npy", "--output", "-", *REFERENCE,
                        stdout=full)  # fmt: skip
        printed = call("validate", "model.yaml", stdout=full)
    assert (named.status, streamed.status, printed.status) == (2, 2, 2)
    assert "/dev/full: error CS121: writing stopped after " in named.err
    assert "<stdout>: error CS121: writing stopped after " in streamed.err
    assert printed.err == "convspec: standard output: No space left on device\n"
