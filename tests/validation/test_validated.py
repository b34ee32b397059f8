"""Layers and shapes that a caller names."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cases import build
from tests.models import refusal


def test_a_layer_that_no_model_has():
    model = build([{"type": "Dropout", "name": "first", "p": 0.5}], [4])
    found = refusal(lambda: model.tapped(layers=["first", "frist"]))
    assert (found.code, found.message, found.hint) == (
        "CS132", "no layer 'frist' in t", "did you mean 'first'?",
    )  # fmt: skip
    assert refusal(lambda: model.plan(layers=["zzz"])).hint == "layers: first"
    # A node's name is none.
    assert refusal(lambda: model.compile(layers=["first:input"])).code == "CS132"
    assert model.tapped(layers=["first"])[0].outputs == ("first",)


@pytest.mark.parametrize(
    ("shape", "code", "message"),
    [
        ((None, 3), "CS052", "the input (T, 3) has open lengths"),
        ((0, 3), "CS025", "the input shape (0, 3) has a length below 1"),
        ((-4, 3), "CS025", "the input shape (-4, 3) has a length below 1"),
        ((2.0, 3), "CS024", "a length of the shape is 2.0, not a whole number"),
        ((True, 3), "CS024", "a length of the shape is true, not a whole number"),
    ],
)
def test_input_shapes_that_are_none(shape, code, message):
    model = build([{"type": "UpSampling1D"}], [None, 3])
    found = refusal(lambda: model.compile(input_shape=shape))
    assert (found.code, found.message) == (code, message)


def test_an_input_shape_of_numpy_numbers():
    model = build([{"type": "UpSampling1D"}], [None, 3])
    assert model.plan(tuple(np.array([4, 3]))).inputs[0][1] == (4, 3)
