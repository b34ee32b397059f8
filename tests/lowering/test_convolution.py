"""Dilated convolutions, as measured on Keras."""

from __future__ import annotations

import numpy as np
import pytest

from tests.lowering.formulas import assert_gives


@pytest.mark.parametrize(
    ("semantics", "filter_length", "mode", "wanted"),
    [("tensorflow", 3, "valid", [531, 642, 753]), ("theano", 3, "valid", [135, 246, 357]),
     ("tensorflow", 3, "same", [310, 420, 531, 642, 753, 64, 75]),
     ("theano", 3, "same", [13, 24, 135, 246, 357, 460, 570]),
     ("tensorflow", 2, "same", [20, 31, 42, 53, 64, 75, 6]),
     ("theano", 2, "same", [2, 13, 24, 35, 46, 57, 60])],
)  # fmt: skip
def test_dilated_as_measured(semantics, filter_length, mode, wanted):
    """keras 1.2.2 on 1..7 with the kernel 1, 10, 100 and rate 2."""
    weights = [[[[[10.0**k]]] for k in range(filter_length)], [0.0]]
    layer = {"type": "AtrousConvolution1D", "nb_filter": 1, "filter_length": filter_length,
             "atrous_rate": 2, "border_mode": mode, "weights": weights}  # fmt: skip
    x = np.arange(1.0, 8).reshape(1, 7, 1)
    assert_gives([layer], x, np.reshape(wanted, (1, -1, 1)), semantics=semantics)
