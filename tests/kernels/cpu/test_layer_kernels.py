"""Kernels of normalisation, parameters, tables and unusual convolutions, at every vector width.

Sizes below, at and above what a vector, four positions and four samples take.
"""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.kernels.cpu import convolution
from tests.cases import build

CHANNELS = [1, 3, 4, 16, 17, 100]


def check(layers, x, tmp_path=None, kernels=None, **header):
    """Both targets on random weights (variances are positive), and each sample by itself."""
    model = build(layers, x.shape[1:], **header)
    if tmp_path is not None:
        rng = np.random.default_rng(5)
        low = {"running_std": 0.1}
        path = tmp_path / "w.npz"
        np.savez(path, **{f"{w.layer}/{w.tensor}": rng.uniform(low.get(w.tensor, -1), 1,
                                                              w.stored_shape)
                          for w in model.graph.weights()})  # fmt: skip
        model = build(layers, x.shape[1:], weights=path, **header)
    judge = model.compile("reference").run(x)
    compiled = model.compile("cpu", threads=2, batch_size=len(x), math="precise")
    y = compiled.run(x)
    found = [step.kernel for step in compiled.plan.steps]
    assert kernels is None or found == kernels
    assert np.abs(y - judge).max() <= 2e-6 * np.abs(judge).max()
    if "batch_normalize" not in found:
        assert all(np.array_equal(compiled.run(x[i : i + 1])[0], y[i]) for i in range(len(x)))
    return y


@pytest.mark.parametrize("channels", CHANNELS)
def test_parameters_and_normalisation(channels, lanes, rng, tmp_path):
    x = rng.standard_normal((3, 5, 7, channels)).astype(np.float32)
    norm = {"type": "BatchNormalization"}
    check([norm], x, tmp_path, ["map_with"])
    check([norm | {"axis": 1}], x, tmp_path, ["map_with"])
    check([norm | {"mode": 1}], x, tmp_path, ["normalize", "map_with"])
    check([norm | {"mode": 2}], x, tmp_path, ["batch_normalize", "map_with"])
    check([{"type": "PReLU"}], x, tmp_path, ["map_with"])
    check([{"type": "PReLU", "shared_axes": [2, 3]}], x, tmp_path, ["map_with"])
    check([{"type": "PReLU", "shared_axes": [1, 2, 3]}], x, tmp_path, ["map_with"])


def test_parameters_over_many_values(rng, tmp_path):
    """Several tasks, whose first values stand at any place of the period."""
    x = rng.standard_normal((2, 41, 23, 13)).astype(np.float32)
    check([{"type": "BatchNormalization"}], x, tmp_path, ["map_with"])
    check([{"type": "SReLU", "shared_axes": [1]}], x, tmp_path, ["map_with"])


def test_statistics_of_values_far_from_zero(rng):
    """Variances that are small beside the squares of the values."""
    x = (1000 + rng.standard_normal((8, 600, 20))).astype(np.float32)
    for mode in (1, 2):
        model = build([{"type": "BatchNormalization", "mode": mode}], [600, 20], seed=1)
        judge = model.compile("reference", batch_size=8).run(x)
        y = model.compile("cpu", batch_size=8).run(x)
        assert np.abs(y - judge).max() < 2e-4 * np.abs(judge).max()


def test_statistics_of_many_positions(rng):
    x = rng.standard_normal((4, 40000, 3)).astype(np.float32)
    check([{"type": "BatchNormalization", "mode": 2}], x)


@pytest.mark.parametrize("channels", CHANNELS)
def test_global_pools(channels, lanes, rng):
    for shape in [(1,), (129,), (11, 13), (3, 5, 7)]:
        x = rng.standard_normal((2, *shape, channels)).astype(np.float32)
        for kind in ("Max", "Average"):
            y = check([{"type": f"Global{kind}Pooling{len(shape)}D"}], x, None, ["global_pool"])
            axes = tuple(range(1, x.ndim - 1))
            wanted = x.max(axes) if kind == "Max" else x.mean(axes, dtype=np.float64)
            np.testing.assert_allclose(y, wanted, 1e-6, 1e-6)


