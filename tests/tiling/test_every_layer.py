"""Every layer of the case table in the smallest tiles: the bits of the whole, or a refusal."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.diagnostics.core import SpecError
from tests.cases import CASES, Case, build, row_id, variant_layers
from tests.cases.case import Variant
from tests.lowering.test_lowering import sample

REFUSED = {
    "BatchNormalization", "Flatten", "GlobalAveragePooling1D", "GlobalAveragePooling2D",
    "GlobalAveragePooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D",
    "LocallyConnected1D", "LocallyConnected2D", "Merge", "PReLU", "ParametricSoftplus", "Reduce",
    "Resize", "SReLU", "Slice", "SimpleRNN", "LSTM", "GRU", "Bidirectional", "ConvLSTM2D", "Pick",
    "State", "UpSampling2D", "Softmax", "GroupNormalization", "UnitNormalization",
}  # fmt: skip
"""Layers that cannot be cut, or not with all arguments."""
VECTORS = {"Dense", "Highway", "MaxoutDense", "RepeatVector"}
"""Layers whose case reads vectors, of which nothing can be cut."""
LITTLE_LEFT = {
    "AveragePooling2D", "AveragePooling3D", "Convolution3D", "Cropping3D", "MaxPooling2D",
    "MaxPooling3D",
}  # fmt: skip
"""Layers of whose small input in some variants one position is left, which needs all of it."""

ROUNDED = {"UpSampling2D"}
"""Layers that in some variants round places which depend on the whole length: three times as long,
between two values."""


def changes_the_graph(variant: Variant) -> bool:
    """Whether tiles have something else to do: not for other weights, names and penalties."""
    return variant.changes in ("output", "shape") and not variant.argument.endswith("init")


@pytest.mark.parametrize("case", CASES, ids=row_id)
def test_a_layer_in_tiles(case: Case) -> None:
    codes = set()
    for variant in (None, *(v for v in case.variants if changes_the_graph(v))):
        model = build(*variant_layers(case, variant))
        x = sample(model)
        for target, math in (("cpu", "precise"), ("reference", "precise")):
            compiled = model.compile(target, input_shape=x.shape[1:], math=math)
            try:
                tiled = compiled.tiled(2)
            except SpecError as refused:
                (finding,) = refused.diagnostics
                codes.add(finding.code)
                break
            y = compiled.run(x)
            assert np.array_equal(tiled.run([x])[0], y, equal_nan=True), f"{target}: {variant}"
    if case.layer in VECTORS:
        assert codes == {"CS181"}
    elif case.layer in REFUSED | LITTLE_LEFT | ROUNDED:
        assert codes == {"CS180"}
    else:
        assert not codes
