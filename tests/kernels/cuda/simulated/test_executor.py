"""Batches, lanes, several devices and little memory, on simulated GPUs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speccompiler.diagnostics.core import Problem, SpecError
from speccompiler.kernels.cuda.runtime import executor as executors
from speccompiler.kernels.cuda.runtime import lane, pieces, tuning
from speccompiler.kernels.cuda.runtime.simulator import SimulatedDevice
from speccompiler.kernels.cuda.tile_choice import estimated
from speccompiler.kernels.cuda.tiles import TILES, Tile
from tests.cases import build
from tests.kernels.cuda.simulated.on_simulator import (
    all_of_both,
    assert_close,
    cuda_plan,
    executor,
    outputs_of,
)

LAYERS = [
    {"type": "Convolution1D", "nb_filter": 4, "filter_length": 3, "border_mode": "same",
     "activation": "relu", "name": "c"},
    {"type": "MaxPooling1D", "name": "p"},
    {"type": "Flatten"},
    {"type": "Dense", "output_dim": 3, "activation": "softmax"},
]  # fmt: skip


@pytest.fixture
def model():
    return build(LAYERS, (6, 4))


@pytest.fixture
def x(rng):
    return rng.standard_normal((7, 6, 4)).astype(np.float32)


@pytest.fixture
def whole(model, x):
    return outputs_of(executor(model, cuda_plan(model), 7), x)[0]


@pytest.mark.parametrize("count", [2, 3])
def test_several_gpus_share_a_batch(model, x, whole, count):
    devices = [SimulatedDevice() for _ in range(count)]
    run = executor(model, cuda_plan(model), 7, devices)
    assert run.piece == -(-7 // count)
    assert np.array_equal(outputs_of(run, x)[0], whole)
    assert all("launch 2" in device.calls for device in devices)


def with_room_for(model, samples, lanes) -> SimulatedDevice:
    """A device that holds the weights and so many samples in each of so many lanes."""
    one = executor(model, cuda_plan(model), 1)
    weights = sum(bound.w.size + bound.b.size for bound in one._steps[0])
    return SimulatedDevice(4 * (lanes * pieces.Demand.of(one.plan).size(samples) + weights))


@pytest.fixture
def exact(monkeypatch):
    """Memory in units of a wide load, all of it usable: small models are told apart."""
    monkeypatch.setattr(pieces, "LINE", 4)
    monkeypatch.setattr(executors, "USABLE", 1.0)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("samples", [1, 2, 3])
def test_a_batch_larger_than_memory_is_cut(model, x, whole, samples):
    """Two lanes with memory of their own take turns; the bits stay."""
    device = with_room_for(model, samples, 2)
    run = executor(model, cuda_plan(model), 7, [device])
    assert (run.piece, len(run._lanes)) == (samples, 2)
    assert np.array_equal(outputs_of(run, x)[0], whole)
    # The first stream sent the weights; the lanes take turns.
    uploads = [call for call in device.calls if call in ("upload 2", "upload 3")]
    assert uploads == (["upload 2", "upload 3"] * 4)[: -(-7 // samples)]


@pytest.mark.usefixtures("exact")
def test_memory_for_one_lane_only(model, x, whole):
    run = executor(model, cuda_plan(model), 7, [with_room_for(model, 1, 1)])
    assert (run.piece, len(run._lanes)) == (1, 1)
    assert np.array_equal(outputs_of(run, x)[0], whole)


def test_too_little_memory_is_said_with_all_figures(model):
    with pytest.raises(Problem) as caught:
        executor(model, cuda_plan(model), 7, [SimulatedDevice(1024)])
    assert caught.value.code == "CS134"
    assert caught.value.message == (
        "one sample needs 0.0 MiB of GPU memory, 0.0 MiB of it for weights; 0.0 MiB can be had"
    )
    assert caught.value.hint == (
        "use another GPU (--target cuda:N), --target cpu, or a smaller input"
    )


BATCHWISE = [{"type": "BatchNormalization", "mode": 2}]


def test_samples_that_see_each_other_stay_together(x, monkeypatch):
    """No second GPU, no second piece, however large the batch or small the memory."""
    model = build(BATCHWISE, (6, 4))
    monkeypatch.setattr(pieces, "WORTH_OVERLAPPING", 1)
    run = executor(model, cuda_plan(model), 7, [SimulatedDevice(), SimulatedDevice()])
    assert (run.piece, len(run.devices), len(run._lanes)) == (7, 1, 1)
    for count in (7, 3):
        y, judge = outputs_of(run, x[:count])[0], all_of_both(model, x[:count])[1][0]
        assert_close(y, judge)
    monkeypatch.setattr(pieces, "LINE", 4)
    with pytest.raises(Problem) as caught:
        executor(model, cuda_plan(model), 7, [SimulatedDevice(1024)])
    assert caught.value.code == "CS134"
    assert caught.value.message.startswith(
        "a batch of 7, which see each other, needs 0.0 MiB of GPU memory"
    )


def test_large_batches_are_copied_beside_computing(model, x, whole, monkeypatch):
    monkeypatch.setattr(pieces, "WORTH_OVERLAPPING", 1)
    device = SimulatedDevice()
    run = executor(model, cuda_plan(model), 7, [device])
    assert (run.piece, len(run._lanes)) == (4, 2)
    assert np.array_equal(outputs_of(run, x)[0], whole)
    work = [call for call in device.calls if call[-1] in "23" and "stream" not in call]
    second = work.index("upload 3")
    # Its input is on the way before the first piece is waited for.
    assert "download 2" in work[:second]
    assert work[second + 1 :].count("launch 3") == work.count("launch 2")


def test_fewer_samples_than_the_batch(model, x, whole):
    run = executor(model, cuda_plan(model), 7)
    for count in (1, 3, 7, 2):
        assert np.array_equal(outputs_of(run, x[:count])[0], whole[:count])


def test_few_sizes_stay_bound(model, x):
    run = executor(model, cuda_plan(model), 7)
    for count in range(1, 8):
        outputs_of(run, x[:count])
    assert len(run._lanes[0]._calls) == lane.KEPT_SIZES


def test_tapped_layers_and_their_steps_times(model, x):
    plan = cuda_plan(model, layers=("c", "p"))
    run = executor(model, plan, 7)
    outputs = [np.empty((7, *shape), np.float32) for _, shape in plan.outputs]
    spent = [0.0] * len(plan.steps)
    run.run_batch([x], outputs, spent)
    assert all(seconds > 0 for seconds in spent)
    assert [y.shape for y in outputs] == [(7, 3), (7, 6, 4), (7, 3, 4)]
    np.testing.assert_array_equal(outputs[2], outputs[1].reshape(7, 3, 2, 4).max(2))


def test_a_run_that_fails_leaves_the_executor_usable(model, x, whole):
    device = SimulatedDevice()
    run = executor(model, cuda_plan(model), 7, [device])
    launch = device.launch

    def fail(call, stream):
        raise Problem("CS135", "the GPU's driver reports CUDA_ERROR_UNKNOWN from cuLaunchKernel")

    device.launch = fail
    with pytest.raises(SpecError, match="CUDA_ERROR_UNKNOWN from cuLaunchKernel"):
        outputs_of(run, x)
    device.launch = launch
    assert np.array_equal(outputs_of(run, x)[0], whole)


def test_the_whole_way_from_compile_to_numbers(model, x):
    compiled = model.compile("cuda", batch_size=4, math="precise")
    assert_close(compiled.run(x), model.compile("reference").run(x))
    assert compiled.target == "cuda"
    assert np.array_equal(model.compile("cuda:0", math="precise").run(x), compiled.run(x))


def test_a_gpu_that_is_not_there(model):
    with pytest.raises(SpecError) as caught:
        model.compile("cuda:3")
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("CS133", "there is no GPU number 3")
    assert found.hint == "this machine has one GPU, cuda:0"


def test_tiles_are_measured_and_remembered(model, x, whole, tmp_path, monkeypatch):
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path))
    two = (Tile(16, 16, 8, 4, 4), Tile(32, 16, 8, 4, 4))
    monkeypatch.setattr(tuning, "TILES", two)
    monkeypatch.setattr(tuning, "MEASURED_RUNS", 2)
    fake = iter(range(10_000))
    device = SimulatedDevice()
    # The second tile is the faster one of each product, by this clock.
    device.seconds = lambda first, last: 1.0 / (1 + next(fake))
    run = executor(model, cuda_plan(model), 7, [device])
    assert tuning.tune(run) == 2
    assert {run.choose_tile(launch.product.geometry, run.piece) for bound in run._steps[0]
            for launch in bound.code.launches if launch.product} == {two[1]}  # fmt: skip
    assert np.array_equal(outputs_of(run, x)[0], whole)
    again = tuning.remembered(device)
    product = run._steps[0][0].code.launches[0].product.geometry
    assert again(product, run.piece) == two[1]
    assert again(product, 1000) == estimated(1)(product, 1000)


def test_the_estimate_takes_large_tiles_for_large_products_only(model):
    product = executor(model, cuda_plan(model), 7)._steps[0][0].code.launches[0].product.geometry
    large = replace(product, filters=512, channels=512, outputs=(1, 56, 56), lengths=(1, 56, 56))
    assert estimated(132)(large, 64) == TILES[0]
    assert estimated(132)(replace(large, outputs=(1, 1, 1)), 1).rows <= 32


def test_another_length_of_the_same_model() -> None:
    layers = [{"type": "Convolution1D", "nb_filter": 3, "filter_length": 3, "activation": "tanh"}]
    model, longer = (build(layers, [length, 2], seed=1) for length in (6, 9))
    first = executor(model, cuda_plan(model), 2)
    plan = cuda_plan(longer)
    second = first.for_plan(longer.graph, plan, 3)
    x = np.random.default_rng(1).standard_normal((3, 9, 2), np.float32)
    alone = executor(longer, plan, 3)
    np.testing.assert_array_equal(outputs_of(second, x)[0], outputs_of(alone, x)[0])
    assert second.batch_size == 3
    # At least weights, a bias, and the input and the output of a sample.
    assert second.own_bytes == alone.own_bytes > 4 * (3 * 2 * 3 + 3 + 9 * 2 + 7 * 3)
