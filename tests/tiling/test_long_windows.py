"""Windows longer than a tile, of sums of several chains: they begin where those of the whole do.

A convolution leaves out the columns of its window that see nothing but padding, which would shift
the chains of a narrow tile.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.cases import build


@pytest.mark.parametrize("tile", [3, 16])
@pytest.mark.parametrize("border", ["same", "full", "valid"])
@pytest.mark.parametrize(("length", "channels"), [(33, 20), (41, 128)])
def test_signals(length: int, channels: int, border: str, tile: int) -> None:
    layer = {"type": "Convolution1D", "nb_filter": 4, "filter_length": length}
    plan = build([layer | {"border_mode": border}], (150, channels)).compile(math="precise")
    x = np.random.default_rng(0).uniform(-1, 1, (1, 150, channels)).astype(np.float32)
    assert np.array_equal(plan.run_tiled(x, tile), plan.run(x))


@pytest.mark.parametrize("size", [(9, 31), (3, 19)])
def test_images(size: tuple[int, int]) -> None:
    layer = {"type": "Convolution2D", "nb_filter": 16, "nb_row": size[0], "nb_col": size[1]}
    plan = build([layer | {"border_mode": "same"}], (40, 60, 20)).compile(math="precise")
    x = np.random.default_rng(0).uniform(-1, 1, (1, 40, 60, 20)).astype(np.float32)
    assert np.array_equal(plan.run_tiled(x, (5, 7)), plan.run(x))
