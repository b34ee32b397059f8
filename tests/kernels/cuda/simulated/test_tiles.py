"""Tiles on the simulated GPU have the bits of the whole: both kernels of convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from speccompiler.graph.ir import Conv
from speccompiler.kernels.cuda import table
from speccompiler.passes import optimize
from speccompiler.planning.plan import make_plan
from speccompiler.tiling.tiled_plan import Planner, tiled_plan
from tests.cases import build
from tests.kernels.cuda.simulated.on_simulator import WinogradFirst, executor, outputs_of


class AlikeWinograd(WinogradFirst):
    """The same, and as the table does for parts of the whole."""

    alike = staticmethod(table.alike)


def line(filters: int, **more: Any) -> dict[str, Any]:
    return {
        "type": "Convolution1D", "nb_filter": filters, "filter_length": 3,
        "border_mode": "same", **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("layers", "shape", "kernels", "kernel"),
    [
        ([line(4, activation="relu"), {"type": "MaxPooling1D"}, line(3)], (22, 3), table, "gemm"),
        # Of so few outputs sums are cut into parts.
        ([line(2)], (200, 400), table, "gemm"),
        ([line(32), line(32)], (26, 32), AlikeWinograd, "winograd"),
    ],
    ids=["short", "cut", "winograd"],
)
def test_tiles_on_a_gpu(
    layers: Any, shape: Any, kernels: Any, kernel: str, rng: np.random.Generator
) -> None:
    model = build(layers, shape)
    graph = model.tapped()[0]
    whole = make_plan(optimize(graph), kernels)
    used = {step.kernel for step in whole.steps if isinstance(step.node.op, Conv)}
    assert used == {kernel}
    planner = Planner(lambda g, batch, k: (make_plan(g, k), 1), lambda g, plan, n: 0, kernels)
    tiled = tiled_plan(whole.graph, graph, whole, planner, 6, 1)
    assert len(tiled.tiling.tiles) > 2
    x = rng.standard_normal((1, *shape)).astype(np.float32)
    run = executor(model, whole, 1)
    (y,) = outputs_of(run, x)
    for number, tile in enumerate(tiled.tiling.tiles):
        one = tiled.plans[tiled.tiling.kind(number)]
        part = np.ascontiguousarray(x[(slice(None), *(slice(*span) for span in tile.inputs[0]))])
        (found,) = outputs_of(run.for_plan(one.graph, one.plan, 1), part)
        box = (slice(None), *(slice(*span) for span in tile.outputs[0]))
        assert np.array_equal(found, y[box]), f"tile {number}"
