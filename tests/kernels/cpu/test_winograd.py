"""Winograd's convolution, and how far off a network is with it (``--math fast``) and without."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.kernels.cpu import convolution, winograd
from speccompiler.kernels.cpu import table as cpu_kernels
from speccompiler.kernels.cpu.kernel import Expected
from speccompiler.kernels.cpu.runtime import executor
from speccompiler.kernels.cpu.winograd import WinogradKernel
from speccompiler.passes import optimize
from speccompiler.planning.plan import make_plan
from tests.cases import build


@pytest.fixture(autouse=True)
def winograd_is_cheap(monkeypatch):
    """Small images would not be worth it: taken here wherever it fits and is allowed."""
    monkeypatch.setattr(WinogradKernel, "nanoseconds", lambda self, node, shape: 0.0)
    # Its own finds the cheapest without asking each.
    monkeypatch.delattr(WinogradKernel, "cheapest")
    monkeypatch.setattr(convolution, "SMALL", 0)


def offer(monkeypatch, pick, offered=WinogradKernel.offered):
    """Leave of the ways to cut a step's tasks only those that ``pick(ways, shape)`` gives."""

    def some(node, shape, expected):
        return pick(offered(node, shape, expected), shape)

    monkeypatch.setattr(WinogradKernel, "offered", some)


def last_way(streamed):
    """The last way in which tasks transform the weights themselves, or in which they do not."""
    return lambda ways, shape: [w for w in ways if (w.cut.chunk > 0) == streamed][-1:]


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
    return [step.kernel for step in make_plan(optimize(graph), cpu_kernels, fast=fast).steps]


@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize("filters", [16, 100, 512])
def test_the_cheapest_way_is_the_first_of_lowest_cost(monkeypatch, size, batch, filters):
    monkeypatch.undo()
    model = build([conv(filters, size if size > 1 else 3, nb_row=size)], (40, 33, 96), seed=3)
    node, expected = model.graph.nodes[1], Expected(batch, 2)
    offered = WinogradKernel.offered(node, (40, 33, 96), expected)
    costs = [one.nanoseconds(node, (40, 33, 96)) for one in offered]
    best = offered[costs.index(min(costs))]
    assert WinogradKernel.cheapest(node, (40, 33, 96), expected) == (min(costs), best)


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


def layer(rank, kernel, **arguments):
    names = {
        1: ["filter_length"],
        2: ["nb_row", "nb_col"],
        3: ["kernel_dim1", "kernel_dim2", "kernel_dim3"],
    }[rank]
    sizes = dict(zip(names, kernel, strict=True))
    return {"type": f"Convolution{rank}D", "nb_filter": 20, **sizes, **arguments}


@pytest.mark.parametrize("share", [0, 0.4, 1])
@pytest.mark.parametrize(
    ("kernel", "shape", "arguments"),
    [
        ((3,), (41, 17), {}),
        ((5,), (19, 17), {"border_mode": "same"}),
        ((7,), (30, 17), {"border_mode": "full"}),
        ((5, 5), (9, 14, 17), {"border_mode": "same"}),
        ((3, 5), (11, 7, 17), {}),
        ((1, 3), (5, 13, 17), {"border_mode": "same"}),
        ((7, 1), (13, 5, 17), {"border_mode": "same"}),
        ((3, 3, 3), (4, 9, 6, 17), {"border_mode": "same"}),
        ((2, 3, 3), (7, 6, 9, 17), {"subsample": [2, 1, 1]}),
        ((3, 5, 5), (3, 6, 7, 17), {"border_mode": "same"}),
        ((2, 1, 3), (3, 4, 9, 17), {}),
    ],
)
def test_every_tile_and_rank(kernel, shape, arguments, share, rng, monkeypatch):
    """Whatever way the tasks are cut: the fewest tiles and filters, some, the most."""
    offer(monkeypatch, lambda ways, shape: ways[int(share * (len(ways) - 1)) :][:1])
    rank = len(kernel)
    model = build([layer(rank, kernel, activation="relu", **arguments)], shape, seed=3)
    assert kernels(model, fast=True) == ["winograd"]
    x = rng.standard_normal((2, *shape)).astype(np.float32)
    assert error(model, x, math="fast", batch_size=2) <= FAST


