"""Kernels that only move and compare: resizing, transposition, softmax, activations.

Channels below, at and above a vector, at every vector width.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from speccompiler.graph.ir import Graph, Input, Node, Transpose
from speccompiler.kernels.axes import transpose_plan
from speccompiler.kernels.cpu import table as cpu_kernels
from speccompiler.kernels.cpu.kernel import fitting_lanes
from speccompiler.kernels.cpu.runtime.executor import CpuExecutor
from speccompiler.planning.plan import make_plan
from tests.cases import build
from tests.kernels.cpu.both_targets import CHANNELS, both


@pytest.mark.parametrize("channels", CHANNELS)
def test_upsampling_and_padding(channels, lanes, rng):
    x = rng.standard_normal((2, 5, 7, channels)).astype(np.float32)
    for size in [(1, 2), (2, 1), (2, 2), (3, 5), (1, 1)]:
        y, judge = both([{"type": "UpSampling2D", "size": list(size)}], x)
        assert np.array_equal(y, judge), size
    for padding in [(1, 1), (0, 3), (4, 0)]:
        y, judge = both([{"type": "ZeroPadding2D", "padding": list(padding)}], x)
        assert np.array_equal(y, judge), padding
    x = x.reshape(2, 35, channels)
    for layer in [{"type": "UpSampling1D", "length": 3}, {"type": "ZeroPadding1D", "padding": 9}]:
        y, judge = both([layer], x)
        assert np.array_equal(y, judge), layer
    x = x.reshape(2, 5, 1, 7, channels)
    for layer in [{"type": "UpSampling3D", "size": [2, 3, 2]},
                  {"type": "ZeroPadding3D", "padding": [1, 2, 1]}]:  # fmt: skip
        y, judge = both([layer], x)
        assert np.array_equal(y, judge), layer


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


def test_fitting_lanes():
    found = [fitting_lanes(c, 16) for c in (1, 3, 4, 7, 8, 15, 16, 100)]
    assert found == [16, 16, 4, 4, 8, 8, 16, 16]
    assert [fitting_lanes(c, 4) for c in (1, 4, 100)] == [4, 4, 4]


@pytest.mark.parametrize("length", [1, 3, 4, 15, 16, 17, 255, 256, 257, 1000])
def test_softmax(length, lanes, rng):
    x = rng.uniform(-20, 20, (5, length)).astype(np.float32)
    y, judge = both([{"type": "Activation", "activation": "softmax"}], x)
    # x - max is rounded, and 40 * 6e-8 of it goes into the exponential.
    np.testing.assert_allclose(y, judge, 3e-6, 1e-30)
    x[1, length // 2] = np.nan
    y, _ = both([{"type": "Activation", "activation": "softmax"}], x)
    assert np.isnan(y[1]).all()
    assert np.isfinite(y[[0, 2, 3, 4]]).all()


@pytest.mark.parametrize("activation", ["tanh", {"expr": "x * sigmoid(x) + sin(x)"}])
@pytest.mark.parametrize("filters", [1, 15, 16, 17, 33, 64])
def test_activations_of_convolutions(activation, filters, lanes, rng):
    """In tiles that are whole and in those that are cut off; the same bits on their own."""
    x = rng.uniform(-2, 2, (2, 6, 17, 5)).astype(np.float32)
    conv = {"type": "Convolution2D", "nb_filter": filters, "nb_row": 3, "nb_col": 2,
            "border_mode": "same"}  # fmt: skip
    y, judge = both([{**conv, "activation": activation}], x)
    assert np.abs(y - judge).max() <= 5e-6 * np.abs(judge).max()


@pytest.mark.parametrize("chain", [
    [{"type": "MaxPooling2D"}],
    [{"type": "AveragePooling2D", "pool_size": [3, 3], "strides": [2, 2], "border_mode": "same"}],
    [{"type": "AveragePooling2D", "pool_size": [3, 3], "strides": [1, 1], "border_mode": "same"}],
    [{"type": "UpSampling2D"}],
    [{"type": "ZeroPadding2D"}, {"type": "Activation", "activation": "tanh"}],
    [{"type": "Reshape", "target_shape": [9, -1]}, {"type": "Activation", "activation": "softmax"}],
])  # fmt: skip
@pytest.mark.parametrize("channels", [1, 3, 17])
def test_the_same_bits_for_any_split(chain, channels, rng):
    model = build(chain, (9, 14, channels))
    x = rng.standard_normal((7, 9, 14, channels)).astype(np.float32)
    runs = [
        model.compile("cpu", threads=threads, batch_size=batch).run(x)
        for threads in (1, 3)
        for batch in (1, 3, 7)
    ]
    assert all(run.tobytes() == runs[0].tobytes() for run in runs)
