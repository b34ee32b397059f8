"""A model on the simulated GPU and on the reference, which judges it."""

from __future__ import annotations

from typing import Any

import numpy as np

from speccompiler.kernels.cuda import choices
from speccompiler.kernels.cuda.runtime.executor import CudaExecutor
from speccompiler.kernels.cuda.runtime.simulator import SimulatedDevice
from speccompiler.kernels.cuda.tiles import Tile
from speccompiler.passes import optimize
from speccompiler.planning.plan import Plan, make_plan
from speccompiler.weights.loaded_weights import LoadedWeights

SMALL = Tile(16, 16, 8, 4, 4)
"""Sixteen threads: what a simulator can do. Real tiles have tests of their own."""

TINY = Tile(8, 8, 4, 4, 4)
"""Four threads, for layers of whose products other tests take care."""


class WinogradFirst:
    """A table that takes Winograd's method wherever it fits, however little it is worth."""

    @staticmethod
    def choose(node: Any, shape: Any, *, pool: Any = None, **options: Any) -> Any:
        fitting = choices.CANDIDATES[type(node.op)]
        fitting = tuple(c for c in fitting if c.fits(node, shape))
        return None if pool is not None else fitting[-1]


def cuda_plan(model: Any, *, layers: Any = (), kernels: Any = choices) -> Plan:
    graph, _ = model.tapped(None, layers)
    return make_plan(optimize(graph), kernels)


def executor(
    model: Any,
    plan: Plan,
    batch: int,
    devices: Any = None,
    tile: Tile = TINY,
) -> CudaExecutor:
    weights = weights_of(model)
    return CudaExecutor(plan, weights, batch, devices or [SimulatedDevice()], lambda g, n: tile)


def weights_of(model: Any) -> LoadedWeights:
    """The model's, but biases: those are zeros unless somebody sets them."""
    weights = model.weight_sources.read()
    rng = np.random.default_rng(3)
    for weight, stored in weights.items():
        if stored.ndim == 1:
            weights[weight] = rng.uniform(0.5, 1.5, stored.shape).astype(np.float32)
    return LoadedWeights.of(weights, model.weight_sources.sources)


def outputs_of(run: CudaExecutor, *inputs: np.ndarray) -> list[np.ndarray]:
    samples = len(inputs[0])
    found = [np.empty((samples, *shape), np.float32) for _, shape in run.plan.outputs]
    run.run_batch(inputs, found)
    return found


def all_of_both(
    model: Any, *inputs: np.ndarray, tile: Tile = SMALL, kernels: Any = choices
) -> tuple[list[np.ndarray], list[np.ndarray], Plan]:
    """The simulated GPU's outputs, the reference's, and the plan."""
    from speccompiler.kernels.reference.evaluate import run_reference
    from speccompiler.weights.operands import resolve

    plan = cuda_plan(model, kernels=kernels)
    y = outputs_of(executor(model, plan, len(inputs[0]), tile=tile), *inputs)
    weights = weights_of(model)
    given = {
        one: np.asarray(resolve(one, weights.take), np.float64) for one in model.graph.operands()
    }
    judge = run_reference(model.graph, given, *inputs)
    return y, [judge[name] for name in model.graph.outputs], plan


def both(
    model: Any, x: np.ndarray, tile: Tile = SMALL, kernels: Any = choices
) -> tuple[np.ndarray, np.ndarray, Plan]:
    """The same of a model with one input and one output."""
    (y,), (judge,), plan = all_of_both(model, x, tile=tile, kernels=kernels)
    return y, judge, plan


def assert_close(y: np.ndarray, judge: np.ndarray, tolerance: float = 2e-6) -> None:
    assert y.shape == judge.shape
    assert np.abs(y - judge).max() <= tolerance * max(1e-30, float(np.abs(judge).max()))
