"""What it costs that arrays are files: Zarr to Zarr beside arrays in memory, and with a cluster."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .cases import VGG, Case
from .files import PROGRAMS
from .processes import Failed
from .results import Clustered, Streamed
from .spec import write_model
from .tensors import channels_last, input_array

WORKERS = 3


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is run."""

    samples: int = 128
    short: int = 16
    """Samples of the run whose time is taken off, because it has the same start."""
    batch: int = 8
    side: int = 224
    rounds: int = 5


def streamed(threads: int, sizes: Sizes) -> Streamed:
    """Both ways in turns; what is compared is the time of the same number of samples."""
    case = _case(sizes)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_arrays(case, folder, sizes)
        in_memory, from_files = [], []
        further = sizes.samples - sizes.short
        for _ in range(sizes.rounds):
            program = [str(PROGRAMS / "convspec_batches.py"), "model.yaml", "weights.safetensors"]
            numbers = [sizes.batch, threads]
            (seconds,) = _printed([*program, "x.npy", *map(str, numbers)], folder)
            in_memory.append(seconds * further / sizes.samples)
            from_files.append(_further(folder, sizes, 0, "--threads", str(threads)))
    memory, files = statistics.median(in_memory), statistics.median(from_files)
    return Streamed(case.name, further, sizes.batch, memory, files, sizes.rounds)


def clustered(threads: int, sizes: Sizes) -> Clustered:
    """One process beside three workers on this machine, in turns."""
    case = _case(sizes)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_arrays(case, folder, sizes)
        alone, together = [], []
        same = True
        for _ in range(sizes.rounds):
            alone.append(_further(folder, sizes, 0, "--threads", str(threads)))
            before = _values(folder)
            together.append(_further(folder, sizes, WORKERS))
            same = same and before.tobytes() == _values(folder).tobytes()
    further = sizes.samples - sizes.short
    one, many = statistics.median(alone), statistics.median(together)
    return Clustered(case.name, further, WORKERS, one, many, same, sizes.rounds)


def _case(sizes: Sizes) -> Case:
    shape = (sizes.batch, 3, sizes.side, sizes.side)
    return Case(f"vgg16-conv 3x{sizes.side}x{sizes.side}", VGG, shape, network=True)


def _write_arrays(case: Case, folder: Path, sizes: Sizes) -> None:
    """The model, and the samples as .npy and as uncompressed Zarr, a chunk for each batch."""
    import zarr

    write_model(case, folder)
    batch = channels_last(input_array(case))
    x = np.concatenate([np.roll(batch, i, axis=2) for i in range(-(-sizes.samples // len(batch)))])
    np.save(folder / "x.npy", x[: sizes.samples])
    for name, count in (("short.zarr", sizes.short), ("long.zarr", sizes.samples)):
        array: Any = zarr.create_array(
            store=str(folder / name),
            shape=(count, *x.shape[1:]),
            chunks=(sizes.batch, *x.shape[1:]),
            dtype="float32",
            compressors=None,
        )
        array[:] = x[:count]


def _further(folder: Path, sizes: Sizes, workers: int, *options: str) -> float:
    """Seconds of the samples beyond the short run."""
    program = [
        str(PROGRAMS / "convspec_twice.py"),
        str(workers),
        "short.zarr",
        "long.zarr",
        "y.zarr",
    ]
    command = ["run", "model.yaml", "--weights", "weights.safetensors"]
    # A chunk for each batch, so that there are several tasks for each worker.
    cut = ["--batch-size", str(sizes.batch), "--chunks", str(sizes.batch)]
    short, long = _printed([*program, *command, *cut, *options], folder)
    return long - short


def _values(folder: Path) -> Any:
    import zarr

    array: Any = zarr.open_array(store=str(folder / "y.zarr"), mode="r")
    return np.asarray(array[:])


def _printed(arguments: Sequence[str], folder: Path) -> list[float]:
    """The numbers in the last line of what a program prints."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Failed(f"{' '.join(arguments)}\n{done.stderr.strip()}")
    return [float(number) for number in done.stdout.splitlines()[-1].split()]
