"""The CPU kernels at their edges: tiles, blocks, odd values."""

from __future__ import annotations

import ctypes
import itertools

import numpy as np
import pytest

from speccompiler.expressions import ACTIVATIONS
from speccompiler.graph.ir import Graph, Input, Node, Transpose
from speccompiler.kernels.axes import merge_axes
from speccompiler.kernels.cpu import concat, conv, convolution
from speccompiler.kernels.cpu import table as cpu_kernels
from speccompiler.kernels.cpu.runtime import executor, run_memory
from speccompiler.kernels.cpu.runtime.executor import CpuExecutor
from speccompiler.planning.plan import make_plan
from tests.cases import build


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


def assert_close(y, judge):
    assert y.shape == judge.shape
    assert np.abs(y - judge).max() <= 1e-5 * np.abs(judge).max()


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


@pytest.mark.parametrize("rank", [1, 2, 3, 4, 5, 6])
def test_elementwise_over_samples_of_any_rank(rank, rng):
    x = rng.uniform(-1, 1, (2, *(2, 3, 1, 2, 3, 2)[:rank])).astype(np.float32)
    layers = [{"type": "Activation", "activation": "relu"}, {"type": "Flatten"}]
    y, judge = both(layers, x)
    assert np.array_equal(y, judge)


@pytest.mark.usefixtures("either_size")
def test_a_kernel_longer_than_the_input(tmp_path, rng):
    x = rng.uniform(-1, 1, (1, 2, 3, 2)).astype(np.float32)
    for mode, semantics in itertools.product(("same", "full"), ("tensorflow", "theano")):
        layer = {"type": "Convolution2D", "nb_filter": 2, "nb_row": 7, "nb_col": 5,
                 "subsample": [2, 3], "border_mode": mode}  # fmt: skip
        assert_close(*both([layer], x, tmp_path, semantics=semantics))


@pytest.mark.usefixtures("either_size")
def test_infinities_and_nan_go_through_a_convolution(tmp_path):
    x = np.array([1, np.inf, 2, np.nan, 3, 4, 5, 6], np.float32).reshape(1, 8, 1)
    layer = {"type": "Convolution1D", "nb_filter": 2, "filter_length": 2, "border_mode": "same"}
    y, judge = both([layer], x, tmp_path)
    np.testing.assert_allclose(y, judge, rtol=1e-5)
    assert np.isnan(y).any()
    assert np.isinf(y).any()
    assert np.isfinite(y[0, 4:]).all()


@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if n != "linear"])
def test_activations_at_the_ends_of_the_range(name):
    x = np.array([-3e38, -1e10, -100, -89, -1e-30, 0, 1e-30, 89, 100, 1e10, 3e38, np.inf, -np.inf,
                  np.nan], np.float32)  # fmt: skip
    y, judge = both([{"type": "Activation", "activation": name}], x[None])
    np.testing.assert_allclose(y, judge, rtol=1e-6, atol=1e-37)
    # softsign of infinity is the one that has no limit in floating point.
    ends = y[0, :-3] if name == "softsign" else y[0, :-1]
    assert not np.isnan(ends).any()


@pytest.mark.parametrize("length", [1, 2, 1000])
def test_softmax_of_large_and_equal_values(length):
    rows = np.array([[0] * length, [1e30] * length, [-1e30] * length, [88] * length], np.float32)
    y, judge = both([{"type": "Activation", "activation": "softmax"}], rows)
    np.testing.assert_allclose(y, np.full_like(y, 1 / length), rtol=1e-6)
    np.testing.assert_allclose(y, judge, rtol=1e-6)
    spread = np.linspace(-200, 200, 50, dtype=np.float32)[None]
    y, judge = both([{"type": "Activation", "activation": "softmax"}], spread)
    assert_close(y, judge)
    assert y.sum() == pytest.approx(1)


@pytest.mark.parametrize("shape", [(3, 1, 5), (2, 17, 33), (1, 1, 1), (5, 4, 3, 2), (2, 16, 1, 16)])
def test_transposes(shape, rng):
    """Through the layers that make them: th in, flattened out."""
    rank = len(shape) - 1
    x = rng.standard_normal((2, *shape)).astype(np.float32)
    up = {"type": f"UpSampling{rank}D", "size": [2, *[1] * (rank - 1)], "dim_ordering": "th"}
    y, judge = both([up, {"type": "Flatten"}], x)
    assert np.array_equal(y, judge)
    assert np.array_equal(y, np.repeat(x, 2, 2).reshape(2, -1))


def test_merged_axes_are_the_same_permutation():
    for rank in range(1, 6):
        shape = (2, 3, 4, 5, 6)[:rank]
        x = np.arange(np.prod(shape)).reshape(shape)
        for axes in itertools.permutations(range(rank)):
            merged, order = merge_axes(shape, axes)
            assert np.array_equal(x.reshape(merged).transpose(order).ravel(),
                                  x.transpose(axes).ravel())  # fmt: skip
            assert len(merged) <= rank
    assert merge_axes((7, 8, 9, 10), (1, 2, 3, 0)) == ((7, 720), (1, 0))


