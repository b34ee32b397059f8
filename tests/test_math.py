"""--math fast: Winograd; and narrower vectors than this machine's, forced."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from cases import build

from speccompiler.ir import Conv
from speccompiler.kernels.cpu import choices, executor
from speccompiler.passes import optimize
from speccompiler.plan import make_plan


@pytest.fixture(autouse=True)
def winograd_is_cheap(monkeypatch):
    """Small images would not be worth it: taken here wherever it fits and is allowed."""
    row = tuple(
        dataclasses.replace(c, nanoseconds=lambda node, shape: 0.0) if c.kernel == "winograd" else c
        for c in choices.CANDIDATES[Conv]
    )
    monkeypatch.setattr(choices, "CANDIDATES", {**choices.CANDIDATES, Conv: row})


FAST, PRECISE = 5e-5, 5e-6
"""Of the largest output, over a whole network: what the documentation promises."""


def conv(filters, size=3, **arguments):
    return {
        "type": "Convolution2D",
        "nb_filter": filters,
        "nb_row": size,
        "nb_col": size,
        **arguments,
    }


def error(model, x, **options):
    judge = model.compile("reference").run(x)
    y = model.compile("cpu", **options).run(x)
    assert y.shape == judge.shape
    return np.abs(y - judge).max() / np.abs(judge).max()


def kernels(model, *, fast):
    graph, _ = model.tapped()
    return [step.kernel for step in make_plan(optimize(graph), fast=fast).steps]


@pytest.mark.parametrize("mode", ["valid", "same", "full"])
@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
@pytest.mark.parametrize(
    ("shape", "filters", "activation"),
    [
        ((8, 8, 16), 16, "linear"),
        ((13, 7, 17), 35, "relu"),
        ((27, 6, 33), 100, "tanh"),
        ((6, 6, 40), 16, {"expr": "x * sigmoid(x)"}),
    ],
)
def test_winograd(mode, semantics, shape, filters, activation, rng):
    layer = conv(filters, border_mode=mode, activation=activation)
    model = build([layer], shape, semantics=semantics, seed=3)
    assert kernels(model, fast=True) == ["winograd"]
    assert kernels(model, fast=False) == ["conv"]
    x = rng.standard_normal((3, *shape)).astype(np.float32)
    assert error(model, x, math="fast") <= FAST


def test_winograd_gives_the_same_bits_for_any_split(rng):
    model = build([conv(24, border_mode="same")], (22, 18, 20), seed=3)
    x = rng.standard_normal((7, 22, 18, 20)).astype(np.float32)
    runs = [
        model.compile(math="fast", threads=threads, batch_size=batch).run(x)
        for threads in (1, 2, 5)
        for batch in (1, 3, 7)
    ]
    assert all(np.array_equal(run, runs[0]) for run in runs)


def test_nan_stays_where_its_windows_are(rng):
    """A NaN reaches the tiles that read it, and no padding, channel or tile beyond."""
    model = build([conv(16, border_mode="same")], (20, 20, 17), seed=3)
    x = rng.standard_normal((1, 20, 20, 17)).astype(np.float32)
    x[0, 0, 0, 16] = np.nan
    y = model.compile(math="fast").run(x)
    assert np.isnan(y[0, :2, :2]).all()
    assert np.isfinite(y[0, 8:]).all()
    assert np.isfinite(y[0, :, 8:]).all()


NETWORK = [
    conv(32, border_mode="same", activation="relu"),
    conv(32, border_mode="same", activation="relu"),
    {"type": "MaxPooling2D"},
    conv(48, border_mode="same", activation="relu"),
    conv(48, size=5, subsample=[2, 2], activation="relu"),
    {"type": "UpSampling2D"},
    conv(64, border_mode="same", activation="elu"),
    {"type": "Flatten"},
    {"type": "Dense", "output_dim": 33},
]


@pytest.mark.parametrize(("math", "limit"), [("fast", FAST), ("precise", PRECISE)])
def test_the_error_of_a_network(math, limit, rng):
    model = build(NETWORK, (32, 32, 3), seed=3)
    x = rng.standard_normal((2, 32, 32, 3)).astype(np.float32)
    assert error(model, x, math=math) <= limit
    assert "winograd" in kernels(model, fast=True)
    assert "winograd" not in kernels(model, fast=False)


@pytest.mark.parametrize("lanes", [4, 8, 16])
@pytest.mark.parametrize("math", ["fast", "precise"])
def test_every_vector_width(lanes, math, rng, monkeypatch):
    """LLVM splits vectors that the machine does not have, so that each runs everywhere."""
    monkeypatch.setattr(executor, "host_lanes", lambda: lanes)
    layers = [
        conv(20, border_mode="same", subsample=[2, 1], activation="relu"),
        conv(18, border_mode="same"),
        conv(9, size=1, activation="sigmoid"),
        {"type": "Flatten"},
        {"type": "Dense", "output_dim": 5},
    ]
    model = build(layers, (15, 9, 5), seed=3)
    x = rng.standard_normal((2, 15, 9, 5)).astype(np.float32)
    assert error(model, x, math=math) <= (FAST if math == "fast" else PRECISE)


@pytest.mark.parametrize(("side", "kernel"), [(112, "winograd"), (7, "conv")])
def test_winograd_is_taken_where_it_pays(side, kernel, monkeypatch):
    """Few tiles and many channels would stream the transformed kernels for little work."""
    monkeypatch.undo()
    model = build([conv(256, border_mode="same")], (side, side, 256), seed=3)
    assert kernels(model, fast=True) == [kernel]
