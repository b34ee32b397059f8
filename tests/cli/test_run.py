"""``convspec run`` as a process: what it writes, and what is left when it is stopped."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import speccompiler
from speccompiler.weights.constraints import MaxNorm
from tests.places import OWN_GOLDEN

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals, pipes and limits of POSIX")

Array = npt.NDArray[Any]
START = "import sys; from speccompiler.cli.main import main; main()"
REFERENCE = ("--target", "reference")

SPEC = """\
convspec: 1
dim_ordering: tf
input_shape: [8, 8, 1]
layers:
  - {type: Convolution2D, name: conv 1, nb_filter: 2, nb_row: 3, nb_col: 3, activation: relu}
  - {type: Flatten, name: flat}
  - type: Dense
    name: dense
    output_dim: 3
    activation: softmax
    W_constraint: {name: MaxNorm, m: 0.5}
    W_regularizer: {name: l1l2, l1: 0.1, l2: 0.2}
    b_regularizer: l2
    activity_regularizer: {name: ActivityRegularizer, l1: 0.0, l2: 0.5}
"""
# The least to compile: no weights, one short kernel.
REPEAT = """\
convspec: 1
semantics: theano
input_shape: [null, 8]
layers:
  - {type: UpSampling1D, name: up}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two specs, weights and inputs, which is the current one."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    Path("model.yaml").write_text(SPEC)
    Path("repeat.yaml").write_text(REPEAT)
    rng = np.random.default_rng(1)
    np.savez(
        "w.npz",
        **{
            "conv 1/W": rng.normal(size=(3, 3, 1, 2)).astype(np.float32),
            "conv 1/b": rng.normal(size=2).astype(np.float32),
            "dense/W": rng.normal(size=(72, 3)).astype(np.float32),
            "dense/b": np.array([1, -2, 3], np.float32),
        },
    )
    np.save("x.npy", rng.normal(size=(7, 8, 8, 1)).astype(np.float32))
    np.save("steps.npy", rng.normal(size=(6, 4, 8)).astype(np.float32))
    return tmp_path


