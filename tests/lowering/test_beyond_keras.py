"""Slice, Reduce, Resize and LRN2D against NumPy and against TensorFlow 1.x's rule, worked out here.

Each operation is run on every vector width; lengths are below, at and above a vector's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.convert import convert
from speccompiler.diagnostics.core import SpecError
from speccompiler.graph.dims import evaluate, format_dim
from speccompiler.graph.shapes import format_shape
from speccompiler.kernels.cpu.runtime import executor
from speccompiler.lowering.input_axes import swapped
from tests.cases import build

TARGETS = ("reference", "cpu")


@pytest.fixture(params=[4, 8, 16])
def lanes(request, monkeypatch):
    monkeypatch.setattr(executor, "host_lanes", lambda: request.param)
    return request.param


def run(layers: list[dict[str, Any]], x: np.ndarray, target: str = "reference") -> np.ndarray:
    return build(layers, x.shape[1:]).compile(target, threads=2).run(x)


def parts(index: Any) -> dict[str, Any]:
    """The arguments of a Slice for ``x[index]`` of one axis."""
    return {"start": index.start, "stop": index.stop, "step": index.step or 1}


# --- Slice

SLICES = [
    slice(None), slice(1, None), slice(None, -1), slice(-3, None), slice(2, 4), slice(None, 99),
    slice(-99, 3), slice(None, None, 2), slice(1, None, 3), slice(None, None, -1),
    slice(4, None, -1), slice(None, 1, -2), slice(-2, 0, -2), slice(3, -99, -1), slice(0, 1),
]  # fmt: skip


@pytest.mark.parametrize("index", SLICES, ids=str)
@pytest.mark.parametrize("axis", [1, 2, 3, -1])
def test_one_axis(index: slice, axis: int, rng: Any) -> None:
    x = rng.standard_normal((2, 6, 7, 5)).astype(np.float32)
    whole: list[slice] = [slice(None)] * 4
    whole[axis] = index
    for target in TARGETS:
        y = run([{"type": "Slice", "axis": axis, **parts(index)}], x, target)
        np.testing.assert_array_equal(y, x[tuple(whole)])


@pytest.mark.parametrize("channels", [1, 3, 4, 16, 17, 40])
def test_several_axes_at_every_width(channels: int, lanes: int, rng: Any) -> None:
    x = rng.standard_normal((3, 9, 6, channels)).astype(np.float32)
    x[0, 2, 3] = np.nan
    x[1, 3, 2] = -np.inf
    x[2] = -0.0
    layer = {"type": "Slice", "axis": [1, -1, 2], "start": [1, None, None], "stop": [-1, None, 4],
             "step": [2, -1, 1]}  # fmt: skip
    y = run([layer], x, "cpu")
    wanted = x[:, 1:-1:2, :4, ::-1]
    np.testing.assert_array_equal(y, wanted)
    np.testing.assert_array_equal(np.signbit(y), np.signbit(wanted))
    rows = run([{"type": "Slice", "axis": 1, "start": 3, "stop": 8}], x, "cpu")
    np.testing.assert_array_equal(rows, x[:, 3:8])


def test_many_rows_are_several_tasks(rng: Any) -> None:
    x = rng.standard_normal((2, 301, 70, 3)).astype(np.float32)
    np.testing.assert_array_equal(
        run([{"type": "Slice", "axis": -1, "step": -1}], x, "cpu"), x[..., ::-1]
    )


def test_five_axes_and_one(rng: Any) -> None:
    x = rng.standard_normal((2, 3, 4, 5, 2, 3)).astype(np.float32)
    layer = {"type": "Slice", "axis": [1, 2, 3, 4, 5], "step": -1}
    for target in TARGETS:
        np.testing.assert_array_equal(run([layer], x, target), x[:, ::-1, ::-1, ::-1, ::-1, ::-1])
        np.testing.assert_array_equal(
            run([{"type": "Slice", "axis": 1, "start": -1, "squeeze": True}], x[:, :, 0, 0, 0, 0],
                target), x[:, -1:, 0, 0, 0, 0],
        )  # fmt: skip


@given(
    n=st.integers(1, 12),
    start=st.none() | st.integers(-14, 14),
    stop=st.none() | st.integers(-14, 14),
    step=st.integers(-5, 5).filter(bool),
)
@settings(max_examples=150, deadline=None)
def test_any_slice_is_python_s(n: int, start: Any, stop: Any, step: int) -> None:
    x = np.arange(2 * n, dtype=np.float32).reshape(2, n)
    wanted = x[:, start:stop:step]
    layer = {"type": "Slice", "axis": 1, "start": start, "stop": stop, "step": step}
    if wanted.shape[1] == 0:
        with pytest.raises(SpecError) as caught:
            run([layer], x)
        assert [d.code for d in caught.value.diagnostics] == ["CS044"]
        return
    np.testing.assert_array_equal(run([layer], x), wanted)


OPEN = [
    ({"start": 60, "stop": -25}, "H - 85"),
    ({"start": -3}, "3"),
    ({"stop": 4}, "4"),
    ({"step": 2}, "ceil(H/2)"),
    ({"step": -1}, "H"),
    ({"start": 1, "step": 3}, "ceil((H - 1)/3)"),
    ({"start": -2, "stop": 0, "step": -2}, "ceil((H - 2)/2)"),
]


@pytest.mark.parametrize(("arguments", "length"), OPEN, ids=str)
def test_open_lengths(arguments: Any, length: str) -> None:
    model = build([{"type": "Slice", "axis": 1, **arguments}], [None, 8, 3])
    found = model.shapes().layers[-1].output_shape
    assert format_dim(found[0]) == length
    for n in (90, 97, 130):
        bound = model.shapes([n, 8, 3]).layers[-1].output_shape
        assert bound == (evaluate(found[0], {"H": n}), 8, 3)
        i = {"start": None, "stop": None, "step": 1} | arguments
        assert bound[0] == len(range(n)[slice(i["start"], i["stop"], i["step"])])


# --- Reduce


@pytest.mark.parametrize("mode", ["sum", "mean", "max", "prod"])
@pytest.mark.parametrize("axis", [1, 2, 3, [1, 2], [1, 3], [2, 3], [-1, 1], [3, 2, 1]], ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions(mode: str, axis: Any, keepdims: bool, rng: Any) -> None:
    x = rng.standard_normal((3, 5, 6, 7)).astype(np.float32)
    axes = axis if isinstance(axis, int) else tuple(axis)
    function = getattr(np, mode)
    wanted = function(x.astype(np.float64), axis=axes, keepdims=keepdims)
    wanted = wanted if wanted.ndim > 1 else wanted[:, None]
    for target in TARGETS:
        layer = {"type": "Reduce", "axis": axis, "mode": mode, "keepdims": keepdims}
        y = run([layer], x, target)
        assert y.shape == wanted.shape
        np.testing.assert_allclose(y, wanted, rtol=2e-6, atol=2e-6)


def test_sums_of_open_axes_and_what_is_no_number() -> None:
    model = build([{"type": "Reduce", "axis": 1}], [None, 2])
    assert format_shape(model.graph.nodes[-1].shape) == "(2,)"
    x = np.ones((1, 1000, 2), np.float32)
    x[0, 3, 1] = np.nan
    for target in TARGETS:
        y = model.compile(target, input_shape=[1000, 2]).run(x)
        assert y[0, 0] == 1000
        assert np.isnan(y[0, 1])
    # The axis stays where it is kept, open or not.
    model = build([{"type": "Reduce", "axis": 2, "mode": "max", "keepdims": True}], [None, 2])
    assert format_shape(model.graph.nodes[-1].shape) == "(T, 1)"


def test_sums_at_every_width(lanes: int, rng: Any) -> None:
    for channels in (1, 5, 16, 70):
        x = rng.standard_normal((2, 40, 9, channels)).astype(np.float32)
        for axis in (1, 2, 3, [1, 2]):
            wanted = x.astype(np.float64).sum(axis if isinstance(axis, int) else tuple(axis))
            y = run([{"type": "Reduce", "axis": axis}], x, "cpu")
            np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mode", ["sum", "mean"])
@pytest.mark.parametrize("kind", ["alike", "random", "falling"])
def test_sums_of_a_million_steps(lanes: int, mode: str, kind: str, rng: Any) -> None:
    """What is promised holds at any length: 5e-6 of the sum."""
    steps = 1_000_000
    values = {
        "alike": np.full((steps, 3), 0.1),
        "random": rng.uniform(0, 1, (steps, 3)),
        "falling": 1 / np.arange(1, steps + 1)[:, None] * np.ones(3),
    }[kind]
    x = values.astype(np.float32)[None]
    wanted = getattr(x.astype(np.float64), mode)(1)
    y = run([{"type": "Reduce", "axis": 1, "mode": mode}], x, "cpu")
    assert (np.abs(y - wanted) / wanted).max() < 5e-6


def test_products_know_no_order(rng: Any) -> None:
    """Neither what they grow to on the way nor their length matters."""
    layer = {"type": "Reduce", "axis": 1, "mode": "prod"}
    x = np.array([[[1e30, 0], [1e30, np.inf], [1e-30, 1], [-1e-30, 2]]], np.float32)
    for target in TARGETS:
        y = run([layer], x, target)
        np.testing.assert_allclose(y[0, 0], x[0, :, 0].astype(np.float64).prod(), rtol=1e-7)
        assert np.isnan(y[0, 1])
    x = rng.uniform(0.99, 1.01, (1, 100_000, 70)).astype(np.float32)
    np.testing.assert_allclose(
        run([layer], x, "cpu"), x.astype(np.float64).prod(1), rtol=1e-6, atol=0
    )


# --- Resize: TensorFlow 1.x's core/kernels/resize_bilinear_op.cc and
# resize_nearest_neighbor_op.cc, place by place


def resized(x: np.ndarray, rows: int, columns: int, bilinear: bool, aligned: bool) -> np.ndarray:
    """``tf.image.resize_images`` of TensorFlow 1.x, in Python's and NumPy's scalars."""

    def scale(n: int, size: int) -> np.float32:
        if aligned and size > 1:
            return np.float32(n - 1) / np.float32(size - 1)
        return np.float32(n) / np.float32(size)

    height, width = x.shape[1:3]
    down, across = scale(height, rows), scale(width, columns)
    y = np.zeros((len(x), rows, columns, x.shape[-1]))
    for i in range(rows):
        for j in range(columns):
            v, u = np.float32(i) * down, np.float32(j) * across
            if not bilinear:
                # roundf goes away from 0.
                r, c = ((math.floor(float(p) + 0.5) if aligned else math.floor(p)) for p in (v, u))
                y[:, i, j] = x[:, min(r, height - 1), min(c, width - 1)]
                continue
            top, left = math.floor(v), math.floor(u)
            below, right = min(top + 1, height - 1), min(left + 1, width - 1)
            dv, du = float(v) - top, float(u) - left
            upper = x[:, top, left] * (1 - du) + x[:, top, right] * du
            lower = x[:, below, left] * (1 - du) + x[:, below, right] * du
            y[:, i, j] = upper * (1 - dv) + lower * dv
    return y


SIZES = [(5, 7), (10, 14), (3, 4), (1, 1), (13, 2), (6, 50), (66, 20)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("aligned", [False, True])
def test_sizes(size: tuple[int, int], interpolation: str, aligned: bool, rng: Any) -> None:
    x = rng.standard_normal((2, 5, 7, 3)).astype(np.float32)
    wanted = resized(x.astype(np.float64), *size, interpolation == "bilinear", aligned)
    layer = {"type": "Resize", "size": list(size), "interpolation": interpolation,
             "align_corners": aligned, "dim_ordering": "tf"}  # fmt: skip
    for target in TARGETS:
        y = run([layer], x, target)
        np.testing.assert_allclose(y, wanted, rtol=2e-6, atol=2e-6)
    first = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    y = run([{**layer, "dim_ordering": "th"}], first, "cpu")
    np.testing.assert_allclose(y, wanted.transpose(0, 3, 1, 2), rtol=2e-6, atol=2e-6)


def test_a_hand_worked_row() -> None:
    """Twice as many columns: 0, 0.5, 1, 1.5; the last has nothing beyond it to weigh."""
    x = np.array([[10, 20, 40]], np.float32).reshape(1, 1, 3, 1)
    layer = {"type": "Resize", "size": [1, 6], "dim_ordering": "tf"}
    assert run([layer], x).ravel().tolist() == [10, 15, 20, 30, 40, 40]
    nearest = {**layer, "interpolation": "nearest"}
    assert run([nearest], x).ravel().tolist() == [10, 10, 20, 20, 40, 40]
    aligned = {**layer, "size": [1, 5], "align_corners": True}
    assert run([aligned], x).ravel().tolist() == [10, 15, 20, 30, 40]
    # Half-way places go to the next, as roundf does.
    assert run([{**aligned, "interpolation": "nearest"}], x).ravel().tolist() == [
        10, 20, 20, 40, 40,
    ]  # fmt: skip


def test_places_are_those_of_float32() -> None:
    """41 * (1 / 41) in float32 may be less than 1, and then TensorFlow looks one earlier."""
    x = np.arange(50, dtype=np.float32).reshape(1, 1, 50, 1)
    for factor in (3, 41, 49, 55, 61):
        layer = {"type": "Resize", "factor": [1, factor], "interpolation": "nearest",
                 "dim_ordering": "tf"}  # fmt: skip
        wanted = resized(x, 1, 50 * factor, bilinear=False, aligned=False)
        for target in TARGETS:
            np.testing.assert_array_equal(run([layer], x, target), wanted)
    assert (wanted.ravel() != np.repeat(np.arange(50), factor)).any()


@pytest.mark.parametrize("channels", [1, 3, 4, 16, 17])
def test_resizing_at_every_width(channels: int, lanes: int, rng: Any) -> None:
    x = rng.standard_normal((2, 9, 8, channels)).astype(np.float32)
    for bilinear, name in ((False, "nearest"), (True, "bilinear")):
        layer = {"type": "Resize", "size": [6, 13], "interpolation": name, "dim_ordering": "tf"}
        y = run([layer], x, "cpu")
        np.testing.assert_allclose(
            y, resized(x.astype(np.float64), 6, 13, bilinear, False), rtol=3e-6, atol=3e-6
        )
        alone = build([layer], x.shape[1:]).compile("cpu").run(x[1:])
        np.testing.assert_array_equal(alone[0], y[1])


def test_open_images(rng: Any) -> None:
    model = build([{"type": "Resize", "factor": [2, 3], "dim_ordering": "tf"}], [None, None, 3])
    assert format_shape(model.graph.nodes[-1].shape) == "(2*H, 3*W, 3)"
    x = rng.standard_normal((1, 4, 5, 3)).astype(np.float32)
    y = model.compile("cpu", input_shape=(4, 5, 3)).run(x)
    np.testing.assert_allclose(y, resized(x, 8, 15, True, False), rtol=2e-6, atol=2e-6)


# --- reports, wrappers, orderings


def test_receptive_fields() -> None:
    """A resized place sees two; strides are those of the places that it looks at."""
    layers = [
        {"type": "Slice", "axis": 1, "step": 3},
        {"type": "Resize", "size": [4, 16], "dim_ordering": "tf"},
        {"type": "Convolution2D", "nb_filter": 1, "nb_row": 3, "nb_col": 3, "dim_ordering": "tf"},
    ]
    rows = build(layers, [30, 8, 2]).shapes().layers
    # Rows: each third, then at 0, 2.5, 5, 7.5 of those: 3 places span ceil(5) and one more.
    found = [(row.receptive_field, row.stride) for row in rows]
    assert [tuple(map(str, stride or ())) for _, stride in found[1:]] == [("15/2", "1/2")] * 2
    assert [field for field, _ in found[1:]] == [(4, 2), (19, 3)]


def test_steps_of_a_clip(rng: Any) -> None:
    x = rng.standard_normal((2, 3, 5, 6, 2)).astype(np.float32)
    inner = [
        ({"type": "Slice", "axis": [1, 3], "start": [1, None], "step": [1, -1]},
         x[:, :, 1:, :, ::-1]),
        ({"type": "Reduce", "axis": [1, 3]}, x.sum((2, 4))),
        ({"type": "Activation", "activation": {"expr": "x - [1, 2]"}}, x - np.array([1, 2])),
        ({"type": "Resize", "size": [3, 4], "dim_ordering": "tf"},
         resized(x.reshape(6, 5, 6, 2), 3, 4, True, False).reshape(2, 3, 3, 4, 2)),
    ]  # fmt: skip
    for layer, wanted in inner:
        for target in TARGETS:
            y = run([{"type": "TimeDistributed", "layer": layer}], x, target)
            np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)


CONVERTED = [
    [{"type": "Slice", "axis": 3, "start": 1, "step": 2}],
    [{"type": "Slice", "axis": [1, -2], "step": -1}],
    [{"type": "Slice", "axis": 1, "start": 1, "stop": 2, "squeeze": True}],
    [{"type": "Reduce", "axis": 1, "keepdims": True}],
    [{"type": "Reduce", "axis": 2, "mode": "max"}, {"type": "Flatten"}],
    [{"type": "Reduce", "axis": [2, 3]}],
    [{"type": "Resize", "size": [4, 9]}],
    [{"type": "Activation", "activation": {"expr": "x - [[[1]], [[2]], [[3.5]]]"}}],
    [{"type": "Activation",
      "activation": {"expr": "x * [1, 2, 3, 4, 5, 6] - [[[1]], [[2]], [[3]]]"}}],
    [{"type": "Activation", "activation": {"expr": "2 * x + [-0.5]"}}],
    [{"type": "Flatten"}, {"type": "Activation",
                           "activation": {"expr": f"x - {list(range(90))}"}},
     {"type": "Dense", "output_dim": 2}],
]  # fmt: skip


@pytest.mark.parametrize("layers", CONVERTED, ids=str)
def test_the_other_ordering(layers: list[dict[str, Any]], rng: Any) -> None:
    """``convert --to-dim-ordering``: the same numbers of an image whose channels are last."""
    x = rng.standard_normal((2, 3, 5, 6)).astype(np.float32)
    pool = {"type": "MaxPooling2D", "pool_size": [1, 1], "name": "p"}
    model = build([pool, *layers], x.shape[1:], dim_ordering="th")
    y = model.compile("reference").run(x)
    converted = convert(model, dim_ordering="tf")
    made = [layer.model_dump(exclude_defaults=True) for layer in converted.spec.layers]
    for layer in made:
        if layer["type"] == "Dense":
            layer["weights"] = [
                converted.changes.apply(w.layer, w.tensor, s.read()).tolist()
                for w, s in model.weight_sources.sources.items()
            ]
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    again = build(made, last.shape[1:], dim_ordering="tf").compile("reference").run(last)
    wanted = y.transpose(0, 2, 3, 1) if y.ndim == 4 else y
    np.testing.assert_allclose(again, wanted, rtol=1e-5, atol=1e-5)


# --- LRN2D: Keras 0.3's layers/normalization.py


def normalised(
    x: np.ndarray, axis: int = -1, alpha: float = 1e-4, k: float = 2, beta: float = 0.75, n: int = 5
) -> np.ndarray:
    """``x / (k + alpha * sum)**beta``: squares, zeros around the channels, n of them summed up."""
    x = np.moveaxis(x.astype(np.float64), axis, -1)
    around = [(0, 0)] * (x.ndim - 1) + [(n // 2, n // 2)]
    squares = np.pad(x * x, around)
    with np.errstate(all="ignore"):
        scale = k + alpha * sum(squares[..., i : i + x.shape[-1]] for i in range(n))
        return np.moveaxis(x / scale**beta, -1, axis)


NORMALISED: list[dict[str, Any]] = [
    {}, {"alpha": 1, "k": 1, "beta": 0.5, "n": 3}, {"beta": 0.9}, {"beta": 1}, {"beta": 0},
    {"beta": 0.25, "n": 1}, {"beta": 2, "k": 0.5, "n": 7}, {"n": 99}, {"k": 0, "alpha": 0.5},
    {"alpha": 0}, {"k": 1e-6, "alpha": 0.01}, {"alpha": 1e-20}, {"k": 1e20, "alpha": 1e10},
]  # fmt: skip


@pytest.mark.parametrize("arguments", NORMALISED, ids=str)
def test_local_response_normalisation(arguments: dict[str, Any], rng: Any) -> None:
    """Small and large neighbours together, and each channel count around a vector's."""
    for channels in (3, 33):
        for size in (1e-3, 1.0, 1e8):
            spread = size * 10 ** rng.uniform(-3, 3, (2, 3, 4, channels))
            x = (rng.standard_normal(spread.shape) * spread).astype(np.float32)
            wanted = normalised(x, **arguments)
            layer = {"type": "LRN2D", "dim_ordering": "tf", **arguments}
            for target in TARGETS:
                np.testing.assert_allclose(run([layer], x, target), wanted, rtol=5e-6, atol=1e-37)
    first = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    layer = {"type": "LRN2D", "dim_ordering": "th", **arguments}
    np.testing.assert_allclose(
        run([layer], first, "cpu"), wanted.transpose(0, 3, 1, 2), rtol=5e-6, atol=1e-37
    )


