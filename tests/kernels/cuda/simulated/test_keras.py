"""What Keras gave, on the simulated GPU: its own numbers, not those of the reference.

The models of ``tests/golden``, and of the whole collection, where it is at hand, one of each
kind of layer, order and border mode that is not among them; the rest of it with ``-m slow``. A
simulated thread is many thousand times slower than a real one: large models are left to
``make test-cuda``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speccompiler.graph.shapes import multiply_adds
from speccompiler.kernels.cuda import table
from speccompiler.kernels.cuda.runtime.executor import CudaExecutor
from speccompiler.kernels.cuda.runtime.simulator import SimulatedDevice
from speccompiler.passes import optimize
from speccompiler.planning.plan import make_plan
from tests.kernels.cuda.simulated.on_simulator import TINY, outputs_of
from tests.test_conformance import CURRENT, DEGENERATE, OLDER, OWN_GOLDEN, Golden, params

WORK = 100_000
"""Multiply-adds and values made, at most: a second or so."""

SOUND = [folder for folder in CURRENT + OLDER if folder not in DEGENERATE]
OWN_CASES = [folder for folder in SOUND if OWN_GOLDEN in folder.parents]
TELLING = {"th", "tf", "valid", "same", "full", "negpad"}
"""Words of a case's name that say in which order and with which borders."""


def kind(folder: Path) -> tuple[str, ...]:
    """A whole model by its name, a layer by its name, order and borders."""
    layer, *words = folder.name.split("_")
    return (layer, *(word for word in words if layer == "m" or word in TELLING))


def of_each_kind(folders: Sequence[Path]) -> list[Path]:
    """The first of each kind."""
    first: dict[tuple[str, ...], Path] = {}
    for folder in folders:
        first.setdefault(kind(folder), folder)
    return list(first.values())


SAMPLE = [*OWN_CASES, *(f for f in of_each_kind([*OWN_CASES, *SOUND]) if f not in OWN_CASES)]
REST = [folder for folder in SOUND if folder not in SAMPLE]


def compare(golden: Golden) -> None:
    model = golden.load()
    graph = optimize(model.tapped(golden.bound(model))[0])
    work: Any = sum(multiply_adds(node) + np.prod(node.shape) for node in graph.nodes)
    if work * len(golden.inputs[0]) > WORK:
        # make test-cuda runs it.
        pytest.skip("too large for a simulator")
    plan = make_plan(graph, table)
    weights = model.weight_sources.read()
    samples = len(golden.inputs[0])
    run = CudaExecutor(plan, weights, samples, [SimulatedDevice()], lambda graph, n: TINY)
    found = outputs_of(run, *(np.asarray(x, np.float32) for x in golden.inputs))
    for y, expected in zip(found, golden.outputs, strict=True):
        assert y.shape == expected.shape
        assert np.abs(y - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("golden", params(SAMPLE))
def test_output_is_what_keras_gave(golden: Golden) -> None:
    compare(golden)


@pytest.mark.slow
@pytest.mark.parametrize("golden", params(REST))
def test_the_rest_of_the_collection(golden: Golden) -> None:
    compare(golden)