@pytest.mark.parametrize("before", [[], [{"type": "UpSampling{rank}D"}]], ids=["", "upsampled"])
@pytest.mark.parametrize(
    ("kernel", "rate", "shape", "mode"),
    [
        ((3,), (4,), (41, 17), "same"),
        ((5,), (2,), (30, 17), "valid"),
        ((3, 3), (2, 3), (13, 11, 17), "same"),
        ((3, 3), (1, 2), (9, 17, 33), "valid"),
        ((5, 3), (2, 2), (12, 7, 17), "same"),
        ((3, 3), (9, 5), (7, 6, 17), "same"),
        ((1, 3), (4, 2), (5, 13, 17), "same"),
    ],
)
def test_a_dilated_convolution_takes_rows_and_columns_apart(kernel, rate, shape, mode, before, rng):
    """More rows in a tile than the data has at that distance; distances longer than the data."""
    rank = len(kernel)
    dilated = layer(rank, kernel, activation="relu", border_mode=mode)
    dilated |= {
        "type": f"AtrousConvolution{rank}D",
        "atrous_rate": rate[0] if rank == 1 else list(rate),
    }
    chain = [{**entry, "type": entry["type"].format(rank=rank)} for entry in before]
    model = build([*chain, dilated], shape, seed=3)
    assert "winograd" in kernels(model, fast=True)
    assert "winograd" not in kernels(model, fast=False)
    x = rng.standard_normal((2, *shape)).astype(np.float32)
    assert error(model, x, math="fast", batch_size=2) <= FAST


def test_no_tile_is_for_rows_that_a_window_of_one_row_skips():
    def tasks(rate):
        dilated = layer(2, (1, 3), border_mode="same", type="AtrousConvolution2D", atrous_rate=rate)
        graph, _ = build([dilated], (9, 60, 17), seed=3).tapped()
        (step,) = make_plan(optimize(graph), cpu_kernels, fast=True).steps
        return step.candidate.tasks(step.node, step.source_shape, 50)

    assert tasks([100, 2]) == tasks([1, 2])


@pytest.mark.parametrize(
    ("kernel", "pool", "shape"),
    [
        ((3, 3), {"type": "MaxPooling2D"}, (13, 18, 17)),
        ((3, 3), {"type": "MaxPooling2D", "pool_size": [4, 2]}, (9, 11, 17)),
        ((5, 5), {"type": "MaxPooling2D"}, (9, 11, 17)),
        ((3,), {"type": "MaxPooling1D", "pool_length": 3}, (40, 17)),
        ((3,), {"type": "MaxPooling1D"}, (40, 17)),
        ((5,), {"type": "MaxPooling1D"}, (43, 33)),
        ((7, 1), {"type": "MaxPooling2D", "pool_size": [2, 1]}, (13, 5, 17)),
        ((2, 3, 3), {"type": "MaxPooling3D", "pool_size": [1, 2, 2]}, (3, 9, 8, 17)),
    ],
)
@pytest.mark.parametrize("activation", ["relu", "linear", {"expr": "sin(3 * x)"}], ids=str)
def test_a_pool_is_taken_in(kernel, pool, shape, activation, rng):
    rank = len(kernel)
    first = layer(rank, kernel, border_mode="same", activation=activation)
    model = build([first, pool], shape, seed=3)
    assert kernels(model, fast=True) == ["winograd"]
    assert kernels(model, fast=False) == ["conv", "pool"]
    x = rng.standard_normal((3, *shape)).astype(np.float32)
    assert error(model, x, math="fast") <= FAST
    x[1] = np.nan
    y = model.compile(math="fast").run(x)
    assert np.isnan(y[1]).all()
    assert np.isfinite(y[[0, 2]]).all()


