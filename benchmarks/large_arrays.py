"""A Zarr array of 20 GB through ``convspec run``: within 1 GiB, killed, resumed, and equal.

    python -m benchmarks.large_arrays [--gigabytes 20] [--folder FOLDER] [--scheduler local:3]

Hardly anything of the input is stored: what is not, is the fill value. The output is a number for
each sample and filter, so that little disk is needed.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from .results import LargeArray
from .watching import Watched, watched

SIDE, CHANNELS = 256, 3
CHUNK = 16
"""Samples of a chunk: 12.6 MB."""
STORED_EVERY = 40
"""One chunk in so many is stored, and differs from all others."""
_DONE = re.compile(r": (\d+) of (\d+) tasks are done")
"""What a run says that goes on."""
SPEC = """\
convspec: 1
name: large
dim_ordering: tf
input_shape: [256, 256, 3]
seed: 14
layers:
  - type: Convolution2D
    name: edges
    nb_filter: 8
    nb_row: 5
    nb_col: 5
    subsample: [4, 4]
    activation: relu
  - {type: MaxPooling2D, name: pool}
  - {type: Convolution2D, name: parts, nb_filter: 16, nb_row: 3, nb_col: 3, activation: relu}
  - {type: GlobalAveragePooling2D, name: mean}
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How large, and where in a run it is killed."""

    gigabytes: float = 20.0
    """10^9 bytes."""
    killed_at: float = 0.5
    """Of the time that the whole run took."""
    scheduler: str | None = None


def large_array(wanted: Wanted, folder: Path) -> LargeArray:
    """Run to the end; run again and kill it; go on; compare."""
    samples = write(folder, wanted.gigabytes)
    whole = _run(folder, "whole.zarr", wanted)
    killed = _run(folder, "resumed.zarr", wanted, kill_after=whole.seconds * wanted.killed_at)
    resumed = _run(folder, "resumed.zarr", wanted, "--resume")
    done, tasks = map(int, _DONE.findall(resumed.err)[0]) if _DONE.search(resumed.err) else (0, 0)
    one, other = (_values(folder / name) for name in ("whole.zarr", "resumed.zarr"))
    return LargeArray(
        gigabytes=samples * SIDE * SIDE * CHANNELS * 4 / 1e9,
        samples=samples,
        stored_mib=sum(f.stat().st_size for f in (folder / "x.zarr").rglob("*") if f.is_file())
        / 2**20,
        scheduler=wanted.scheduler,
        seconds=whole.seconds,
        peak_mib=max(whole.peak_bytes, killed.peak_bytes, resumed.peak_bytes) / 2**20,
        killed_after_s=killed.seconds if killed.killed else None,
        tasks=tasks,
        done=done,
        resumed_s=resumed.seconds,
        equal=one.shape == other.shape and one.tobytes() == other.tobytes(),
        varied=len(np.unique(one[:, 0])) > samples // CHUNK // STORED_EVERY,
    )


def write(folder: Path, gigabytes: float) -> int:
    """The spec, and an array of at least so many bytes; its samples."""
    import zarr

    (folder / "large.yaml").write_text(SPEC, encoding="utf-8")
    chunk_bytes = CHUNK * SIDE * SIDE * CHANNELS * 4
    chunks = max(2, -(-int(gigabytes * 1e9) // chunk_bytes))
    array: Any = zarr.create_array(
        store=str(folder / "x.zarr"),
        shape=(chunks * CHUNK, SIDE, SIDE, CHANNELS),
        chunks=(CHUNK, SIDE, SIDE, CHANNELS),
        dtype="float32",
        fill_value=0.25,
    )
    rng = np.random.default_rng(20)
    for number in range(0, chunks, STORED_EVERY):
        few = rng.random((CHUNK, SIDE, 1, CHANNELS), np.float32)
        values = np.broadcast_to(few, (CHUNK, SIDE, SIDE, CHANNELS))
        array[number * CHUNK : (number + 1) * CHUNK] = values
    return chunks * CHUNK


def _run(
    folder: Path, output: str, wanted: Wanted, *options: str, kill_after: float | None = None
) -> Watched:
    more = [] if wanted.scheduler is None else ["--scheduler", wanted.scheduler]
    command = [sys.executable, "-m", "speccompiler", "run", "large.yaml", "--input", "x.zarr"]
    return watched([*command, "--output", output, *more, *options], folder, kill_after=kill_after)


def _values(array: Path) -> Any:
    import zarr

    return np.asarray(zarr.open_array(store=str(array), mode="r")[:])


@click.command()
@click.option("--gigabytes", default=20.0, show_default=True, help="10^9 bytes of input.")
@click.option("--folder", help="Where arrays are made; a folder that is removed in the end.")
@click.option("--scheduler", help="As of convspec run: local:3.")
@click.option(
    "--killed-at",
    default=0.5,
    show_default=True,
    help="When it is killed, as a part of the time of a whole run; a cluster starts slowly.",
)
def main(gigabytes: float, folder: str | None, scheduler: str | None, killed_at: float) -> None:
    """Run a Zarr array larger than memory, kill the run, resume it, and compare."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        found = large_array(Wanted(gigabytes, killed_at, scheduler), Path(name))
    click.echo(json.dumps(asdict(found), indent=1))
    if not found.good:
        sys.exit(1)


if __name__ == "__main__":
    main()
