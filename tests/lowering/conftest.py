"""What several tests of layers take."""

from __future__ import annotations

import pytest


@pytest.fixture
def values(rng):
    """Samples of shape (4, 3), of both signs."""
    return rng.uniform(-3, 3, (2, 4, 3)).round(3)
