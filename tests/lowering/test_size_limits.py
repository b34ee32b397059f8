"""Sizes that grow from layer to layer, and models of a thousand layers."""

from __future__ import annotations

import json

import pytest

from speccompiler.passes import optimize
from tests.cases import build, spec
from tests.counting import growth
from tests.models import checked, refusal


def test_no_size_grows_without_bound():
    up = {"type": "UpSampling1D", "length": 2**31 - 1}
    for shape in ([4, 1], [None, 1]):
        found = refusal(lambda shape=shape: build([up] * 1000, shape))
        assert (found.code, found.layer) == ("CS047", "upsampling1d_2")
    assert refusal(lambda: build([{"type": "Dropout", "p": 0}], [2**30] * 3)).code == "CS047"
    # A stride multiplies too, while the value stays small.
    pool = {"type": "MaxPooling1D", "pool_length": 5, "stride": 2**31 - 1, "border_mode": "same"}
    report = build([pool] * 1000, [4, 1]).shapes()
    assert report.layers[0].stride == (2**31 - 1,)
    assert report.layers[-1].receptive_field is None
    json.dumps(report.to_data())


@pytest.mark.parametrize(
    "layer",
    [
        {"type": "Dropout", "p": 0.5},
        {"type": "Convolution1D", "nb_filter": 2, "filter_length": 3, "border_mode": "same"},
        {"type": "Convolution1D", "nb_filter": 2, "filter_length": 3},
    ],
)
def test_long_models_are_no_harder(layer):
    """Twice the layers would take four times the work if each looked at all others."""

    def check_and_optimize(count):
        model, found = checked(spec([layer] * count, [32, 2], seed=1))
        assert (model is None) == ("CS044" in [d.code for d in found])
        if model is not None:
            optimize(model.graph)

    assert growth(check_and_optimize, 1000) < 2.2
