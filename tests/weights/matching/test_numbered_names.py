"""The order that names tell."""

from __future__ import annotations

import pytest

from speccompiler.weights.matching.layer_groups import InGroups, InOneRow, LayerGroup
from speccompiler.weights.matching.numbered_names import order_in_names


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["a", "b"], None),
        (["conv1_W", "fc1_W"], None),  # 1 and 1 of two kinds
        (["a1", "a01"], None),
        (["W1", "b1", "kernel1"], None),  # two kernels of one layer
        (
            ["x_1_1_0", "x_1_2_0", "x_1_1_1"],
            InGroups(
                (
                    LayerGroup("1", ((None, "x_1_1_0"), (None, "x_1_1_1"))),
                    LayerGroup("2", ((None, "x_1_2_0"),)),
                )
            ),
        ),
        (["arr_10", "arr_9"], InOneRow(("arr_9", "arr_10"))),
        (["02_fc1_W", "00_c1_W:0", "01_c1_b:0"], InOneRow(("00_c1_W:0", "01_c1_b:0", "02_fc1_W"))),
        (["1-c1_W", "2-c1_b", "3-c2_W"], InOneRow(("1-c1_W", "2-c1_b", "3-c2_W"))),
    ],
)
def test_the_order_of_names(names: list[str], order: InOneRow | InGroups | None) -> None:
    found = order_in_names(names, {"W", "b"}, {"conv"})
    assert found == order
