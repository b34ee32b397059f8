"""Rows, columns, tables, local and depthwise sums, and steps that read several values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from speccompiler.expressions import ACTIVATIONS
from speccompiler.graph.ir import (
    Combine,
    Concat,
    Depthwise,
    Dot,
    GlobalPool,
    Graph,
    Input,
    Local,
    Lookup,
    Mask,
    Node,
    Normalize,
    Op,
    Weight,
)
from speccompiler.kernels.cuda import choices
from speccompiler.kernels.cuda.runtime.executor import CudaExecutor
from speccompiler.kernels.cuda.runtime.simulator import SimulatedDevice
from speccompiler.kernels.reference.evaluate import run_reference
from speccompiler.planning.plan import make_plan
from tests.cases import build
from tests.kernels.cuda.simulated.on_simulator import SMALL, all_of_both, assert_close, both

Shape = tuple[int, ...]
pytestmark = pytest.mark.usefixtures("real_blocks")


def stored(*shape: int, tensor: str = "W") -> Weight:
    return Weight("layer", tensor, shape, tuple(range(len(shape))), shape)


def compare(
    op: Op, out: Shape, *inputs: np.ndarray, weights: dict[Weight, np.ndarray] | None = None
) -> None:
    """One operation on the simulated GPU and by the reference."""
    names = tuple(f"x{index}" for index in range(len(inputs)))
    given = tuple(
        Node(name, Input(x.shape[1:]), (), x.shape[1:], name)
        for name, x in zip(names, inputs, strict=True)
    )
    graph = Graph((*given, Node("y", op, names, out, "layer")), ("y",))
    run = CudaExecutor(
        make_plan(graph, choices),
        weights or {},
        len(inputs[0]),
        [SimulatedDevice()],
        lambda g, n: SMALL,
    )
    y = np.empty((len(inputs[0]), *out), np.float32)
    run.run_batch(inputs, [y])
    float64 = {weight: array.astype(np.float64) for weight, array in (weights or {}).items()}
    judge = run_reference(graph, float64, *inputs)["y"]
    assert np.array_equal(np.isnan(y), np.isnan(judge))
    assert_close(np.nan_to_num(y), np.nan_to_num(judge))


@pytest.fixture
def draw(rng):
    return lambda *shape: rng.uniform(-1, 1, shape).astype(np.float32)


@pytest.mark.parametrize("mode", ["sum", "mul", "ave", "max", "quotient"])
@pytest.mark.parametrize(("count", "shape"), [(2, (3, 4)), (3, (5,))])
def test_values_combined(mode, count, shape, draw):
    values = [draw(2, *shape) for _ in range(count)]
    values[1][0, 0] = np.nan
    compare(Combine(mode, ACTIVATIONS["tanh"]), shape, *values)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("lengths", [(4, 8), (1, 3, 2)])
def test_values_one_after_the_other(axis, lengths, draw):
    shapes = [(n, 4) if axis == 0 else (3, n) for n in lengths]
    out = (sum(lengths), 4) if axis == 0 else (3, sum(lengths))
    compare(Concat(axis, lengths), out, *(draw(2, *shape) for shape in shapes))


@pytest.mark.parametrize("length", [1, 3, 40])
def test_products_of_rows(length, draw):
    compare(Dot(length), (2, 3), draw(2, 2, length), draw(2, 3, length))
    compare(Dot(length), (1,), draw(3, length), draw(3, length))


@pytest.mark.parametrize("mode", ["max", "average", "sum", "product"])
@pytest.mark.parametrize(("shape", "kept"), [((7, 3), 0), ((3, 2, 35), 0), ((2, 5, 4), 1)])
def test_global_pools(mode, shape, kept, draw):
    x = draw(2, *shape)
    x[0, 0, ..., 0] = np.nan
    compare(GlobalPool(mode, kept), (*shape[:kept], shape[-1]), x)


def test_tables_and_numbers_that_are_no_row(draw):
    x = np.array([[0, 1.7, -0.5, 4, 5, -1, np.nan, 1e30]], np.float32)
    for length in (3, 4):
        table = stored(5, length)
        compare(Lookup(table), (8, length), x, weights={table: draw(5, length)})


@pytest.mark.parametrize("length", [2, 37])
def test_rows_masked_and_normalized(length, draw):
    x = draw(2, 4, length)
    x[0, 1], x[1, 2] = 0.5, np.nan
    x[1, 0, 1:] = 0.5
    compare(Mask(0.5), x.shape[1:], x)
    compare(Normalize(1e-3, 0.25), x.shape[1:], draw(2, 4, length))


@pytest.mark.parametrize("channels", [3, 4])
def test_depthwise_sums(channels, draw):
    weight = stored(3, 2, 2, channels)
    op = Depthwise((3, 2), (2, 1), ((1, 1), (0, 1)), weight)
    given = {weight: draw(3, 2, 2, channels)}
    compare(op, (3, 4, 2 * channels), draw(2, 5, 4, channels), weights=given)


@pytest.mark.parametrize("filters", [3, 4])
@pytest.mark.parametrize("bias", [True, False])
def test_local_sums_of_further_samples(filters, bias, draw):
    weight, offset = stored(4, 2, 2, filters), stored(4, filters, tensor="b")
    op = Local((2,), (2,), weight, offset if bias else None)
    given = {weight: draw(4, 2, 2, filters), offset: draw(4, filters)}
    compare(op, (3, 4, filters), draw(2, 3, 9, 2), weights=given)


CONV: dict[str, Any] = {"type": "Convolution1D", "nb_filter": 4, "filter_length": 3,
                        "border_mode": "same"}  # fmt: skip
GRAPH: list[dict[str, Any]] = [
    {**CONV, "name": "conv", "activation": "relu", "inputs": "left"},
    {"type": "Shared", "layer": "conv", "name": "other", "inputs": "right"},
    {"type": "Merge", "name": "joined", "mode": "concat", "inputs": ["conv", "other"]},
    {"type": "Flatten", "name": "flat"},
    {"type": "Dense", "name": "label", "output_dim": 2},
    {"type": "Merge", "name": "three", "mode": "ave", "inputs": ["left", "right", "left"]},
]


def test_a_graph_of_two_inputs_and_two_outputs(draw):
    model = build(GRAPH, inputs={"left": [6, 2], "right": [6, 2]}, outputs=["three", "label"])
    x = draw(3, 6, 2), draw(3, 6, 2)
    found, judges, plan = all_of_both(model, *x)
    for y, judge in zip(found, judges, strict=True):
        assert_close(y, judge)
    reads = {step.kernel: len(step.reads) for step in plan.steps}
    assert (reads["concat"], reads["combine"]) == (2, 3)
    # The whole way, from the names of the inputs to those of the outputs.
    named = dict(zip(("left", "right"), x, strict=True))
    compiled, reference = (model.compile(target) for target in ("cuda", "reference"))
    for name, y in compiled.run_all(named).items():
        assert_close(y, reference.run_all(named)[name])


def test_weights_of_a_shared_layer_are_sent_once(draw):
    model = build(GRAPH, inputs={"left": [6, 2], "right": [6, 2]}, outputs=["three", "label"])
    compiled = model.compile("cuda")
    convolutions = [b for b in compiled.executor._steps[0] if b.step.kernel == "gemm"]
    first, second, _ = convolutions
    assert first.w is second.w
    assert first.b is second.b


def test_dilated_windows(draw):
    layer = {"type": "AtrousConvolution2D", "nb_filter": 5, "nb_row": 3, "nb_col": 2,
             "atrous_rate": [2, 3], "border_mode": "same"}  # fmt: skip
    for channels in (3, 8):
        y, judge, _ = both(build([layer], (5, 6, channels)), draw(2, 5, 6, channels))
        assert_close(y, judge)
