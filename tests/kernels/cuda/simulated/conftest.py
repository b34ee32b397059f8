"""These tests run on numba's CUDA simulator, in processes of their own.

numba reads NUMBA_ENABLE_CUDASIM when it is imported; ``test_simulator.py`` in the folder above
starts each file here with it. Without it there is nothing to collect.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import numpy as np
import pytest

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
if SIMULATED:
    # The simulator asks its threads in turn whether they are done, and holds Python's lock
    # meanwhile: with 5 ms a turn it takes twice as long.
    sys.setswitchinterval(5e-4)
collect_ignore_glob = [] if SIMULATED else ["test_*.py", "kernels"]

SMALL_BLOCKS = {
    "flat_kernels": {"THREADS": 32},
    "winograd_text": {"THREADS": 32},
    "transpose": {"SIDE": 4, "ROWS": 2, "THREADS": 8, "PITCH": 5},
    "row_kernels": {"THREADS": 16},
    "channel_kernels": {"MOST_THREADS": 16, "MOST_CHANNELS": 4},
}
"""A thread of a GPU is one of Python here, and most of a block's would have nothing to do."""


@pytest.fixture
def draw(rng: np.random.Generator) -> Callable[..., np.ndarray]:
    """Random values of a shape."""
    return lambda *shape: rng.uniform(-1, 1, shape).astype(np.float32)


@pytest.fixture
def real_blocks() -> None:
    """For tests of blocks as a GPU has them."""


@pytest.fixture(autouse=True)
def _small_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "real_blocks" in request.fixturenames:
        return
    for module, constants in SMALL_BLOCKS.items():
        for name, value in constants.items():
            monkeypatch.setattr(f"speccompiler.kernels.cuda.{module}.{name}", value)
