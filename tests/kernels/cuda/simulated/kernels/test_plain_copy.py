"""A step that only moves a value."""

from __future__ import annotations

import numpy as np

from tests.cases import build
from tests.kernels.cuda.simulated.on_simulator import both


def test_an_output_that_is_only_copied(draw):
    """What is asked for twice, or is the input itself, is copied."""
    model = build([{"type": "Dropout", "p": 0.5, "name": "d"}, {"type": "Flatten"}], (5, 3))
    y, judge, plan = both(model, draw(2, 5, 3))
    assert [step.kernel for step in plan.steps] == ["copy"]
    assert np.array_equal(y, judge)