@pytest.mark.parametrize(("beta", "largest"), [(0.75, 1e33), (0.5, 1e33), (1.0, 1e30), (0.9, 1e24)])
def test_squares_that_float32_does_not_hold(beta: float, largest: float, lanes: int) -> None:
    """Beside a huge value all others are as exact as ever, and so is it itself."""
    x = np.array([1, -2, largest, 3, 4, 5, 6, -largest / 7], np.float32).reshape(1, 1, 1, 8)
    y = run([{"type": "LRN2D", "dim_ordering": "tf", "beta": beta}], x, "cpu")
    np.testing.assert_allclose(y, normalised(x, beta=beta), rtol=5e-6, atol=1e-37)


def test_what_is_no_number_stays_among_its_neighbours() -> None:
    x = np.ones((1, 1, 3, 12), np.float32)
    x[0, 0, 1, 2], x[0, 0, 1, 9], x[0, 0, 2, 0] = np.nan, -np.inf, -0.0
    wanted = normalised(x)
    assert np.isnan(wanted).sum() == 6  # the five around the NaN, and the infinity itself
    for target in TARGETS:
        y = run([{"type": "LRN2D", "dim_ordering": "tf"}], x, target)
        np.testing.assert_allclose(y, wanted, rtol=5e-6)
        assert np.signbit(y[0, 0, 2, 0])


