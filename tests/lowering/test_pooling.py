"""Where Theano's pooling fails: one broken axis decides the rule of all."""

from __future__ import annotations

import numpy as np

from speccompiler.graph.ir import Pool
from tests.cases import build
from tests.models import assert_targets_agree


def test_one_broken_axis_decides_the_rule_of_all(rng):
    """Rows: a window of 1 at stride 3 over 6, which Theano starts one late. Depth breaks."""
    layer = {"type": "MaxPooling3D", "pool_size": [1, 1, 2], "strides": [1, 3, 2],
             "border_mode": "same"}  # fmt: skip
    model = build([layer], [4, 6, 4, 1], semantics="theano")
    assert [d.code for d in model.diagnostics] == ["CS051"]
    x = rng.standard_normal((1, 4, 6, 4, 1)).astype(np.float32)
    judge = assert_targets_agree(model, x)
    flat = build([{"type": "MaxPooling2D", "pool_size": [1, 2], "strides": [3, 2],
                   "border_mode": "same"}], [6, 4, 1], semantics="theano")  # fmt: skip
    np.testing.assert_array_equal(judge[0], flat.compile("reference").run(x[0]))
    sound = build([layer | {"pool_size": [2, 1, 2]}], [4, 6, 4, 1], semantics="theano")
    (node,) = [n for n in sound.graph if isinstance(n.op, Pool)]
    assert sound.diagnostics == ()
    assert node.op.padding[1][0] == -1
