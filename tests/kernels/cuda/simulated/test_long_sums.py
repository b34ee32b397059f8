"""Sums of any length stay within 5e-6 of the largest output on the simulated GPU."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.kernels.cuda import gemm
from speccompiler.kernels.cuda.gemm import splits
from speccompiler.kernels.cuda.gemm_geometry import Gemm
from speccompiler.kernels.cuda.gemm_text import resident
from speccompiler.kernels.cuda.long_sums import PART, SHORT
from speccompiler.kernels.cuda.tiles import TILES
from tests.cases import build
from tests.kernels.cuda.simulated.on_simulator import TINY, both

PRECISE = 5e-6
CASES = [
    ({"type": "AveragePooling1D", "pool_length": 9000}, (9000, 1), "pool"),
    ({"type": "GlobalAveragePooling1D"}, (20_000, 1), "global_pool"),
    ({"type": "Convolution1D", "nb_filter": 2, "filter_length": 4000, "init": "one"},
     (4001, 1), "gemm"),
    ({"type": "LocallyConnected1D", "nb_filter": 1, "filter_length": 9000, "init": "one"},
     (9001, 1), "local"),
    (
        {"type": "SeparableConvolution2D", "nb_filter": 1, "nb_row": 90, "nb_col": 90,
         "init": "one", "dim_ordering": "tf"},
        (90, 90, 1),
        "depthwise",
    ),
]  # fmt: skip


@pytest.mark.parametrize("values", ["constant", "near"])
@pytest.mark.parametrize(("layer", "shape", "kernel"), CASES, ids=[k for _, _, k in CASES])
def test_a_sum_may_be_long(layer, shape, kernel, values, rng):
    x = np.full((1, *shape), 0.1, np.float32)
    if values == "near":
        x = rng.uniform(1000, 1001, x.shape).astype(np.float32)
    y, judge, plan = both(build([layer], shape, seed=1), x, TINY)
    assert plan.steps[0].kernel == kernel
    assert np.abs(y - judge).max() <= PRECISE * np.abs(judge).max()


@pytest.mark.parametrize("values", ["constant", "near"])
def test_a_part_of_a_sum_may_be_long(values, rng, monkeypatch):
    """A sum that is not cut: its thread ends a chain after every ``SHORT`` terms."""
    monkeypatch.setattr(gemm, "MOST_PARTS", 1)
    layer = {"type": "Dense", "output_dim": 2, "init": "one"}
    test_a_sum_may_be_long(layer, (3000,), "gemm", values, rng)


def test_the_longest_sums_are_cut_into_parts():
    assert splits(10_000, 1000, PART) == 1
    assert splits(10_000, 1000, PART + 1) == 2
    assert splits(10_000, 1000, 61 * PART) == 61


@pytest.mark.parametrize("tile", TILES, ids=str)
def test_chains_end_at_the_same_terms_on_every_tile(tile):
    assert SHORT % tile.depth == 0
    long = Gemm((1, 1, 1), 2 * SHORT, (1, 1, 1), 4, *((1, 1, 1),) * 2, (0, 0, 0), (1, 1, 1))
    assert long.long
    assert resident(long, tile) * tile.threads <= 256
