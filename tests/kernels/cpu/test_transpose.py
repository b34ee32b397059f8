"""Transposes: every permutation, at every vector width."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from speccompiler.graph.ir import Graph, Input, Node, Transpose
from speccompiler.kernels.axes import merge_axes, transpose_plan
from speccompiler.kernels.cpu import table as cpu_kernels
from speccompiler.kernels.cpu.runtime.executor import CpuExecutor
from speccompiler.planning.plan import make_plan
from tests.kernels.cpu.both_targets import both


@pytest.mark.parametrize(
    "shape",
    [
        (3, 5, 7),
        (17, 2, 33),
        (1, 1, 1),
        (4, 300, 5),
        (16, 16, 16),
        (31, 257, 18),
        (300, 3, 2),
    ],
)
def test_transposes_of_every_permutation(shape, lanes, rng):
    x = rng.standard_normal((2, *shape)).astype(np.float32)
    for axes in itertools.permutations(range(3)):
        out = tuple(shape[a] for a in axes)
        nodes = (Node("x", Input(shape), (), shape, "x"),
                 Node("t", Transpose(axes), ("x",), out, "t"))  # fmt: skip
        y = np.full((2, *out), np.nan, np.float32)
        CpuExecutor(make_plan(Graph(nodes, ("t",)), cpu_kernels), {}, 2, 3).run_batch([x], [y])
        assert np.array_equal(y, x.transpose(0, *(a + 1 for a in axes))), axes


def test_the_axes_of_a_transposition():
    """u is the axis along which the input lies side by side, v the output's."""

    def plan(shape, axes):
        out = tuple(shape[a] for a in axes)
        return transpose_plan(Node("t", Transpose(axes), ("x",), out, "t"), shape)

    image = plan((56, 48, 64), (2, 0, 1))
    assert (image.lengths, image.source_strides) == ((1, 1, 64, 2688), (0, 0, 1, 64))
    assert image.target_strides == (0, 0, 2688, 1)
    reverse = plan((3, 5, 7), (2, 1, 0))
    assert (reverse.lengths, reverse.source_strides) == ((1, 5, 7, 3), (0, 7, 1, 35))
    assert reverse.target_strides == (0, 3, 15, 1)
    rows = plan((3, 5, 7), (1, 0, 2))
    assert (rows.lengths[-1], rows.source_strides[-1]) == (7, 1)


@pytest.mark.parametrize("shape", [(3, 1, 5), (2, 17, 33), (1, 1, 1), (5, 4, 3, 2), (2, 16, 1, 16)])
def test_transposes(shape, rng):
    """Through the layers that make them: th in, flattened out."""
    rank = len(shape) - 1
    x = rng.standard_normal((2, *shape)).astype(np.float32)
    up = {"type": f"UpSampling{rank}D", "size": [2, *[1] * (rank - 1)], "dim_ordering": "th"}
    y, judge = both([up, {"type": "Flatten"}], x)
    assert np.array_equal(y, judge)
    assert np.array_equal(y, np.repeat(x, 2, 2).reshape(2, -1))


def test_merged_axes_are_the_same_permutation():
    for rank in range(1, 6):
        shape = (2, 3, 4, 5, 6)[:rank]
        x = np.arange(np.prod(shape)).reshape(shape)
        for axes in itertools.permutations(range(rank)):
            merged, order = merge_axes(shape, axes)
            assert np.array_equal(x.reshape(merged).transpose(order).ravel(),
                                  x.transpose(axes).ravel())  # fmt: skip
            assert len(merged) <= rank
    assert merge_axes((7, 8, 9, 10), (1, 2, 3, 0)) == ((7, 720), (1, 0))


def test_transposes_of_every_permutation_of_three_axes(rng):
    for shape in [(3, 5, 7), (17, 2, 33)]:
        x = rng.standard_normal((2, *shape)).astype(np.float32)
        for axes in itertools.permutations(range(3)):
            out = tuple(shape[a] for a in axes)
            nodes = (Node("x", Input(shape), (), shape, "x"),
                     Node("t", Transpose(axes), ("x",), out, "t"))  # fmt: skip
            y = np.full((2, *out), np.nan, np.float32)
            CpuExecutor(make_plan(Graph(nodes, ("t",)), cpu_kernels), {}, 2, 3).run_batch([x], [y])
            assert np.array_equal(y, x.transpose(0, *(a + 1 for a in axes)))
