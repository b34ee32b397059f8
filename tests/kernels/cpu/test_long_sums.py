"""Sums of any length stay within 5e-6 of the largest output, on every width of vectors."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from speccompiler.kernels.cpu.runtime import executor
from speccompiler.kernels.long_sums import SHORT
from tests.cases import build

PRECISE = 5e-6
LINE = {"type": "Convolution1D", "init": "one"}
IMAGE = {"type": "Convolution2D", "init": "one", "dim_ordering": "tf"}
POOL = {"type": "AveragePooling1D"}
CASES = [
    # Windows: one channel, which is done value by value; few; a vector and more; edges.
    ({**POOL, "pool_length": 100_000}, (200_000, 1), "pool"),
    ({**POOL, "pool_length": 50_000, "stride": 7}, (50_050, 1), "pool"),
    ({**POOL, "pool_length": 5_000, "stride": 3, "border_mode": "same"}, (9_000, 3), "pool"),
    ({**POOL, "pool_length": 10_000, "stride": 1}, (10_020, 17), "pool"),
    (
        {"type": "AveragePooling2D", "pool_size": [300, 200], "strides": [9, 9],
         "dim_ordering": "tf"},
        (310, 215, 5),
        "pool",
    ),
    ({"type": "GlobalAveragePooling1D"}, (2_000_000, 1), "global_pool"),
    ({"type": "GlobalAveragePooling1D"}, (100_000, 21), "global_pool"),
    # Products: a row longer than a chain, many rows, many channels, few filters and many.
    ({**LINE, "nb_filter": 1, "filter_length": 100_000}, (100_040, 1), "conv"),
    ({**LINE, "nb_filter": 33, "filter_length": 3_000}, (3_050, 3), "conv"),
    ({**LINE, "nb_filter": 2, "filter_length": 500, "border_mode": "same"}, (300, 70), "conv"),
    ({**IMAGE, "nb_filter": 20, "nb_row": 70, "nb_col": 70}, (75, 75, 3), "conv"),
    ({**IMAGE, "nb_filter": 20, "nb_row": 3, "nb_col": 3}, (9, 9, 2_000), "conv"),
    ({**LINE, "nb_filter": 1, "filter_length": 20_000}, (20_001, 1), "conv_small"),
    ({"type": "Dense", "output_dim": 1, "init": "one"}, (60_000,), "conv_small"),
    ({"type": "Dense", "output_dim": 33, "init": "one"}, (300_000,), "matmul"),
    (
        {"type": "SeparableConvolution2D", "nb_filter": 2, "nb_row": 150, "nb_col": 150,
         "init": "one", "dim_ordering": "tf"},
        (160, 160, 2),
        "depthwise",
    ),
    (
        {"type": "SeparableConvolution2D", "nb_filter": 2, "nb_row": 3, "nb_col": 600,
         "init": "one", "dim_ordering": "tf"},
        (5, 620, 20),
        "depthwise",
    ),
    (
        {"type": "SeparableConvolution2D", "nb_filter": 2, "nb_row": 100, "nb_col": 5,
         "init": "one", "dim_ordering": "tf"},
        (105, 30, 20),
        "depthwise",
    ),
    (
        {"type": "SeparableConvolution2D", "nb_filter": 2, "nb_row": 1, "nb_col": 600,
         "init": "one", "dim_ordering": "tf", "border_mode": "same", "subsample": [3, 3]},
        (5, 620, 20),
        "depthwise",
    ),
    ({"type": "LocallyConnected1D", "nb_filter": 3, "filter_length": 20_000, "init": "one"},
     (20_001, 1), "local"),
]  # fmt: skip


def error(compiled, x, judge):
    """Of the largest output."""
    return np.abs(compiled.run(x) - judge).max() / np.abs(judge).max()


@cache
def judged(index):
    """A case's model; equal values, whose roundings all go one way, and a mean with small noise."""
    layer, shape, _ = CASES[index]
    model = build([layer], shape, seed=3)
    noise = np.random.default_rng(3).uniform(1000, 1001, (1, *shape)).astype(np.float32)
    inputs = np.full((1, *shape), 0.1, np.float32), noise
    judge = model.compile("reference")
    return model, [(x, judge.run(x)) for x in inputs]


