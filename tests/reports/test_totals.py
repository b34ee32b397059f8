"""Totals for each type and block of layers: by hand, and as sums of what the report says."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from speccompiler.model import load, loads
from speccompiler.reports.blocks import blocks
from speccompiler.reports.layer_report import LayerReport
from speccompiler.reports.shape_report import ShapeReport
from speccompiler.reports.totals import Kind
from tests.places import ROOT

SPECS = ("resnet50", "inception", "squeezenet", "stereo", "residual", "conv1d_stack", "lenet")


def report(name: str) -> ShapeReport:
    return load(ROOT / f"examples/specs/{name}.yaml").shapes()


def named(*names: str, types: Sequence[str] = ()) -> tuple[str, ...]:
    kinds = types or ["Dense"] * len(names)
    return blocks(
        [
            LayerReport(name, kind, (1,), 0, 0, True, 0, 4, None, None)
            for name, kind in zip(names, kinds, strict=True)
        ]
    )


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        # The rules of the module, one after the other.
        (["inception_3a/1x1", "inception_3a/3x3/reduce", "pool"], ["inception_3a"] * 2 + ["pool"]),
        (["/a", "/b"], ["/a", "/b"]),
        (["fire2_squeeze", "fire2_expand1", "fire2", "fire3"], ["fire2"] * 3 + ["fire3"]),
        (["block1.conv1", "block1-conv2"], ["block1"] * 2),
        (["m3a_1x1_conv", "m3a_3x3_reduce_bn", "m3a"], ["m3a"] * 3),
        (["conv1", "bn_conv1", "relu_conv1"], ["conv1"] * 3),
        (["block_3_expand", "block_3_add", "block_4_add"], ["block_3"] * 2 + ["block_4"]),
        (["inception_3a_1x1", "inception_3b_1x1"], ["inception_3a", "inception_3b"]),
        (["conv1_1", "conv1_2", "pool1", "conv2_1"], ["conv1"] * 3 + ["conv2"]),
        (["res2a_branch2a", "bn2a_branch2a", "add2a", "relu2a"], ["res2a"] * 4),
        (["fc6", "drop6", "fc7"], ["fc6"] * 2 + ["fc7"]),
        (["left_half", "left_pool", "right_half"], ["left"] * 2 + ["right"]),
        (["_", "__"], ["_", "__"]),
        (["bn", "relu"], ["bn", "relu"]),
        (["Conv1", "CONV1_bn"], ["Conv1"] * 2),
    ],
)  # fmt: skip
def test_names_say_what_the_blocks_are(names: list[str], wanted: list[str]) -> None:
    assert list(named(*names)) == wanted


def test_a_name_that_keras_gave_says_nothing() -> None:
    types = ["ZeroPadding2D", "Convolution2D", "Dropout", "Dense"]
    names = ["zeropadding2d_1", "conv1", "dropout_1", "fc2"]
    assert named(*names, types=types) == ("conv1", "conv1", "conv1", "fc2")
    assert named("dense_1", "dense_2") == ("all", "all")


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("kind", ["type", "block"])
def test_totals_are_those_of_the_report(name: str, kind: Kind) -> None:
    whole = report(name)
    found = whole.totals(kind)
    assert sum(each.parameters for each in found) == whole.parameters
    assert sum(each.non_trainable_parameters for each in found) == whole.non_trainable_parameters
    assert sum((each.multiply_adds for each in found), start=0) == whole.multiply_adds
    assert sum((each.activation_bytes for each in found), start=0) == whole.activation_bytes
    assert sum(each.calls for each in found) == len(whole.layers)
    assert sum(each.parameter_share or 0 for each in found) == pytest.approx(1)
    shares = [each.multiply_add_share for each in found if each.multiply_add_share is not None]
    if isinstance(whole.multiply_adds, int):
        assert sum(shares) == pytest.approx(1)
    assert len({each.name for each in found}) == len(found)


def test_a_layer_that_is_called_again_counts_once() -> None:
    whole = report("stereo")
    (convolutions,) = (t for t in whole.totals("type") if t.name == "Convolution2D")
    # 5 x 5 x 1 x 8 and bias, twice 3 x 3 x 16 x 16, 16 and bias.
    assert convolutions.parameters == 208 + 2 * 2320 + 17
    assert (convolutions.layers, convolutions.calls) == (4, 5)
    # Its work counts each time: 32 x 32 places of 25 products and 8 filters.
    (edges,) = (t for t in whole.totals("block") if t.name == "edges")
    assert (edges.layers, edges.calls, edges.multiply_adds) == (1, 2, 2 * 32 * 32 * 25 * 8)
    text = whole.text()
    assert "called again, with the parameters counted once: right_edges (edges)" in text
    row = next(line for line in text.splitlines() if line.startswith("right_edges"))
    assert row.split()[7] == "again"
    assert "4 + 1 again" in whole.text(by="type")


def test_parameters_of_a_shared_layer_are_those_of_one() -> None:
    """A model that says its layer twice has twice the parameters; one that shares it has not."""
    text = """\
convspec: 1
inputs: {a: [8], b: [8]}
layers:
  - {type: Dense, name: one, output_dim: 4, inputs: a}
  - SECOND
  - {type: Merge, name: both, mode: concat, inputs: [one, two]}
"""
    again = loads(text.replace("SECOND", "{type: Shared, layer: one, name: two, inputs: b}"))
    twice = loads(text.replace("SECOND", "{type: Dense, name: two, output_dim: 4, inputs: b}"))
    assert again.shapes().parameters == 8 * 4 + 4
    assert twice.shapes().parameters == 2 * (8 * 4 + 4)
    assert again.shapes().multiply_adds == twice.shapes().multiply_adds == 2 * 8 * 4


def test_open_shares_are_unknown() -> None:
    found = report("conv1d_stack").totals("type")
    assert all(each.multiply_add_share is None for each in found)
    assert found[0].name == "Convolution1D"  # by its parameters
