"""Small graphs for tests of passes: rows to a graph and back, and its values."""

from __future__ import annotations

from typing import Any

import numpy as np

from speccompiler.expressions.evaluate import combine
from speccompiler.expressions.library import ACTIVATIONS
from speccompiler.graph.dims import known_shape
from speccompiler.graph.ir import (
    Conv,
    Derived,
    Graph,
    Input,
    Map,
    Node,
    Operand,
    Pool,
    Transpose,
    Weight,
)
from speccompiler.graph.shapes import infer, verify
from speccompiler.kernels.reference.evaluate import run_reference
from speccompiler.passes import optimize
from speccompiler.weights.operands import operand as read
from tests.cases import build

RELU, TANH = Map(ACTIVATIONS["relu"]), Map(ACTIVATIONS["tanh"])


LAST, FIRST = Transpose((1, 2, 0)), Transpose((2, 0, 1))
"""Channels first to last, and back."""


ZEROS = ((0, 0),)


def graph(*rows: tuple[Any, ...], outputs: tuple[str, ...] | None = None) -> Graph:
    """Rows of (name, operation, inputs..); shapes are derived. The last is the output."""
    nodes: dict[str, Node] = {}
    for name, op, *inputs in rows:
        shape = infer(op, *(nodes[i].shape for i in inputs))
        nodes[name] = Node(name, op, tuple(inputs), shape, name)
    made = Graph(tuple(nodes.values()), outputs or (rows[-1][0],))
    verify(made)
    return made


def rows(made: Graph) -> list[tuple[Any, ...]]:
    return [(node.name, node.op, *node.inputs) for node in made]


def conv(channels: int = 2, filters: int = 2, kernel: tuple[int, ...] = (3,), padding: Any = None,
         stride: Any = None, bias: bool = True) -> Conv:  # fmt: skip
    shape = (*kernel, channels, filters)
    w = Weight("c", "W", shape, tuple(range(len(shape))), shape)
    b = Weight("c", "b", (filters,), (0,), (filters,)) if bias else None
    rank = len(kernel)
    return Conv(kernel, stride or (1,) * rank, padding or ((0, 0),) * rank, w, b)


def pool(mode: str, k: int = 3, s: int = 1, padding: Any = ZEROS, zeros: Any = ZEROS) -> Pool:
    return Pool(mode, (k,), (s,), padding, zeros)


def values(made: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    """The outputs over negative and positive data, on the reference."""
    rng = np.random.default_rng(seed)
    weights = {operand: operand_values(operand, seed) for operand in made.operands()}
    given = [rng.uniform(-3, 1, (2, *known_shape(source.shape))) for source in made.inputs]
    return run_reference(made, weights, *given)


def operand_values(operand: Operand, seed: int) -> np.ndarray:
    """The same numbers for the same tensor, in whatever graph it stands."""
    if isinstance(operand, Weight):
        rng = np.random.default_rng([seed, *f"{operand.layer}/{operand.tensor}".encode()])
        return read(operand, rng.uniform(-1, 1, operand.stored_shape))
    assert isinstance(operand, Derived), "small graphs have no constants"
    parts = [operand_values(part, seed) for part in operand.operands]
    value = combine(operand.formula, parts)
    return value.reshape(value.shape[max(0, value.ndim - len(operand.shape)) :])


def assert_same_values(one: Graph, other: Graph) -> None:
    assert one.outputs == other.outputs
    for left, right in zip(values(one).values(), values(other).values(), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-12)


SOURCE = ("in", Input((9, 2)))


IMAGE = ("in", Input((2, 5, 4)))


def kinds(made: Graph) -> list[str]:
    return [type(node.op).__name__ for node in made]


def folded(layers: Any, shape: Any, **header: Any) -> Graph:
    """What all passes make of a model."""
    return optimize(build(layers, shape, **header).graph)