def test_the_report_of_a_local_response_normalisation() -> None:
    """It sees one position, however many channels; open lengths stay."""
    conv = {"type": "Convolution2D", "nb_filter": 8, "nb_row": 3, "nb_col": 3, "subsample": [2, 2]}
    for ordering, shape in (("tf", [None, None, 2]), ("th", [2, None, None])):
        layers = [conv, {"type": "LRN2D"}, {**conv, "subsample": [1, 1]}]
        rows = build(layers, shape, dim_ordering=ordering).shapes().layers
        assert [row.receptive_field for row in rows] == [(3, 3), (3, 3), (7, 7)]
        assert [row.stride for row in rows] == [(2, 2)] * 3
        assert rows[1].output_shape == rows[0].output_shape
        assert (rows[1].parameters, rows[1].multiply_adds) == (0, 0)


@pytest.mark.parametrize("steps", [3, None])
def test_local_response_normalisation_of_a_clip(steps: int | None, rng: Any) -> None:
    x = rng.standard_normal((2, 3, 6, 4, 5)).astype(np.float32)
    for ordering, axis in (("th", 2), ("tf", -1)):
        inner = {"type": "LRN2D", "alpha": 1, "dim_ordering": ordering}
        model = build([{"type": "TimeDistributed", "layer": inner}], (steps, *x.shape[2:]))
        wanted = normalised(x, axis, alpha=1)
        for target in TARGETS:
            y = model.compile(target, input_shape=x.shape[1:]).run(x)
            np.testing.assert_allclose(y, wanted, rtol=5e-6)


@pytest.mark.parametrize("target", ["tf", "th"])
def test_local_response_normalisation_in_the_other_ordering(target: str, rng: Any) -> None:
    x = rng.standard_normal((2, 3, 5, 6)).astype(np.float32)
    model = build([{"type": "LRN2D", "alpha": 1}], x.shape[1:], dim_ordering=swapped(target))
    converted = convert(model, dim_ordering=target)
    (layer,) = (one for one in converted.spec.layers if one.class_name == "LRN2D")
    assert (layer.dim_ordering, layer.alpha) == (target, 1)
    with pytest.raises(SpecError, match="takes samples of shape"):
        build([{"type": "LRN2D"}], [4, 4], dim_ordering=target)
