"""Models and single operations on the simulated GPU and on the reference, which judges them."""

from __future__ import annotations

from typing import Any

import numpy as np

from speccompiler.graph.ir import Graph, Input, Node, Op, Weight
from speccompiler.kernels.cuda import table
from speccompiler.kernels.cuda.runtime.executor import CudaExecutor
from speccompiler.kernels.cuda.runtime.simulator import SimulatedDevice
from speccompiler.kernels.cuda.tiles import Tile
from speccompiler.kernels.reference.evaluate import run_reference
from speccompiler.passes import optimize
from speccompiler.planning.plan import Plan, make_plan
from speccompiler.weights.loaded_weights import LoadedWeights
from speccompiler.weights.operands import resolve
from tests.cases import build

Shape = tuple[int, ...]
SMALL = Tile(16, 16, 8, 4, 4)
"""Sixteen threads: what a simulator can do. Real tiles have tests of their own."""

TINY = Tile(8, 8, 4, 4, 4)
"""Four threads, for layers of whose products other tests take care."""


class WinogradFirst:
    """A table that takes Winograd's method wherever it fits, however little it is worth."""

    @staticmethod
    def choose(node: Any, shape: Any, *, pool: Any = None, **options: Any) -> Any:
        fitting = table.BY_OPERATION[type(node.op)]
        fitting = tuple(c for c in fitting if c.fits(node, shape))
        return None if pool is not None else fitting[-1]


def cuda_plan(model: Any, *, layers: Any = (), kernels: Any = table) -> Plan:
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
    model: Any, *inputs: np.ndarray, tile: Tile = SMALL, kernels: Any = table
) -> tuple[list[np.ndarray], list[np.ndarray], Plan]:
    """The simulated GPU's outputs, the reference's, and the plan."""
    plan = cuda_plan(model, kernels=kernels)
    y = outputs_of(executor(model, plan, len(inputs[0]), tile=tile), *inputs)
    weights = weights_of(model)
    given = {
        one: np.asarray(resolve(one, weights.take), np.float64) for one in model.graph.operands()
    }
    judge = run_reference(model.graph, given, *inputs)
    return y, [judge[name] for name in model.graph.outputs], plan


def both(
    model: Any, x: np.ndarray, tile: Tile = SMALL, kernels: Any = table
) -> tuple[np.ndarray, np.ndarray, Plan]:
    """The same of a model with one input and one output."""
    (y,), (judge,), plan = all_of_both(model, x, tile=tile, kernels=kernels)
    return y, judge, plan


def assert_close(y: np.ndarray, judge: np.ndarray, tolerance: float = 2e-6) -> None:
    assert y.shape == judge.shape
    assert np.abs(y - judge).max() <= tolerance * max(1e-30, float(np.abs(judge).max()))


def check(
    layers: list[dict[str, Any]],
    shape: Shape,
    rng: np.random.Generator,
    tile: Tile = SMALL,
    samples: int = 2,
) -> Plan:
    """Layers over random samples give what the reference gives; their plan."""
    x = rng.uniform(-1, 1, (samples, *shape)).astype(np.float32)
    y, judge, plan = both(build(layers, shape), x, tile)
    assert_close(y, judge)
    return plan


def stored(*shape: int, tensor: str = "W") -> Weight:
    """A tensor as a file would hold it."""
    return Weight("layer", tensor, shape, tuple(range(len(shape))), shape)


def check_operation(
    op: Op, out: Shape, *inputs: np.ndarray, weights: dict[Weight, np.ndarray] | None = None
) -> np.ndarray:
    """One operation gives what the reference gives, NaN where that has NaN; its output."""
    names = tuple(f"x{index}" for index in range(len(inputs)))
    given = tuple(
        Node(name, Input(x.shape[1:]), (), x.shape[1:], name)
        for name, x in zip(names, inputs, strict=True)
    )
    graph = Graph((*given, Node("y", op, names, out, "layer")), ("y",))
    plan, samples = make_plan(graph, table), len(inputs[0])
    run = CudaExecutor(plan, weights or {}, samples, [SimulatedDevice()], lambda g, n: SMALL)
    (y,) = outputs_of(run, *inputs)
    float64 = {weight: array.astype(np.float64) for weight, array in (weights or {}).items()}
    judge = run_reference(graph, float64, *inputs)["y"]
    assert np.array_equal(np.isnan(y), np.isnan(judge))
    assert_close(np.nan_to_num(y), np.nan_to_num(judge))
    return y
