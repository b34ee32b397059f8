"""The simulator sees what memcheck and racecheck would see on a GPU."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from speccompiler.graph.ir import Softmax, Transpose
from speccompiler.kernels.cuda.runtime.simulator import BARRIER, SimulatedDevice
from tests.kernels.cuda.simulated.on_simulator import check, check_operation


def run(*body: str, threads: int = 4, values: int = 8) -> np.ndarray:
    """A kernel over ``values`` numbers, from 0 on; what it wrote."""
    device = SimulatedDevice()
    x, y = device.allocate(values), device.allocate(values)
    device.upload(np.arange(values, dtype=np.float32), x, 0)
    text = "\n".join(["def kernel(x, y, w, b, n):", *("    " + line for line in body)])
    kernel = device.load(text, threads, 1)
    device.launch(device.bind(kernel, values // threads, threads, (x, y, x, x), 1), 0)
    found = np.empty(values, np.float32)
    device.download(y, found, 0)
    return found


THREAD = "t, i = cuda.threadIdx.x, cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x"


def test_blocks_threads_and_barriers():
    turned = ["shared = shared_floats(4)", "shared[t] = x[i]", BARRIER, "y[i] = shared[3 - t]"]
    assert run(THREAD, *turned).tolist() == [3, 2, 1, 0, 7, 6, 5, 4]


@pytest.mark.parametrize(
    ("said", "body"),
    [
        ("read of value 8 of 8", ["y[i] = x[i + 1]"]),
        ("write of value -1 of 8", ["y[i - 1] = x[i]"]),
        ("a wide load from 1", ["y[i] = load4(x, i)[0]"]),
        ("a wide store to 1", ["store4(y, i, *load4(x, 0))"]),
        ("a barrier that only some threads reach", ["if t < 2:", f"    {BARRIER}"]),
        ("race for shared value 0", ["s = shared_floats(4)", "s[t] = x[i]", "y[i] = s[0]"]),
        ("race for shared value 1", ["s = shared_floats(4)", "y[i] = s[1]", "s[t] = x[i]"]),
        ("race for shared value 2", ["s = shared_floats(4)", "s[2] = x[i]"]),
    ],
)
def test_faults(said, body):
    with pytest.raises(AssertionError, match=said):
        run(THREAD, *body)


def test_memory_is_no_number_until_it_is_written():
    assert np.isnan(run("pass")).all()
    assert np.isnan(run(THREAD, "y[i] = shared_floats(4)[t]")).all()


CONV = {"type": "Convolution1D", "nb_filter": 5, "filter_length": 3, "border_mode": "same"}


@pytest.mark.parametrize(
    "start",
    [
        lambda rng: check([CONV], (9, 8), rng),
        lambda rng: check([CONV], (5, 3), rng),
        lambda rng: check_operation(Transpose((1, 0)), (7, 9), np.ones((2, 9, 7), np.float32)),
        lambda rng: check_operation(Softmax(), (2, 20), np.ones((2, 2, 20), np.float32)),
    ],
    ids=["conv", "conv of few channels", "transpose", "softmax"],
)
def test_a_barrier_that_is_missing_is_seen(start, rng, monkeypatch):
    plain = SimulatedDevice.load

    def without(device, text, threads, resident):
        before, _, after = text.rpartition(BARRIER)
        return plain(device, f"{before}pass{after}", threads, resident)

    start(rng)
    monkeypatch.setattr(SimulatedDevice, "load", without)
    with pytest.raises(AssertionError, match="race for shared value"):
        start(rng)


def test_the_environment_asks_for_it(tmp_path):
    spec = "convspec: 1\ninput_shape: [3]\nlayers:\n  - {type: Activation, activation: relu}\n"
    (tmp_path / "m.yaml").write_text(spec)
    np.save(tmp_path / "x.npy", np.array([[-1, 0, 2]], np.float32))
    command = ["run", "m.yaml", "--input", "x.npy", "--output", "y.npy", "--target", "cuda"]
    subprocess.run(
        [sys.executable, "-m", "speccompiler", *command],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    assert np.load(tmp_path / "y.npy").tolist() == [[0, 0, 2]]
