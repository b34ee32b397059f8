"""Runs ``tests/kernels/cuda/simulated`` on numba's CUDA simulator, in processes of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT

FOLDER = Path(__file__).parent / "simulated"
PARTS = {
    "kernels": [FOLDER / "kernels"],
    "layers": [FOLDER / "test_layers.py", FOLDER / "test_keras.py"],
}
"""Few processes: each of them needs a second or two to begin."""
PARTS["others"] = [file for file in sorted(FOLDER.glob("test_*.py")) if file not in PARTS["layers"]]


@pytest.mark.parametrize("part", PARTS)
def test_on_the_simulator(part: str, tmp_path: Path) -> None:
    run(PARTS[part], tmp_path)


@pytest.mark.slow
def test_all_that_keras_gave(tmp_path: Path) -> None:
    run([FOLDER / "test_keras.py"], tmp_path, "-m", "slow")


def run(files: list[Path], folder: Path, *options: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *options, "--basetemp", str(folder / "t"), *map(str, files)],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
