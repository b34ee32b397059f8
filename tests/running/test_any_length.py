"""One compiled model for every length: the same bits, no new kernels, little memory."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from speccompiler.kernels.cpu import table
from speccompiler.kernels.cpu.any_length import texts_of_any_length
from speccompiler.kernels.cpu.runtime import executor
from speccompiler.model import Model
from speccompiler.planning.plan import Plan
from speccompiler.running import open_model
from speccompiler.running.open_model import OpenModel
from speccompiler.system.processor import host_lanes
from tests.cases import build
from tests.places import ROOT


def conv(rank: int, filters: int, size: int, **more: Any) -> dict[str, Any]:
    names = {1: ["filter_length"], 2: ["nb_row", "nb_col"],
             3: ["kernel_dim1", "kernel_dim2", "kernel_dim3"]}[rank]  # fmt: skip
    return {"type": f"Convolution{rank}D", "nb_filter": filters, "border_mode": "same",
            **dict.fromkeys(names, size), **more}  # fmt: skip


SKIP = [
    conv(2, 24, 3, name="a", activation="relu"),
    {"type": "BatchNormalization", "name": "n", "axis": 1},
    conv(2, 24, 3, name="b", activation="linear"),
    {"type": "Merge", "mode": "sum", "inputs": ["n", "b"], "name": "s"},
    {"type": "Activation", "activation": "elu"},
    conv(2, 5, 1, activation="sigmoid"),
]
MODELS: dict[str, tuple[list[dict[str, Any]], list[int | None], dict[str, Any]]] = {
    "line": (
        [conv(1, 16, 5, activation="relu"), {"type": "MaxPooling1D", "stride": 2},
         conv(1, 20, 3, activation="tanh"), {"type": "AveragePooling1D", "pool_length": 3,
         "stride": 1, "border_mode": "same"}, {"type": "UpSampling1D", "length": 2}],
        [None, 4], {},
    ),
    "sentence": (
        [conv(1, 32, 3, activation="relu"), {"type": "GlobalMaxPooling1D"},
         {"type": "Dense", "output_dim": 7, "activation": "softmax"}],
        [None, 16], {},
    ),
    "image": (
        [conv(2, 16, 3, activation="relu"), {"type": "MaxPooling2D"}, conv(2, 32, 5),
         {"type": "Activation", "activation": {"expr": "x * sigmoid(x)"}},
         {"type": "ZeroPadding2D"}, conv(2, 16, 3, subsample=[2, 2], border_mode="valid"),
         {"type": "UpSampling2D"}, conv(2, 3, 1)],
        [None, None, 3], {},
    ),
    "theano": (
        [conv(2, 16, 3, activation="relu"), {"type": "AveragePooling2D"}, conv(2, 17, 3),
         {"type": "MaxPooling2D", "pool_size": [3, 2], "strides": [1, 1]},
         {"type": "UpSampling2D", "size": [2, 3]}, {"type": "ZeroPadding2D"}],
        [1, None, None], {"dim_ordering": "th", "semantics": "theano"},
    ),
    "skip": (SKIP, [2, None, None], {"dim_ordering": "th"}),
    "one channel": (
        [{"type": "MaxPooling2D", "strides": [1, 1]}, {"type": "AveragePooling2D"},
         {"type": "UpSampling2D", "size": [2, 2]}, {"type": "ZeroPadding2D"}],
        [None, None, 1], {},
    ),
    "volume": (
        [conv(3, 16, 3, activation="relu"), {"type": "MaxPooling3D"}, conv(3, 4, 3)],
        [None, None, None, 2], {},
    ),
    "globally": (
        [conv(2, 24, 3, activation="relu"), {"type": "GlobalAveragePooling2D"},
         {"type": "Dense", "output_dim": 3}],
        [None, None, 8], {},
    ),
    "scan": (
        [{"type": "Masking"}, {"type": "LSTM", "output_dim": 24, "return_sequences": True},
         {"type": "Bidirectional", "layer": {"type": "GRU", "output_dim": 5,
          "return_sequences": True, "activation": {"expr": "x * sigmoid(x)"}}},
         {"type": "TimeDistributed", "layer": {"type": "Dense", "output_dim": 3}},
         {"type": "SimpleRNN", "output_dim": 7, "activation": "softmax"}],
        [None, 4], {},
    ),
    "film": (
        [{"type": "ConvLSTM2D", "nb_filter": 5, "nb_row": 3, "nb_col": 2, "border_mode": "same",
          "return_sequences": True},
         {"type": "ConvLSTM2D", "nb_filter": 3, "nb_row": 1, "nb_col": 3, "go_backwards": True}],
        [None, None, 7, 2], {},
    ),
}  # fmt: skip
LARGEST = {1: 400, 2: 60, 3: 20}


def model_of(name: str) -> Model:
    layers, shape, header = MODELS[name]
    return build(layers, shape, seed=3, **{"dim_ordering": "tf", **header})


def shapes_of(name: str, count: int, seed: int = 0) -> list[tuple[int, ...]]:
    """Random shapes: short ones more often, because kernels for little are chosen there."""
    _, shape, _ = MODELS[name]
    rng, opened = np.random.default_rng(seed), shape.count(None)

    def length() -> int:
        return 6 + int((LARGEST[opened] - 6) * rng.random() ** 2)

    return [tuple([length() if n is None else n for n in shape]) for _ in range(count)]


def compiled(name: str, **options: Any) -> OpenModel:
    plan = model_of(name).compile(**{"threads": 2, **options})
    assert isinstance(plan, OpenModel)
    return plan


@pytest.mark.parametrize("math", ["fast", "precise"])
@pytest.mark.parametrize("name", MODELS)
def test_no_length_needs_another_kernel(name, math, monkeypatch):
    """Every text that hundreds of random shapes run was known before the second of them."""
    plan, shapes = compiled(name, math=math), shapes_of(name, 250)
    wanted: set[tuple[str, str]] = set()
    ready: list[tuple[str, str]] = []
    compile_missing = executor.compile_missing

    def recorded(texts, threads, held=0):
        asked = list(texts)
        (wanted.update if plan._first else ready.extend)(asked)
        return compile_missing(asked, threads, held)

    monkeypatch.setattr(executor, "compile_missing", recorded)
    for shape in shapes:
        plan.bound_to(np.empty((1, *shape), np.float32))
    assert wanted
    assert [kernel for kernel, text in wanted - set(ready)] == []
    # Nor is much compiled that no shape needs.
    assert len(set(ready)) <= 24
    assert not any(kernel == "winograd" for kernel, _ in ready) or math == "fast"


@pytest.mark.parametrize("math", ["fast", "precise"])
@pytest.mark.parametrize("name", MODELS)
def test_the_bits_are_those_of_a_model_for_that_length_alone(name, math):
    plan, model, rng = compiled(name, math=math), model_of(name), np.random.default_rng(1)
    for shape in shapes_of(name, 12):
        x = rng.standard_normal((3, *shape), np.float32)
        alone = model.compile(input_shape=shape, math=math, threads=1)
        np.testing.assert_array_equal(plan.run(x), alone.run(x))
        # A second time in memory that other lengths have used.
        np.testing.assert_array_equal(plan.run(x[1:]), alone.run(x[1:]))


@pytest.mark.parametrize("name", ["line", "image", "theano", "skip"])
def test_what_lies_in_the_memory_of_runs_does_not_matter(name):
    """Another length may have left anything there."""
    plan, rng = compiled(name), np.random.default_rng(2)
    for shape in shapes_of(name, 4):
        x = rng.standard_normal((2, *shape), np.float32)
        wanted = plan.run(x)
        blocks = plan.bound_to(x).executor._shared.blocks
        for left in (np.nan, np.inf, -3e38):
            block = blocks.take(0, 0)
            for values in (block.arena, *block.scratch):
                values.fill(left)
            blocks.give_back(block)
            np.testing.assert_array_equal(plan.run(x), wanted)


def test_lengths_share_weights_and_memory():
    plan = compiled("image")
    small, large = (np.ones((1, n, n, 3), np.float32) for n in (20, 60))
    executors = [plan.bound_to(x).executor for x in (small, large)]
    packings = [
        {id(bound.packing) for bound in e._steps if bound.packing.w.size} for e in executors
    ]
    assert packings[0] & packings[1]
    blocks = executors[0]._shared.blocks
    for x in (small, large, small, large):
        plan.run(x)
        assert len(blocks) == 1
    block = blocks.take(0, 0)
    assert block.arena.size == executors[1].plan.arena_elements * executors[1].batch_size
    assert block.bound((executors[0]._number, 1)) is not None


def test_plans_are_dropped_when_they_take_too_much(monkeypatch):
    plan = compiled("globally")
    x = np.ones((1, 9, 9, 8), np.float32)
    each = plan.bound_to(x).executor.own_bytes
    monkeypatch.setattr(open_model, "KEPT_BYTES", 20 * each)
    for n in range(10, 50):
        plan.run(np.ones((1, n, 9, 8), np.float32))
    assert len(plan._kept) == 20
    assert plan._kept._bytes == 20 * each


def test_what_was_dropped_is_gone(monkeypatch):
    """Calls stay bound to the memory of runs for longer than plans are kept, but hold none."""
    monkeypatch.setattr(open_model, "KEPT_BYTES", 1)
    plan = compiled("line")
    for n in range(60, 20, -1):
        plan.run(np.ones((1, n, 4), np.float32))
    kept = {id(model.plan) for model in (*plan._kept._models.values(), plan._first[0])}
    table._found.clear()
    gc.collect()
    mine = [one for one in gc.get_objects() if isinstance(one, Plan)]
    ours = [one for one in mine if one.inputs[0][1][1:] == (4,) and one.outputs[0][1][-1] == 20]
    assert {id(one) for one in ours} == kept
    assert len(kept) == open_model.LEAST_KEPT + 1


def test_a_plan_takes_what_it_says():
    plan = compiled("skip")
    for n in range(20, 30):
        plan.bound_to(np.empty((1, 2, n, 20), np.float32))
    tracemalloc.start()
    try:
        for n in range(30, 70):
            plan.bound_to(np.empty((1, 2, n, 20), np.float32))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    said = plan.bound_to(np.empty((1, 2, 30, 20), np.float32)).executor.own_bytes
    assert said / 4 < taken / 40 < 1.5 * said


def test_threads_with_lengths_of_their_own():
    plan, shapes, rng = compiled("image"), shapes_of("image", 32), np.random.default_rng(4)
    arrays = [rng.standard_normal((2, *shape), np.float32) for shape in shapes]
    wanted = [compiled("image").run(x) for x in arrays]

    def go(number: int) -> bool:
        order = np.random.default_rng(number).permutation(len(arrays))
        return all(np.array_equal(plan.run(arrays[i]), wanted[i]) for i in order)

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(go, range(32)))
    assert len(plan._kept) == len(set(shapes))


def test_a_graph_comes_before_any_array():
    """As tiles do, whose whole image would not fit."""
    plan, model = compiled("globally"), model_of("globally")
    graph, _ = model.tapped((12, 14, 8))
    run = plan.for_graph(graph, 2)
    x, out = np.ones((2, 12, 14, 8), np.float32), np.empty((2, 3), np.float32)
    run.run_batch([x], [out])
    np.testing.assert_array_equal(out, model.run(x))
    # What it was made for first is not what it does later.
    assert plan.bound_to(np.ones((5, 9, 9, 8))).batch_size > 2
    np.testing.assert_array_equal(plan.run(x), out)


def test_texts_are_named_for_every_kernel_of_a_step():
    """By hand: a convolution of one image row may be small, a product, or Winograd's."""
    model = build([conv(2, 32, 3, activation="tanh")], [None, None, 16], seed=1, dim_ordering="tf")
    names = [n for n, _ in texts_of_any_length([model.graph], host_lanes(), fast=True)]
    assert sorted(names) == ["activation", "conv", "conv_small", "copy", "map", "tile", "tile",
                             "winograd"]  # fmt: skip
    names = [n for n, _ in texts_of_any_length([model.graph], host_lanes(), fast=False)]
    assert sorted(names) == ["activation", "conv", "conv_small", "copy", "map", "tile"]


COUNTING = """
import numpy as np
from speccompiler.kernels.cpu.runtime import compiler, kernel_cache
from tests.running.test_any_length import compiled, shapes_of

made = []
compile_kernel = compiler.compile_kernel
compiler.compile_kernel = lambda *given: made.append(given) or compile_kernel(*given)
plan = compiled("sentence", math="precise")
plan.run(np.ones((1, 40, 16), np.float32))
before = len(made)
for shape in shapes_of("sentence", 300):
    plan.run(np.ones((1, *shape), np.float32))
print(before, len(made) - before)
"""


@pytest.mark.slow
def test_compilations_are_counted(tmp_path):
    """With an empty cache: all before the second length, none after it."""
    environment = {
        **os.environ,
        "CONVSPEC_CACHE_DIR": str(tmp_path),
        "CONVSPEC_BACKGROUND": "0",
        "CONVSPEC_COMPILE_PROCESSES": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", COUNTING], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    before, after = map(int, done.stdout.split())
    assert before >= 6
    assert after == 0
