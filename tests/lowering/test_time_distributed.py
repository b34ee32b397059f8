"""TimeDistributed against its layer, which sees each step as a sample."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.graph.ir import Recurrent
from tests.cases import build
from tests.lowering.formulas import TARGETS


@pytest.mark.parametrize("inner", [
    {"type": "Convolution2D", "nb_filter": 3, "nb_row": 2, "nb_col": 3, "border_mode": "same"},
    {"type": "Convolution2D", "nb_filter": 3, "nb_row": 2, "nb_col": 2, "dim_ordering": "th"},
    {"type": "Deconvolution2D", "nb_filter": 3, "nb_row": 3, "nb_col": 3, "subsample": [2, 2],
     "output_shape": [None, 11, 9, 3]},
    {"type": "SeparableConvolution2D", "nb_filter": 3, "nb_row": 2, "nb_col": 2},
    {"type": "LocallyConnected2D", "nb_filter": 3, "nb_row": 2, "nb_col": 2},
    {"type": "MaxPooling2D", "border_mode": "same"}, {"type": "GlobalAveragePooling2D"},
    {"type": "UpSampling2D"}, {"type": "Cropping2D", "cropping": [[1, 0], [0, 1]]},
    {"type": "BatchNormalization"}, {"type": "PReLU"}, {"type": "Flatten"}, {"type": "Masking"},
    {"type": "Reshape", "target_shape": [-1, 2]}, {"type": "Permute", "dims": [3, 1, 2]},
    {"type": "BatchNormalization", "mode": 1}, {"type": "Dense", "output_dim": 2},
], ids=lambda inner: inner["type"])  # fmt: skip
def test_steps_are_done_one_by_one(inner, rng):
    """TimeDistributed against its layer, which sees each step as a sample."""
    x = rng.standard_normal((2, 3, 5, 4, 2)).astype(np.float32)
    apart = x.reshape(-1, *x.shape[2:])
    name = "t"  # random weights depend on it
    alone = build([inner | {"name": name}], x.shape[2:]).compile("reference").run(apart)
    layer = {"type": "TimeDistributed", "name": name, "layer": inner}
    model = build([layer], x.shape[1:])
    assert model.shapes().parameters == build([inner], x.shape[2:]).shapes().parameters
    for target in TARGETS:
        y = model.compile(target, math="precise").run(x)
        assert y.shape == (2, 3, *alone.shape[1:])
        np.testing.assert_allclose(y.reshape(alone.shape), alone, 1e-5, 2e-6)


SCANS = [
    {"type": "SimpleRNN", "output_dim": 3, "activation": "softmax"},
    {"type": "LSTM", "output_dim": 3, "return_sequences": True, "go_backwards": True},
    {"type": "GRU", "output_dim": 3, "reset_after": True, "inner_activation": "softmax"},
    {"type": "Bidirectional", "merge_mode": "ave",
     "layer": {"type": "GRU", "output_dim": 3, "return_sequences": True}},
]  # fmt: skip
FILMS = {"type": "ConvLSTM2D", "nb_filter": 2, "nb_row": 2, "nb_col": 3, "border_mode": "same"}


@pytest.mark.parametrize(
    ("inner", "step"),
    [*((scan, (5, 4)) for scan in SCANS), (FILMS, (4, 3, 3, 2)),
     ({**FILMS, "subsample": [2, 1], "return_sequences": True, "dim_ordering": "th"},
      (4, 2, 3, 3)),
     ({"type": "Bidirectional", "layer": {**FILMS, "return_sequences": True}}, (4, 3, 3, 2))],
    ids=lambda given: given["type"] if isinstance(given, dict) else "",
)  # fmt: skip
@pytest.mark.parametrize("semantics", ["tensorflow", "theano"])
def test_all_steps_are_scanned_at_once(inner, step, semantics, rng):
    """Against the layer, which sees each step as a sample; the number of steps may be open."""
    x = rng.standard_normal((2, 3, *step)).astype(np.float32)
    alone = build([inner | {"name": "t"}], step, semantics=semantics).compile("reference")
    wanted = alone.run(x.reshape(-1, *step))
    layer = {"type": "TimeDistributed", "name": "t", "layer": inner}
    model = build([layer], [None, *step], semantics=semantics)
    assert sum(isinstance(node.op, Recurrent) for node in model.graph) < 3
    for target in TARGETS:
        y = model.compile(target, math="precise", input_shape=x.shape[1:]).run(x)
        np.testing.assert_allclose(y.reshape(wanted.shape), wanted, 1e-5, 2e-6)
