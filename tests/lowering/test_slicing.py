"""Slice against NumPy's own slices, on every vector width."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.diagnostics.core import SpecError
from speccompiler.graph.dims import evaluate, format_dim
from tests.cases import build
from tests.lowering.new_layers import TARGETS, parts, run

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
