"""Winograd convolutions on the simulated GPU."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.kernels.cuda import table, winograd
from tests.cases import build
from tests.kernels.cuda.simulated.on_simulator import TINY, WinogradFirst, assert_close, both

SHAPES = [
    (1, (3,), (7,)),
    (1, (5,), (9,)),
    (2, (3, 3), (5, 6)),
    (2, (3, 3), (4, 4)),
    (2, (1, 3), (2, 7)),
    (2, (5, 5), (6, 5)),
    (3, (2, 3, 3), (3, 4, 4)),
    (3, (1, 3, 1), (2, 5, 2)),
]
NAMES = {
    1: ("filter_length",),
    2: ("nb_row", "nb_col"),
    3: ("kernel_dim1", "kernel_dim2", "kernel_dim3"),
}


@pytest.fixture(autouse=True)
def _few_channels(monkeypatch):
    monkeypatch.setattr(winograd, "TRANSFORMED", 1)


@pytest.mark.parametrize(("rank", "kernel", "shape"), SHAPES)
@pytest.mark.parametrize("mode", ["same", "valid"])
def test_tiles_of_every_kernel(rank, kernel, shape, mode, rng):
    layer = {"type": f"Convolution{rank}D", "nb_filter": 4, "border_mode": mode,
             "activation": "relu", **dict(zip(NAMES[rank], kernel, strict=True))}  # fmt: skip
    channels = 3 if mode == "same" else 4
    check([layer], (*shape, channels), rng)


def check(layers, shape, rng):
    x = rng.uniform(-1, 1, (2, *shape)).astype(np.float32)
    y, judge, plan = both(build(layers, shape), x, TINY, kernels=WinogradFirst)
    assert "winograd" in [step.kernel for step in plan.steps]
    assert_close(y, judge, 2e-5)


@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
@pytest.mark.parametrize(("rank", "kernel", "shape"), SHAPES)
def test_what_is_not_finite_reaches_what_sees_it(rank, kernel, shape, semantics, rng):
    """In the middle and in a corner, whose window sees the padding."""
    layer = {"type": f"Convolution{rank}D", "nb_filter": 3, "border_mode": "same",
             "activation": "relu", **dict(zip(NAMES[rank], kernel, strict=True))}  # fmt: skip
    x = rng.uniform(-1, 1, (3, *shape, 2)).astype(np.float32)
    x[(0, *(n // 2 for n in shape), 1)] = np.nan
    x[(1, *(0 for _ in shape), 0)] = -np.inf
    model = build([layer], (*shape, 2), semantics=semantics)
    y, judge, _ = both(model, x, TINY, kernels=WinogradFirst)
    assert np.isnan(judge[0]).any()
    assert np.isfinite(judge[0]).any()
    assert np.array_equal(np.isnan(y), np.isnan(judge))
    assert np.array_equal(np.isinf(y), np.isinf(judge))
    finite = np.isfinite(judge)
    assert_close(y[finite], judge[finite], 2e-5)


def test_what_is_not_finite_before_an_upsampling(rng):
    layers = [
        {"type": "UpSampling2D", "size": [2, 2]},
        {"type": "Convolution2D", "nb_filter": 3, "nb_row": 3, "nb_col": 3,
         "border_mode": "same", "bias": False},
    ]  # fmt: skip
    x = rng.uniform(-1, 1, (1, 4, 3, 2)).astype(np.float32)
    x[0, 2, 1, 0] = np.nan
    y, judge, _ = both(build(layers, (4, 3, 2)), x, TINY, kernels=WinogradFirst)
    assert np.array_equal(np.isnan(y), np.isnan(judge))
    assert_close(np.nan_to_num(y), np.nan_to_num(judge), 2e-5)


def test_upsampling_folded_in(rng):
    layers = [
        {"type": "UpSampling2D", "size": [2, 2]},
        {"type": "Convolution2D", "nb_filter": 5, "nb_row": 3, "nb_col": 3,
         "border_mode": "same", "bias": False},
    ]  # fmt: skip
    check(layers, (3, 2, 4), rng)


def test_depth_is_strided_and_summed(rng):
    layer = {"type": "Convolution3D", "nb_filter": 4, "kernel_dim1": 3, "kernel_dim2": 3,
             "kernel_dim3": 3, "subsample": [2, 1, 1], "border_mode": "same"}  # fmt: skip
    check([layer], (5, 3, 3, 4), rng)


def test_only_fast_math_takes_it():
    layer = {"type": "Convolution2D", "nb_filter": 256, "nb_row": 3, "nb_col": 3}
    model = build([layer], (56, 56, 256))
    node = model.graph.nodes[1]
    assert table.choose(node, (56, 56, 256), fast=True).kernel == "winograd"
    assert table.choose(node, (56, 56, 256)).kernel == "gemm"
