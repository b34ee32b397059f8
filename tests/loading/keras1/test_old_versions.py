"""Arguments that older releases of Keras read in another way."""

from __future__ import annotations

import pytest

from tests.cases import build
from tests.models import checked, keras


@pytest.mark.parametrize(
    ("version", "output"),
    [
        (None, (5, 8, 2)), ("0.3.3", (5, 8, 2)), ("1.0.2", (5, 8, 2)), ("1.1.0", (5, 8, 2)),
        ("1.1.1", (6, 7, 2)), ("1.2.2", (6, 7, 2)), ("1.2", (6, 7, 2)), ("1.x", (6, 7, 2)),
    ],
)  # fmt: skip
def test_padding_by_side_is_read_as_its_keras_did(version, output):
    layer = {"name": "p", "padding": [1, 2, 0, 3], "batch_input_shape": [None, 3, 4, 2]}
    model, found = checked(keras(("ZeroPadding2D", layer), version=version), dim_ordering="tf")
    assert model is not None
    assert model.graph.nodes[-1].shape == output
    assert [d.code for d in found] == (["CS053"] if output == (5, 8, 2) else [])
    if found:
        writer = "this Keras (before 1.0.4)" if version is None else f"Keras {version}"
        assert found[0].message == (
            f"{writer} used only the first two of [1, 2, 0, 3]: 1 rows and 2 columns on both sides"
        )
        assert found[0].span is not None
        assert model.diagnostics == found


def test_a_native_spec_has_no_old_rules():
    model = build([{"type": "ZeroPadding2D", "padding": [1, 2, 0, 3]}], [3, 4, 2])
    assert (model.graph.nodes[-1].shape, model.diagnostics) == ((6, 7, 2), ())
