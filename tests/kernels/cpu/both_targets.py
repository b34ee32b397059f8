"""A model on the CPU and on the reference."""

from __future__ import annotations

import numpy as np

from tests.cases import build

CHANNELS = [1, 3, 4, 16, 17, 100]
"""Below, at and above a vector of each width."""


def both(layers, x, **options):
    model = build(layers, x.shape[1:])
    return model.compile("cpu", threads=2, **options).run(x), model.compile("reference").run(x)


def assert_close(y, judge):
    assert y.shape == judge.shape
    assert np.abs(y - judge).max() <= 1e-5 * np.abs(judge).max()
