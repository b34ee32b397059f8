"""Arguments of training that a Keras file stores."""

from __future__ import annotations

from speccompiler.model import check
from speccompiler.source.texts import parse_document
from tests.lowering.formulas import keras


def test_a_regulariser_that_keras_stores_twice():
    config = {"name": "s", "nb_filter": 2, "nb_row": 1, "nb_col": 1, "dim_ordering": "tf",
              "batch_input_shape": [None, 3, 3, 1]}  # fmt: skip
    penalty = {"name": "L1L2Regularizer", "l1": 0.0, "l2": 0.5}
    for given, codes in [({}, []), ({"pointwise_regularizer": penalty}, ["CS048"])]:
        text = keras([("SeparableConvolution2D", config | given)], "1.2.2")
        model, found = check(parse_document(text, "m.json"))
        assert model is not None
        assert [d.code for d in found] == codes
