"""A receptive field is what outputs depend on, found by changing inputs."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cases import build
from tests.graph.small_models import conv1d


def dependencies(layers, n):
    """Per output, the inputs it depends on: found by nudging every input (max and mean)."""
    model = build(layers, [n, 1])
    run = model.compile("reference").run
    base = run(np.zeros((1, n, 1), np.float32)).ravel()
    seen = [set() for _ in base]
    for i in range(n):
        x = np.zeros((1, n, 1), np.float32)
        x[0, i] = 1
        for o, changed in enumerate(run(x).ravel() != base):
            if changed:
                seen[o].add(i)
    return model.shapes().layers[-1], seen


@pytest.mark.parametrize(
    "layers",
    [
        [conv1d(3, 2, "valid"), conv1d(2, 1, "same")],
        [conv1d(5, 1, "same"), {"type": "AveragePooling1D", "pool_length": 3, "stride": 2}],
        [{"type": "ZeroPadding1D", "padding": 2}, conv1d(4, 3, "valid"), conv1d(3, 2, "same")],
        [{"type": "MaxPooling1D"}, {"type": "Dropout", "p": 0.1}, conv1d(3, 1, "full")],
        [{"type": "UpSampling1D", "length": 3}, conv1d(4, 1, "valid")],
        [conv1d(3, 2, "same"), {"type": "UpSampling1D", "length": 2}, conv1d(3, 1, "same")],
    ],
)  # fmt: skip
def test_receptive_field_is_what_outputs_depend_on(layers):
    layer, seen = dependencies(layers, 40)
    widest = max(max(s) - min(s) + 1 for s in seen if s)
    assert layer.receptive_field == (widest,)
    # In the middle, neighbours are one stride further on.
    starts = [min(s) for s in seen if s][2:-2]
    apart = (starts[-1] - starts[0]) / (len(starts) - 1)
    assert apart == pytest.approx(float(layer.stride[0]), abs=0.2)