def test_global_pools_of_special_values():
    x = np.zeros((1, 300, 5), np.float32)
    x[0, 200] = [np.nan, np.inf, -np.inf, 3e38, 1]
    x[0, :, 3] = 3e38
    largest, mean = (build([{"type": f"Global{kind}Pooling1D"}], [300, 5]).compile().run(x)[0]
                     for kind in ("Max", "Average"))  # fmt: skip
    np.testing.assert_array_equal(largest, [np.nan, np.inf, 0, np.float32(3e38), 1])
    np.testing.assert_allclose(mean, [np.nan, np.inf, -np.inf, 3e38, 1 / 300], 1e-6)


@pytest.mark.parametrize("channels", [1, 3, 16, 17])
def test_masks(channels, lanes, rng):
    x = rng.integers(0, 2, (3, 50, channels)).astype(np.float32)
    x[0, 7], x[1, 3] = 1, np.nan
    model = build([{"type": "Masking", "mask_value": 1.0}], [50, channels])
    kept = (x != 1).any(axis=-1, keepdims=True)
    for target in ("cpu", "reference"):
        assert np.array_equal(model.compile(target).run(x), np.where(kept, x, 0), equal_nan=True)


@pytest.mark.parametrize("length", [1, 3, 16, 17, 40])
def test_tables(length, lanes, rng):
    x = rng.integers(0, 9, (3, 70)).astype(np.float32)
    x += rng.uniform(0, 0.9, x.shape).astype(np.float32)  # cut off
    table = rng.standard_normal((9, length)).round(3)
    layer = {"type": "Embedding", "input_dim": 9, "output_dim": length, "weights": [table.tolist()]}
    y = build([layer], [70]).compile().run(x)
    assert np.array_equal(y, table.astype(np.float32)[x.astype(int)])


@pytest.mark.parametrize("channels", [1, 3, 4, 16, 17, 33])
@pytest.mark.parametrize("stride", [1, 2])
def test_separable(channels, stride, lanes, rng, tmp_path):
    for height, width, kernel in [(5, 15, (3, 3)), (1, 4, (2, 1)), (2, 2, (3, 3))]:
        x = rng.standard_normal((2, height, width, channels)).astype(np.float32)
        layer = {"type": "SeparableConvolution2D", "nb_filter": 6, "nb_row": kernel[0],
                 "nb_col": kernel[1], "subsample": [stride, stride], "border_mode": "same",
                 "depth_multiplier": 1 if channels > 16 else 3}  # fmt: skip
        check([layer], x, tmp_path)


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5, 6, 7, 9, 17, 20])
@pytest.mark.parametrize("stride", [1, 2, 3, 5])
def test_rows_of_a_depthwise_kernel(columns, stride, lanes, rng, tmp_path):
    """Columns written out, by blocks and one by one; some that no window sees; every remainder."""
    layer = {"type": "SeparableConvolution2D", "nb_filter": 6, "nb_row": 2, "nb_col": columns,
             "subsample": [1, stride], "border_mode": "same"}  # fmt: skip
    for positions in (1, 3, 4, 6, 7, 13):
        x = rng.standard_normal((2, 2, positions * stride, 17)).astype(np.float32)
        check([layer], x, tmp_path)


@pytest.mark.parametrize("left", [1, 3, 4, 8])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_depthwise_kernel_over_cropped_rows(left, stride, lanes, rng, tmp_path):
    """Two positions are too few for four together, also where the row begins further in."""
    separable = {"type": "SeparableConvolution2D", "nb_filter": 6, "nb_row": 2, "nb_col": 4,
                 "subsample": [1, stride]}  # fmt: skip
    x = rng.standard_normal((2, 5, left + 4 + stride, 17)).astype(np.float32)
    check([{"type": "Cropping2D", "cropping": [[1, 0], [left, 0]]}, separable], x, tmp_path)


