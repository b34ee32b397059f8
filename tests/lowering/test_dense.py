"""Highway and MaxoutDense, by their formulas."""

from __future__ import annotations

import numpy as np

from tests.lowering.formulas import assert_gives


def test_highway_and_maxout(rng):
    x = rng.uniform(-2, 2, (3, 4))
    w, carry = rng.uniform(-1, 1, (2, 4, 4)).round(3)
    b, lift = rng.uniform(-1, 1, (2, 4)).round(3)
    t = 1 / (1 + np.exp(-(x @ carry + lift)))
    layer = {"type": "Highway", "activation": "tanh",
             "weights": [w.tolist(), carry.tolist(), b.tolist(), lift.tolist()]}  # fmt: skip
    assert_gives([layer], x, t * np.tanh(x @ w + b) + (1 - t) * x)
    w, b = rng.uniform(-1, 1, (3, 4, 5)).round(3), rng.uniform(-1, 1, (3, 5)).round(3)
    layer = {"type": "MaxoutDense", "output_dim": 5, "nb_feature": 3,
             "weights": [w.tolist(), b.tolist()]}  # fmt: skip
    assert_gives([layer], x, (np.einsum("ni,fio->nfo", x, w) + b).max(axis=1))
