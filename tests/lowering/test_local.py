"""LocallyConnected2D, by its formula, in both orderings."""

from __future__ import annotations

import numpy as np

from tests.lowering.formulas import assert_gives


def test_locally_connected(rng):
    x = rng.uniform(-1, 1, (2, 5, 4, 2))
    arguments = {"type": "LocallyConnected2D", "nb_filter": 3, "nb_row": 3, "nb_col": 2}
    y = np.zeros((2, 3, 3, 3))
    w, b = rng.uniform(-1, 1, (9, 12, 3)).round(3), rng.uniform(-1, 1, (3, 3, 3)).round(3)
    for i, j in np.ndindex(3, 3):
        seen = x[:, i : i + 3, j : j + 2]
        y[:, i, j] = seen.reshape(2, -1) @ w[3 * i + j] + b[i, j]
    for semantics in ("tensorflow", "theano"):  # neither flips
        assert_gives([arguments | {"weights": [w.tolist(), b.tolist()]}], x, y,
                     semantics=semantics)  # fmt: skip
    # In 'th' the features of a position begin with the channels.
    for i, j in np.ndindex(3, 3):
        seen = x[:, i : i + 3, j : j + 2].transpose(0, 3, 1, 2)
        y[:, i, j] = seen.reshape(2, -1) @ w[3 * i + j] + b[:, i, j]
    layer = arguments | {"weights": [w.tolist(), b.tolist()], "dim_ordering": "th"}
    assert_gives([layer], x.transpose(0, 3, 1, 2), y.transpose(0, 3, 1, 2))
