"""``convspec run`` as a process of its own, and specs to run."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

import speccompiler

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
REPEAT_TO_FILE = ("run", "repeat.yaml", "--input", "steps.npy", "--output", "y.npy")


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
