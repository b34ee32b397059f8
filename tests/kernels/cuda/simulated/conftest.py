"""These tests run on the simulated GPU, in blocks of few threads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from speccompiler.kernels.cuda.runtime import devices

SMALL_BLOCKS = {
    "flat_kernels": {"THREADS": 32},
    "winograd_text": {"THREADS": 32},
    "transpose": {"SIDE": 4, "ROWS": 2, "THREADS": 8, "PITCH": 5},
    "row_kernels": {"THREADS": 16},
    "recurrent": {"THREADS": 8},
    "channel_kernels": {"MOST_THREADS": 16, "MOST_CHANNELS": 4},
}
"""In a block as a GPU has it, most threads would have nothing to do, and take time here."""


@pytest.fixture
def draw(rng: np.random.Generator) -> Callable[..., np.ndarray]:
    """Random values of a shape."""
    return lambda *shape: rng.uniform(-1, 1, shape).astype(np.float32)


@pytest.fixture
def real_blocks() -> None:
    """For tests of blocks as a GPU has them."""


@pytest.fixture(autouse=True)
def _simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    # Not by the environment: numba reads it too, and would simulate for other tests' kernels.
    monkeypatch.setattr(devices, "simulated", lambda: True)


@pytest.fixture(autouse=True)
def _small_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "real_blocks" in request.fixturenames:
        return
    for module, constants in SMALL_BLOCKS.items():
        for name, value in constants.items():
            monkeypatch.setattr(f"speccompiler.kernels.cuda.{module}.{name}", value)
