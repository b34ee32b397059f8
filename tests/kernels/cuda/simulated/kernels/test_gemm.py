"""Convolutions and matrix products on the simulated GPU: edges of tiles, slabs and splits."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.kernels.cuda.gemm import splits
from speccompiler.kernels.cuda.tiles import TILES, Tile
from tests.cases import build
from tests.kernels.cuda.simulated.on_simulator import SMALL, both, check


def convolution(rank: int, **arguments: object) -> dict[str, object]:
    sizes = {1: {"filter_length": 3}, 2: {"nb_row": 2, "nb_col": 3}}
    sizes[3] = {"kernel_dim1": 2, "kernel_dim2": 1, "kernel_dim3": 3}
    return {"type": f"Convolution{rank}D", "nb_filter": 5, **sizes[rank], **arguments}


@pytest.mark.parametrize("channels", [1, 3, 4, 8, 9, 12])
@pytest.mark.parametrize("mode", ["valid", "same"])
def test_blocks_of_channels(channels, mode, rng):
    """Single and wide loads; taps found by counting and by dividing; sums of odd lengths."""
    check([convolution(2, border_mode=mode)], (3, 4, channels), rng)


@pytest.mark.parametrize("filters", [1, 4, 6, 16, 17, 20, 32])
def test_blocks_of_filters(filters, rng):
    """Wide and single stores, blocks that reach beyond the last filter."""
    check([convolution(1, nb_filter=filters, activation="relu")], (9, 4), rng)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("mode", ["same", "full"])
def test_ranks_strides_and_borders(rank, mode, rng):
    shape = (5, 4, 3)[:rank]
    stride = {1: {"subsample_length": 2}, 2: {"subsample": [2, 1]}, 3: {"subsample": [1, 2, 3]}}
    check([convolution(rank, border_mode=mode, **stride[rank])], (*shape, 4), rng)


@pytest.mark.parametrize("tile", TILES, ids=str)
def test_real_tiles(tile, rng):
    """Every tile that a GPU may be given, at a few rows more than a block has of them."""
    samples = -(-(tile.rows + 3) // 6)
    layer = {"type": "Dense", "output_dim": 20}
    check([layer], (6, 20), rng, tile, samples)


def test_a_real_tile_of_a_convolution(rng):
    check([convolution(2, nb_filter=70, border_mode="same")], (5, 7, 4), rng, TILES[3])


@pytest.mark.parametrize("channels", [3, 8])
def test_upsampling_folded_in(channels, rng):
    layers = [
        {"type": "UpSampling2D", "size": [2, 3]},
        convolution(2, border_mode="same", nb_filter=4),
    ]
    plan = check(layers, (2, 3, channels), rng)
    assert [step.kernel for step in plan.steps] == ["gemm"]


def test_upsampling_in_front_of_a_one_by_one_kernel(rng):
    layers = [{"type": "UpSampling1D", "length": 2}, convolution(1, filter_length=1)]
    check(layers, (3, 4), rng)


@pytest.mark.parametrize(("terms", "filters"), [(520, 5), (600, 8), (777, 4)])
def test_long_sums_are_split(terms, filters, rng):
    """Parts of whole slabs, the last one shorter; bias and activation once, at the end."""
    layer = {"type": "Dense", "output_dim": filters, "activation": "sigmoid"}
    assert splits(1, filters, terms) > 1
    check([layer], (terms,), rng)


def test_a_convolution_whose_sums_are_split(rng):
    check([convolution(2, border_mode="same", bias=False, nb_filter=4)], (2, 2, 100), rng)


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_dense_over_samples_of_any_rank(rank, rng):
    check([{"type": "Dense", "output_dim": 5, "activation": "tanh"}], (2, 3, 2, 6)[-rank:], rng)


def test_the_bits_do_not_depend_on_the_tile(rng):
    model = build([convolution(2, border_mode="same", activation="elu")], (4, 5, 12))
    x = rng.standard_normal((2, 4, 5, 12)).astype(np.float32)
    tiles = (SMALL, Tile(16, 32, 16, 4, 4), Tile(32, 16, 8, 8, 4))
    found = [both(model, x, tile)[0] for tile in tiles]
    assert all(np.array_equal(y, found[0]) for y in found)


def test_values_that_are_not_finite_stay_where_they_are(rng):
    """Zeros stand for what is missing beyond the last term and row, and meet no other value."""
    model = build([convolution(1, nb_filter=3)], (7, 3))
    x = rng.standard_normal((2, 7, 3)).astype(np.float32)
    x[0, 1, 2] = np.nan
    y, judge, _ = both(model, x)
    assert np.array_equal(np.isnan(y), np.isnan(judge))
    assert np.isfinite(y[1]).all()


@pytest.mark.parametrize("channels", [3, 8])
def test_distant_taps(channels, rng):
    layer = {"type": "AtrousConvolution2D", "nb_filter": 5, "nb_row": 3, "nb_col": 2,
             "atrous_rate": [2, 3], "border_mode": "same"}  # fmt: skip
    check([layer], (5, 6, channels), rng)