@pytest.mark.parametrize("filters", [1, 3, 16, 33, 40])
@pytest.mark.parametrize("samples", [1, 4, 7])
def test_locally_connected(filters, samples, lanes, rng, tmp_path):
    x = rng.standard_normal((samples, 6, 7, 3)).astype(np.float32)
    layer = {"type": "LocallyConnected2D", "nb_filter": filters, "nb_row": 2, "nb_col": 3,
             "subsample": [2, 1]}  # fmt: skip
    check([layer], x, tmp_path, ["local"])
    check([layer | {"dim_ordering": "th", "bias": False}], x.transpose(0, 3, 1, 2).copy(), tmp_path)


@pytest.mark.parametrize("small", [0, convolution.SMALL], ids=["tiles", "small"])
@pytest.mark.parametrize("rate", [[1, 2], [3, 1], [2, 2], [4, 5]])
def test_dilated(rate, small, rng, tmp_path, monkeypatch):
    """Rows and columns apart, windows longer than the image, strides."""
    monkeypatch.setattr(convolution, "SMALL", small)
    layer = {"type": "AtrousConvolution2D", "nb_filter": 35, "nb_row": 3, "nb_col": 3,
             "atrous_rate": rate, "border_mode": "same"}  # fmt: skip
    for shape, stride in [((7, 9), 1), ((11, 30), 2), ((1, 3), 1)]:
        x = rng.standard_normal((2, *shape, 5)).astype(np.float32)
        check([layer | {"subsample": [stride, stride]}], x, tmp_path)


def test_dilated_in_other_ranks(rng, tmp_path, monkeypatch):
    monkeypatch.setattr(convolution, "SMALL", 0)
    x = rng.standard_normal((2, 3, 20, 17)).astype(np.float32)
    layer = {"type": "AtrousConvolution1D", "nb_filter": 20, "filter_length": 3, "atrous_rate": 4}
    check([layer], x[:, 0], tmp_path, ["conv"])
    check([{"type": "TimeDistributed", "layer": layer}], x, tmp_path, ["conv"])


@pytest.mark.parametrize("mode", ["valid", "same", "full"])
@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (2, 3)])
def test_transposed(mode, semantics, stride, rng):
    """Every output against the sum that defines it."""
    kernel = (3, 5)
    out = (11, 12)
    weights = rng.uniform(-1, 1, (*kernel, 2, 3)).round(3)
    before = [{"valid": 0, "full": k - 1, "same": k // 2}[mode] for k in kernel]
    lengths = {"valid": [n - k for n, k in zip(out, kernel, strict=True)],
               "full": [n + k - 2 for n, k in zip(out, kernel, strict=True)],
               "same": [n - 1 for n in out]}[mode]  # fmt: skip
    shape = [length // s + 1 for length, s in zip(lengths, stride, strict=True)]
    if mode == "same" and semantics == "tensorflow":
        total = [max((n - 1) * s + k - o, 0)
                 for n, s, k, o in zip(shape, stride, kernel, out, strict=True)]  # fmt: skip
        before = [t // 2 for t in total]
    layer = {"type": "Deconvolution2D", "nb_filter": 3, "nb_row": 3, "nb_col": 5,
             "subsample": list(stride), "border_mode": mode, "output_shape": [None, *out, 3],
             "weights": [weights.tolist(), [0.5, -1, 2]]}  # fmt: skip
    x = rng.standard_normal((2, *shape, 2)).astype(np.float32)
    kernels = weights if semantics == "tensorflow" else weights[::-1, ::-1]
    wanted = np.full((2, *out, 3), [0.5, -1, 2])
    for i, j in np.ndindex(*shape):
        for r, c in np.ndindex(*kernel):
            row, column = i * stride[0] + r - before[0], j * stride[1] + c - before[1]
            if 0 <= row < out[0] and 0 <= column < out[1]:
                wanted[:, row, column] += x[:, i, j] @ kernels[r, c]
    model = build([layer], x.shape[1:], semantics=semantics)
    for target in ("reference", "cpu"):
        y = model.compile(target, math="precise").run(x)
        assert np.abs(y - wanted).max() <= 2e-6 * np.abs(wanted).max()
