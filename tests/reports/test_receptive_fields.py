"""Receptive fields and strides, as the shape report shows them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speccompiler.graph.receptive_fields import Reach
from tests.cases import build

FIELD = {"type": "Convolution2D", "nb_filter": 2, "nb_row": 3, "nb_col": 5}


@pytest.mark.parametrize("ordering", ["tf", "th"])
def test_receptive_fields_behind_a_reshape(ordering):
    """All values see 3 x 5 until something mixes them."""
    shape = [8, 8, 2] if ordering == "tf" else [2, 8, 8]
    rest = [
        {"type": "Flatten"},
        {"type": "Activation", "activation": "relu"},
        {"type": "Reshape", "target_shape": [4, 12]},
        {"type": "ZeroPadding1D"},
        {"type": "UpSampling1D"},
    ]
    report = build([FIELD, *rest], shape, dim_ordering=ordering).shapes()
    assert [layer.receptive_field for layer in report.layers] == [(3, 5)] * 6
    assert [layer.stride for layer in report.layers] == [(1, 1), *[None] * 5]
    assert report.to_data()["layers"][1]["stride"] is None

    for last, field in (
        ({"type": "Dense", "output_dim": 2}, ()),
        ({"type": "MaxPooling1D"}, ()),
        ({"type": "Convolution1D", "nb_filter": 1, "filter_length": 2}, ()),
        ({"type": "Activation", "activation": "softmax"}, ()),
    ):
        found = build([FIELD, *rest, last, {"type": "Flatten"}], shape, dim_ordering=ordering)
        assert [layer.receptive_field for layer in found.shapes().layers[-2:]] == [field] * 2

    for last in (
        {"type": "Dense", "output_dim": 2},
        {"type": "Activation", "activation": "softmax"},
    ):
        found = build([FIELD, rest[0], last, {"type": "Reshape", "target_shape": [1, -1]}], shape,
                      dim_ordering=ordering)  # fmt: skip
        assert [layer.receptive_field for layer in found.shapes().layers[2:]] == [None, None]


def test_one_position_keeps_its_window_where_it_is_flattened():
    layers = [FIELD, {"type": "Flatten"}, {"type": "Dense", "output_dim": 2}]
    report = build(layers, [3, 5, 2]).shapes()
    assert [layer.receptive_field for layer in report.layers] == [(3, 5)] * 3


def test_a_flat_input_is_seen_whole():
    report = build([{"type": "Dense", "output_dim": 2}], [4]).shapes()
    assert report.layers[0].receptive_field is None


def test_dense_along_a_spatial_axis_is_unknown():
    layers = [FIELD | {"dim_ordering": "th"}, {"type": "Dense", "output_dim": 2}]
    assert build(layers, [2, 8, 8]).shapes().layers[1].receptive_field == ()


STEPS = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=8
)


@settings(deadline=None, max_examples=100)
@given(STEPS)
def test_running_values_are_those_of_the_whole_history(steps):
    reach = Reach()
    for step in steps:
        reach = reach.then(*step)
    seen, stride = 1, Fraction(1)
    for window, s, factor in reversed(steps):
        seen = -(-(seen - 1) // factor) * s + window
        stride = stride * s / factor
    assert (reach.receptive_field, reach.stride) == (seen, stride)


def test_histories_are_short():
    reach = Reach()
    for _ in range(1000):
        reach = reach.then(3, 1).then(factor=2).then(3, 2)
    assert len(reach.stretches) == 1
