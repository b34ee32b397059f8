"""Convolutions and matrix products at their edges: tiles, blocks, odd values."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from speccompiler.kernels.cpu import conv, convolution
from speccompiler.kernels.cpu.runtime import executor
from tests.cases import build
from tests.kernels.cpu.both_targets import assert_close


def both(layers, x, tmp_path=None, **header):
    """What each target gives for a batch, with every weight random (biases too)."""
    model = build(layers, x.shape[1:], **header)
    if tmp_path is not None:
        rng = np.random.default_rng(3)
        path = tmp_path / "w.npz"
        np.savez(path, **{f"{w.layer}/{w.tensor}": rng.uniform(-1, 1, w.stored_shape)
                          for w in model.graph.weights()})  # fmt: skip
        model = build(layers, x.shape[1:], weights=path, **header)
    return model.compile("cpu", threads=2).run(x), model.compile("reference").run(x)


@pytest.fixture(params=[0, convolution.SMALL], ids=["tiles", "small"])
def either_size(request, monkeypatch):
    """The kernels of register tiles, and the one for all small convolutions."""
    monkeypatch.setattr(convolution, "SMALL", request.param)


@pytest.mark.usefixtures("either_size")
@pytest.mark.parametrize("filters", [1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 128, 129, 257])
def test_blocks_of_filters(filters, tmp_path, rng):
    """Below, at and above what a vector, a tile and a task take."""
    x = rng.uniform(-1, 1, (2, 5, 6, 3)).astype(np.float32)
    layer = {"type": "Convolution2D", "nb_filter": filters, "nb_row": 2, "nb_col": 3,
             "border_mode": "same", "activation": "relu"}  # fmt: skip
    assert_close(*both([layer], x, tmp_path))


@pytest.mark.usefixtures("either_size")
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33])
def test_blocks_of_channels(channels, tmp_path, rng):
    x = rng.uniform(-1, 1, (2, 6, channels)).astype(np.float32)
    layer = {"type": "Convolution1D", "nb_filter": 5, "filter_length": 3, "border_mode": "full"}
    assert_close(*both([layer], x, tmp_path))


@pytest.mark.usefixtures("either_size")
@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 13, 14, 15, 29, 127, 128, 257])
@pytest.mark.parametrize("batch", [1, 3])
def test_tiles_of_positions(length, batch, tmp_path, rng):
    x = rng.uniform(-1, 1, (batch, length, 2)).astype(np.float32)
    layer = {"type": "Convolution1D", "nb_filter": 3, "filter_length": 3, "border_mode": "same"}
    assert_close(*both([layer], x, tmp_path))


@pytest.mark.parametrize("channels", [16, 17, 24, 1024])
@pytest.mark.parametrize("filters", [33, 160])
def test_products(channels, filters, lanes, rng, monkeypatch):
    """Positions are read where they lie, or packed; shares of them are even, and keep to theirs."""
    monkeypatch.setattr(convolution, "SMALL", 0)
    layer = {"type": "Convolution1D", "nb_filter": filters, "filter_length": 1}
    for length in (1, 13, 15, 49, 113, 196, 230):
        x = rng.uniform(-1, 1, (2, length, channels)).astype(np.float32)
        model = build([layer], x.shape[1:], seed=3)
        compiled = model.compile(threads=2)
        assert [step.kernel for step in compiled.plan.steps] == ["matmul"]
        y = compiled.run(x)
        assert_close(y, model.compile("reference").run(x))
        assert np.array_equal(compiled.run(x[:1]), y[:1])
        x[1, length // 2, -1] = y[1, length // 2] = np.nan
        assert np.array_equal(compiled.run(x), y, equal_nan=True)


@pytest.mark.parametrize(
    ("shape", "size", "stride", "mode"),
    [((1, 1), (3, 3), (1, 1), "same"), ((1, 9), (5, 3), (1, 1), "same"),
     ((9, 1), (3, 2), (2, 2), "same"), ((9, 2), (3, 3), (1, 1), "same"),
     ((7, 7), (1, 1), (2, 2), "valid"), ((8, 3), (2, 1), (1, 3), "valid"),
     ((2, 2), (3, 7), (1, 1), "full"), ((15, 27), (3, 3), (1, 1), "same")],
)  # fmt: skip
def test_tiles_of_short_rows(shape, size, stride, mode, rng, monkeypatch):
    """Several rows in a tile, the last one in part; taps that see padding alone."""
    monkeypatch.setattr(convolution, "SMALL", 0)
    x = rng.uniform(-1, 1, (2, *shape, 17)).astype(np.float32)
    layer = {"type": "Convolution2D", "nb_filter": 20, "nb_row": size[0], "nb_col": size[1],
             "subsample": list(stride), "border_mode": mode}  # fmt: skip
    model = build([layer], x.shape[1:], seed=3)
    compiled = model.compile(math="precise")
    assert [step.kernel for step in compiled.plan.steps] == ["conv"]
    assert_close(compiled.run(x), model.compile("reference").run(x))


@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_every_vector_width(lanes, rng, monkeypatch):
    """LLVM splits vectors that the machine does not have, so that each runs everywhere."""
    monkeypatch.setattr(convolution, "SMALL", 0)
    monkeypatch.setattr(executor, "host_lanes", lambda: lanes)
    three = {"type": "Convolution2D", "nb_row": 3, "nb_col": 3, "border_mode": "same"}
    layers = [
        {**three, "nb_filter": 20, "subsample": [2, 1], "activation": "relu"},
        {**three, "nb_filter": 18},
        {**three, "nb_filter": 9, "nb_row": 1, "nb_col": 1, "activation": "sigmoid"},
        {"type": "Flatten"},
        {"type": "Dense", "output_dim": 5},
    ]
    model = build(layers, (15, 9, 5), seed=3)
    x = rng.standard_normal((2, 15, 9, 5)).astype(np.float32)
    y, judge = model.compile(math="precise").run(x), model.compile("reference").run(x)
    assert np.abs(y - judge).max() <= 5e-6 * np.abs(judge).max()


@pytest.mark.parametrize(("lanes", "shape"), [(16, (7, 7)), (8, (9, 3)), (4, (5, 2))])
def test_the_last_rows_have_a_tile_of_their_own(lanes, shape, rng, monkeypatch):
    """Fewer than a tile has, of the image; and of a task, whose rows suit wider vectors."""
    monkeypatch.setattr(convolution, "SMALL", 0)
    monkeypatch.setattr(executor, "host_lanes", lambda: lanes)
    layer = {"type": "Convolution2D", "nb_filter": 20, "nb_row": 3, "nb_col": 3,
             "border_mode": "same", "activation": "tanh"}  # fmt: skip
    x = rng.standard_normal((2, *shape, 17)).astype(np.float32)
    model = build([layer], x.shape[1:], seed=3)
    judge = model.compile("reference").run(x)
    whole = model.compile(math="precise").run(x)
    assert_close(whole, judge)
    monkeypatch.setattr(conv, "PACKED_BYTES", 1)
    assert np.array_equal(model.compile(math="precise").run(x), whole)


@pytest.mark.parametrize("channels", [3, 33])
@pytest.mark.parametrize("stride", [1, 4])
def test_a_convolution_is_the_same_however_its_tasks_are_cut(channels, stride, rng, monkeypatch):
    """Rows and columns of a task, and what is convolved between two rests of the sums."""
    layer = {"type": "Convolution2D", "nb_filter": 40, "nb_row": 3, "nb_col": 3,
             "subsample": [stride, stride], "border_mode": "same"}  # fmt: skip
    model = build([layer], [23, 61, channels], seed=3)
    x = rng.standard_normal((2, 23, 61, channels)).astype(np.float32)
    whole = model.compile(math="precise").run(x)
    assert_close(whole, model.compile("reference").run(x))
    tasks = set()
    for size in (1, 8 << 10, 64 << 10):
        monkeypatch.setattr(conv, "PACKED_BYTES", size)
        compiled = model.compile(math="precise")
        (step,) = compiled.plan.steps
        tasks.add(step.candidate.tasks(step.node, step.source_shape, 1))
        assert np.array_equal(compiled.run(x), whole)
    assert len(tasks) > 1


@pytest.mark.usefixtures("either_size")
@pytest.mark.parametrize("filters", [5, 32, 50])
def test_products_of_every_number_of_positions(filters, rng):
    """Whole tiles, tiles of a few, of one, and tasks beyond the first: the same bits in each."""
    model = build([{"type": "Dense", "output_dim": filters, "activation": "relu"}], [19], seed=3)
    x = rng.standard_normal((100, 19)).astype(np.float32)
    judge = model.compile("reference").run(x)
    compiled = model.compile(batch_size=100)
    whole = compiled.run(x)
    assert_close(whole, judge)
    for count in range(1, 100):
        assert np.array_equal(compiled.run(x[:count]), whole[:count]), count


@pytest.mark.usefixtures("either_size")
@pytest.mark.parametrize("rank", [1, 2, 3, 4, 5])
def test_dense_over_samples_of_any_rank(rank, tmp_path, rng):
    """As in Keras 1.2: the last axis, whatever stands before it."""
    shape = (2, 3, 2, 2)[: rank - 1]
    x = rng.uniform(-1, 1, (3, *shape, 6)).astype(np.float32)
    assert_close(*both([{"type": "Dense", "output_dim": 5, "activation": "tanh"}], x, tmp_path))


@pytest.mark.usefixtures("either_size")
def test_a_kernel_longer_than_the_input(tmp_path, rng):
    x = rng.uniform(-1, 1, (1, 2, 3, 2)).astype(np.float32)
    for mode, semantics in itertools.product(("same", "full"), ("tensorflow", "theano")):
        layer = {"type": "Convolution2D", "nb_filter": 2, "nb_row": 7, "nb_col": 5,
                 "subsample": [2, 3], "border_mode": mode}  # fmt: skip
        assert_close(*both([layer], x, tmp_path, semantics=semantics))


@pytest.mark.usefixtures("either_size")
def test_windows_that_see_no_data(lanes, tmp_path, rng):
    """All that there is to add up lies beside the data: what is left is the bias."""
    x = rng.uniform(-1, 1, (2, 1, 3)).astype(np.float32)
    layers = [{"type": "ZeroPadding1D", "padding": 5},
              {"type": "Convolution1D", "nb_filter": 5, "filter_length": 3,
               "subsample_length": 100}]  # fmt: skip
    assert_close(*both(layers, x, tmp_path))


@pytest.mark.usefixtures("either_size")
def test_infinities_and_nan_go_through_a_convolution(tmp_path):
    x = np.array([1, np.inf, 2, np.nan, 3, 4, 5, 6], np.float32).reshape(1, 8, 1)
    layer = {"type": "Convolution1D", "nb_filter": 2, "filter_length": 2, "border_mode": "same"}
    y, judge = both([layer], x, tmp_path)
    np.testing.assert_allclose(y, judge, rtol=1e-5)
    assert np.isnan(y).any()
    assert np.isinf(y).any()
    assert np.isfinite(y[0, 4:]).all()


@pytest.mark.parametrize("activation", ["tanh", {"expr": "x * sigmoid(x) + sin(x)"}])
@pytest.mark.parametrize("filters", [1, 15, 16, 17, 33, 64])
def test_activations_of_convolutions(activation, filters, lanes, rng):
    """In tiles that are whole and in those that are cut off; the same bits on their own."""
    x = rng.uniform(-2, 2, (2, 6, 17, 5)).astype(np.float32)
    conv = {"type": "Convolution2D", "nb_filter": filters, "nb_row": 3, "nb_col": 2,
            "border_mode": "same"}  # fmt: skip
    y, judge = both([{**conv, "activation": activation}], x)
    assert np.abs(y - judge).max() <= 5e-6 * np.abs(judge).max()
