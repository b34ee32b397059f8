"""Embedding: numbers that name no row."""

from __future__ import annotations

import numpy as np
import pytest

from speccompiler.diagnostics.core import SpecError
from tests.cases import build
from tests.lowering.formulas import TARGETS


def test_numbers_of_no_row():
    model = build([{"type": "Embedding", "name": "e", "input_dim": 4, "output_dim": 2}], [3])
    for target in TARGETS:
        compiled = model.compile(target)
        for wrong in (4, -1, np.nan):
            x = np.array([[0, 1, 2], [3, wrong, 0]], np.float32)
            with pytest.raises(SpecError) as caught:
                compiled.run(x)
            (found,) = caught.value.diagnostics
            assert (found.code, found.message) == (
                "CS126",
                f"the number {wrong} of sample 1 is that of no row: layer 'e' has rows 0 to 3",
            )
