"""Memory does not grow with the samples."""

from __future__ import annotations

import re
import subprocess
import sys
from math import prod
from pathlib import Path

import numpy as np
import pytest

from tests.cli.run.calling import START, good


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


WIDE = """\
convspec: 1
semantics: theano
dim_ordering: tf
input_shape: [512, 512, 2]
layers:
  - {type: UpSampling2D, name: up}
"""


def sparse_npy(name: str, shape: tuple[int, ...]) -> None:
    """A file whose zeros take no room on the disk."""
    with open(name, "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + 4 * prod(shape))


def sparse_zarr(name: str, shape: tuple[int, ...], chunks: tuple[int, ...]) -> None:
    """An array without any chunk: all of it is the fill value."""
    import zarr

    zarr.create_array(name, shape=shape, chunks=chunks, dtype="float32", fill_value=0)


def stated_megabytes(*more: str) -> float:
    """What ``plan`` says that a run takes."""
    said = good("plan", "wide.yaml", "--threads", "2", *more).text
    found = re.search(r"memory of a run: ([\d.]+) MiB", said)
    assert found, said
    return float(found[1])


def base_megabytes() -> float:
    """What a run takes where the model and its arrays are next to nothing."""
    return peak_megabytes("run", "repeat.yaml", "--input", "steps.npy", "-o", "z.npy")


def test_a_run_takes_what_plan_says_however_many_samples() -> None:
    Path("wide.yaml").write_text(WIDE)
    peaks = []
    # Ten batches and more: fewer may be over before all their buffers have been filled at once.
    for samples in (40, 160):
        sparse_npy("wide.npy", (samples, 512, 512, 2))
        peaks.append(
            peak_megabytes("run", "wide.yaml", "--input", "wide.npy", "-o", "y.npy",
                           "--batch-size", "4", "--threads", "2")
        )  # fmt: skip
        Path("y.npy").unlink()
    # 160 samples are 320 MB, and 1.3 GB of output.
    assert peaks[1] - peaks[0] < 10, peaks
    stated = stated_megabytes("--batch-size", "4")
    assert peaks[1] - base_megabytes() < stated + 10, (peaks, stated)


@pytest.mark.parametrize("tile", [(), ("--tile", "128")])
def test_zarr_to_zarr_takes_no_more_for_ten_times_the_samples(tile: tuple[str, ...]) -> None:
    pytest.importorskip("zarr")
    Path("wide.yaml").write_text(WIDE.replace("512", "256"))
    peaks = []
    for samples in (60, 600):
        name = f"wide{samples}.zarr"
        # Three chunks are four batches and a half.
        sparse_zarr(name, (samples, 256, 256, 2), (6, 256, 256, 2))
        peaks.append(
            peak_megabytes("run", "wide.yaml", "--input", name, "-o", f"y{samples}.zarr",
                           "--batch-size", "4", "--threads", "2", "--chunks", "4,256", *tile)
        )  # fmt: skip
    # The allocator keeps some of what threads of zarr have freed.
    assert peaks[1] - peaks[0] < 30, peaks