@pytest.mark.parametrize("lanes", [4, 8, 16])
@pytest.mark.parametrize("index", range(len(CASES)), ids=[f"{k} {s}" for _, s, k in CASES])
def test_a_sum_may_be_long(index, lanes, monkeypatch):
    monkeypatch.setattr(executor, "host_lanes", lambda: lanes)
    model, pairs = judged(index)
    compiled = model.compile("cpu", math="precise", threads=2)
    assert compiled.plan.steps[0].kernel == CASES[index][2]
    for x, judge in pairs:
        assert error(compiled, x, judge) <= PRECISE


@pytest.mark.parametrize("lanes", [4, 8, 16])
@pytest.mark.parametrize("terms", [SHORT, SHORT + 1, 16 * SHORT, 16 * SHORT + 1, 33 * SHORT])
def test_where_one_chain_ends(terms, lanes, rng, monkeypatch):
    """Just as long as a chain and a stretch of them, and longer by one; a bias, and relu."""
    monkeypatch.setattr(executor, "host_lanes", lambda: lanes)
    dense = {"type": "Dense", "output_dim": 20, "activation": "relu"}
    line = {"type": "Convolution1D", "nb_filter": 20, "filter_length": terms, "activation": "relu"}
    for layer, shape in ((dense, (terms,)), (line, (terms + 40, 1))):
        model = build([layer], shape, seed=3)
        x = rng.uniform(0, 1, (2, *shape)).astype(np.float32)
        compiled = model.compile("cpu", math="precise", threads=2)
        assert error(compiled, x, model.compile("reference").run(x)) <= PRECISE


@pytest.mark.parametrize("lanes", [4, 8, 16])
@pytest.mark.parametrize("values", ["random", "constant"])
def test_a_long_matrix_product(values, lanes, rng, monkeypatch):
    """As a Dense layer after 14x14 images of 512 channels has it.

    One chain of so many additions would be off by 1e-4 where all terms are alike.
    """
    monkeypatch.setattr(executor, "host_lanes", lambda: lanes)
    terms, layer = 100_352, {"type": "Dense", "name": "d", "output_dim": 8}
    if values == "random":
        x = rng.standard_normal((2, terms)).astype(np.float32)
    else:
        layer, x = {**layer, "init": "one"}, np.full((2, terms), 0.1, np.float32)
    model = build([layer], (terms,), seed=3)
    judge = model.compile("reference").run(x)
    assert error(model.compile("cpu", math="precise"), x, judge) <= PRECISE


def test_long_sums_have_the_same_bits_for_any_split(rng):
    layers = [
        {"type": "Convolution1D", "nb_filter": 40, "filter_length": 700},
        {"type": "AveragePooling1D", "pool_length": 300, "stride": 3},
        {"type": "GlobalAveragePooling1D"},
        {"type": "Dense", "output_dim": 5},
    ]
    model = build(layers, (2000, 9), seed=3)
    x = rng.standard_normal((5, 2000, 9)).astype(np.float32)
    runs = [
        model.compile("cpu", math="precise", threads=threads, batch_size=batch).run(x)
        for threads, batch in ((1, 5), (2, 1), (3, 2))
    ]
    assert all(np.array_equal(run, runs[0]) for run in runs)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_long_sum_of_what_is_not_finite(value, rng):
    """What is carried on beside an infinity is NaN, and must not show."""
    layers = [
        {"type": "AveragePooling1D", "pool_length": 1000},
        {"type": "Convolution1D", "nb_filter": 20, "filter_length": 6000, "init": "one"},
        {"type": "GlobalAveragePooling1D"},
        {"type": "LocallyConnected1D", "nb_filter": 2, "filter_length": 900, "init": "one"},
    ]
    for layer in layers:
        x = rng.uniform(1, 2, (3, 6400, 1)).astype(np.float32)
        x[0, 700], x[1, 6100] = value, value
        shape = x.shape[1:] if layer["type"] != "LocallyConnected1D" else (1000, 1)
        x = x[:, : shape[0]]
        model = build([layer], shape, seed=3)
        y = model.compile("cpu", math="precise").run(x)
        judge = model.compile("reference").run(x)
        assert not np.isfinite(judge).all()
        np.testing.assert_allclose(y, judge, rtol=PRECISE)
