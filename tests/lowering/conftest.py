"""What several tests of layers take."""

from __future__ import annotations

import pytest

from speccompiler.kernels.cpu.runtime import executor


@pytest.fixture
def values(rng):
    """Samples of shape (4, 3), of both signs."""
    return rng.uniform(-3, 3, (2, 4, 3)).round(3)


@pytest.fixture(params=[4, 8, 16])
def lanes(request, monkeypatch):
    """Each vector width."""
    monkeypatch.setattr(executor, "host_lanes", lambda: request.param)
    return request.param
