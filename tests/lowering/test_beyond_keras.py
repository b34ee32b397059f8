"""Slice, Reduce and Resize in reports, in clips and in the other dim_ordering."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from speccompiler.convert.conversion import convert
from tests.cases import build
from tests.lowering.new_layers import TARGETS, resized, run


def test_receptive_fields() -> None:
    """A resized place sees two; strides are those of the places that it looks at."""
    layers = [
        {"type": "Slice", "axis": 1, "step": 3},
        {"type": "Resize", "size": [4, 16], "dim_ordering": "tf"},
        {"type": "Convolution2D", "nb_filter": 1, "nb_row": 3, "nb_col": 3, "dim_ordering": "tf"},
    ]
    rows = build(layers, [30, 8, 2]).shapes().layers
    # Rows: each third, then at 0, 2.5, 5, 7.5 of those: 3 places span ceil(5) and one more.
    found = [(row.receptive_field, row.stride) for row in rows]
    assert [tuple(map(str, stride or ())) for _, stride in found[1:]] == [("15/2", "1/2")] * 2
    assert [field for field, _ in found[1:]] == [(4, 2), (19, 3)]


def test_steps_of_a_clip(rng: Any) -> None:
    x = rng.standard_normal((2, 3, 5, 6, 2)).astype(np.float32)
    inner = [
        ({"type": "Slice", "axis": [1, 3], "start": [1, None], "step": [1, -1]},
         x[:, :, 1:, :, ::-1]),
        ({"type": "Reduce", "axis": [1, 3]}, x.sum((2, 4))),
        ({"type": "Activation", "activation": {"expr": "x - [1, 2]"}}, x - np.array([1, 2])),
        ({"type": "Resize", "size": [3, 4], "dim_ordering": "tf"},
         resized(x.reshape(6, 5, 6, 2), 3, 4, True, False).reshape(2, 3, 3, 4, 2)),
    ]  # fmt: skip
    for layer, wanted in inner:
        for target in TARGETS:
            y = run([{"type": "TimeDistributed", "layer": layer}], x, target)
            np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)


CONVERTED = [
    [{"type": "Slice", "axis": 3, "start": 1, "step": 2}],
    [{"type": "Slice", "axis": [1, -2], "step": -1}],
    [{"type": "Slice", "axis": 1, "start": 1, "stop": 2, "squeeze": True}],
    [{"type": "Reduce", "axis": 1, "keepdims": True}],
    [{"type": "Reduce", "axis": 2, "mode": "max"}, {"type": "Flatten"}],
    [{"type": "Reduce", "axis": [2, 3]}],
    [{"type": "Resize", "size": [4, 9]}],
    [{"type": "Activation", "activation": {"expr": "x - [[[1]], [[2]], [[3.5]]]"}}],
    [{"type": "Activation",
      "activation": {"expr": "x * [1, 2, 3, 4, 5, 6] - [[[1]], [[2]], [[3]]]"}}],
    [{"type": "Activation", "activation": {"expr": "2 * x + [-0.5]"}}],
    [{"type": "Flatten"}, {"type": "Activation",
                           "activation": {"expr": f"x - {list(range(90))}"}},
     {"type": "Dense", "output_dim": 2}],
]  # fmt: skip


@pytest.mark.parametrize("layers", CONVERTED, ids=str)
def test_the_other_ordering(layers: list[dict[str, Any]], rng: Any) -> None:
    """``convert --to-dim-ordering``: the same numbers of an image whose channels are last."""
    x = rng.standard_normal((2, 3, 5, 6)).astype(np.float32)
    pool = {"type": "MaxPooling2D", "pool_size": [1, 1], "name": "p"}
    model = build([pool, *layers], x.shape[1:], dim_ordering="th")
    y = model.compile("reference").run(x)
    converted = convert(model, dim_ordering="tf")
    made = [layer.model_dump(exclude_defaults=True) for layer in converted.spec.layers]
    for layer in made:
        if layer["type"] == "Dense":
            layer["weights"] = [
                converted.changes.apply(w.layer, w.tensor, s.read()).tolist()
                for w, s in model.weight_sources.sources.items()
            ]
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    again = build(made, last.shape[1:], dim_ordering="tf").compile("reference").run(last)
    wanted = y.transpose(0, 2, 3, 1) if y.ndim == 4 else y
    np.testing.assert_allclose(again, wanted, rtol=1e-5, atol=1e-5)
