"""Runs that are killed at any moment and gone on with: nothing is lost, nothing is done twice."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from speccompiler.planning.run_bytes import IN_FLIGHT
from tests.places import ROOT

SPEC = """\
convspec: 1
dim_ordering: tf
input_shape: [16, 16, 3]
layers:
  - {type: Convolution2D, name: conv, nb_filter: 4, nb_row: 3, nb_col: 3, border_mode: same}
  - {type: MaxPooling2D, name: pool}
"""
SAMPLES = 150
PROGRAM = "tests.cli.run.small_tasks"
RUNS: Mapping[str, tuple[str, ...]] = {
    "a Zarr array": ("-o", "y.zarr", "--chunks", "1"),
    "a sharded Zarr array": ("-o", "y.zarr", "--chunks", "1,4", "--shards", "2,8,8,4"),
    "a .npy file": ("-o", "y.npy"),
    "two .npy files": ("-o", "y.npy", "--layer", "conv"),
    "a Zarr array in tiles": ("-o", "y.zarr", "--tile", "8,16", "--chunks", "1,4,8"),
    "a .npy file in tiles": ("-o", "y.npy", "--tile", "8"),
    "two Zarr arrays": ("-o", "y.zarr", "--layer", "conv", "--chunks", "3"),
}


class Runs:
    """Runs of one command in a folder, each in a process of its own."""

    def __init__(self, folder: Path, options: Sequence[str]) -> None:
        self.folder, self.options = folder, options
        self.log = folder / "log"

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        arguments = ["run", "model.yaml", "--seed", "1", "--input", "x.npy", "--batch-size", "1"]
        return subprocess.Popen(
            [sys.executable, "-m", PROGRAM, str(self.log), *arguments, *self.options, *more],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def outputs(self) -> dict[str, bytes]:
        """Every file of every output."""
        given = {"model.yaml", "x.npy", "log"}
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and path.name not in given
        }

    def clear(self) -> None:
        for path in self.folder.iterdir():
            if path.name.startswith("y"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.log.unlink(missing_ok=True)

    def computed(self) -> list[list[int]]:
        """The tasks that each run has computed, in order; the runs in order."""
        found: dict[str, list[int]] = {}
        for line in self.log.read_text().splitlines():
            run, _, text = line.partition(":")
            tasks = found.setdefault(run, [])
            if text.isdecimal():
                tasks.append(int(text))
        return list(found.values())


@pytest.mark.parametrize("kind", RUNS)
def test_a_run_killed_at_random_moments(kind: str, tmp_path: Path) -> None:
    killed_and_resumed(tmp_path, RUNS[kind], kills=3, seed=sum(map(ord, kind)))


@pytest.mark.slow
def test_a_run_killed_at_two_hundred_random_moments(tmp_path: Path) -> None:
    for number, (kind, options) in enumerate(RUNS.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        killed_and_resumed(folder, options, kills=40, seed=len(kind))


def killed_and_resumed(folder: Path, options: Sequence[str], kills: int, seed: int) -> None:
    """Kill runs until there were so many, and compare what each series of them gives."""
    (folder / "model.yaml").write_text(SPEC)
    x = np.random.default_rng(1).standard_normal((SAMPLES, 16, 16, 3)).astype(np.float32)
    np.save(folder / "x.npy", x)
    runs, dice = Runs(folder, options), random.Random(seed)
    started = time.perf_counter()
    whole = runs.start()
    _, said = whole.communicate()
    assert whole.returncode == 0, said
    length = time.perf_counter() - started
    expected = runs.outputs()
    tasks = [task for run in runs.computed() for task in run]
    assert sorted(set(tasks)) == list(range(len(tasks)))
    runs.clear()
    done = 0
    while done < kills:
        process = runs.start("--resume")
        if dice.random() < 0.8:  # most of the time goes into starting
            while process.poll() is None and not begun(runs, process.pid):
                time.sleep(0.001)
        time.sleep(dice.uniform(0, length / 4))
        process.kill()
        _, said = process.communicate()
        assert process.returncode in (-9, 0), said
        done += process.returncode == -9
        if list(folder.glob("y*")) and not list(folder.glob("*.unfinished")):
            # It may have been killed when all was done.
            whole_again(runs, expected, len(tasks))
    process = runs.start("--resume")
    _, said = process.communicate()
    assert process.returncode == 0, said
    whole_again(runs, expected, len(tasks))


def begun(runs: Runs, pid: int) -> bool:
    return runs.log.exists() and f"{pid}:" in runs.log.read_text()


def whole_again(runs: Runs, expected: Mapping[str, bytes], tasks: int) -> None:
    found = runs.outputs()
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []
    computed = runs.computed()
    assert {task for run in computed for task in run} == set(range(tasks))
    for earlier, run in enumerate(computed):
        again = [task for later in computed[earlier + 1 :] for task in later]
        # Only what was computed and not yet written when the run was killed.
        assert set(run) & set(again) <= set(run[-IN_FLIGHT:])
    runs.clear()
