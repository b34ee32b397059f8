"""Graphs that no layer is lowered to, on a target: one operation, or a few, with random weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from speccompiler.graph import ir
from speccompiler.graph.dims import known_shape
from speccompiler.graph.operands import stored_tensors
from speccompiler.graph.shapes import infer, verify
from speccompiler.kernels.cpu import table
from speccompiler.kernels.cpu.runtime.executor import CpuExecutor
from speccompiler.kernels.executor import Executor
from speccompiler.kernels.reference.evaluate import run_reference
from speccompiler.passes import optimize
from speccompiler.planning.plan import Plan, make_plan
from speccompiler.weights.operands import resolve


def tensor(layer: str, name: str, *shape: int) -> ir.Weight:
    """A stored tensor in the order in which it is read."""
    return ir.Weight(layer, name, shape, tuple(range(len(shape))), shape)


def graph(shapes: Sequence[tuple[int, ...]], *rows: tuple[Any, ...]) -> ir.Graph:
    """Inputs ``in0`` and so on, then rows of (name, operation, inputs..); the last is the output.

    Without inputs a row reads the value before it.
    """
    nodes: dict[str, ir.Node] = {}
    for index, shape in enumerate(shapes):
        nodes[f"in{index}"] = ir.Node(f"in{index}", ir.Input(shape), (), shape, f"in{index}")
    for name, op, *inputs in rows:
        sources = inputs or [list(nodes)[-1]]
        shape = infer(op, *(nodes[source].shape for source in sources))
        nodes[name] = ir.Node(name, op, tuple(sources), shape, name)
    made = ir.Graph(tuple(nodes.values()), (list(nodes)[-1],))
    verify(made)
    return made


class ByName(dict[Any, Any]):
    """Tensors by their layers' and their own names, however an operation reads them."""

    def __getitem__(self, wanted: ir.Weight | tuple[str, str]) -> Any:
        return super().__getitem__(wanted if isinstance(wanted, tuple) else wanted.name)


def weights_of(made: ir.Graph, seed: int = 0) -> ByName:
    """Random numbers for each stored tensor."""
    rng = np.random.default_rng(seed)
    wanted = dict.fromkeys(w for o in made.operands() for w in stored_tensors(o))
    return ByName({w.name: rng.uniform(-1, 1, w.stored_shape).astype(np.float32) for w in wanted})


def inputs_of(made: ir.Graph, batch: int = 2, seed: int = 1) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [
        rng.uniform(-2, 2, (batch, *known_shape(node.shape))).astype(np.float32)
        for node in made.inputs
    ]


def judge(made: ir.Graph, xs: Sequence[Any], weights: Any) -> Any:
    """What the reference target gives, in float64, of the graph as it stands."""
    values = {o: resolve(o, weights.__getitem__).astype(np.float64) for o in made.operands()}
    given = [x.astype(np.float64) for x in xs]
    (value,) = run_reference(made, values, *given).values()
    return value


def plan_of(made: ir.Graph, *, fast: bool = True, batch: int = 2, threads: int = 2) -> Plan:
    return make_plan(optimize(made), table, fast=fast, batch=batch, threads=threads)


def on_cpu(
    made: ir.Graph, xs: Sequence[Any], weights: Any, *, fast: bool = True, threads: int = 2
) -> Any:
    """What the CPU gives."""
    batch = len(xs[0])
    plan = plan_of(made, fast=fast, batch=batch, threads=threads)
    return run(CpuExecutor(plan, weights, batch, threads), xs)


def run(executor: Executor, xs: Sequence[Any]) -> Any:
    (_, shape), *_ = executor.plan.outputs
    y = np.full((len(xs[0]), *shape), np.nan, np.float32)
    executor.run_batch([np.ascontiguousarray(x) for x in xs], [y])
    return y


def assert_near(y: Any, right: Any, bound: float = 5e-6) -> None:
    assert y.shape == right.shape
    assert np.abs(y - right).max(initial=0) <= bound * np.abs(right).max(initial=1e-30)