@pytest.mark.parametrize(
    ("pool", "layers"),
    [
        ({"type": "MaxPooling2D", "strides": [1, 1]}, ()),
        ({"type": "MaxPooling2D", "pool_size": [3, 3]}, ()),
        ({"type": "AveragePooling2D"}, ()),
        ({"type": "MaxPooling2D", "border_mode": "same"}, ()),
        ({"type": "MaxPooling2D"}, ("c",)),
    ],
)
def test_other_pools_stand_alone(pool, layers):
    """Overlapping windows, means, edges of their own, and where the convolution is wanted too."""
    model = build([conv(20, border_mode="same", name="c"), pool], (9, 9, 17), seed=3)
    graph, _ = model.tapped(layers=layers)
    assert "pool" in [
        step.kernel for step in make_plan(optimize(graph), cpu_kernels, fast=True).steps
    ]


@pytest.mark.parametrize("math", ["fast", "precise"])
@pytest.mark.parametrize("mode", ["valid", "same"])
@pytest.mark.parametrize(
    ("kernel", "size", "shape", "stride"),
    [
        ((3, 3), [2, 2], (5, 7, 17), [1, 1]),
        ((3, 2), [3, 2], (5, 7, 17), [2, 3]),
        ((5,), 3, (9, 17), 1),
        ((2, 3, 3), [2, 1, 3], (2, 5, 4, 17), [1, 1, 1]),
    ],
)
def test_an_upsampled_input_is_read_in_place(kernel, size, shape, stride, mode, math, rng):
    rank = len(kernel)
    up = {"type": f"UpSampling{rank}D", ("length" if rank == 1 else "size"): size}
    pad = {"type": f"ZeroPadding{rank}D"}
    step = {"subsample_length" if rank == 1 else "subsample": stride}
    model = build([up, pad, layer(rank, kernel, border_mode=mode, **step)], shape, seed=3)
    assert kernels(model, fast=False) == ["conv"]
    x = rng.standard_normal((2, *shape)).astype(np.float32)
    assert error(model, x, math=math) <= (FAST if math == "fast" else PRECISE)


def test_winograd_gives_the_same_bits_for_any_split(rng):
    model = build([conv(24, border_mode="same")], (22, 18, 20), seed=3)
    x = rng.standard_normal((7, 22, 18, 20)).astype(np.float32)
    runs = [
        model.compile(math="fast", threads=threads, batch_size=batch).run(x)
        for threads in (1, 2, 5)
        for batch in (1, 3, 7)
    ]
    assert all(np.array_equal(run, runs[0]) for run in runs)


@pytest.mark.parametrize(
    ("kernel", "shape", "filters", "pooled", "lanes"),
    [
        ((3, 3), (13, 9, 130), 40, True, 16),
        ((5, 5), (9, 6, 100), 17, False, 8),
        ((5,), (40, 33), 70, False, 16),
        ((2, 3, 3), (3, 9, 5, 48), 33, False, 4),
    ],
)
def test_who_transforms_the_weights_changes_no_bits(
    kernel, shape, filters, pooled, lanes, rng, monkeypatch
):
    """Large weights are transformed in the tasks, some channels at a time; a cut decides it."""
    monkeypatch.setattr(executor, "host_lanes", lambda: lanes)
    monkeypatch.setattr(winograd, "FAR_BYTES", 1)
    runs = []
    one = layer(len(kernel), kernel, border_mode="same", activation="relu")
    layers = [{**one, "nb_filter": filters}, *([{"type": "MaxPooling2D"}] if pooled else [])]
    x = rng.standard_normal((3, *shape)).astype(np.float32)
    for streamed in (False, True):
        offer(monkeypatch, last_way(streamed))
        compiled = build(layers, shape, seed=3).compile(batch_size=3, threads=2)
        assert bool(compiled.plan.steps[0].candidate.schedule.chunk) == streamed
        runs.append(compiled.run(x))
    assert np.array_equal(*runs)


