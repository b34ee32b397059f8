"""Memory does not grow with the samples."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tests.cli.run.calling import START


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
