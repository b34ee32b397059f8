"""Every row of the case table that changes what is computed, on the simulated GPU."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.graph.ir import Lookup
from speccompiler.kernels.cuda.table import KERNELS
from tests.cases import ROWS, Variant, build, row_id, variant_layers
from tests.kernels.cuda.simulated.on_simulator import TINY, assert_close, both, cuda_plan

SAME_NUMBERS = {
    "name", "trainable", "input_dtype", "batch_input_shape", "input_shape", "input_dim",
    "input_length", "weights",
}  # fmt: skip
SAME_ENDINGS = ("init", "regularizer", "constraint")
"""Arguments that no kernel hears of: ``test_lowering`` has them on the CPU."""


def heard(variant: Variant | None) -> bool:
    """Whether a kernel could hear of an argument."""
    if variant is None:
        return True
    return variant.argument not in SAME_NUMBERS and not variant.argument.endswith(SAME_ENDINGS)


KERNEL_ROWS = [(case, variant) for case, variant in ROWS if heard(variant)]


@pytest.mark.parametrize(("case", "variant"), KERNEL_ROWS, ids=row_id)
def test_row(case, variant, rng):
    layers, shape = variant_layers(case, variant)
    model = build(layers, shape)
    looked_up = any(isinstance(node.op, Lookup) for node in model.graph)
    low, high = (0, 2) if looked_up else (-1, 1)
    x = rng.uniform(low, high, (2, *model.graph.nodes[0].shape)).astype(np.float32)
    y, judge, _ = both(model, x, TINY)
    assert_close(y, judge)


def test_the_rows_run_every_kernel():
    """A new operation joins with its layer's case; this says which has none."""
    run = set()
    for case, variant in KERNEL_ROWS:
        layers, shape = variant_layers(case, variant)
        run |= {step.kernel for step in cuda_plan(build(layers, shape)).steps}
    # Winograd's method, masks that travel and merges of several inputs have tests of their own.
    assert {kernel.name for kernel in KERNELS} - run == {"winograd", "kept"}


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
    y, judge, _ = both(model, x, TINY)
    assert_close(y, judge)
