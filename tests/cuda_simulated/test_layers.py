"""Every row of the case table that changes what is computed, on the simulated GPU."""

from __future__ import annotations

import numpy as np
import pytest
from cases import ROWS, build, row_id, variant_layers
from cuda_simulated.on_simulator import assert_close, both

SAME_NUMBERS = {
    "name", "trainable", "init", "weights", "input_dtype", "W_regularizer", "b_regularizer",
    "activity_regularizer", "W_constraint", "b_constraint", "batch_input_shape", "input_shape",
    "input_dim",
}  # fmt: skip
"""Arguments that no kernel hears of: ``test_lowering`` has them on the CPU."""
KERNEL_ROWS = [(c, v) for c, v in ROWS if v is None or v.argument not in SAME_NUMBERS]


@pytest.mark.parametrize(("case", "variant"), KERNEL_ROWS, ids=row_id)
def test_row(case, variant, rng):
    layers, shape = variant_layers(case, variant)
    model = build(layers, shape)
    x = rng.uniform(-1, 1, (2, *model.graph.nodes[0].shape)).astype(np.float32)
    y, judge, _ = both(model, x)
    assert_close(y, judge)


SAME = [
    {"type": "Convolution2D", "nb_filter": 4, "nb_row": 2, "nb_col": 3, "subsample": [2, 1]},
    {"type": "MaxPooling2D", "pool_size": [2, 3], "strides": [1, 2]},
    {"type": "AveragePooling2D", "pool_size": [3, 2], "strides": [2, 2]},
]


@pytest.mark.parametrize("layer", SAME, ids=lambda layer: layer["type"])
@pytest.mark.parametrize("ordering", ["th", "tf"])
@pytest.mark.parametrize("semantics", ["theano", "tensorflow"])
def test_same_padding_of_both_backends(layer, ordering, semantics, rng):
    shape = (3, 5, 6) if ordering == "th" else (5, 6, 3)
    given = {**layer, "border_mode": "same", "dim_ordering": ordering}
    model = build([given], shape, semantics=semantics)
    x = rng.uniform(-1, 1, (2, *shape)).astype(np.float32)
    y, judge, _ = both(model, x)
    assert_close(y, judge)