def test_transposes_of_every_permutation_of_three_axes(rng):
    for shape in [(3, 5, 7), (17, 2, 33)]:
        x = rng.standard_normal((2, *shape)).astype(np.float32)
        for axes in itertools.permutations(range(3)):
            out = tuple(shape[a] for a in axes)
            nodes = (Node("x", Input(shape), (), shape, "x"),
                     Node("t", Transpose(axes), ("x",), out, "t"))  # fmt: skip
            y = np.full((2, *out), np.nan, np.float32)
            CpuExecutor(make_plan(Graph(nodes, ("t",)), cpu_kernels), {}, 2, 3).run_batch([x], [y])
            assert np.array_equal(y, x.transpose(0, *(a + 1 for a in axes)))


def test_tasks_are_independent(rng, monkeypatch):
    """Any order of tasks, one by one, gives the bits of one call over all."""
    monkeypatch.setattr(concat, "TASK_VALUES", 1000)

    class OneByOne:
        def __init__(self, steps):
            self.steps = steps

        def run(self, parts):
            for work in (work for lo, hi in parts for work in self.steps[lo:hi]):
                kernel, at = work.kernel, ctypes.addressof(work.arguments[0])
                for task in rng.permutation(work.tasks):
                    assert kernel.function(kernel.unread, kernel.unread, task, task + 1, at) == 0
                counts.append(len(work.tasks))

    for layer in [
        {"type": "Convolution2D", "nb_filter": 140, "nb_row": 3, "nb_col": 3,
         "border_mode": "same"},
        {"type": "Dense", "output_dim": 140},
        {"type": "AveragePooling2D", "border_mode": "same", "strides": [1, 1]},
        {"type": "UpSampling2D"},
        {"type": "ZeroPadding2D"},
        {"type": "Activation", "activation": "relu"},
        {"type": "AtrousConvolution2D", "nb_filter": 70, "nb_row": 3, "nb_col": 3,
         "atrous_rate": [2, 3]},
        {"type": "SeparableConvolution2D", "nb_filter": 140, "nb_row": 3, "nb_col": 3,
         "depth_multiplier": 2, "border_mode": "same"},
        {"type": "LocallyConnected2D", "nb_filter": 5, "nb_row": 3, "nb_col": 3},
        {"type": "BatchNormalization"},
        {"type": "BatchNormalization", "mode": 1},
        {"type": "PReLU"},
        {"type": "Masking"},
        {"type": "Slice", "axis": [1, 3], "step": -1},
        {"type": "Slice", "axis": 2, "start": 1},
        {"type": "Resize", "size": [21, 40]},
        {"type": "Resize", "size": [40, 9], "interpolation": "nearest"},
        {"type": "Reduce", "axis": 2},
        {"type": "Merge", "inputs": ["a", "b", "a"]},
        {"type": "Merge", "mode": "concat", "inputs": ["a", "b"]},
        {"type": "Merge", "mode": "concat", "concat_axis": 1, "inputs": ["a", "b"]},
        {"type": "Merge", "mode": "dot", "dot_axes": 2, "inputs": ["c", "d"]},
    ]:  # fmt: skip
        front = [
            {"type": "Activation", "name": "a", "activation": "relu"},
            {"type": "Activation", "name": "b", "activation": "tanh"},
            {"type": "Reshape", "name": "c", "target_shape": [29, 84], "inputs": "a"},
            {"type": "Reshape", "name": "d", "target_shape": [29, 84], "inputs": "b"},
        ]
        chain = [*(front if "inputs" in layer else []), {**layer, "name": "last"}]
        model = build(chain, [29, 28, 3], outputs="last")
        x = rng.standard_normal((3, 29, 28, 3)).astype(np.float32)
        whole = model.compile(threads=1).run(x)
        counts: list[int] = []
        parts = np.full_like(whole, np.nan)
        with monkeypatch.context() as patched:
            patched.setattr(run_memory, "Job", OneByOne)
            model.compile(threads=1).run(x, out=parts)
        assert np.array_equal(parts, whole), layer
        assert min(counts) > 1, "one task shows nothing"


@pytest.mark.parametrize("text", [
    "x", "3", "x ** 3", "-x", "where(x > 0, x, exp(x) - 1)", "min(max(x, -1), 1)", "abs(x) + pi",
    "x / (1 + x * x)", "sqrt(abs(x))", "sin(x) * cos(x)", "log(1 + x ** 2)",
])  # fmt: skip
def test_expressions_are_the_same_on_both_targets(text, rng):
    x = rng.uniform(-3, 3, (1, 500)).astype(np.float32)
    y, judge = both([{"type": "Activation", "activation": {"expr": text}}], x)
    np.testing.assert_allclose(y, judge, rtol=2e-6, atol=1e-6)