def start(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """The command in a process of its own."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # What a shell starts in the background ignores SIGINT, and so would its children.
    own = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    options = {**pipes, **own, **options}
    return subprocess.Popen([sys.executable, "-c", START, *arguments], **options)


class Ended:
    """A command that has ended."""

    def __init__(self, status: int, out: bytes | None, err: bytes) -> None:
        self.status, self.out, self.err = status, out or b"", err.decode()

    def __repr__(self) -> str:
        return f"exit status {self.status}\n{self.out[:2000]!r}\n--\n{self.err}"

    @property
    def text(self) -> str:
        return self.out.decode()


def call(*arguments: str, stdin: bytes | None = None, **options: Any) -> Ended:
    given = {} if stdin is None else {"stdin": subprocess.PIPE}
    process = start(*arguments, **given, **options)
    out, err = process.communicate(stdin, timeout=120)
    return Ended(process.returncode, out, err)


def good(*arguments: str, **options: Any) -> Ended:
    result = call(*arguments, **options)
    assert result.status == 0, result
    return result


def npy(array: Array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def expected(*layers: str, **options: Any) -> dict[str, Array]:
    """The outputs by way of the library."""
    model = speccompiler.load("model.yaml", weights="w.npz")
    return dict(model.compile("reference", layers=layers, **options).run_all(np.load("x.npy")))


def close(x: Array, y: Array) -> None:
    assert x.dtype == np.float32
    assert x.shape == y.shape
    np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


# --- outputs


def test_an_output_file() -> None:
    result = good(
        "run", "model.yaml", "--weights", "w.npz", "--input", "x.npy", "--output", "y.npy"
    )
    close(np.load("y.npy"), expected()["dense"])
    assert result.text == "wrote y.npy: (7, 3) float32, output of 'dense'\n"
    assert re.fullmatch(
        r"(?:kernels compiled in .*\n)?"
        r"model\.yaml:11:19: warning CS096: W breaks its MaxNorm constraint: largest norm over "
        r"axis 0 is [\d.]+, allowed 0\.5 \[layer dense\]\n"
        r"(?:.*\n)+?"
        r"7 samples in .* on cpu, batch \d+, \d+ threads?\n",
        result.err,
    ), result.err


def test_without_an_output_a_summary_is_printed() -> None:
    result = good(
        "run", "model.yaml", "--weights", "w.npz", "--input", "x.npy", *REFERENCE,
        "--layer", "flat",
    )  # fmt: skip
    for line, (name, y) in zip(result.text.splitlines(), expected("flat").items(), strict=True):
        found = re.fullmatch(r"(\w+): (\(.*\)) float32, min (.*), mean (.*), max (.*)", line)
        assert found is not None, line
        assert found.group(1, 2) == (name, str(y.shape))
        numbers = [float(found.group(i)) for i in (3, 4, 5)]
        np.testing.assert_allclose(numbers, [y.min(), y.mean(), y.max()], rtol=1e-4)


def test_values_that_are_not_finite_are_counted() -> None:
    x = np.ones((3, 4, 8), np.float32)
    x[0, 0, 0] = np.inf
    x[1, 1, 1] = np.nan
    np.save("odd.npy", x)
    result = good("run", "repeat.yaml", "--input", "odd.npy", *REFERENCE)
    assert result.text == "up: (3, 8, 8) float32, min 1, mean 1, max 1, 4 values are not finite\n"


def test_streams_both_ways() -> None:
    x = np.load("steps.npy")
    result = good("run", "repeat.yaml", "--input", "-", "--output", "-", stdin=npy(x))
    y = np.load(io.BytesIO(result.out))
    assert (y == np.repeat(x, 2, axis=1)).all()
    # Byte for byte what numpy.save writes, and everything else on stderr.
    assert result.out == npy(y)
    assert result.err.splitlines()[-1].startswith("6 samples in ")


def test_a_pipeline_of_two_models() -> None:
    first = start("run", "repeat.yaml", "--input", "steps.npy", "--output", "-", *REFERENCE)
    second = start(
        "run", "repeat.yaml", "--input", "-", "--output", "y.npy", *REFERENCE, stdin=first.stdout
    )
    assert first.stdout is not None
    first.stdout.close()
    _, err = second.communicate(timeout=60)
    first.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0), err
    assert (np.load("y.npy") == np.repeat(np.load("steps.npy"), 4, axis=1)).all()


def test_the_spec_from_standard_input() -> None:
    result = good(
        "run", "-", "--input", "steps.npy", "--output", "y.npy", *REFERENCE, stdin=REPEAT.encode()
    )
    assert result.text == "wrote y.npy: (6, 8, 8) float32, output of 'up'\n"
    broken = call(
        "run", "-", "--input", "steps.npy", *REFERENCE, stdin=REPEAT.replace("Up", "Upp").encode()
    )
    assert broken.status == 1
    assert "<stdin>:5:12: error CS027: unknown layer type 'UppSampling1D'" in broken.err
    assert "did you mean 'UpSampling1D'" in broken.err


def test_the_outputs_of_several_layers() -> None:
    Path("out").mkdir()
    result = good(
        "run", "model.yaml", "--weights", "w.npz", "--input", "x.npy", "--output", "out/y.npy",
        "--layer", "flat", "--layer", "conv 1", "--layer", "flat",
    )  # fmt: skip
    wanted = expected("flat", "conv 1")
    close(np.load("out/y.npy"), wanted["dense"])
    close(np.load("out/y.flat.npy"), wanted["flat"])
    close(np.load("out/y.conv_1.npy"), wanted["conv 1"])
    assert sorted(os.listdir("out")) == ["y.conv_1.npy", "y.flat.npy", "y.npy"]
    assert result.text == (
        "wrote out/y.npy: (7, 3) float32, output of 'dense'\n"
        "wrote out/y.flat.npy: (7, 72) float32, output of 'flat'\n"
        "wrote out/y.conv_1.npy: (7, 6, 6, 2) float32, output of 'conv 1'\n"
    )


def test_the_last_layer_by_name_too() -> None:
    good("run", "repeat.yaml", "--input", "steps.npy", "--output", "y.npy", "--layer", "up",
         *REFERENCE)  # fmt: skip
    assert (np.load("y.up.npy") == np.load("y.npy")).all()


def test_a_summary_of_the_layers_asked_for_only() -> None:
    """Penalties look at outputs as well; those are not what was asked for."""
    Path("two.yaml").write_text(
        "convspec: 1\ninput_shape: [3]\nseed: 1\nlayers:\n"
        "  - {type: Dense, output_dim: 2, name: a, activity_regularizer: l1}\n"
        "  - {type: Flatten, name: b}\n"
    )
    np.save("three.npy", np.ones((2, 3), np.float32))
    result = good("run", "two.yaml", "--input", "three.npy", "--penalties", *REFERENCE)
    assert [line.split()[0] for line in result.text.splitlines()] == [
        "b:", "layer", "-------", "a", "total"
    ]  # fmt: skip


@pytest.mark.parametrize("output", ["/", "."])
def test_a_layer_needs_a_file_name_to_extend(output: str) -> None:
    result = call("run", "repeat.yaml", "--input", "steps.npy", "--output", output,
                  "--layer", "up", *REFERENCE)  # fmt: skip
    assert result.status == 2
    assert "is no file name that --layer could extend" in result.err


def test_layers_that_share_a_file_name_are_refused() -> None:
    Path("two.yaml").write_text(
        "convspec: 1\ninput_shape: [4]\nlayers:\n"
        "  - {type: Flatten, name: a b}\n  - {type: Flatten, name: a_b}\n"
    )
    np.save("four.npy", np.zeros((1, 4), np.float32))
    result = call("run", "two.yaml", "--input", "four.npy", "--output", "y.npy",
                  "--layer", "a b", "--layer", "a_b")  # fmt: skip
    assert result.status == 2
    assert "two of the layers would be written to the same file" in result.err
    assert not Path("y.npy").exists()


@pytest.mark.parametrize("output", ["steps.npy", "./steps.npy", "link.npy"])
def test_the_input_file_is_never_the_output_file(output: str) -> None:
    Path("link.npy").symlink_to("steps.npy")
    kept = Path("steps.npy").read_bytes()
    result = call("run", "repeat.yaml", "--input", "steps.npy", "--output", output, *REFERENCE)
    assert result.status == 2
    assert f"Error: '{output}' is the input of this run; name another output" in result.err
    assert Path("steps.npy").read_bytes() == kept


def test_an_output_is_replaced_only_by_a_whole_one() -> None:
    Path("y.npy").write_bytes(b"old")
    cut = npy(np.load("steps.npy"))[:-1]
    result = call("run", "repeat.yaml", "--input", "-", "--output", "y.npy", *REFERENCE, stdin=cut)
    assert result.status == 1
    assert "<stdin>: error CS112: the data is cut off" in result.err
    assert Path("y.npy").read_bytes() == b"old"
    assert not list(Path().glob(".y.npy*"))


# --- the same numbers however they are computed


def test_batches_and_threads_change_no_bit() -> None:
    results = set()
    for batch, threads in ((1, 1), (2, 3), (5, 2), (100, 1)):
        good(
            "run", "model.yaml", "--weights", "w.npz", "--input", "x.npy", "--output", "y.npy",
            "--batch-size", str(batch), "--threads", str(threads),
        )  # fmt: skip
        results.add(Path("y.npy").read_bytes())
    assert len(results) == 1


def test_the_batch_size_and_threads_are_reported() -> None:
    result = good("run", "repeat.yaml", "--input", "steps.npy", "--batch-size", "4",
                  "--threads", "3", *REFERENCE)  # fmt: skip
    assert result.err.endswith(" on reference, batch 4, 3 threads\n")


def test_seeds() -> None:
    outputs = []
    for seed in ("5", "5", "6"):
        result = good("run", "model.yaml", "--input", "x.npy", "--output", "y.npy",
                      "--seed", seed, *REFERENCE)  # fmt: skip
        assert result.err.startswith(
            "model.yaml: note CS094: the weights of 2 layers are random, drawn from seed "
            f"{seed}\n7 samples in "
        )
        outputs.append(np.load("y.npy"))
    assert (outputs[0] == outputs[1]).all()
    assert (outputs[0] != outputs[2]).any()


def test_a_note_about_converted_input() -> None:
    np.save("double.npy", np.load("steps.npy").astype(np.float64))
    result = good("run", "repeat.yaml", "--input", "double.npy", "--output", "y.npy", *REFERENCE)
    assert result.err.startswith("double.npy: note CS123: float64 converted to float32\n")
    assert (np.load("y.npy") == np.repeat(np.load("steps.npy"), 2, axis=1)).all()


# --- penalties, constraints, profile


def table(text: str) -> dict[tuple[str, str], float]:
    rows = [re.split(r"\s{2,}", line) for line in text.splitlines()]
    return {
        (row[0], row[1] if len(row) > 2 else ""): float(row[-1])
        for row in rows
        if len(row) > 1 and re.fullmatch(r"[\d.e+-]+", row[-1]) and not row[-1].startswith("---")
    }


@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_penalties(target: str) -> None:
    result = good(
        "run", "model.yaml", "--weights", "w.npz", "--input", "x.npy", "--output", "y.npy",
        "--penalties", "--batch-size", "2", "--target", target,
    )  # fmt: skip
    found = table(result.text.split("output of 'dense'\n")[1])
    weights = {k: v.astype(np.float64) for k, v in np.load("w.npz").items()}
    w, b, y = weights["dense/W"], weights["dense/b"], np.load("y.npy").astype(np.float64)
    wanted = {
        ("dense", "W"): 0.1 * np.abs(w).sum() + 0.2 * (w**2).sum(),
        ("dense", "b"): 0.01 * (b**2).sum(),
        ("dense", "activity"): 0.5 * (y**2).sum(),
    }
    wanted["total", ""] = sum(wanted.values())
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert found[key] == pytest.approx(value, rel=1e-7)


def test_penalties_of_a_model_without_any() -> None:
    result = good("run", "repeat.yaml", "--input", "steps.npy", "--penalties", *REFERENCE)
    assert result.text.endswith("penalties: no layer has a regulariser\n")


def test_constraints_are_applied_on_request() -> None:
    result = good(
        "run", "model.yaml", "--weights", "w.npz", "--input", "x.npy", "--output", "y.npy",
        "--apply-constraints", *REFERENCE,
    )  # fmt: skip
    assert "CS096" not in result.err
    weights = dict(np.load("w.npz"))
    weights["dense/W"] = MaxNorm(0.5).project(weights["dense/W"])
    np.savez("projected.npz", **weights)
    model = speccompiler.load("model.yaml", weights="projected.npz")
    close(np.load("y.npy"), model.compile("reference").run(np.load("x.npy")))


def test_a_profile() -> None:
    result = good(
        "run", "model.yaml", "--weights", "w.npz", "--input", "x.npy", "--output", "-", "--profile"
    )
    close(np.load(io.BytesIO(result.out)), expected()["dense"])
    lines = result.err.splitlines()
    header = next(i for i, line in enumerate(lines) if line.startswith("step "))
    rows = [re.split(r"\s{2,}", line) for line in lines[header + 2 : -1]]
    assert [row[0] for row in rows] == ["conv 1", "dense:conv", "dense"]
    assert (rows[0][1], rows[2][1]) == ("conv_small", "softmax")
    assert sum(float(row[3].rstrip("%")) for row in rows) == pytest.approx(100, abs=0.2)
    assert lines[-1].startswith("memory of the plan: ")


# --- weights and inputs that do not fit (the texts of files are in test_diagnostics)


def test_no_weights() -> None:
    result = call("run", "model.yaml", "--input", "x.npy", "--output", "y.npy")
    assert (result.status, result.out) == (1, b"")
    assert result.err == (
        "model.yaml: error CS095: no weights for 'conv 1/W', 'conv 1/b', 'dense/W', 'dense/b'\n"
        "  hint: give --weights FILE, or --seed N to draw them at random by each layer's init\n"
        "\n"
        "found 1 error\n"
    )
    assert not Path("y.npy").exists()


def test_weights_of_another_model() -> None:
    weights = dict(np.load("w.npz"))
    np.savez("other.npz", **{**weights, "dense/W": np.zeros((71, 3), np.float32)})
    result = call("run", "model.yaml", "--input", "x.npy", "--weights", "other.npz")
    assert result.status == 1
    assert (
        "other.npz: error CS106: wrong shapes: dense/W is stored as (71, 3), expected (72, 3)\n"
        in result.err
    )
    del weights["dense/b"]
    np.savez("other.npz", **{**weights, "more": np.zeros(1, np.float32)})
    result = call("run", "model.yaml", "--input", "x.npy", "--weights", "other.npz")
    assert (
        "other.npz: error CS105: missing from the weight file: dense/b (3,); in the weight file "
        "but not used: 'more' (1,)\n" in result.err
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "CS111: it is empty"),
        (b"1.0 2.0\n", "CS111: this is text, not a .npy file"),
        (b"\x93NUMPY\x01\x00", "CS112: the data ends inside the .npy header"),
        (npy(np.zeros((2, 4, 8), np.float32))[:-1], "CS112: the data is cut off"),
        (npy(np.zeros((2, 4, 8), np.float32)) + b"x", "CS112: data follows the array"),
        (npy(np.zeros((2, 4, 7), np.float32)), "CS117: the array has shape (2, 4, 7)"),
        (npy(np.zeros((4, 8), np.float32)), "CS119: the array (4, 8) is one sample"),
        (npy(np.zeros((2, 2, 4, 8), np.float32)), "CS116: the array has 4 axes"),
        (npy(np.zeros((0, 4, 8), np.float32)), "CS118: the array (0, 4, 8) holds no sample"),
        (npy(np.zeros((2, 0, 8), np.float32)), "CS114: the samples are empty"),
        (npy(np.zeros((2, 4, 8), np.complex128)), "CS113: the elements are complex numbers"),
        (npy(np.asfortranarray(np.zeros((2, 4, 8), np.float32))), "CS110: the array is in Fortran"),
    ],
    ids=lambda value: value[:5] if isinstance(value, str) else "",
)  # fmt: skip
def test_a_stream_that_does_not_fit(data: bytes, message: str) -> None:
    result = call("run", "repeat.yaml", "--input", "-", "--output", "y.npy", *REFERENCE, stdin=data)
    assert result.status in (1, 2)
    assert f"<stdin>: error {message}" in result.err
    assert "Traceback" not in result.err
    assert not [name for name in os.listdir() if "y.npy" in name]


# --- stopped on the way


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


# --- no room


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


# --- memory, and the bar


def peak_megabytes(*arguments: str) -> float:
    """Peak memory of a command; a small parent of its own keeps pytest's memory out of it."""
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, capture_output=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    command = [sys.executable, "-S", "-c", code, sys.executable, "-c", START, *arguments]
    out = subprocess.run(command, check=True, capture_output=True).stdout
    return int(out) / (1024 if sys.platform != "darwin" else 1024 * 1024)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_memory_does_not_grow_with_the_number_of_samples(dtype: str) -> None:
    peaks = []
    for samples in (2_000, 40_000):
        np.save("x.npy", np.zeros((samples, 32, 8), dtype))
        peaks.append(
            peak_megabytes("run", "repeat.yaml", "--input", "x.npy", "--output", "y.npy",
                           "--batch-size", "200", "--threads", "2")
        )  # fmt: skip
        assert np.load("y.npy", mmap_mode="r").shape == (samples, 64, 8)
    # Held whole, the larger array would take 41 MB, its output 82 MB.
    assert peaks[1] - peaks[0] < 10, peaks


def on_terminal(*arguments: str) -> str:
    """What a command writes to standard error when that is a terminal."""
    parent, child = pty.openpty()
    process = start(*arguments, stderr=child)
    os.close(child)
    seen = b""
    # Linux reports the end of a terminal as an error.
    with contextlib.suppress(OSError):
        while piece := os.read(parent, 4096):
            seen += piece
    os.close(parent)
    process.communicate(timeout=60)
    assert process.returncode == 0
    return seen.decode()


def test_a_bar_on_a_terminal_only() -> None:
    run = ("run", "repeat.yaml", "--input", "steps.npy", "--output", "y.npy", *REFERENCE)
    shown = on_terminal(*run, "--batch-size", "1")
    assert "samples  [" in shown
    assert "100%" in shown
    # One batch needs no bar, and a pipe gets none.
    assert "samples  [" not in on_terminal(*run)
    assert "[" not in good(*run, "--batch-size", "1").err


# --- the cache of compiled kernels


def test_a_terminal_says_what_it_waits_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path / "kept"))
    assert on_terminal(*REPEAT_TO_FILE).startswith("compiling 2 kernels ...\r\n")
    assert "compiling" not in on_terminal(*REPEAT_TO_FILE)
    # A pipe is told the time that it took, if it was long.
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path / "piped"))
    assert "compiling" not in good(*REPEAT_TO_FILE).err


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("none/y.npy", "none/y.npy: error CS120: the output cannot be created: "
         "the folder 'none' does not exist\n  hint: create the folder first\n"),
        ("none/y.npz", "none/y.npz: error CS120: the output cannot be created: "
         "the folder 'none' does not exist\n  hint: create the folder first\n"),
        (".", ".: error CS120: the output cannot be created: this is a folder\n"
         "  hint: name a file in it, for example 'output.npy'\n"),
        ("y.csv", "y.csv: error CS120: the output cannot be created: the result is a .npy file, "
         "but the name ends in '.csv'\n  hint: name it 'y.npy'\n"),
    ],
)  # fmt: skip
def test_a_place_that_cannot_be_is_refused_before_anything_is_compiled(
    output: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path / "kept"))
    ended = call("run", "repeat.yaml", "--input", "steps.npy", "--output", output)
    assert (ended.status, ended.err) == (2, f"{message}\nfound 1 error\n")
    assert not list((tmp_path / "kept").rglob("*.o"))


