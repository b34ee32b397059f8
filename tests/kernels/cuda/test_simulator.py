"""Runs ``tests/kernels/cuda/simulated`` on numba's CUDA simulator, a file to a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT

FOLDER = Path(__file__).parent / "simulated"
FILES = sorted(file.name for file in FOLDER.glob("test_*.py"))


@pytest.mark.parametrize("name", FILES)
def test_on_the_simulator(name: str, tmp_path: Path) -> None:
    run(name, tmp_path)


@pytest.mark.slow
def test_all_that_keras_gave(tmp_path: Path) -> None:
    run("test_keras.py", tmp_path, "-m", "slow")


def run(name: str, folder: Path, *options: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *options, "--basetemp", str(folder / "t"), str(FOLDER / name)],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
