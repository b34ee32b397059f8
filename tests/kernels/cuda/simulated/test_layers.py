"""Every row of the case table that changes what is computed, on the simulated GPU."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.graph.ir import Lookup
from speccompiler.kernels.cuda.choices import KERNELS
from speccompiler.kernels.cuda.launches import Launch
from speccompiler.kernels.cuda.steps import step_work
from tests.cases import ROWS, Case, Variant, build, row_id, variant_layers
from tests.kernels.cuda.simulated.on_simulator import TINY, assert_close, both, cuda_plan

SAME_NUMBERS = {
    "name", "trainable", "input_dtype", "batch_input_shape", "input_shape", "input_dim",
    "input_length", "weights",
}  # fmt: skip
SAME_ENDINGS = ("init", "regularizer", "constraint")
"""Arguments that no kernel hears of: ``test_lowering`` has them on the CPU."""


SLOW = {"Deconvolution2D": {"border_mode"}, "UpSampling3D": {"size"}, "ZeroPadding3D": {"padding"}}
"""Layers of many threads, and which of their arguments are enough."""


def heard(case: Case, variant: Variant | None) -> bool:
    if variant is None:
        return True
    if variant.argument in SAME_NUMBERS or variant.argument.endswith(SAME_ENDINGS):
        return False
    return variant.argument in SLOW.get(case.layer, {variant.argument})


def distinct_rows() -> list[tuple[Case, Variant | None]]:
    """Rows whose kernels no earlier row has: two of the same texts differ in weights only.

    What a row makes of its weights is tested on the CPU, by ``test_lowering``.
    """
    found: dict[object, tuple[Case, Variant | None]] = {}
    for case, variant in ROWS:
        if heard(case, variant):
            plan = cuda_plan(build(*variant_layers(case, variant)))
            starts = [start for step in plan.steps for start in step_work(step).starts]
            texts = tuple(s.text if isinstance(s, Launch) else s.geometry for s in starts)
            found.setdefault(texts, (case, variant))
    return list(found.values())


KERNEL_ROWS = distinct_rows()


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
    # Winograd's method and what merges of several inputs are made of have tests of their own.
    assert set(KERNELS) - run == {"winograd"}


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
