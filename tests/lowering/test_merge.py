"""Merge in every mode, against NumPy statements of it that share nothing with the compiler."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from speccompiler.diagnostics.core import SpecError
from speccompiler.graph.ir import Combine, Transpose
from speccompiler.kernels.cpu.runtime import executor
from speccompiler.passes import optimize
from tests.cases import build

TARGETS = ("reference", "cpu")


def merged(shapes: list[Any], merge: dict[str, Any], **header: Any) -> Any:
    names = [f"i{n}" for n in range(len(shapes))]
    layer = {"type": "Merge", "name": "m", "inputs": names, **merge}
    return build([layer], inputs=dict(zip(names, shapes, strict=True)), **header)


def samples(shapes: list[Any], count: int = 3, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(-2, 2, (count, *shape)).astype(np.float32) for shape in shapes]


def assert_close(y: np.ndarray, expected: np.ndarray) -> None:
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("shape", [(1,), (7,), (16,), (3, 5), (4, 5, 17), (2, 3, 4, 33), (1, 5000)])
@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize(
    ("mode", "statement"),
    [
        ("sum", lambda xs: np.sum(xs, axis=0)),
        ("mul", lambda xs: np.prod(xs, axis=0)),
        ("ave", lambda xs: np.mean(xs, axis=0)),
        ("max", lambda xs: np.max(xs, axis=0)),
    ],
)
def test_elementwise_modes(mode, statement, count, shape):
    xs = samples([shape] * count)
    model = merged([shape] * count, {"mode": mode})
    expected = statement(np.asarray(xs, np.float64))
    for target in TARGETS:
        assert_close(model.compile(target, threads=2).run(xs), expected)


@pytest.mark.parametrize("lanes", [4, 8, 16])
@pytest.mark.parametrize("channels", [(1, 1), (3, 17), (16, 5), (4, 4, 4), (33, 64, 2)])
@pytest.mark.parametrize("axis", [1, 2, 3, -1, -3])
def test_concat_along_every_axis(axis, channels, lanes, monkeypatch):
    monkeypatch.setattr(executor, "host_lanes", lambda: lanes)
    shapes = []
    for length in channels:
        shape = [4, 5, 6]
        shape[axis - 1 if axis > 0 else axis] = length
        shapes.append(tuple(shape))
    xs = samples(shapes)
    model = merged(shapes, {"mode": "concat", "concat_axis": axis})
    for target in TARGETS:
        y = model.compile(target, threads=2).run(xs)
        assert np.array_equal(y, np.concatenate(xs, axis=axis))


@pytest.mark.parametrize("length", [1, 3, 16, 31, 1000])
@pytest.mark.parametrize("axes", [-1, 1, [1, 1]])
def test_dot_and_cos_of_vectors(axes, length):
    xs = samples([(length,)] * 2)
    x, y = (np.asarray(v, np.float64) for v in xs)
    products = np.einsum("nk,nk->n", x, y)
    norms = np.sqrt(np.einsum("nk,nk->n", x, x) * np.einsum("nk,nk->n", y, y))
    for target in TARGETS:
        dot = merged([(length,)] * 2, {"mode": "dot", "dot_axes": axes}).compile(target).run(xs)
        np.testing.assert_allclose(dot, products[:, None], rtol=1e-5, atol=1e-4)
        cos = merged([(length,)] * 2, {"mode": "cos", "dot_axes": axes}).compile(target).run(xs)
        # Keras announces (N, 1) and gives (N, 1, 1).
        np.testing.assert_allclose(cos, (products / norms)[:, None, None], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("shapes", "axes", "indices", "shape"),
    [
        ([(4, 7), (5, 7)], 2, "nak,nbk->nab", (4, 5)),
        ([(4, 7), (5, 7)], -1, "nak,nbk->nab", (4, 5)),
        ([(7, 4), (7, 5)], 1, "nka,nkb->nab", (4, 5)),
        ([(4, 7), (7, 5)], [2, 1], "nak,nkb->nab", (4, 5)),
        ([(7, 4), (5, 7)], [1, 2], "nka,nbk->nab", (4, 5)),
        ([(4, 7), (7,)], [2, 1], "nak,nk->na", (4,)),
        ([(7,), (7, 4)], [1, 1], "nk,nka->na", (4,)),
        ([(7,), (4, 7)], [1, -1], "nk,nak->na", (4,)),
        ([(40, 33), (3, 33)], 2, "nak,nbk->nab", (40, 3)),
    ],
)
def test_dot_over_axes(shapes, axes, indices, shape):
    xs = samples(shapes)
    expected = np.einsum(indices, *(np.asarray(x, np.float64) for x in xs))
    model = merged(shapes, {"mode": "dot", "dot_axes": axes})
    assert model.shapes().layers[-1].output_shape == shape
    for target in TARGETS:
        assert_close(model.compile(target, threads=3).run(xs), expected.reshape(3, *shape))


def test_cos_of_matrices_divides_element_by_element():
    """As Keras does it: products by the root of the products of squares, never below 1e-7."""
    xs = samples([(4, 6)] * 2)
    x, y = (np.asarray(v, np.float64) for v in xs)
    xx, yy, xy = (a @ b.transpose(0, 2, 1) for a, b in ((x, x), (y, y), (x, y)))
    norms = np.maximum(np.sqrt(np.clip(xx * yy, 0, None)), 1e-7)
    model = merged([(4, 6)] * 2, {"mode": "cos", "dot_axes": 2})
    for target in TARGETS:
        found = model.compile(target).run(xs)
        np.testing.assert_allclose(found, (xy / norms)[:, None], rtol=1e-4)


def test_dot_beyond_three_axes_is_theanos_alone():
    shapes = [(2, 3, 4), (5, 4)]
    xs = samples(shapes)
    with pytest.raises(SpecError) as caught:
        merged(shapes, {"mode": "dot"})
    assert [d.code for d in caught.value.diagnostics] == ["CS063"]
    expected = np.einsum("nabk,nck->nabc", *(np.asarray(x, np.float64) for x in xs))
    model = merged(shapes, {"mode": "dot"}, semantics="theano")
    for target in TARGETS:
        assert_close(model.compile(target).run(xs), expected)


@pytest.mark.parametrize("mode", ["sum", "mul", "ave", "max", "concat"])
def test_nan_and_infinity_go_through(mode):
    xs = samples([(5,)] * 2)
    xs[0][0, 1], xs[1][1, 2] = np.nan, np.inf
    reference, cpu = (merged([(5,)] * 2, {"mode": mode}).compile(t).run(xs) for t in TARGETS)
    np.testing.assert_array_equal(np.isnan(reference), np.isnan(cpu))
    assert np.isnan(cpu[0, 1])
    np.testing.assert_allclose(reference, cpu, rtol=1e-6)


def test_one_value_twice():
    model = build([{"type": "Activation", "name": "a", "activation": "tanh"},
                   {"type": "Merge", "mode": "mul", "inputs": ["a", "a"]}], [5])  # fmt: skip
    x = samples([(5,)])[0]
    for target in TARGETS:
        assert_close(model.compile(target).run(x), np.tanh(x) ** 2)


RESIDUAL = [
    {"type": "Convolution2D", "name": "a", "nb_filter": 4, "nb_row": 3, "nb_col": 3,
     "border_mode": "same"},
    {"type": "Convolution2D", "name": "b", "nb_filter": 4, "nb_row": 3, "nb_col": 3,
     "border_mode": "same", "activation": "relu"},
    {"type": "Merge", "name": "sum", "inputs": ["a", "b"]},
    {"type": "Activation", "name": "act", "activation": "relu"},
    {"type": "Merge", "name": "cat", "mode": "concat", "concat_axis": 1, "inputs": ["act", "a"]},
    {"type": "Convolution2D", "name": "out", "nb_filter": 2, "nb_row": 1, "nb_col": 1},
]  # fmt: skip


def test_an_activation_is_part_of_the_merge():
    graph = optimize(build(RESIDUAL[:4], [6, 6, 4]).graph)
    combine = graph.by_name()["act"].op
    assert isinstance(combine, Combine)
    assert combine.activation is not None
    assert "sum" not in graph.by_name()


def test_transposes_of_th_layers_cancel_across_merges():
    """Only those at the ends of the model are left."""
    model = build(RESIDUAL, [4, 6, 5], dim_ordering="th")
    graph = optimize(model.graph)
    assert sum(isinstance(node.op, Transpose) for node in graph) == 2
    x = samples([(4, 6, 5)])[0]
    reference, cpu = (model.compile(t).run(x) for t in TARGETS)
    np.testing.assert_allclose(cpu, reference, atol=1e-5 * np.abs(reference).max())