REPEAT_TO_FILE = ("run", "repeat.yaml", "--input", "steps.npy", "--output", "y.npy")


def cached(folder: Path) -> dict[str, int]:
    """Every file of a cache and when it was written."""
    return {
        str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()
    }


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that two processes have filled at the same time."""
    folder = tmp_path_factory.mktemp("warm")
    (folder / "repeat.yaml").write_text(REPEAT)
    np.save(folder / "steps.npy", np.ones((6, 4, 8), np.float32))
    environment = {**os.environ, "CONVSPEC_CACHE_DIR": str(folder / "cache")}
    command = (*REPEAT_TO_FILE[:-1], "-")
    processes = [start(*command, env=environment, cwd=folder) for _ in range(2)]
    results = [(p.communicate(timeout=120), p.returncode) for p in processes]
    assert [status for _, status in results] == [0, 0], results
    assert len({out for (out, _), _ in results}) == 1
    assert not list(folder.rglob("*.part"))
    assert any(name.endswith(".o") for name in cached(folder / "cache"))
    return folder / "cache"


def using(cache: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "CONVSPEC_CACHE_DIR": str(cache), **more}


def test_a_later_process_compiles_nothing(warm: Path) -> None:
    files = cached(warm)
    result = good(*REPEAT_TO_FILE, env=using(warm, PYTHONPROFILEIMPORTTIME="1"))
    assert " llvmlite" in result.err
    assert " numba" not in result.err
    assert cached(warm) == files


def test_a_cache_that_cannot_be_written() -> None:
    Path("file").write_text("in the way")
    Path("tmp").mkdir()
    before = sorted(os.listdir())
    cache = Path("file").absolute() / "cache"
    good(*REPEAT_TO_FILE, env=using(cache, TMPDIR=str(Path("tmp").absolute())))
    assert (np.load("y.npy") == np.repeat(np.load("steps.npy"), 2, axis=1)).all()
    # Nothing is left behind.
    assert list(Path("tmp").iterdir()) == []
    assert sorted(os.listdir()) == sorted([*before, "y.npy"])


def test_a_changed_kernel_in_the_cache_is_not_run(warm: Path, tmp_path: Path) -> None:
    cache = shutil.copytree(warm, tmp_path / "cache")
    for file in cache.rglob("*.py"):
        file.write_text("raise RuntimeError('changed')\n")
    good(*REPEAT_TO_FILE, env=using(cache))
    assert np.load("y.npy").shape == (6, 8, 8)


# --- several inputs and outputs, archives

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


@pytest.mark.parametrize(
    ("semantics", "recorded"),
    [("tensorflow", "output_tf1.14.0.npy"), ("tensorflow-1.0", "output.npy")],
)
def test_an_old_release_is_asked_for_by_its_name(semantics, recorded, tmp_path):
    """A stride longer than the kernel, 'same': TensorFlow up to 1.6 skipped inputs."""
    name = "keras-1.2.2-tensorflow/conv1d_negpad_same_k1_s3_n6"
    case = OWN_GOLDEN / name
    given = [str(case / "model.json"), "--weights", str(case / "weights.npz")]
    output = str(tmp_path / "y.npy")
    good("run", *given, "--input", str(case / "input.npy"), "--semantics", semantics,
         "--output", output)  # fmt: skip
    np.testing.assert_allclose(np.load(output), np.load(case / recorded), rtol=1e-5)