def assert_same_but_rounded(y, judge):
    """NaN and infinities where the definition has them, and nowhere else."""
    assert np.array_equal(np.isnan(y), np.isnan(judge))
    assert np.array_equal(np.isinf(y), np.isinf(judge))
    assert np.array_equal(y[np.isinf(y)], judge[np.isinf(y)])
    finite = np.isfinite(judge)
    assert finite.any()
    assert np.abs(y[finite] - judge[finite]).max() <= FAST * np.abs(judge[finite]).max()


def dilated(rank, kernel, **arguments):
    return layer(rank, kernel, type=f"AtrousConvolution{rank}D", **arguments)


@pytest.mark.parametrize(
    ("layers", "shape", "lanes", "streamed"),
    [
        ([layer(2, (3, 3), border_mode="same")], (22, 19, 17), 16, False),
        ([layer(2, (3, 3), border_mode="same", activation="relu")], (22, 19, 35), 8, True),
        ([layer(2, (5, 3), activation="tanh")], (20, 20, 17), 4, False),
        ([layer(1, (5,), border_mode="full", activation="relu")], (40, 17), 16, True),
        ([layer(2, (1, 3), border_mode="same")], (5, 33, 17), 16, False),
        ([layer(3, (3, 3, 3), border_mode="same", activation="relu")], (7, 12, 9, 17), 16, False),
        ([layer(3, (2, 3, 3), subsample=[2, 1, 1])], (8, 9, 9, 17), 8, True),
        ([dilated(2, (3, 3), atrous_rate=[2, 3], border_mode="same")], (22, 19, 17), 16, True),
        ([dilated(1, (3,), atrous_rate=4, border_mode="same")], (50, 17), 4, False),
        (
            [layer(2, (3, 3), border_mode="same", activation="relu"), {"type": "MaxPooling2D"}],
            (24, 18, 17),
            16,
            False,
        ),
        (
            [layer(1, (3,), activation={"expr": "sin(x)"}), {"type": "MaxPooling1D"}],
            (42, 17),
            8,
            True,
        ),
        ([{"type": "UpSampling2D"}, layer(2, (3, 3), border_mode="same")], (13, 11, 17), 16, False),
    ],
)
def test_what_is_not_finite_reaches_what_sees_it(layers, shape, lanes, streamed, rng, monkeypatch):
    """In the middle of a tile, and in a corner, whose window sees the padding.

    By Theano's rules, whose relu makes a NaN of -infinity.
    """
    monkeypatch.setattr(executor, "host_lanes", lambda: lanes)
    monkeypatch.setattr(winograd, "FAR_BYTES", 1 if streamed else 1 << 40)
    offer(monkeypatch, last_way(streamed))
    model = build(layers, shape, seed=3, semantics="theano")
    assert "winograd" in kernels(model, fast=True)
    middle = tuple(n // 2 for n in shape[:-1])
    values = (np.nan, np.inf, -np.inf)
    x = rng.standard_normal((2 * len(values) + 1, *shape)).astype(np.float32)
    for sample, value in enumerate(values):
        x[(sample, *middle, 3)] = value
        x[(sample + len(values), *(0 for _ in middle), shape[-1] - 1)] = value
    y = model.compile(math="fast", threads=2).run(x)
    judge = model.compile("reference").run(x)
    # Seen at all, and in the last sample nothing is to be seen.
    assert np.isnan(judge[0]).any()
    assert np.isfinite(judge[-1]).all()
    for sample in range(len(x)):
        assert_same_but_rounded(y[sample], judge[sample])


def test_what_is_not_finite_has_the_same_bits_for_any_split(rng):
    """The definition takes over by tiles, and which these are hangs on the layer alone."""
    model = build([conv(24, border_mode="same")], (22, 18, 20), seed=3)
    x = rng.standard_normal((7, 22, 18, 20)).astype(np.float32)
    x[rng.uniform(size=x.shape) < 2e-4] = np.nan
    x[5, 3, 4, 5] = np.inf
    runs = [
        model.compile(math="fast", threads=threads, batch_size=batch).run(x)
        for threads, batch in ((1, 7), (2, 3), (5, 1))
    ]
    assert all(np.array_equal(run, runs[0], equal_nan=True) for run in runs)


@pytest.mark.parametrize("value", [1e38, -1e38])
def test_a_transform_may_overflow_and_the_sum_not(value, rng):
    """Values near the largest float32, small weights: the definition has finite outputs."""
    model = build([conv(16, border_mode="same")], (12, 12, 16), seed=3)
    x = np.full((1, 12, 12, 16), value, np.float32)
    x[:, 5] = rng.standard_normal((12, 16))
    y, judge = model.compile(math="fast").run(x), model.compile("reference").run(x)
    within = np.abs(judge) < 3e38
    assert within.any()
    assert np.isfinite(y[within]).all()
    assert np.abs(y - judge)[within].max() <= FAST * np.abs(judge).max()


@pytest.mark.parametrize("math", ["fast", "precise"])
@pytest.mark.parametrize(
    ("entry", "shape"),
    [(conv(20, name="c", border_mode="same"), (14, 9, 17)),
     ({"type": "Dense", "name": "c", "output_dim": 20}, (17,))],
)  # fmt: skip
def test_weights_that_are_not_finite(entry, shape, math, rng, tmp_path):
    """They are of one filter; a NaN of every output, times the zeros around the image too."""
    model = build([entry], shape, seed=3)
    weights = {w.tensor: w for w in model.graph.weights()}
    values = {t: rng.standard_normal(w.stored_shape).astype("f4") for t, w in weights.items()}
    values["W"][..., 2, 5] = np.inf
    values["W"][(0,) * (values["W"].ndim - 2) + (4, 11)] = np.nan
    np.savez(tmp_path / "w.npz", **{f"c/{t}": v for t, v in values.items()})
    model = build([entry], shape, weights=tmp_path / "w.npz")
    x = rng.standard_normal((2, *shape)).astype(np.float32)
    y, judge = model.compile(math=math).run(x), model.compile("reference").run(x)
    assert np.isnan(y[..., 11]).all()
    others = [f for f in range(20) if f not in {5, 11}]
    assert_same_but_rounded(y[..., others], judge[..., others])
    inner = (slice(None), *(slice(1, -1) for _ in shape[:-1]))
    assert_same_but_rounded(y[inner], judge[inner])


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


@pytest.mark.parametrize(("side", "kernel"), [(112, "winograd"), (2, "conv")])
def test_winograd_is_taken_where_it_pays(side, kernel, monkeypatch):
    """Few tiles and many channels would stream the transformed kernels for little work."""
    monkeypatch.undo()
    model = build([conv(256, border_mode="same")], (side, side, 256), seed=3)
    assert kernels(model, fast=True) == [kernel]


def test_winograd_is_not_taken_for_sums_that_are_too_long_for_it():
    """A point's sum is one chain over channels and depth: of 5,000 like terms it is off by 8e-5."""
    for channels, kernel in ((2048, "winograd"), (2049, "conv")):
        assert kernels(build([conv(16)], (9, 9, channels), seed=3), fast=True) == [kernel]


def test_calls_of_a_shared_layer_may_read_its_weights_in_different_orders(rng, monkeypatch):
    """Where one call transforms the weights in its tasks and another has them transformed."""
    offer(monkeypatch, lambda ways, shape: last_way(shape[0] == 8)(ways, shape))
    monkeypatch.setattr(winograd, "FAR_BYTES", 1)
    layers = [
        conv(32, border_mode="same", name="c"),
        {"type": "MaxPooling2D"},
        {"type": "Shared", "layer": "c", "name": "again"},
    ]
    model = build(layers, (16, 16, 32), seed=3)
    x = rng.standard_normal((2, 16, 16, 32)).astype(np.float32)
    assert error(model, x, math="fast") <= FAST
    steps = model.compile("cpu").plan.steps
    assert {s.candidate.schedule.chunk > 0 for s in steps if s.candidate.schedule} == {True, False}
