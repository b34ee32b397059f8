"""Pooling, resizing, permutations, softmax and activations on the simulated GPU."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from speccompiler.expressions import ACTIVATIONS, parse
from speccompiler.expressions.evaluate import evaluate
from speccompiler.graph.ir import Graph, Input, Map, Node, Transpose
from speccompiler.kernels.cuda import choices
from speccompiler.kernels.cuda.runtime.executor import CudaExecutor
from speccompiler.kernels.cuda.runtime.simulator import SimulatedDevice
from speccompiler.planning.plan import make_plan
from tests.cases import build
from tests.kernels.cuda.simulated.on_simulator import assert_close, both, outputs_of


def check(layers, shape, rng, tolerance: float = 1e-6):
    x = rng.uniform(-1, 1, (2, *shape)).astype(np.float32)
    y, judge, plan = both(build(layers, shape), x)
    assert_close(y, judge, tolerance)
    return plan


@pytest.mark.usefixtures("real_blocks")
@pytest.mark.parametrize("kind", ["Max", "Average"])
@pytest.mark.parametrize("channels", [3, 4])
def test_zeros_folded_into_pooling(kind, channels, rng):
    layers = [
        {"type": "ZeroPadding2D", "padding": [1, 0, 2, 1]},
        {"type": f"{kind}Pooling2D", "pool_size": [3, 2], "strides": [2, 1],
         "border_mode": "same"},
    ]  # fmt: skip
    plan = check(layers, (4, 3, channels), rng)
    assert [step.kernel for step in plan.steps] == ["pool"]


def test_the_maximum_of_nan_is_nan():
    model = build([{"type": "MaxPooling1D"}], (6, 1))
    x = np.array([[1, np.nan, 3, 2, np.nan, -np.inf]], np.float32).reshape(1, 6, 1)
    y, judge, _ = both(model, x)
    assert np.array_equal(y, judge, equal_nan=True)


def graph_of(shape, op, out) -> Graph:
    nodes = (Node("in", Input(shape), (), shape, "in"), Node("t", op, ("in",), out, "t"))
    return Graph(nodes, ("t",))


def run_graph(graph: Graph, x: np.ndarray) -> np.ndarray:
    plan = make_plan(graph, choices)
    return outputs_of(CudaExecutor(plan, {}, len(x), [SimulatedDevice()]), x)[0]


@pytest.mark.parametrize("axes", [*itertools.permutations(range(3)), (0, 1, 3, 2), (3, 1, 0, 2)])
def test_permutations(axes, rng):
    shape = (3, 5, 2, 4)[: len(axes)]
    out = tuple(shape[a] for a in axes)
    x = rng.standard_normal((2, *shape)).astype(np.float32)
    y = run_graph(graph_of(shape, Transpose(axes), out), x)
    assert np.array_equal(y, x.transpose(0, *(a + 1 for a in axes)))


@pytest.mark.usefixtures("real_blocks")
def test_a_permutation_of_several_tiles(rng):
    x = rng.standard_normal((1, 35, 33)).astype(np.float32)
    assert np.array_equal(
        run_graph(graph_of((35, 33), Transpose((1, 0)), (33, 35)), x), x.transpose(0, 2, 1)
    )


@pytest.mark.usefixtures("real_blocks")
@pytest.mark.parametrize("length", [1, 3, 5, 9, 33])
def test_softmax_over_rows_of_any_length(length, rng):
    check([{"type": "Activation", "activation": "softmax"}], (7, length), rng)


def test_softmax_of_large_values(rng):
    x = np.array([[1000.0, 1001.0, -1000.0, 999.0, 3.0]], np.float32)
    y, judge, _ = both(build([{"type": "Activation", "activation": "softmax"}], (5,)), x)
    assert_close(y, judge)


EXPRESSIONS = [
    *ACTIVATIONS,
    *(f"{f}(x)" for f in ("exp", "expm1", "abs", "sign", "floor", "ceil", "sin", "cos", "tan")),
    *(f"{f}(x)" for f in ("sinh", "cosh", "atan", "erf")),
    *("log(x + 3)", "log1p(abs(x))", "sqrt(abs(x))", "x ** 3", "2 ** x", "abs(x) ** 1.5"),
    *("where(x > 0 and not x > 1, x, -x / 3)", "min(x, 0.5)", "clip(x, -1, 1)", "1 / x", "pi * x"),
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions(text):
    expression = ACTIVATIONS[text] if text in ACTIVATIONS else parse(text)
    x = np.array([-2.5, -1, -0.25, 0, 0.25, 0.75, 1.5, 2], np.float32).reshape(1, 8)
    y = run_graph(graph_of((8,), Map(expression), (8,)), x)
    np.testing.assert_allclose(y, evaluate(expression, x.astype(np.float64)), 1e-5, 1e-6)


def test_values_one_at_a_time(rng):
    """A number of values that does not divide by four."""
    check([{"type": "Activation", "activation": "tanh"}], (7, 3), rng)
    check([{"type": "UpSampling1D"}], (7, 3), rng)


def test_an_output_that_is_only_copied(rng):
    """What is asked for twice, or is the input itself, is copied."""
    x = rng.standard_normal((2, 5, 3)).astype(np.float32)
    model = build([{"type": "Dropout", "p": 0.5, "name": "d"}, {"type": "Flatten"}], (5, 3))
    y, judge, plan = both(model, x)
    assert [step.kernel for step in plan.steps] == ["copy"]
    assert np.array_equal(y, judge)
