"""Every test of a run stands in a folder with two specs, weights and inputs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.cli.run.calling import REPEAT, SPEC

if os.name != "posix":
    # Signals, pipes and limits of POSIX.
    collect_ignore_glob = ["test_*.py"]


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
