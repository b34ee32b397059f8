"""fold_normalization: what is folded into a convolution, and what is not."""

from __future__ import annotations

import numpy as np

from speccompiler.graph.ir import Conv, Derived, MapWith, stored_tensors
from speccompiler.passes import optimize
from tests.cases import build
from tests.lowering.formulas import NORM, TARGETS
from tests.passes.small_graphs import folded

CONV = {"type": "Convolution2D", "nb_filter": 4, "nb_row": 3, "nb_col": 3}


def test_normalisation_folds_into_the_convolution():
    relu = {"type": "Activation", "activation": "relu"}
    for layers, shape in [
        ([CONV, NORM, relu], [8, 8, 2]),
        ([CONV | {"bias": False}, NORM, {"type": "Dropout", "p": 0.5}, NORM, relu], [8, 8, 2]),
        ([CONV | {"dim_ordering": "th"}, NORM | {"axis": 1}, relu], [2, 8, 8]),
        ([{"type": "Dense", "output_dim": 4}, NORM, relu], [6]),
        ([{"type": "Convolution1D", "nb_filter": 4, "filter_length": 2}, NORM, relu], [6, 2]),
        ([{"type": "SeparableConvolution2D", "nb_filter": 4, "nb_row": 1, "nb_col": 2}, NORM, relu],
         [6, 6, 2]),
    ]:  # fmt: skip
        graph = folded(layers, shape)
        assert not any(isinstance(node.op, MapWith) for node in graph)
        (conv,) = [node.op for node in graph if isinstance(node.op, Conv)]
        assert isinstance(conv.weight, Derived)
        assert isinstance(conv.bias, Derived)
        assert conv.activation is not None
        tensors = {w.tensor for w in stored_tensors(conv.weight)}
        assert {"gamma", "running_std"} < tensors


def test_normalisation_that_does_not_fold():
    tanh = CONV | {"activation": "tanh"}
    for layers, tap in [([tanh, NORM], ()), ([CONV, NORM], ("c",))]:
        model = build([{**layers[0], "name": "c"}, layers[1]], [8, 8, 2])
        graph = optimize(model.tapped(None, tap)[0])
        (scaled,) = [node.op for node in graph if isinstance(node.op, MapWith)]
        assert len(scaled.parameters) == 2
        x = np.random.default_rng(1).standard_normal((2, 8, 8, 2)).astype(np.float32)
        one, other = (model.compile(t, layers=tap).run_all(x) for t in TARGETS)
        for name, value in one.items():
            np.testing.assert_allclose(other[name], value, 1e-4, 1e-5)
    graph = folded([NORM, {"type": "Activation", "activation": "relu"}, CONV], [8, 8, 2])
    assert [type(node.op) for node in graph][1:] == [MapWith, Conv]


def test_folded_weights_are_kept_by_what_they_are_made_of(tmp_path, monkeypatch):
    """The cache knows both files: another variance is another packed kernel."""
    monkeypatch.setenv("CONVSPEC_CACHE_DIR", str(tmp_path / "cache"))
    wide = {"type": "Convolution2D", "nb_filter": 64, "nb_row": 3, "nb_col": 3, "name": "c"}
    layers = [wide, NORM | {"name": "n"}]
    x = np.random.default_rng(1).standard_normal((1, 9, 9, 64)).astype(np.float32)
    rng = np.random.default_rng(2)
    w = {"c_W": rng.standard_normal((3, 3, 64, 64)) / 24, "c_b": np.zeros(64),
         "n_gamma": np.ones(64), "n_beta": np.zeros(64),
         "n_running_mean": np.zeros(64)}  # fmt: skip
    results = []
    for number, variance in enumerate([1.0, 1.0, 4.0]):
        path = tmp_path / f"w{min(number, 1)}.npz"
        np.savez(path, **w, n_running_std=np.full(64, variance))
        model = build(layers, x.shape[1:], weights=path)
        y = model.compile("cpu").run(x)
        judge = model.compile("reference").run(x)
        assert np.abs(y - judge).max() < 1e-4 * np.abs(judge).max()
        again = build(layers, x.shape[1:], weights=path).compile("cpu").run(x)
        assert np.array_equal(again, y)
        results.append(y)
    assert np.array_equal(results[0], results[1])
    np.testing.assert_allclose(results[2] * 2, results[1], 1e-3, 1e-3)
